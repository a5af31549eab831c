"""A stream's whole state at one moment: kept, saved to a file, and taken up again, elsewhere if need be."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from graphflow.core.errors import UserError
from graphflow.models.magenta.controls import Controls, Fingers, in_short

LAYOUT = 1


@dataclass(frozen=True)
class Snapshot:
    """`rings`: what the transformer remembers, oldest first [4 * layers, H, n, h]; `codec`: the decoder's memory,
    one slot's rows; `previous`: the last chunk's token ids; `model`: the fingerprint of the weights it belongs to."""

    model: str
    chunk: int
    previous: Tensor
    rings: Tensor
    codec: tuple[Tensor, ...]
    controls: Controls
    fingers: Fingers

    def pack(self) -> bytes:
        """As a safetensors file."""
        tensors = {"previous": self.previous, "rings": self.rings}
        tensors |= {f"codec_{i:02d}": tensor for i, tensor in enumerate(self.codec)}
        facts = {
            "layout": LAYOUT,
            "model": self.model,
            "chunk": self.chunk,
            "controls": {**asdict(replace(self.controls, strikes={})), "held": sorted(self.controls.held)},
            "strikes": [[pitch, count] for pitch, count in sorted(self.controls.strikes.items())],
            "sounding": sorted(self.fingers.sounding),
            "struck": [[pitch, count] for pitch, count in sorted(self.fingers.strikes.items())],
        }
        stored = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
        return save(stored, {"graphflow": json.dumps(facts)})

    @classmethod
    def unpack(cls, data: bytes) -> Snapshot:
        """From what `pack` gave. Raises UserError."""
        try:
            tensors = load(data)
            head = int.from_bytes(data[:8], "little")
            facts = json.loads(json.loads(data[8 : 8 + head])["__metadata__"]["graphflow"])
            if facts["layout"] != LAYOUT:
                raise UserError(f"snapshot has layout {facts['layout']}; expected {LAYOUT}; it is another version's")
            names = sorted(name for name in tensors if name.startswith("codec_"))
            strikes = _counts(facts["strikes"])
            given = {**facts["controls"], "style": tuple(facts["controls"]["style"])}
            controls = Controls(**{**given, "held": frozenset(given["held"]), "strikes": strikes})
            controls.check()
            if not 0 <= facts["chunk"] < 2**63:
                raise ValueError(f"chunk is {facts['chunk']}")
            return cls(
                facts["model"],
                int(facts["chunk"]),
                tensors["previous"],
                tensors["rings"],
                tuple(tensors[name] for name in names),
                controls,
                Fingers(frozenset(facts["sounding"]), _counts(facts["struck"])),
            )
        except (SafetensorError, KeyError, TypeError, ValueError) as error:
            raise UserError(f"snapshot cannot be read ({type(error).__name__}: {error}); make it again") from error

    def save(self, path: str | Path) -> None:
        """As a file, which is there when it is whole. Raises UserError."""
        path = _path(path)
        part = path.with_name(f".{path.name}.part")
        try:
            part.write_bytes(self.pack())
            part.replace(path)
        except OSError as error:
            why = error.strerror or error
            raise UserError(f"{path}: it cannot be written ({why}); make room, or name another place") from error
        finally:
            with suppress(OSError):  # a disk that may only be read, or no folder at all: then there is no part either
                part.unlink()

    @classmethod
    def load(cls, path: str | Path) -> Snapshot:
        """Raises UserError."""
        path = _path(path)
        try:
            return cls.unpack(path.read_bytes())
        except OSError as error:
            raise UserError(f"{path}: {error.strerror or error}; name a file that `save` has made") from error

    def to(self, device: torch.device | str) -> Snapshot:
        """The same with its tensors elsewhere."""
        return replace(
            self,
            previous=self.previous.to(device),
            rings=self.rings.to(device),
            codec=tuple(tensor.to(device) for tensor in self.codec),
        )

    def __str__(self) -> str:
        size = sum(t.numel() * t.element_size() for t in (self.previous, self.rings, *self.codec))
        return f"snapshot of {self.model} after chunk {self.chunk}, {size / 1e6:.1f} MB"


def _counts(pairs: Any) -> Mapping[int, int]:
    return MappingProxyType({int(pitch): int(count) for pitch, count in pairs})


def _path(path: object) -> Path:
    """Raises UserError."""
    if not isinstance(path, str | Path) or not Path(path).name:
        raise UserError(f"path is {in_short(path)}; expected the name of a file")
    return Path(path).expanduser()
