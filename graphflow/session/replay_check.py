"""Whether a replay is what was heard."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from graphflow.session.replay import Replay


@dataclass(frozen=True)
class CheckStatistics:
    """Frames compared; the first that differs (-1: none) and how many do; the largest difference, as a factor."""

    frames: int
    first: int
    different: int
    largest: float

    @property
    def same(self) -> bool:
        return self.first < 0


class Check:
    """Compares a replay's blocks, one after the other, with the take's own sound; what that has lost is left out."""

    def __init__(self, replay: Replay) -> None:
        self._own, self._lost = replay.own_sound(), list(replay.lost)
        self._at = self._compared = self._different = 0
        self._first, self._largest = -1, 0.0

    def compare(self, block: NDArray[np.float32]) -> None:
        """The next frames, [frames, 2]."""
        at, self._at = self._at, self._at + len(block)
        while self._lost and self._lost[0][0] < self._at:  # pieces are lost whole
            start, frames = self._lost.pop(0)
            self._compare(block[: start - at], at)
            block, at = block[start - at + frames :], start + frames
        self._compare(block, at)

    def _compare(self, block: NDArray[np.float32], at: int) -> None:
        own = self._own.read(len(block), dtype="float32", always_2d=True)
        away = np.abs(block[: len(own)] - own)
        parts = np.flatnonzero(away.max(axis=1)) if len(own) else np.zeros(0, int)
        self._compared += len(own)
        self._different += len(parts)
        if len(parts):
            self._first = at + int(parts[0]) if self._first < 0 else self._first
            self._largest = max(self._largest, float(away.max()))

    def close(self) -> None:
        self._own.close()

    def statistics(self) -> CheckStatistics:
        return CheckStatistics(self._compared, self._first, self._different, self._largest)

    def __str__(self) -> str:
        found = self.statistics()
        if found.same:
            return f"all {found.frames} frames are the same"
        return f"{found.different} of {found.frames} frames differ, from frame {found.first} on"
