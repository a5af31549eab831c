"""Recording: the audio thread fills a ring, a thread here empties it into a sound file."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from graphflow.audio.ring import Ring, Word
from graphflow.core.errors import UserError
from graphflow.session.sound_files import why_not_written

SECONDS = 4.0
"""How long a disk may take its time before frames are dropped."""
FORMATS = {".wav": ("WAV", "FLOAT"), ".flac": ("FLAC", "PCM_24"), ".aiff": ("AIFF", "FLOAT"), ".ogg": ("OGG", "VORBIS")}


@dataclass(frozen=True)
class TapeStatistics:
    """What a recording has stored. Frames dropped were lost because the disk was too slow."""

    file: str
    frames: int
    dropped: int
    trouble: str


class TapeWriter:
    """One sound file being written. A full disk ends the recording with one line; the music goes on."""

    def __init__(self, place: str, file: str, folder: Path, rate: int, channels: int = 2) -> None:
        """Raises UserError where the file cannot be begun. An older file of the name is replaced."""
        path = folder / file
        if path.suffix.lower() not in FORMATS:
            raise UserError(f"{place} is {file!r}; expected a name ending in {', '.join(FORMATS)}")
        kind, subtype = FORMATS[path.suffix.lower()]
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = soundfile.SoundFile(path, "w", rate, channels, subtype, format=kind)
        except (soundfile.LibsndfileError, OSError) as error:
            raise UserError(
                f"{place} is {file!r}; it cannot be written in {path.parent} ({why_not_written(path, error)})"
            ) from error
        self.path, self.rate, self.channels = path, rate, channels
        self.ring = Ring.local(channels, 1 << int(np.ceil(np.log2(SECONDS * rate))))
        self.trouble = ""
        self.frames = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._write, name=f"recording {path.name}", daemon=True)
        self._thread.start()

    def drain(self) -> None:
        """Store all that has been recorded so far."""
        words = self.ring.words
        while not self.trouble:
            at, end = int(words[Word.READ]), int(words[Word.WRITTEN])
            if at == end:
                return
            end = min(end, at + self.rate)
            try:
                self._file.write(self.ring.frames(at, end).T)
                self._file.flush()
            except (soundfile.LibsndfileError, OSError, RuntimeError) as error:
                why = why_not_written(self.path, error)
                self.trouble = f"{self.path}: recording has ended after {self.frames / self.rate:.1f} s ({why})"
                return
            self.frames += end - at
            words[Word.READ] = end

    def close(self) -> None:
        """Store the rest and finish the file."""
        self._stop.set()
        self._thread.join()
        self.drain()
        try:
            self._file.close()
        except (soundfile.LibsndfileError, OSError, RuntimeError) as error:
            self.trouble = (
                self.trouble
                or f"{self.path}: the recording could not be finished ({why_not_written(self.path, error)})"
            )

    def statistics(self) -> TapeStatistics:
        return TapeStatistics(str(self.path), self.frames, self.ring.underruns, self.trouble)

    def _write(self) -> None:
        while not self._stop.wait(0.2):
            self.drain()
