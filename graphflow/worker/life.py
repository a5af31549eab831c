"""One life of a generator: from its opening in a process to that process's end."""

from __future__ import annotations

import time

from graphflow.worker.layout import Control, SlotMemory
from graphflow.worker.process import WorkerProcess

LOAD_SECONDS = 300.0
"""A model may take so long to load and to make its first chunk: ten gigabytes from a slow disk."""
STALL_SECONDS = 3.0
"""A worker that owes sound and shows no sign of life for so long is stalled."""
PATIENCE = 4.0
"""... unless its chunks take long: this many times the slowest of late."""
PROOF_SECONDS = 1.0
"""A life that went on so long after its first sound was a good one."""


class Life:
    """What the session knows of it: since when, whether it has made sound, when it last showed itself."""

    def __init__(self, process: WorkerProcess, slot: int, memory: SlotMemory) -> None:
        self.process, self.slot = process, slot
        self.opened = False
        self._began = time.monotonic()
        self._first_chunk = memory.chunk
        self._sound_at: float | None = None
        self._beat = int(memory.control[Control.BEAT])
        self._quiet = 0.0

    @property
    def age(self) -> float:
        """Seconds."""
        return time.monotonic() - self._began

    def made_sound(self, memory: SlotMemory) -> bool:
        if self._sound_at is None and memory.chunk > self._first_chunk:
            self._sound_at = time.monotonic()
        return self._sound_at is not None

    @property
    def proven(self) -> bool:
        """Whether it made sound for a while, so that its end is an accident rather than its nature."""
        return self._sound_at is not None and time.monotonic() - self._sound_at >= PROOF_SECONDS

    def stalled(self, memory: SlotMemory, behind: bool, elapsed: float) -> bool:
        """`elapsed` seconds after the last look; `behind`: whether it owes sound."""
        quiet = self.quiet_for(memory, elapsed)
        if not self.made_sound(memory):
            return quiet > LOAD_SECONDS
        slowest = float(memory.history(Control.NANOSECONDS).max()) * 1e-9
        return behind and quiet > max(STALL_SECONDS, PATIENCE * slowest)

    def quiet_for(self, memory: SlotMemory, elapsed: float) -> float:
        """Seconds without a heartbeat, `elapsed` of them since the last look."""
        beat = int(memory.control[Control.BEAT])
        self._quiet = 0.0 if beat != self._beat else self._quiet + elapsed
        self._beat = beat
        return self._quiet
