"""Going on from music that is there already: what a node has heard, a sound file, a stream that was saved."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr
import torch

from graphflow.core.errors import UserError
from graphflow.models.magenta.config import RATE
from graphflow.models.magenta.controls import Controls
from graphflow.models.magenta.model import Model
from graphflow.models.magenta.prefill import LONGEST
from graphflow.models.magenta.snapshot import Snapshot
from graphflow.models.magenta.step import Step
from graphflow.models.magenta.streaming import StreamingGenerator

Sound = npt.NDArray[np.float32]
GAP = RATE
"""Frames (1 s): sound that pauses longer than this begins anew."""


class Heard:
    """The last 28 s of what came in, at 48 kHz; that much the model can go on from."""

    def __init__(self) -> None:
        self._blocks: deque[Sound] = deque()
        self._frames = self._next = 0

    def add(self, block: Sound, frame: int) -> None:
        """Sound [channels, frames] whose first frame is `frame`. One channel is both."""
        gap = frame - self._next if self._blocks else 0
        if not 0 <= gap <= GAP:
            self._blocks.clear()
            self._frames = 0
        elif gap:
            self._append(np.zeros((2, gap), np.float32))
        self._append(np.array(np.broadcast_to(block[:2], (2, block.shape[1])), np.float32))
        self._next = frame + block.shape[1]
        while self._frames - self._blocks[0].shape[1] >= LONGEST:
            self._frames -= self._blocks.popleft().shape[1]

    def _append(self, block: Sound) -> None:
        self._blocks.append(block)
        self._frames += block.shape[1]

    def last(self) -> Sound:
        """[2, frames], the newest last."""
        if not self._blocks:
            return np.zeros((2, 0), np.float32)
        return np.concatenate(self._blocks, axis=1)[:, -LONGEST:]


def continued(model: Model, sound: Sound, controls: Controls) -> Snapshot:
    """A stream that has just played this sound [2, frames] at 48 kHz. Raises UserError.

    In a batch of its own, in any thread: what plays meanwhile is not disturbed.
    """

    def plain(model: Model, slots: int) -> Step:
        return Step(model.lm, model.decoder, slots, model.device)  # never run, so that capturing it were a waste

    generator = StreamingGenerator(model, 1, step=plain)
    try:
        session = generator.open(controls.seed)
        session.controls = controls
        session.prefill(sound=torch.from_numpy(np.ascontiguousarray(np.nan_to_num(sound).T)))
        return session.snapshot()
    finally:
        generator.close()


def beginning(model: Model, folder: Path, name: str, controls: Controls) -> Snapshot:
    """The stream that a file stands for: saved as .safetensors, or going on from a sound. Raises UserError."""
    path = folder / Path(name).expanduser()
    if not path.is_file():
        raise UserError(f"begin_with is {name!r}; no such file in {folder}")
    if path.suffix.lower() == ".safetensors":
        return Snapshot.load(path)
    return continued(model, end_of(path), controls)


def end_of(path: Path) -> Sound:
    """The last 28 s of a sound file, [2, frames] at 48 kHz. Raises UserError."""
    try:
        with soundfile.SoundFile(path) as file:
            file.seek(max(0, file.frames - round(LONGEST / RATE * file.samplerate)))
            samples, rate = file.read(dtype="float32", always_2d=True), file.samplerate
    except (soundfile.LibsndfileError, OSError) as error:
        reason = str(error).rstrip(".")
        raise UserError(f"begin_with is {path.name!r}; it cannot be read as sound ({reason})") from error
    if rate != RATE:
        samples = soxr.resample(samples, rate, RATE)
    return np.array(np.broadcast_to(samples.T[:2], (2, len(samples))), np.float32)


class Listening:
    """Works something out in a thread of its own. `ready`, then `result`, which may raise UserError."""

    def __init__(self, work: Callable[[], Snapshot]) -> None:
        self._work = work
        self._future: Future[Snapshot] = Future()
        threading.Thread(target=self._run, name="listening", daemon=True).start()

    @property
    def ready(self) -> bool:
        return self._future.done()

    def result(self) -> Snapshot:
        """Waits for it."""
        return self._future.result()

    def _run(self) -> None:
        # a thread begins with as many as the step beside it has just then: sums would come out otherwise in a replay
        torch.set_num_threads(1)
        try:
            self._future.set_result(self._work())
        except BaseException as fault:  # noqa: BLE001 - the asker gets it
            self._future.set_exception(fault)


class Listener:
    """Who works out how what was heard goes on, beside the music: one piece at a time.

    A wish that comes meanwhile is taken up when that is done. `begun` and `ended` tell of the last `look`, so that a
    replay, which asks for `begin` and `end` itself, does both in the same steps.
    """

    def __init__(self, work: Callable[[], Callable[[], Snapshot]]) -> None:
        """`work` takes up what was heard by now, and gives what is to be done about it; raises UserError."""
        self._work = work
        self._listening: Listening | None = None
        self._dropped = self._wanted = False
        self.begun = self.ended = False

    def ask(self) -> None:
        """Go on from what has been heard, as soon as may be."""
        self._wanted = True

    def drop(self) -> None:
        """What is being worked out is not wanted any more."""
        self._wanted, self._dropped = False, self._listening is not None

    def look(self, *, patient: bool) -> Snapshot | None:
        """The place to go on from, once it is known; `patient`: that is waited for. Raises what the work raised."""
        self.begun = self.ended = False
        if self._listening is None and self._wanted:
            self.begin()
        if self._listening is None or not (self._listening.ready or patient):
            return None
        if not self._dropped:
            return self.end()
        self._listening, self._dropped = None, False
        return self.look(patient=patient)

    def begin(self) -> None:
        """With what has been heard by now. Raises UserError."""
        self._wanted = self._dropped = False
        self._listening = Listening(self._work())
        self.begun = True

    def end(self) -> Snapshot | None:
        """The place, which is waited for; None where nothing was begun. Raises what the work raised."""
        listening, self._listening = self._listening, None
        self.ended = listening is not None
        return listening.result() if listening is not None else None
