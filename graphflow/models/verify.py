"""Whether a model's files are what they were when they were downloaded, and whether they can be what they should be."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

from safetensors import SafetensorError, safe_open

from graphflow.core.errors import UserError
from graphflow.models import record
from graphflow.models.catalogue import MODELS, Item, Model
from graphflow.models.checksum import sha256
from graphflow.models.home import shown
from graphflow.models.magenta.config import Config
from graphflow.models.magenta.files import MUSICCOCA_FILES, Files, find

Show = Callable[[str, str, int, int], None]
"""Hears what is being done, to which file of how many bytes, and how many are done."""

MARKS = {"good": "ok  ", "note": "note", "bad": "BAD "}


@dataclass(frozen=True)
class Verdict:
    """What was found out about one file. `note`: nothing speaks against it, or it is not there and not needed."""

    path: str
    state: Literal["good", "note", "bad"]
    message: str
    repair: str = ""

    def __str__(self) -> str:
        line = f"{MARKS[self.state]}  {self.path}: {self.message}"
        return f"{line}; {self.repair}" if self.repair else line


@dataclass(frozen=True)
class _File:
    path: Path
    repair: str
    item: Item | None = None  # what the catalogue knows of it


class _Wrong(Exception):
    """A file that cannot be what it should be; `str()` says why."""


def verify(name: str, show: Show) -> Iterator[Verdict]:
    """A verdict on each file of a model, by name or folder. Raises UserError where there is no such model."""
    model = MODELS.get(name.replace("_", "-"))
    if model is None:
        files = _saved(find(name))
    elif model.folder is not None:
        files = [_File(model.folder / item.path, "install graphflow-live again", item) for item in model.items]
    else:
        found = find(model.name)
        files = [_known(model, item, found) for item in model.items]
    for file in files:
        yield _verdict(file, show)


def used(item: Item, found: Files) -> Path | None:
    """Which file is used for an item of the catalogue; None where there is none."""
    if item.part == "musiccoca":
        path = found.musiccoca / Path(item.path).name if found.musiccoca else None
    else:
        path = {"checkpoint": found.checkpoint, "encoder": found.encoder}[item.part]
    return path if path and path.is_file() else None


def _known(model: Model, item: Item, found: Files) -> _File:
    repair = f"graphflow models download {model.name}"
    path = used(item, found)
    # one beside the checkpoint goes before the one that is downloaded
    if path and item.part == "encoder" and path.parent == found.checkpoint.parent:
        repair = f"delete it, then: {repair}"
    return _File(path or Path(item.path), repair, item)


def _saved(found: Files) -> list[_File]:
    kept = [found.checkpoint, *filter(None, (found.config, found.encoder))]
    if found.musiccoca is not None:
        kept += [found.musiccoca / name for name in MUSICCOCA_FILES if (found.musiccoca / name).is_file()]
    return [_File(path, "save the model again, or download it again") for path in kept]


def _verdict(file: _File, show: Show) -> Verdict:
    where, item = shown(file.path), file.item
    if not file.path.is_file():
        return Verdict(where, "bad" if item is not None and item.needed else "note", "is not here", file.repair)
    size = file.path.stat().st_size
    known = record.of(file.path)
    try:
        if known is not None:
            _compare(file.path, size, known, show)
        else:
            _look_at_beginning(file.path)
        _look_inside(file.path)
    except _Wrong as wrong:
        return Verdict(where, "bad", str(wrong), file.repair)
    except OSError as error:
        return Verdict(where, "bad", f"cannot be read ({error.strerror or error})", file.repair)
    other = _another(file.path, item)
    if known is not None:
        was = f"sha256 {known.sha256[:12]}, as recorded on {known.date[:10]}"
        return Verdict(where, "note", f"{was}; but it {other}") if other else Verdict(where, "good", was)
    if other:
        return Verdict(where, "bad", other, file.repair)
    if item is not None and file.path.suffix != ".safetensors" and item.size not in (None, size):
        return Verdict(where, "note", f"{size} bytes, expected {item.size}; its checksum was not recorded")
    return Verdict(where, "note", f"{size} bytes, which nothing speaks against; its checksum was not recorded")


def _compare(path: Path, size: int, known: record.Entry, show: Show) -> None:
    """With what was recorded. Raises _Wrong, OSError."""
    if size != known.size:
        raise _Wrong(f"is damaged: {size} bytes, recorded {known.size}")
    found = sha256(path, partial(show, "reading", path.name, size))
    if found != known.sha256:
        raise _Wrong(f"is damaged: sha256 {found[:12]}, recorded {known.sha256[:12]}")


def _look_at_beginning(path: Path) -> None:
    """Whether it is something else, as the page of a server that refused it. Raises _Wrong, OSError."""
    with path.open("rb") as file:
        begins = file.read(64)
    if not begins:
        raise _Wrong("is empty")
    if path.suffix == ".tflite" and begins[4:8] != b"TFL3":
        page = begins.lstrip().startswith(b"<")
        raise _Wrong(
            "is a web page, perhaps one that says why the download was refused" if page else "is no .tflite file"
        )


def _look_inside(path: Path) -> None:
    """Whether it can be opened as what its name says. Raises _Wrong, OSError."""
    try:
        if path.suffix == ".safetensors":
            shapes(path)
        elif path.name == "config.json":
            Config.read(path)
    except SafetensorError as error:
        reason = str(error).removeprefix("Error while deserializing header: ")
        raise _Wrong(f"is damaged ({reason})") from error
    except UserError as error:
        raise _Wrong("is damaged (the model's sizes cannot be read)") from error


def shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a safetensors file, whose header must fit its size. Raises SafetensorError, OSError."""
    with safe_open(path, framework="numpy") as file:
        return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118 - no mapping


def _another(path: Path, item: Item | None) -> str:
    """In which way a sound file is not the catalogue's; "" where it may be."""
    if item is None or not item.tensors:
        return ""
    held = shapes(path)
    for name, shape in item.tensors.items():
        if held.get(name) != shape:
            found = list(held[name]) if name in held else "missing"
            return f"is another model's: {name} is {found}, expected {list(shape)}"
    return ""
