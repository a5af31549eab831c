"""Which frame the engine is at, by the clock on the wall: for what comes from outside with a time of its own."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from statistics import median

KEPT = 256
"""Looks that count: somewhat more than a second of them."""
FEW = 8
NOISE = 2.0
LEAST, MOST = 0.0002, 0.002
"""All but one of the last FEW looks must be off, and to the same side, by NOISE times the jitter before the rest is
forgotten: blocks were lost, or it is another sound card. So many seconds at least, and at most."""


@dataclass(frozen=True)
class FrameClockStatistics:
    """`jitter`: within so many seconds of where they should be the middle 90 % of blocks began. 0: not known yet."""

    looks: int
    jitter: float


class FrameClock:
    """Knows on which frame a moment falls, from when blocks have begun.

    Blocks begin early and late; the median of a second of them does not. What a sound card's clock drifts in a second
    (100 ppm: 0.1 ms) is the least error there is.
    """

    def __init__(self, rate: float) -> None:
        self.rate = float(rate)
        self._starts: deque[float] = deque(maxlen=KEPT)
        self._last = -1
        self._middle = 0.0  # as it was a few looks ago, as finding it takes longer than a look should
        self._jump = MOST  # what is more than jitter
        self._until = 0
        self._origin: float | None = None  # the middle as it is now, once somebody has asked

    def look(self, frame: int, seconds: float) -> None:
        """The block that starts with this frame began then, by `time.monotonic`."""
        if frame == self._last:
            return
        if frame < self._last:
            self._starts.clear()
        self._last, self._origin = frame, None
        self._starts.append(seconds - frame / self.rate)
        self._until -= 1
        if self._until <= 0:
            self._middle, self._until = median(self._starts), FEW
            self._jump = min(max(NOISE * self.statistics().jitter, LEAST), MOST) if len(self._starts) > FEW else MOST
        if len(self._starts) < 2 * FEW:
            return
        recent = [self._starts[k] for k in range(-FEW, 0)]
        _, early, *_, late, _ = sorted(recent)
        if early > self._middle + self._jump or late < self._middle - self._jump:
            self._starts, self._until = deque(recent, maxlen=KEPT), 0

    def frame_at(self, seconds: float) -> int:
        """The frame that is played when `time.monotonic` says so; -1 before there was any block."""
        if not self._starts:
            return -1
        if self._origin is None:
            self._origin = median(self._starts)
        return round((seconds - self._origin) * self.rate)

    def statistics(self) -> FrameClockStatistics:
        looks = len(self._starts)
        if looks < FEW:
            return FrameClockStatistics(looks, 0.0)
        middle = median(self._starts)
        away = sorted(abs(start - middle) for start in self._starts)
        return FrameClockStatistics(looks, away[int(0.9 * (looks - 1))])

    def __str__(self) -> str:
        statistics = self.statistics()
        return f"{statistics.looks} looks, jitter {1000.0 * statistics.jitter:.2f} ms"
