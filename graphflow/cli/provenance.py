"""Where a sound comes from, written into its file: model, prompt, seed, settings, and whose the weights are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile

from graphflow.core.errors import UserError

FORMATS = {"wav": "WAV", "flac": "FLAC"}
BITS = "PCM_24"
_ROOM = 1900  # bytes: libsndfile reads no comment of a WAV beyond 2 kB
_TITLE = 200  # characters


def identified(about: Mapping[str, Any]) -> dict[str, Any]:
    """The same with an `id`, by which two are equal or not."""
    about = _writable(about)
    whole = json.dumps(about, sort_keys=True, ensure_ascii=False)
    return {**about, "id": hashlib.sha256(whole.encode()).hexdigest()[:16]}


def _writable(value: Any) -> Any:
    """With what is no text, as in the name of a file from elsewhere, written out: `\\udcff`."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, Mapping):
        return {key: _writable(held) for key, held in value.items()}
    return [_writable(held) for held in value] if isinstance(value, list) else value


def comment(about: Mapping[str, Any]) -> str:
    """As JSON that every reader of WAV reads whole: words too long for that are cut, the id is of the whole ones."""
    longest = _ROOM
    while len((text := json.dumps(_cut(about, longest), ensure_ascii=False)).encode()) > _ROOM and longest > 8:
        longest //= 2
    return text


def _cut(value: Any, longest: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= longest else f"{value[: longest - 3]}..."
    if isinstance(value, Mapping):
        return {key: _cut(held, longest) for key, held in value.items()}
    return [_cut(held, longest) for held in value] if isinstance(value, list) else value


def write(path: Path, sound: npt.NDArray[np.float32], rate: int, title: str, about: Mapping[str, Any]) -> None:
    """A file of [frames, channels] in 24 bits, there when it is whole. Raises UserError."""
    part = path.with_name(f".{path.name}.part")
    kind = FORMATS[path.suffix.removeprefix(".")]
    try:
        with soundfile.SoundFile(part, "w", rate, sound.shape[1], BITS, format=kind) as file:
            file.title = title[:_TITLE]
            file.software = f"graphflow-live {about['graphflow']}"
            file.comment = comment(about)
            file.write(sound)
        part.replace(path)
    except (soundfile.LibsndfileError, OSError) as error:
        reason = " ".join(str(error).rstrip(".").split())
        raise UserError(
            f"{path}: it cannot be written ({reason}); make room, or choose another folder with -o"
        ) from error
    finally:
        with suppress(OSError):  # a disk that may only be read, or no folder at all: then there is no part either
            part.unlink()


def read(path: Path) -> dict[str, Any]:
    """What a file says of itself; nothing where it is of somebody else. Raises OSError where it cannot be read."""
    try:
        with soundfile.SoundFile(path) as file:
            about = json.loads(file.comment)
    except (soundfile.LibsndfileError, ValueError):
        return {}
    return about if isinstance(about, dict) else {}
