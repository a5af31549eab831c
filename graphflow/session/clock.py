"""Clocks for when there is no sound card: one that only keeps time, one that also writes what it hears to a file."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from graphflow.audio.engine import Engine
from graphflow.core.errors import UserError
from graphflow.session.sound_files import why_not_written

BEHIND = 1.0
"""Seconds a clock may be late (a suspended laptop) before it gives the lost time up."""


class NullClock:
    """Runs the engine in real time in a thread of its own; nobody hears it."""

    name = "no sound card"

    def __init__(self, engine: Engine, block: int) -> None:
        self._engine, self._block = engine, block
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clock", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Stop after the current block."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()

    def take(self, block: NDArray[np.float32]) -> None:
        """What to do with a finished block, [frames, channels]."""

    def _run(self) -> None:
        rate, done = self._engine.rate, 0
        begun = time.monotonic()
        while not self._stop.is_set():
            due = (time.monotonic() - begun) * rate - done
            if due > BEHIND * rate:
                begun += due / rate
                due = self._block
            while due >= self._block and not self._stop.is_set():
                self.take(self._engine.run(self._block))
                done += self._block
                due -= self._block
            self._stop.wait(self._block / rate)


class FileClock(NullClock):
    """Runs the engine in real time and writes its sound to a file."""

    def __init__(self, engine: Engine, block: int, path: Path) -> None:
        """Raises UserError where the file cannot be written."""
        super().__init__(engine, block)
        self.name = str(path)
        self.trouble = ""  # why nothing more is written
        try:
            self._file = soundfile.SoundFile(path, "w", int(engine.rate), 2)
        except (soundfile.LibsndfileError, OSError, TypeError) as error:
            why = why_not_written(path, error)
            raise UserError(f"--device {path}: it cannot be written ({why}); name a file elsewhere") from error

    def take(self, block: NDArray[np.float32]) -> None:
        if not self.trouble:
            try:
                self._file.write(block)
            except (soundfile.LibsndfileError, OSError, RuntimeError) as error:
                why = why_not_written(Path(self.name), error)
                self.trouble = f"{self.name}: writing has ended ({why}); the patch plays on unheard"

    def stop(self) -> None:
        super().stop()
        try:
            self._file.close()
        except (soundfile.LibsndfileError, OSError, RuntimeError) as error:
            self.trouble = self.trouble or f"{self.name} could not be finished ({error})"
