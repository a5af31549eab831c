"""Generators of one process that begin their chunks at the same moment, so that their model can make them at once."""

from __future__ import annotations

import threading


class Together:
    """When each slot means to begin the chunk at a frame; all that are to begin the same begin with the first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._meant: dict[int, tuple[int, float]] = {}

    def moment(self, slot: int, frame: int, moment: float) -> float:
        """The moment (seconds) for a slot that would begin the chunk at `frame` by itself at `moment`."""
        with self._lock:
            self._meant[slot] = frame, moment
            return min(when for at, when in self._meant.values() if at == frame)

    def leave(self, slot: int) -> None:
        """Nobody waits for this one any more."""
        with self._lock:
            self._meant.pop(slot, None)
