"""A safetensors file as a source of tensors: mapped into memory, read one tensor at a time, nothing in it is run."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any, Self

from safetensors import SafetensorError, safe_open
from torch import Tensor

from graphflow.core.errors import UserError
from graphflow.models.home import shown

KINDS = ("F32", "BF16", "F16", "F64")
"""Number formats that are read; the official files are F32."""
_SHOWN = 100  # characters of a reason


class Checkpoint:
    """One file, open until it is closed. `repair` ends the line that says what is wrong with it. Raises UserError."""

    def __init__(self, path: Path, repair: str = "download it again") -> None:
        self.path, self.place, self.repair = path, shown(path), repair
        try:
            with path.open("rb") as file:
                begins = file.read(64)
            self.size = path.stat().st_size  # bytes
            self._file = _mapped(path)
        except FileNotFoundError as error:
            raise UserError(f"{self.place} is gone; {repair}") from error
        except OSError as error:
            reason = error.strerror or " ".join(str(error).split())
            raise UserError(f"{self.place} cannot be read ({reason}); {repair}") from error
        except SafetensorError as error:
            raise UserError(f"{self.place} {fault(begins, str(error))}; {repair}") from error
        self._shapes = {}
        for name in self._file.keys():  # noqa: SIM118 - no mapping
            held = self._file.get_slice(name)
            if held.get_dtype() not in KINDS:
                raise UserError(f"{self.place}: {name} is {held.get_dtype()}; expected {', '.join(KINDS)}; {repair}")
            self._shapes[str(name)] = tuple(held.get_shape())

    def shape(self, name: str) -> tuple[int, ...] | None:
        return self._shapes.get(name)

    def names(self) -> list[str]:
        return list(self._shapes)

    def read(self, name: str) -> Tensor:
        """One tensor as it is stored. Its numbers stay in the file until they are used."""
        try:
            tensor: Tensor = self._file.get_tensor(name)
        except (SafetensorError, OSError) as error:
            reason = " ".join(str(error).split())[:_SHOWN]
            raise UserError(f"{self.place}: {name} cannot be read ({reason}); {self.repair}") from error
        return tensor

    def close(self) -> None:
        self._file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __str__(self) -> str:
        return f"{self.place}: {len(self._shapes)} tensors"


def _mapped(path: Path) -> Any:
    return safe_open(path, framework="pt")


def fault(begins: bytes, reason: str) -> str:
    """What is wrong with a file that begins so, in words that go on from its name."""
    if not begins:
        return "is empty"
    if begins.lstrip().startswith(b"<"):
        return "is a web page, perhaps one that says why the download was refused"
    if begins.startswith(b"version https://git-lfs"):
        return "is a Git LFS pointer and not the file that it stands for"
    if begins.startswith(b"PK\x03\x04") or (begins[0] == 0x80 and begins[1:2] in (b"\2", b"\3", b"\4", b"\5")):
        return "is a pickle (as .pt and .ckpt are), which may run a stranger's program; expected safetensors"
    if "not fully covered" in reason or "invalid header length" in reason:
        return "is cut short, or damaged"
    reason = " ".join(reason.removeprefix("Error while deserializing header: ").split())
    return f"is damaged ({reason[:_SHOWN]})"
