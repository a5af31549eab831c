"""Sound files for players: decoded, brought to the patch's rate, and kept, off the audio thread."""

from __future__ import annotations

import shutil
from functools import lru_cache
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from graphflow.core.errors import UserError


def load(place: str, file: str, folder: Path, rate: int) -> NDArray[np.float32]:
    """float32 [channels, frames] at `rate`; nothing for an empty name. Raises UserError with one line."""
    if not file:
        return np.zeros((1, 0), np.float32)
    path = folder / file
    if not path.is_file():
        raise UserError(f"{place} is {file!r}; no such file in {folder}")
    try:
        return _decoded(path.resolve(), path.stat().st_mtime_ns, rate)
    except (soundfile.LibsndfileError, OSError) as error:
        raise UserError(f"{place} is {file!r}; it cannot be read as sound ({str(error).rstrip('.')})") from error


@lru_cache(maxsize=64)
def _decoded(path: Path, changed: int, rate: int) -> NDArray[np.float32]:
    samples, own_rate = soundfile.read(path, dtype="float32", always_2d=True)
    if own_rate != rate:
        samples = soxr.resample(samples, own_rate, rate)
    return np.ascontiguousarray(samples.T, np.float32)


def why_not_written(path: Path, error: Exception) -> str:
    """What the library that writes sound means by "System error."."""
    try:
        full = shutil.disk_usage(path.resolve().parent).free < 1 << 20
    except OSError:
        full = False
    words = str(error).rstrip(".")
    if full and "System error" in words:
        return "the disk is full"
    return words.replace(f"Error opening {str(path)!r}: ", "").replace("System error", "the system took no more")
