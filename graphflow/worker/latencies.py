"""How long changes take to be heard."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

KEPT = 256
"""Changes."""


class Latencies:
    """From the frame at which a state was sent to the first sound it can have changed."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._sent: dict[int, int] = {}
        self._frames: deque[int] = deque(maxlen=KEPT)

    def sent(self, seq: int, frame: int) -> None:
        self._sent[seq] = frame

    def heard(self, seq: int, frame: int) -> None:
        """State `seq` is heard from `frame` on; those before it never will be."""
        if (sent := self._sent.get(seq)) is not None:
            self._frames.append(max(0, frame - sent))
        for old in [number for number in self._sent if number <= seq]:
            del self._sent[old]

    def seconds(self) -> tuple[float, float]:
        """What half of them and 95 % of them stay below; nan before the first."""
        if not self._frames:
            return math.nan, math.nan
        p50, p95 = np.percentile(np.array(self._frames) / self._rate, [50, 95])
        return float(p50), float(p95)
