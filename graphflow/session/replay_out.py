"""A replay made audible: a thread makes its sound somewhat ahead of the sound card."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from graphflow.audio.engine import Engine
from graphflow.audio.ring import FADE, Ring, capacity_for
from graphflow.core.declare import AudioOut
from graphflow.core.errors import UserError
from graphflow.core.node import WorkerNode
from graphflow.core.plan import DEVICE, Link
from graphflow.session.output import Output

AHEAD = 1.0
"""Seconds of sound that are ready before the first is played, and are kept ready."""


class Replayed(WorkerNode):
    """What was played before."""

    generator = "replay"
    out = AudioOut("It.", channels=2)


class ReplayOut:
    """Plays blocks [frames, 2] through a sound card. `run` returns when all of them have been heard."""

    def __init__(self, rate: int, block: int, device: str, report: Callable[[str], None]) -> None:
        """Raises DeviceError."""
        self.engine = Engine(rate)
        self._rate = rate
        self._ring = Ring.local(2, capacity_for(4.0 * AHEAD, rate))
        node = self.engine.make("take", Replayed.spec, {})
        node.ring = self._ring.words
        self.engine.play([node], [Link(node.key, "out", DEVICE, "out")])
        self.output = Output(self.engine, block, report)
        self._start = self.output.prepare(device, None)
        self._ready, self._stop = threading.Event(), threading.Event()
        self._end = -1
        self._fault: Exception | None = None

    def run(self, blocks: Iterator[NDArray[np.float32]], show: Callable[[int], None]) -> None:
        """`show` gets the frame that is played, some times a second. Raises UserError where the replay cannot go on."""
        thread = threading.Thread(target=self._fill, args=(blocks,), name="replay", daemon=True)
        thread.start()
        try:
            self._ready.wait()
            if self._fault is None:
                self._start()
                asyncio.run(self._play(show))
        finally:
            self._stop.set()
            thread.join()
            self.output.close()
        if self._fault is not None:
            raise self._fault

    async def _play(self, show: Callable[[int], None]) -> None:
        while not 0 <= self._end <= self.engine.frame:
            await self.output.supervise(time.monotonic())
            show(self.engine.frame)
            await asyncio.sleep(0.02)

    def _fill(self, blocks: Iterator[NDArray[np.float32]]) -> None:
        ring = self._ring
        ring.restart(0)
        try:
            for block in blocks:
                ring.write(np.ascontiguousarray(block.T))
                while ring.written - ring.read > AHEAD * self._rate and not self._stop.is_set():
                    self._ready.set()
                    self._stop.wait(0.02)
                if self._stop.is_set():
                    return
        except UserError as fault:
            self._fault = fault
        finally:
            self._end = ring.written
            ring.write(np.zeros((2, 2 * FADE), np.float32))  # the last frames play only when more follows
            self._ready.set()
