"""A generator's snapshots: taken between chunks, stored where the next life finds them."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable

from graphflow.worker.faults import one_line
from graphflow.worker.generator import Generator
from graphflow.worker.layout import Control, SlotMemory

SNAPSHOT_SECONDS = 5.0


class Snapshots:
    """Takes one when it is asked to, and live every few seconds. Live a thread of its own stores it: checking and
    copying many megabytes takes as long as half a chunk."""

    def __init__(self, memory: SlotMemory, tell: Callable[..., None], *, lockstep: bool) -> None:
        self.wanted = False
        self._memory, self._tell, self._lockstep = memory, tell, lockstep
        self._taken_at = time.monotonic()
        self._storing: threading.Thread | None = None

    @property
    def due(self) -> bool:
        if self._storing is not None and self._storing.is_alive():
            return False
        by_time = not self._lockstep and time.monotonic() - self._taken_at > SNAPSHOT_SECONDS
        return self.wanted or by_time

    def take(self, generator: Generator) -> None:
        """Now, in the generator's own thread."""
        self.wanted = False
        self._taken_at = time.monotonic()
        frame = self._memory.ring.written
        place = {"chunk": self._memory.chunk, "again": int(self._memory.control[Control.ROLLBACKS])}
        try:
            data = generator.snapshot()
        except Exception as fault:  # noqa: BLE001 - it can play without
            self._give_up(fault)
            return
        if self._lockstep:
            self._store(data, frame, place)
        else:
            self._storing = threading.Thread(
                target=self._store, args=(data, frame, place), name="snapshot", daemon=True
            )
            self._storing.start()

    def finish(self) -> None:
        """Wait until the last one is stored."""
        if self._storing is not None:
            self._storing.join()

    def _store(self, data: bytes, frame: int, place: dict[str, int]) -> None:
        """`place`: before which chunk it was taken, and after how many that were made again."""
        try:
            seq = self._memory.snapshots.put(data, frame)
        except Exception as fault:  # noqa: BLE001 - as above: too large, or no bytes at all
            self._give_up(fault)
            return
        self._tell("snapshot", frame=frame, size=len(data), seq=seq, **place)

    def _give_up(self, fault: Exception) -> None:
        self._taken_at = math.inf
        self._tell("log", line=f"no more snapshots of it; {one_line(fault)}")
