"""Where the sound card is between two of its blocks, of which only the ends can be seen from another process."""

from __future__ import annotations

import math

WINDOW = 1.0
"""Seconds; the least and the most of the last one to two windows count."""
CLOSE = 0.004
"""Seconds; two looks nearer than this tell how many frames the card takes in one go."""
LONGEST = 0.1
"""Seconds; no card takes more at once, but after a standstill it may look so."""
OFTEN = 3
"""Times in a window; what happens less often is an accident and not the way the card works."""


class PlayClock:
    """The play position as time goes on, from looks at the frame that was read last.

    A look comes after the read it sees, sometimes long after; so the looks that came soonest, relative to the frame
    they saw, tell when reads happen. The position is on the early side: by then the frame may be playing.
    """

    def __init__(self, rate: int) -> None:
        self.rate = rate
        self.frame = 0
        """Read up to here, as last seen."""
        self.position = 0.0
        """Frames, with what has probably been played since; at most a stride more than `frame`."""
        self.stride = 0
        """Frames the card takes in one go: its block, or several where its driver wants them together."""
        self._moment = -math.inf
        self._began = -math.inf
        self._looked = False
        self._soonest = [math.inf, math.inf]
        self._strides: list[list[int]] = [[], []]

    def look(self, frame: int, moment: float, block: int) -> None:
        """At `moment` (seconds) the card had read up to `frame`; `block` is how many it is known to take."""
        if moment - self._began > WINDOW:
            self._began = moment
            if math.isfinite(self._soonest[1]):
                self._soonest = [self._soonest[1], math.inf]
            self._strides = [self._strides[1], []]
        if self._looked and frame != self.frame:
            if moment - self._moment < CLOSE and frame - self.frame < LONGEST * self.rate:
                self._strides[1] = sorted([*self._strides[1], frame - self.frame])[-OFTEN:]
            self._soonest[1] = min(self._soonest[1], moment - frame / self.rate)
        self.frame, self._moment, self._looked = frame, moment, True
        often = [longest[0] for longest in self._strides if len(longest) == OFTEN]
        self.stride = max(block, *often, 0)
        soonest = min(self._soonest)
        gone = (moment - soonest) * self.rate if math.isfinite(soonest) else frame
        self.position = min(max(gone, frame), frame + self.stride)
