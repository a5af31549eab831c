"""One generator in a worker: a thread that makes its chunks when they are wanted, and tells the session about it."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable
from typing import Any

from graphflow.worker import garbage
from graphflow.worker.channel import Message, Order
from graphflow.worker.faults import one_line
from graphflow.worker.generator import Figures, Generator, find_model, just_in_time, plain
from graphflow.worker.layout import SlotMemory
from graphflow.worker.maker import Maker
from graphflow.worker.pace import Pace
from graphflow.worker.repeat import Repeats
from graphflow.worker.snapshots import Snapshots
from graphflow.worker.together import Together

LINES_KEPT = 20
FIGURES_SECONDS = 0.5
"""Between two looks at what a generator shows of itself."""
BAD_SECONDS, HEAL_SECONDS = 1.0, 10.0
"""So long a generator may make no numbers before it is taken back to its last snapshot, and so often at most."""


class Slot:
    """A generator at work. Its own thread opens the model, steps it and writes the ring; `post` tells the session."""

    def __init__(self, order: Order, memory: SlotMemory, post: Callable[[Message], None], together: Together) -> None:
        self.order = order
        self.memory = memory
        self.wake = threading.Event()
        self.closing = False
        self.repeats = Repeats()
        self._post = post
        self._together = together
        self._snapshots = Snapshots(memory, self.tell, lockstep=order.lockstep)
        self._pace = Pace(order, memory, together)
        self._figures: Figures = {}
        self._figures_at = 0.0
        self._healed_at = 0.0
        self._restored = 0
        self._generator: Generator | None = None
        self._thread = threading.Thread(target=self._run, name=f"slot {order.slot}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self.closing = True
        self.wake.set()

    def want_snapshot(self) -> None:
        self._snapshots.wanted = True

    def tell(self, do: str, **rest: Any) -> None:
        self._post({"do": do, "slot": self.order.slot, **rest})

    def _run(self) -> None:
        generator: Generator | None = None
        what = "failed"
        try:
            generator = self._open()
            what = "crashed"
            garbage.begin()
            try:
                self._play(generator)
            finally:
                garbage.end()
        except BaseException as fault:  # noqa: BLE001 - a model may raise anything; the session hears of it
            self.tell(what, line=one_line(fault), traceback=traceback.format_exc().splitlines()[-LINES_KEPT:])
        finally:
            self._together.leave(self.order.slot)
            self._snapshots.finish()
            if generator is not None:
                self._end(generator)

    def _open(self) -> Generator:
        model = find_model(self.order.model)
        settings = {**self.order.settings, "_lockstep": self.order.lockstep, "_repeats": self.order.repeats}
        generator: Generator = model.open(settings)
        snapshot = self.memory.snapshots.get() if self.order.restore else None
        if snapshot is None:
            return generator
        try:
            generator.restore(snapshot.data)
            self._restored = snapshot.seq
        except Exception as fault:  # noqa: BLE001 - better to begin anew than not at all
            self.tell("log", line=f"its snapshot cannot be restored, so it begins anew; {one_line(fault)}")
            self._end(generator)
            generator = model.open(settings)
        return generator

    def _end(self, generator: Generator) -> None:
        if not hasattr(generator, "close"):
            return
        try:
            generator.close()
        except Exception as fault:  # noqa: BLE001 - it ends either way, but not in silence
            self.tell("log", line=f"did not close well; {one_line(fault)}")

    def _play(self, generator: Generator) -> None:
        pace, memory = self._pace, self.memory
        pace.just_in_time = just_in_time(generator)
        maker = Maker(generator, self.order, memory, pace, self.tell)
        if self.order.repeats:
            self.tell("opened", rate=generator.rate)
            self._generator = generator
            self.repeats.play(self, maker, memory)
            return
        pace.look()
        maker.begin(pace.first, restored=self._restored)
        self.tell("opened", rate=generator.rate)
        while not self.closing:
            memory.beat()
            self.wake.clear()
            pace.just_in_time = just_in_time(generator)
            pace.look()
            if self._snapshots.due and not pace.own:
                self._snapshot(generator, maker)
            if pace.too_late:
                pace.skipped()
                maker.begin(pace.ahead)
            if (wait := pace.wait(anew=maker.waits)) <= 0.0:
                maker.chunk()
                self._between(generator, maker)
            elif not maker.remake():
                self.wake.wait(wait)

    def _between(self, generator: Generator, maker: Maker) -> None:
        """A chunk has just been made: now there is most time until the next."""
        ring = self.memory.ring
        if self.order.lockstep and ring.written >= ring.target:
            self.tell("filled")
        if self._pace.own and self._snapshots.due:
            self._snapshot(generator, maker)
        self._show(generator)
        if hasattr(generator, "news"):
            for line in generator.news():
                self.tell("log", line=line)
        if maker.bad_for > BAD_SECONDS and time.monotonic() - self._healed_at > HEAL_SECONDS:
            self._heal(generator, maker)

    def snapshot_now(self) -> None:
        """In a replay."""
        if self._generator is not None:
            self._snapshots.take(self._generator)

    def _snapshot(self, generator: Generator, maker: Maker) -> None:
        if not maker.bad_for:  # else it might be the snapshot of something broken
            self._snapshots.take(generator)

    def _heal(self, generator: Generator, maker: Maker) -> None:
        """Take a generator that makes no numbers back to when it did."""
        self._healed_at = time.monotonic()
        snapshot = self.memory.snapshots.get()
        if snapshot is not None:
            self.tell("log", line=f"made no numbers for {BAD_SECONDS:.0f} s; it goes on from its last snapshot")
            self.tell("healed", chunk=self.memory.chunk)
            generator.restore(snapshot.data)
            maker.forget()

    def _show(self, generator: Generator) -> None:
        """Send the session what the generator shows of itself, where that has changed."""
        if not hasattr(generator, "figures") or time.monotonic() - self._figures_at < FIGURES_SECONDS:
            return
        self._figures_at = time.monotonic()
        try:
            figures = plain(generator.figures())
        except Exception as fault:  # noqa: BLE001 - they are for show: it plays without
            self._figures_at = float("inf")
            self.tell("log", line=f"shows no more figures; {one_line(fault)}")
            return
        if figures != self._figures:
            self._figures = figures
            self.tell("figures", figures=figures)
