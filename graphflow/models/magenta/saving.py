"""A model's files in one folder of their own, which is loaded by its name."""

from __future__ import annotations

import errno
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from graphflow.core.errors import UserError
from graphflow.models.magenta.files import MUSICCOCA_FILES, Files

PIECE = 1 << 22  # bytes copied between two looks at the clock
Show = Callable[[str, int, int], None]
"""Hears which file is being copied, how many of its bytes are done, and how many it has."""


def silent(name: str, done: int, size: int) -> None:
    """Where nobody wants to see progress."""


def save(files: Files, about: Mapping[str, Any], folder: Path, show: Show = silent) -> Path:
    """Copy a model's files byte by byte into a new folder, with `about` as the config.json of a model that has none.

    The folder takes its name when all is there, so that half of a model is never found in it. Raises UserError.
    """
    folder = folder.expanduser().absolute()
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(f"{folder} is there and not empty; expected a new folder")
    copies = {"model.safetensors": files.checkpoint}
    if files.config is not None:
        copies["config.json"] = files.config
    if files.encoder is not None:
        copies["encoder.safetensors"] = files.encoder
    if files.musiccoca is not None:
        held = [path for path in map(files.musiccoca.joinpath, MUSICCOCA_FILES) if path.is_file()]
        copies |= {f"musiccoca/{path.name}": path for path in held}
    part: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        part = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
        for name, source in copies.items():
            (part / name).parent.mkdir(exist_ok=True)
            _copy(source, part / name, name, show)
        if files.config is None:
            (part / "config.json").write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
        part.chmod(0o755)  # a temporary folder is its owner's alone
        if folder.is_dir():
            folder.rmdir()
        part.rename(folder)
    except OSError as error:
        full = error.errno == errno.ENOSPC
        place = error.filename if error.filename in map(str, copies.values()) else folder
        repair = "make room, then save it again" if full else "name another folder"
        raise UserError(f"{place}: the model cannot be saved ({error.strerror or error}); {repair}") from error
    finally:
        if part is not None and part.is_dir():
            shutil.rmtree(part, ignore_errors=True)
    return folder


def _copy(source: Path, target: Path, name: str, show: Show) -> None:
    size, done = source.stat().st_size, 0
    with source.open("rb") as read, target.open("wb") as write:
        while piece := read.read(PIECE):
            write.write(piece)
            done += len(piece)
            show(name, done, size)
    if done != size:
        raise OSError(errno.EIO, f"{source.name} changed while it was copied")
