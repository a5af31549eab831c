"""Makes a generator's chunks, one after the other, into the ring; takes the last one back for a newer state."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from graphflow.audio.splice import splice
from graphflow.worker.channel import Order
from graphflow.worker.ear import Ear
from graphflow.worker.generator import Generator, chunk_of, latency_of, rolls_back
from graphflow.worker.layout import Control, SlotMemory
from graphflow.worker.pace import Pace
from graphflow.worker.seam import Seam, joined
from graphflow.worker.stream import Stream

Tell = Callable[..., None]
SEAM_SECONDS = 0.004
"""Length of the crossfade where a chunk is replaced while it plays, and of the fades round one that is no number."""


@dataclass(frozen=True)
class Made:
    """The chunk made last: its `first` frame (the patch's rate), its length and last frame [channels] at its own rate,
    and the seam it went on from."""

    first: int
    frames: int
    last: npt.NDArray[np.float32]
    seam: Seam


class Maker:
    """`chunk` makes the next one. States, what is heard, echoes and the figures of each chunk pass through here."""

    def __init__(self, generator: Generator, order: Order, memory: SlotMemory, pace: Pace, tell: Tell) -> None:
        self._generator, self._order, self._memory = generator, order, memory
        self._pace, self._tell = pace, tell
        self._fade = round(SEAM_SECONDS * generator.rate)
        self._applied = 0
        self._state = b""
        self._looked = 0, False
        self._goes_back, self._waited = True, False
        self._seam = Seam()
        self._last: Made | None = None
        self._told_bad = self._overtaken = False
        self.bad_for = 0.0
        """Seconds of sound that were no numbers, up to the last chunk."""
        hears = memory.heard is not None and hasattr(generator, "hear")
        self._ear = (
            Ear(memory.heard, order.rate, generator.rate, lockstep=order.lockstep) if hears and memory.heard else None
        )

    def begin(self, start: int, position: int | None = None, restored: int = -1) -> None:
        """A new epoch of the ring, from the frame `start` on, or the next that suits.

        `position`: in a replay, the generator's own frame there. `restored`: in a new life, the number of the snapshot
        that it goes on from, 0 for none.
        """
        chunk = chunk_of(self._generator) if self._pace.just_in_time and not self._order.lockstep else 0
        ring = self._memory.ring
        self._stream = Stream(self._generator.rate, self._order.rate, ring.channels, start, chunk)
        if position is not None:
            self._stream.start, self._stream.position = start, position
        self._seam, self._last = Seam(), None
        if restored >= 0:
            self._memory.control[Control.RESTORED] = restored
        ring.restart(self._stream.start)
        place = {"start": self._stream.start, "position": self._stream.position}
        self._tell("begun", chunk=self._memory.chunk, epoch=ring.epoch, restored=restored, **place)

    def chunk(self, heard: Sequence[int] | None = None, told: Any = None) -> None:
        """The next chunk, with the newest state and all that was heard.

        A state for which it is too late waits: the chunk is made as it was guessed, and then again with the state.
        In a replay `heard` is what it heard then, `told` what it told of its step.
        """
        memory, stream, ring = self._memory, self._stream, self._memory.ring
        began = time.perf_counter_ns()
        frame, seam = stream.frame, self._seam
        self._waited = self.waits and not self._waited and not self._pace.time_for_news  # a state waits once at most
        applied = 0 if self._waited else self._latch()
        if self._ear is not None:
            self._hear(self._ear, frame, heard)
        block = self._step(seam, told)
        made = stream.feed(block)
        spent = time.perf_counter_ns() - began
        margin = ring.written - memory.play_position
        takes_back = self._takes_back
        self._pace.made(margin, spent * 1e-9, block.shape[1] / self._generator.rate, anew=takes_back and applied > 0)
        ring.write(made, final=not takes_back)
        self._last = Made(frame, block.shape[1], block[:, -1].copy(), seam) if takes_back else None
        chunk = memory.chunk
        self._pass_on(chunk, 0)
        memory.note_chunk(margin, spent, stream.frame - frame)
        self._echo(applied, chunk, frame, frame + self._latency())

    @property
    def _takes_back(self) -> bool:
        timed = not self._order.lockstep or self._order.repeats
        return rolls_back(self._generator) and not self._stream.resamples and timed

    @property
    def waits(self) -> bool:
        """Whether a state has come for which a chunk could be made again, as the generator did when last asked."""
        return self._takes_back and self._goes_back and self._newer()

    def _hear(self, ear: Ear, frame: int, before: Sequence[int] | None) -> None:
        again = self._order.repeats
        block = ear.listen(frame) if not again else ear.listen_again(*before) if before else None
        if block is not None:
            self._generator.hear(*block)  # type: ignore[attr-defined]
            if not again:
                self._tell("heard", chunk=self._memory.chunk, heard=ear.took)

    def remake(self, at: int | None = None, told: Any = None) -> bool:
        """Make the last chunk again with a state that came after it, where what is left of it pays for that.

        `at`: in a replay, the frame from which the new one was there.
        """
        last = self._last
        if last is None or (at is None and not (self._newer() and self._pace.room_to_remake(self._fade))):
            return False
        began = time.perf_counter_ns()
        self._goes_back = self._generator.rewind()  # type: ignore[attr-defined]
        if not self._goes_back:
            self._last = None
            return False
        self._stream.back(last.frames)
        self._waited = False
        applied = self._latch()
        block = self._step(last.seam, told)
        if block.shape[1] != last.frames:
            raise ValueError(f"a chunk of {last.frames} frames was made again with {block.shape[1]}")
        made = self._stream.feed(block)
        self._pace.remade((time.perf_counter_ns() - began) * 1e-9)
        start = self._put(made, last, block[:, -1], at)
        self._last = Made(last.first, last.frames, block[:, -1].copy(), last.seam)
        self._memory.control[Control.ROLLBACKS] += 1
        self._pass_on(self._memory.chunk - 1, int(self._memory.control[Control.ROLLBACKS]))
        heard = max(start, last.first + self._latency())
        self._echo(applied, self._memory.chunk - 1, start, heard, again=int(self._memory.control[Control.ROLLBACKS]))
        return True

    def _put(self, made: npt.NDArray[np.float32], last: Made, end: npt.NDArray[np.float32], at: int | None) -> int:
        """Replace what of the last chunk is not played yet; the frame from which the new one is there.

        `end` is the new one's last frame at the generator's own channels.
        """
        ring, pace = self._memory.ring, self._pace
        start = max(last.first, ring.committed, pace.untouched) if at is None else at
        self._overtaken = False
        fade = self._fade if start > last.first else 0  # its own beginning joins what was before it
        if start + fade > ring.written:
            self._memory.control[Control.LATE_ROLLBACKS] += 1
            self._seam = Seam(last.last, self._seam.silent, last.last - end)
            return ring.written
        splice(ring, start, made[:, start - last.first :], fade)
        self._overtaken = ring.read > start
        if self._overtaken:
            self._memory.control[Control.LATE_ROLLBACKS] += 1
        return start

    def forget(self) -> None:
        """The generator is not where it was: the last chunk cannot be taken back, and the state has to be set again."""
        self._last, self._applied, self._state, self._looked = None, 0, b"", (0, False)

    def _pass_on(self, chunk: int, again: int) -> None:
        """What the generator tells of its step, for a replay."""
        if hasattr(self._generator, "told") and not self._order.repeats and (told := self._generator.told()):
            self._tell("told", chunk=chunk, again=again, told=told)

    def _step(self, seam: Seam, told: Any = None) -> npt.NDArray[np.float32]:
        """What the generator makes next, joined to a seam, [its channels, frames]."""
        if told is not None:
            self._generator.repeat(told)  # type: ignore[attr-defined]
        stepped = np.asarray(self._generator.step(self._stream.position), np.float32)
        if stepped.ndim != 2 or stepped.shape[1] == 0:
            raise ValueError(f"a chunk has the shape {list(stepped.shape)}; expected [channels, frames]")
        block, self._seam = joined(stepped, seam, self._fade)
        if self._seam.silent:
            self._memory.control[Control.BAD] += 1
            self.bad_for += block.shape[1] / self._generator.rate
            if not self._told_bad:
                self._told_bad = True
                self._tell("log", line="its model made a non-finite sample; such a chunk is silent")
        else:
            self.bad_for = 0.0
        return block

    def _newer(self) -> bool:
        """Whether the session has sent another state than the one in effect."""
        seq = self._memory.state.seq
        if seq == self._applied:
            return False
        if seq != self._looked[0]:
            letter = self._memory.state.get()
            self._looked = seq, letter is not None and letter.data != self._state
        return self._looked[1]  # the same words again are no reason to make anything again

    def _latch(self) -> int:
        """Hand the generator the newest state; returns its number, or 0 when there is no new one."""
        if self._memory.state.seq == self._applied:
            return 0
        letter = self._memory.state.get()
        if letter is None or letter.seq == self._applied:
            return 0
        state: dict[str, Any] = json.loads(letter.data)
        transport = state.get("transport")
        if transport and self._generator.rate != self._order.rate:  # the state counts frames at the patch's rate
            transport["frame"] = round(transport.get("frame", 0) * self._generator.rate / self._order.rate)
        self._generator.set(state)
        self._applied, self._state = letter.seq, letter.data
        return letter.seq

    def _latency(self) -> int:
        """Frames at the patch's rate from a chunk's first to the first that its state can have changed."""
        return round(latency_of(self._generator) * self._order.rate / self._generator.rate)

    def _echo(self, applied: int, chunk: int, frame: int, heard: int, again: int = 0) -> None:
        """`again`: how many chunks have been made again by now, where this is one; `late`: it was overtaken."""
        if applied:
            self._memory.control[Control.APPLIED] = applied
            late = again > 0 and self._overtaken
            rest = {"heard": heard, "epoch": self._memory.ring.epoch, "again": again, "late": late}
            self._tell("echo", seq=applied, chunk=chunk, frame=frame, **rest)
