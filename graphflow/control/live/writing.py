"""A text on its way into a file: written beside it, then put in its place, unless somebody else was faster."""

from __future__ import annotations

import contextlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from graphflow.control.live.folder_lock import held
from graphflow.core.errors import UserError


@dataclass
class Writing:
    """One file that is to hold a text. `found` is what was there when the text was made; None: nothing.

    `make` and `put` raise UserError; then the file is as it was.
    """

    path: Path
    text: str
    found: bytes | None
    scratch: str = ""

    def make(self) -> None:
        """Write the text beside its place: here is found what is wrong with the disk. The file's mode is kept."""
        path = self.path.resolve()
        try:
            mode = path.stat().st_mode & 0o777 if path.exists() else 0o666 & ~_umask()
            descriptor, self.scratch = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
            with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
                file.write(self.text)
                file.flush()
                os.fsync(file.fileno())
            Path(self.scratch).chmod(mode)
        except OSError as error:
            raise self._why(error) from error

    def put(self) -> None:
        """Have it replace what was found, and nothing else; a link goes on leading to the file."""
        path = self.path.resolve()
        try:
            with held(path.parent):
                if content(path) != self.found:
                    raise UserError(
                        f"{path.name} was saved by another program at this moment; nothing has changed here: "
                        "enter it again, and both changes are brought together"
                    )
                Path(self.scratch).replace(path)
        except TimeoutError as error:
            raise UserError(f"{path.name} is being saved by another program; enter it again") from error
        except OSError as error:
            raise self._why(error) from error
        self.scratch = ""

    def drop(self) -> None:
        """Leave nothing beside the file."""
        if self.scratch:
            with contextlib.suppress(OSError):
                Path(self.scratch).unlink()
            self.scratch = ""

    def _why(self, error: OSError) -> UserError:
        folder = self.path.resolve().parent
        return UserError(f"{self.path.name} cannot be written in {folder} ({error.strerror or error})")


def content(path: Path) -> bytes | None:
    """What a file holds; None where there is none. Raises OSError."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _umask() -> int:
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
