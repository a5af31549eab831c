"""How long before its first frame is due a chunk has to be begun, by what the last ones took."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection

KEPT = 256
"""Chunks; at 40 ms a chunk about 10 s."""
KNOWN = 8
"""Chunks after which their times are believed; until then a chunk is expected to take UNKNOWN."""
UNKNOWN = 0.05
MARGIN = 0.003
MOST = 0.3
"""Seconds. A generator that needs a longer lead than this is better served by the ordinary one."""
SAFETY_LEAST, SAFETY_FIRST, SAFETY_MOST = 0.001, 0.002, 0.1
GROWTH, GROWTH_MOST = 1.5, 0.02
"""By what it grows at once: a factor at least, and at most so many seconds, for whatever held everything up."""
HALF_LIFE = 60.0
"""Seconds of sound in which the safety shrinks to its half."""
LOADED, RELIEVED = 0.9, 0.75
"""Time to make a chunk / its length, above which there is no time to wait, and below which there is again."""
NEWS = 64
"""Chunks with a new state whose times are kept."""
RECENT = 16
"""Chunks over which that is measured."""
CALM = 10.0
"""Seconds of sound without trouble before it is tried again."""


class JustInTime:
    """The lead of a generator that makes each chunk as late as it can. All times in seconds.

    It is the 99th percentile of what chunks took, without the single worst, a margin, and a safety that grows when
    one came too late and slowly shrinks. `usable` turns False while the machine is too slow for it. A new state may
    cost more, as what was made ahead is made again: such chunks are known by themselves, and begun that much earlier.
    """

    def __init__(self) -> None:
        self.usable = True
        self.expected = UNKNOWN
        """What a chunk takes, in all but one of a hundred cases."""
        self.expected_anew = UNKNOWN
        """The same of a chunk with a new state."""
        self._spent: deque[float] = deque(maxlen=KEPT)
        self._plain: deque[float] = deque(maxlen=KEPT)
        self._anew: deque[float] = deque(maxlen=NEWS)
        self._safety = SAFETY_FIRST
        self._calm = 0.0
        self._cold = True

    @property
    def seconds(self) -> float:
        """From the beginning of a chunk to the moment it must be there."""
        return self.expected + MARGIN + self._safety

    @property
    def seconds_anew(self) -> float:
        """The same for a chunk with a new state."""
        return self.expected_anew + MARGIN + self._safety

    def observe(self, spent: float, length: float, *, anew: bool = False) -> None:
        """A chunk of `length` took `spent`, `anew`: with a new state that may have cost more."""
        if self._cold:  # the first warms up caches and compilers
            self._cold = False
            return
        self._spent.append(spent)
        (self._anew if anew else self._plain).append(spent)
        self.expected = _nearly_all(self._plain if len(self._plain) >= KNOWN else self._spent)
        if len(self._spent) < KNOWN:
            self.expected = max(UNKNOWN, self.expected)
        self.expected_anew = max(self.expected, _nearly_all(self._anew))
        self._safety = max(SAFETY_LEAST, self._safety * 0.5 ** (length / HALF_LIFE))
        recent = list(self._spent)[-RECENT:]
        load = sum(recent) / len(recent) / length
        self._calm = self._calm + length if load < RELIEVED else 0.0
        if self.usable:
            self.usable = len(recent) < KNOWN or (load <= LOADED and self.seconds <= MOST)
        else:
            self.usable = self._calm > CALM and self.seconds < 0.5 * MOST

    def missed(self, late: float) -> None:
        """Frames were not there when they were due, by `late` seconds."""
        if self._safety >= SAFETY_MOST:
            self.usable = False
        self._calm = 0.0
        grown = self._safety + min(late, GROWTH_MOST)
        self._safety = min(SAFETY_MOST, max(GROWTH * self._safety, grown))

    def __str__(self) -> str:
        rest = "" if self.usable else ", too slow for it"
        return (
            f"{1000 * self.seconds:.1f} ms: {1000 * self.expected:.1f} to make a chunk, "
            f"{1000 * self._safety:.1f} for safety{rest}"
        )


def _nearly_all(spent: Collection[float]) -> float:
    """What 99 of 100 stay below; the worst of many does not count, the worst of a few does. 0 for none."""
    worst = sorted(spent)
    kept = worst if len(worst) < KNOWN else worst[:-1]
    return kept[max(0, -(-len(kept) * 99 // 100) - 1)] if kept else 0.0
