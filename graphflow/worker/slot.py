"""One generator in a worker: a thread that makes chunks as far ahead as it is asked to."""

from __future__ import annotations

import importlib
import json
import threading
import time
import traceback
from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from graphflow.core.errors import UserError
from graphflow.worker.channel import Message, Order
from graphflow.worker.layout import Control, SlotMemory
from graphflow.worker.stream import Stream

SNAPSHOT_SECONDS = 5.0
LATE_SECONDS = 0.5
"""A generator that would need longer than this to catch up begins again further on."""
LINES_KEPT = 20


class Generator(Protocol):
    """What a model's `open(settings)` returns."""

    rate: int
    channels: int

    def set(self, state: dict[str, Any]) -> None: ...
    def step(self, frame: int) -> npt.NDArray[np.float32]: ...
    def snapshot(self) -> bytes: ...
    def restore(self, data: bytes) -> None: ...


class Slot:
    """A generator at work. Its own thread opens the model, steps it and writes the ring; `post` tells the session."""

    def __init__(self, order: Order, memory: SlotMemory, post: Callable[[Message], None]) -> None:
        self.order = order
        self.memory = memory
        self.wake = threading.Event()
        self.snapshot_wanted = False
        self.closing = False
        self._post = post
        self._applied = 0
        self._snapshot_at = 0.0
        self._thread = threading.Thread(target=self._run, name=f"slot {order.slot}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self.closing = True
        self.wake.set()

    def tell(self, do: str, **rest: Any) -> None:
        self._post({"do": do, "slot": self.order.slot, **rest})

    def _run(self) -> None:
        what = "failed"
        try:
            generator = self._open()
            what = "crashed"
            self._play(generator)
        except BaseException as fault:  # noqa: BLE001 - a model may raise anything; the session hears of it
            self.tell(what, line=one_line(fault), traceback=traceback.format_exc().splitlines()[-LINES_KEPT:])

    def _open(self) -> Generator:
        model = find_model(self.order.model)
        generator: Generator = model.open(self.order.settings)
        snapshot = self.memory.snapshots.get() if self.order.restore else None
        if snapshot is None:
            return generator
        try:
            generator.restore(snapshot.data)
        except Exception as fault:  # noqa: BLE001 - better to begin anew than not at all
            self.tell("log", line=f"its snapshot cannot be restored, so it begins anew; {one_line(fault)}")
            generator = model.open(self.order.settings)
        return generator

    def _play(self, generator: Generator) -> None:
        stream = self._begin(generator, self._first_frame())
        self._snapshot_at = time.monotonic()
        self.tell("opened", rate=generator.rate)
        ring = self.memory.ring
        while not self.closing:
            self.memory.beat()
            self.wake.clear()
            if self.snapshot_wanted or self._snapshot_due():
                self._snapshot(generator)
            if self._too_late():
                self.memory.control[Control.SKIPS] += 1
                stream = self._begin(generator, self._ahead())
            if ring.written < self._goal():
                self._chunk(generator, stream)
                if self.order.lockstep and ring.written >= ring.target:
                    self.tell("filled")
            else:
                ready = (ring.written - self._goal()) / self.order.rate
                self.wake.wait(1.0 if self.order.lockstep else min(0.02, max(0.001, ready)))

    def _begin(self, generator: Generator, start: int) -> Stream:
        stream = Stream(generator.rate, self.order.rate, self.memory.ring.channels, start)
        self.memory.ring.restart(stream.start)
        return stream

    def _first_frame(self) -> int:
        return self.order.start if self.order.lockstep else max(self.order.start, self._ahead())

    def _ahead(self) -> int:
        return self.memory.play_position + int(self.memory.control[Control.LEAD])

    def _goal(self) -> int:
        """Up to where frames should be there. Live it follows the play position itself: the session may be busy."""
        ring = self.memory.ring
        if self.order.lockstep:
            return ring.target
        return max(ring.target, self._ahead(), ring.start + 1)  # the first chunk does not wait for the clock to run

    def _too_late(self) -> bool:
        late = self.memory.play_position - self.memory.ring.written
        if self.order.lockstep or late <= 0:
            return False
        rtf = self._rtf()
        return rtf <= 1.0 or late / self.order.rate / (rtf - 1.0) > LATE_SECONDS

    def _rtf(self) -> float:
        spent = int(self.memory.history(Control.NANOSECONDS)[-8:].sum())
        made = int(self.memory.history(Control.FRAMES)[-8:].sum())
        return made / self.order.rate / (spent * 1e-9) if spent else 0.0

    def _chunk(self, generator: Generator, stream: Stream) -> None:
        applied = self._latest_state(generator)
        frame = stream.frame
        began = time.perf_counter_ns()
        made = stream.feed(generator.step(stream.position))
        spent = time.perf_counter_ns() - began
        ring = self.memory.ring
        margin = ring.written - self.memory.play_position
        ring.write(made)
        chunk = self.memory.chunk
        self.memory.note_chunk(margin, spent, stream.frame - frame)
        if applied:
            self.memory.control[Control.APPLIED] = applied
            self.tell("echo", seq=applied, chunk=chunk, frame=frame, epoch=ring.epoch)

    def _latest_state(self, generator: Generator) -> int:
        """Hand the generator the newest state; returns its number, or 0 when there is no new one."""
        if self.memory.state.seq == self._applied:
            return 0
        letter = self.memory.state.get()
        if letter is None or letter.seq == self._applied:
            return 0
        state = json.loads(letter.data)
        transport = state.get("transport")
        if transport and generator.rate != self.order.rate:  # the state counts frames at the patch's rate
            transport["frame"] = round(transport.get("frame", 0) * generator.rate / self.order.rate)
        generator.set(state)
        self._applied = letter.seq
        return letter.seq

    def _snapshot_due(self) -> bool:
        return not self.order.lockstep and time.monotonic() - self._snapshot_at > SNAPSHOT_SECONDS

    def _snapshot(self, generator: Generator) -> None:
        self.snapshot_wanted = False
        self._snapshot_at = time.monotonic()
        frame = self.memory.ring.written
        try:
            data = generator.snapshot()
            self.memory.snapshots.put(data, frame)
        except Exception as fault:  # noqa: BLE001 - it can play without
            self._snapshot_at = float("inf")
            self.tell("log", line=f"no more snapshots of it; {one_line(fault)}")
            return
        self.tell("snapshot", frame=frame, size=len(data))


def find_model(name: str) -> Any:
    """The module of one of our models, or any module by its full name."""
    for full in (f"graphflow.models.{name}", name):
        try:
            return importlib.import_module(full)
        except ModuleNotFoundError as missing:
            if not f"{full}.".startswith(f"{missing.name}."):  # it is there, but something that it needs is not
                raise
    raise UserError(f"model {name} is unknown; expected a folder of graphflow/models, or a module's full name")


def one_line(fault: BaseException) -> str:
    """A user's error as it is; another with its type and the place where it came up."""
    text = " ".join(str(fault).split())
    if isinstance(fault, UserError):
        return text
    frames = traceback.extract_tb(fault.__traceback__) or traceback.extract_stack()
    file = frames[-1].filename.replace("\\", "/").rpartition("/")[2]
    return f"{type(fault).__name__}{text and f': {text}'} ({file}:{frames[-1].lineno})"
