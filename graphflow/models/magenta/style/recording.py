"""Reads the beginning of a sound file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from graphflow.core.errors import UserError

LONGEST = 60  # seconds that count; more costs a second or two of computing per 10 s and changes the mean little


def read_recording(path: Path) -> tuple[npt.NDArray[np.float32], int]:
    """Samples [channels, frames] and their rate; at most the first 60 s."""
    import soundfile

    try:
        with soundfile.SoundFile(str(path)) as file:
            samples = file.read(LONGEST * file.samplerate, dtype="float32", always_2d=True)
            rate = int(file.samplerate)
    except (OSError, RuntimeError) as error:  # LibsndfileError is a RuntimeError
        reason = " ".join(str(error).split())
        raise UserError(
            f"recording {path} cannot be read ({reason}); name a sound file (wav, flac, ogg, mp3)"
        ) from error
    if not samples.size:
        raise UserError(f"recording {path} is empty; name a sound file with sound in it")
    return np.ascontiguousarray(samples.T), rate
