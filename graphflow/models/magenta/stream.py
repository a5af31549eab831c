"""Music in pieces of any length, from one sample or several at once, that can be changed while it goes on."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from torch import Tensor

from graphflow.core.errors import UserError
from graphflow.models.magenta.asking import Prompt, Score, checked
from graphflow.models.magenta.config import CHUNK, RATE
from graphflow.models.magenta.streaming import StreamingGenerator

F32 = npt.NDArray[np.float32]


class Work:
    """Seconds of music made, and seconds that took. Any thread may read it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.made = self.took = 0.0

    def add(self, made: float, took: float) -> None:
        with self._lock:
            self.made += made
            self.took += took


class Samples:
    """Several samples, chunk by chunk, in one batch; their first chunk is the first that sounds."""

    def __init__(
        self,
        generator: StreamingGenerator,
        seeds: Sequence[int],
        controls: Mapping[str, Any],
        score: Score,
        codes: Tensor | None,
        work: Work,
        ending: Callable[[StreamingGenerator], None],
    ) -> None:
        self._generator, self._score, self._work, self._ending = generator, dict(score), work, ending
        self._changes: deque[tuple[str, Any]] = deque()
        self._chunk = 0
        self._sessions = [generator.open(seed) for seed in seeds]
        self._closed = False
        try:
            for session in self._sessions:
                for name, value in controls.items():
                    session.set(name, value)
                if codes is not None:
                    session.latch()  # a beginning is heard with the controls that are asked for
                    session.prefill(tokens=codes)
            self._step()  # the codec is a chunk behind: this one is silence, or the end of what was played before
        except BaseException:
            self.close()
            raise

    @property
    def closed(self) -> bool:
        return self._closed

    def change(self, name: str, value: Any) -> None:
        """From the next chunk on. Any thread may call it."""
        self._changes.append((name, value))

    def next(self) -> F32:
        """[samples, 1920, 2]."""
        if self._closed:
            raise UserError("this stream is closed; begin another")
        begun = time.perf_counter()
        sound = self._step()
        self._work.add(len(self._sessions) * CHUNK / RATE, time.perf_counter() - begun)
        return sound

    def _step(self) -> F32:
        while self._changes:
            name, value = self._changes.popleft()
            if name == "held":
                self._score.clear()  # played by hand from now on
            self._set({name: value})
        if found := self._score.get(self._chunk):
            self._set({"held": found[0], "strikes": found[1]})
        self._chunk += 1
        sound: F32 = self._generator.step(self._sessions).sound.numpy()
        return sound

    def _set(self, values: Mapping[str, Any]) -> None:
        for session in self._sessions:
            for name, value in values.items():
                session.set(name, value)

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            for session in self._sessions:
                session.close()
            self._ending(self._generator)


class Stream(Iterator[tuple[int, F32]]):
    """A stream of music in pieces: iterate it for (number, sound [n, 2]), and `set` what is to change.

    A change is heard 40 to 80 ms after the sound that was given out: the codec is a chunk behind. `set` may be called
    from any thread, all else from the one that iterates. Left before its end it is closed when nothing names it any
    more; `close`, or `with`, does so at once.
    """

    def __init__(
        self, samples: Samples, total: int | None, piece: int, style_of: Callable[[Prompt], tuple[int, ...]]
    ) -> None:
        self._samples, self._total, self._piece, self._style_of = samples, total, piece, style_of
        self._left: F32 = np.zeros((0, 2), np.float32)
        self._number = self._frames = 0

    def set(self, control: str, value: Any) -> None:
        """Change the prompt, the notes held (pitches), or a control like temperature. Raises UserError."""
        if self.closed:
            raise UserError("this stream is closed; begin another")
        if control == "prompt":
            self._samples.change("style", self._style_of(value))
        elif control == "notes":
            self._samples.change("held", _pitches(value))
        else:
            (value,) = checked({control: value}).values()
            self._samples.change(control, value)

    def __next__(self) -> tuple[int, F32]:
        wanted = self._piece if self._total is None else min(self._piece, self._total - self._frames)
        if wanted <= 0:
            self.close()
            raise StopIteration
        pieces = [self._left]
        have = len(self._left)
        while have < wanted:
            pieces.append(self._samples.next()[0])
            have += CHUNK
        sound = np.concatenate(pieces)
        self._left = sound[wanted:]
        self._number, self._frames = self._number + 1, self._frames + wanted
        if self._frames == self._total:
            self.close()
        return self._number - 1, sound[:wanted]

    @property
    def closed(self) -> bool:
        return self._samples.closed

    def close(self) -> None:
        """End it, and give its place in memory back."""
        self._samples.close()

    def __del__(self) -> None:
        if hasattr(self, "_samples"):  # else it was never made
            self.close()

    def __enter__(self) -> Stream:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def __str__(self) -> str:
        total = "without end" if self._total is None else f"of {self._total / RATE:g} s"
        return f"stream {total}: {self._frames / RATE:g} s in {self._number} pieces"


def _pitches(value: Any) -> frozenset[int]:
    """Raises UserError."""
    try:
        found: frozenset[int] = checked({"held": value})["held"]
    except UserError as error:
        raise UserError(f"notes{str(error).removeprefix('held')}") from error
    return found
