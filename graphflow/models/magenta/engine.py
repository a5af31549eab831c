"""One model for all the streams of a process: what several ask for at the same time is made in one batch."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import torch

from graphflow.core.errors import UserError
from graphflow.models.magenta.model import Model
from graphflow.models.magenta.seat import Asked, Chunk, Mark, Seat
from graphflow.models.magenta.streaming import StreamingGenerator

BUCKETS = (1, 2, 4, 8, 16, 32, 64)
"""Slots of a batch. A step computes all of them, so that few sizes are enough and each is captured once."""
GATHER = 0.0015
"""Seconds the first to ask waits for those that asked with it the last time."""
TOGETHER = 0.005
"""Seconds between two that count as having asked at the same time."""
LOST = 75
"""How the process ends when its GPU is gone: nothing in it can use the GPU again."""

_QUIET = threading.Lock()
"""While a graph is captured no other thread may use the GPU. Another model's steps in this process are not kept out."""

T = TypeVar("T")
Make = Callable[[Model, int], StreamingGenerator]


def rehearsed(model: Model, slots: int) -> StreamingGenerator:
    """On a GPU everything is done once before it is needed; a CPU's loops are warm when they are made."""
    return StreamingGenerator(model, slots, rehearsed=model.device.type != "cpu")


@dataclass(frozen=True)
class EngineStatistics:
    """Streams and slots there are; batches run for how many chunks, the largest, chunks that failed, and how long a
    batch takes (s, the mean of the last ones)."""

    model: str
    streams: int
    slots: int
    batches: int
    chunks: int
    largest: int
    failed: int
    seconds: float

    def __str__(self) -> str:
        return (
            f"{self.model}: {self.streams} streams in {self.slots} slots, {self.chunks} chunks in {self.batches} "
            f"batches of up to {self.largest}, {1000.0 * self.seconds:.1f} ms each, {self.failed} failed"
        )


class Engine:
    """Loads the model and steps its streams, in one thread of its own, which a GPU's graphs are bound to.

    Streams that are `alone` do not share a batch: what they play does not depend, to the last bit, on who else plays.
    """

    def __init__(self, load: Callable[[], Model], make: Make = rehearsed) -> None:
        self.users = 0
        self.model: Model | None = None
        self._load, self._make = load, make
        self._turn = threading.Condition()
        self._jobs: deque[tuple[Callable[[], Any], Future[Any]]] = deque()
        self._asked: list[Asked] = []
        self._seats: list[Seat] = []
        self._opening = 0
        self._shared: StreamingGenerator | None = None
        self._failure: BaseException | None = None
        self._closed = False
        self._batches = self._chunks = self._largest = self._failed = 0
        self._seconds: deque[float] = deque(maxlen=64)
        self._thread = threading.Thread(target=self._run, name="magenta", daemon=True)
        self._thread.start()

    # --- for other threads --------------------------------------------------------------------------------------------

    def open(self, seed: int = 0, *, ahead: bool = False, rewinds: bool = False, alone: bool = False) -> Seat:
        """A new stream; waits until the model is loaded. Raises UserError."""
        with self._turn:
            self._opening += not alone
        return self.do(lambda: self._open(seed, ahead=ahead, rewinds=rewinds, alone=alone))

    def ask(self, seat: Seat, *, again: bool = False) -> Future[Chunk]:
        """The seat's next chunk, as soon as it is there."""
        asked = Asked(seat, time.monotonic(), again)
        with self._turn:
            self._check()
            self._asked.append(asked)
            self._turn.notify_all()
        return asked.chunk

    def do(self, work: Callable[[], T]) -> T:
        """Run something in the engine's thread, between two batches."""
        done: Future[T] = Future()
        with self._turn:
            self._check()
            self._jobs.append((work, done))
            self._turn.notify_all()
        return done.result()

    def beside(self, work: Callable[[Model], T]) -> T:
        """Run something with the model in the caller's thread, beside the batches; on a GPU not beside a capture."""
        model = self.model
        assert model is not None
        with _QUIET if model.device.type == "cuda" else nullcontext():
            return work(model)

    def leave(self, seat: Seat) -> None:
        """The seat's stream ends."""
        if self._failure is None:
            self.do(lambda: self._close(seat))

    def close(self) -> None:
        """End the thread and let go of the model."""
        with self._turn:
            self._closed = True
            self._turn.notify_all()
        self._thread.join()

    def statistics(self) -> EngineStatistics:
        with self._turn:
            alone, seconds = sum(seat.alone for seat in self._seats), list(self._seconds)
            shared, model = self._shared, self.model
            return EngineStatistics(
                model.config.name if model else "no model",
                len(self._seats),
                alone + (shared.slots if shared else 0),
                self._batches,
                self._chunks,
                self._largest,
                self._failed,
                sum(seconds) / len(seconds) if seconds else 0.0,
            )

    def __str__(self) -> str:
        return str(self.statistics())

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure
        if self._closed:
            raise RuntimeError("the engine is closed")

    # --- in the engine's own thread -----------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            self.model = model = self._load()
            if model.device.type == "cpu" and model.precision != "float32":
                # its step has threads of its own; torch's would wait for each other, in operations that are all small:
                # a tiny model was 2.5 times as fast without them, on two cores
                torch.set_num_threads(1)
            while self._turn_over():
                pass
        except BaseException as fault:  # noqa: BLE001 - whoever waits has to hear of it, and whoever comes later
            self._fail(fault)
        for seat in list(self._seats):
            self._close(seat)
        if self._shared is not None:
            self._shared.close()
        self._shared = self.model = None

    def _turn_over(self) -> bool:
        """Serve what is asked for and do one job; so a job holds up a chunk once at most. False: there is no more."""
        with self._turn:
            self._turn.wait_for(lambda: self._jobs or self._asked or self._closed)
            self._gather()
            asked, self._asked = self._asked, []
            job = self._jobs.popleft() if self._jobs else None
        if not asked and job is None:
            return False
        try:
            for generator in dict.fromkeys(request.seat.session.generator for request in asked):
                self._serve(generator, [request for request in asked if request.seat.session.generator is generator])
        except BaseException as fault:
            waiting = [request.chunk for request in asked if not request.chunk.done()]
            for future in (*waiting, *((job[1],) if job is not None else ())):
                future.set_exception(fault)
            raise
        if job is not None:
            work, done = job
            try:
                done.set_result(work())
            except BaseException as fault:  # noqa: BLE001 - it is the asker's
                done.set_exception(fault)
        return True

    def _gather(self) -> None:
        """Wait a moment for those that asked at the same time as these the last time. Nobody else is waited for."""
        asked = [request.seat for request in self._asked]
        if not asked or any(request.again or request.seat.alone for request in self._asked):
            return
        before = [seat.asked_at for seat in asked if seat.asked_at >= 0.0]
        due = [
            seat
            for seat in self._seats
            if not seat.alone and seat not in asked and any(abs(seat.asked_at - at) < TOGETHER for at in before)
        ]
        left = self._asked[0].at + GATHER - time.monotonic()
        if due and left > 0.0:

            def here() -> bool:
                present = {request.seat for request in self._asked}
                return self._closed or present.issuperset(due)

            self._turn.wait_for(here, left)

    def _serve(self, generator: StreamingGenerator, asked: Sequence[Asked]) -> None:
        """One batch. Where it fails each is tried by itself, so that one does not end the others."""
        marks = [Mark(request.seat.session) for request in asked]
        began = time.perf_counter()
        try:
            made = generator.step([request.seat.session for request in asked])
            parts = zip(made.sound.numpy(), made.tokens.tolist(), made.chunks, strict=True)
            chunks = [Chunk(np.ascontiguousarray(s.T), tuple(tokens), number) for s, tokens, number in parts]
        except Exception as fault:  # noqa: BLE001 - it belongs to whoever asked for it
            if isinstance(fault, torch.AcceleratorError):
                end_process(fault)
            for mark in marks:
                mark.go_back()
            if len(asked) == 1:
                self._failed += 1
                asked[0].chunk.set_exception(fault)
            else:
                for request in asked:
                    self._serve(generator, [request])
            return
        self._seconds.append(time.perf_counter() - began)
        self._batches += 1
        self._chunks += len(asked)
        self._largest = max(self._largest, len(asked))
        for request, chunk in zip(asked, chunks, strict=True):
            if not request.again:
                request.seat.asked_at = request.at
            request.chunk.set_result(chunk)

    def _open(self, seed: int, *, ahead: bool, rewinds: bool, alone: bool) -> Seat:
        assert self.model is not None
        try:
            with _QUIET:
                generator = self._make(self.model, 1) if alone else self._roomy(self.model)
        except torch.OutOfMemoryError as error:
            raise UserError(
                f"{self.model.config.name} has no room for another stream in the memory of {self.model.device}; close "
                "another, or choose a smaller model"
            ) from error
        seat = Seat(self, generator.open(seed, ahead=ahead, rewinds=rewinds), alone=alone)
        with self._turn:
            self._seats.append(seat)
        return seat

    def _roomy(self, model: Model) -> StreamingGenerator:
        """The shared generator, with a slot for this stream and for all that are about to come: growing takes time,
        in which nobody is served."""
        with self._turn:
            coming, self._opening = self._opening, self._opening - 1
        playing = len(self._shared.sessions) if self._shared else 0
        if playing == BUCKETS[-1]:
            raise UserError(f"{playing} streams of {model.config.name} play already; expected at most {BUCKETS[-1]}")
        slots = next(bucket for bucket in BUCKETS if bucket >= min(playing + coming, BUCKETS[-1]))
        if self._shared is None:
            self._shared = self._make(model, slots)
        elif self._shared.slots < slots:
            self._shared.resize(slots)
        return self._shared

    def _close(self, seat: Seat) -> None:
        with self._turn:
            self._seats.remove(seat)
        if seat.alone:
            seat.session.generator.close()
        else:
            seat.session.close()

    def _fail(self, fault: BaseException) -> None:
        with self._turn:
            self._failure = fault
            waiting = [*(done for _, done in self._jobs), *(request.chunk for request in self._asked)]
            self._jobs.clear()
            self._asked = []
        for future in waiting:
            future.set_exception(fault)


def end_process(fault: BaseException) -> None:
    """A GPU that has failed stays lost to the process; a new one goes on from the last snapshots."""
    sys.stderr.write(f"the GPU has failed ({str(fault).splitlines()[0]}); beginning again in a new process\n")
    sys.stderr.flush()
    os._exit(LOST)
