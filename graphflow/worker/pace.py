"""When a slot makes its next chunk: in lockstep when asked, else a lead ahead of what is playing, or just in time."""

from __future__ import annotations

import time
from collections import deque
from statistics import median

from graphflow.audio.ring import FADE
from graphflow.worker.channel import Order
from graphflow.worker.just_in_time import KEPT, MARGIN, JustInTime
from graphflow.worker.layout import Control, SlotMemory
from graphflow.worker.play_clock import PlayClock
from graphflow.worker.together import Together

LATE_SECONDS = 0.5
"""A generator that would need longer than this to catch up begins again further on."""
LOOK_SECONDS = 0.002
"""Between two looks at the play position, of a generator that is made just in time."""
BLOCK = 512
"""Frames that a sound card is taken to want at once while nobody knows."""
REMAKES = 16
"""Chunks made again whose times are kept, for as many chunks as those of making one: what was slow once, on a machine
that was busy, would else be believed for ever, as nothing was made again to show that it has become quick."""
AGAIN = 0.5
"""Of a chunk's length, for making it again, however often: a knob that is turned sends a state every few ms."""
GUARD_SECONDS = 0.005
"""Time for writing frames that are about to be played."""


class Pace:
    """The slot's idea of time. `look` brings it up to date; `just_in_time` is the generator's wish."""

    def __init__(self, order: Order, memory: SlotMemory, together: Together) -> None:
        self.just_in_time = False
        self._order, self._memory, self._together = order, memory, together
        self._lead = JustInTime()
        self._clock = PlayClock(order.rate)
        self._moment = 0.0
        self._remakes: deque[tuple[int, float]] = deque(maxlen=REMAKES)
        self._made = 0
        self._length = self._again = 0.0
        memory.control[Control.OWN_LEAD] = 0

    @property
    def own(self) -> bool:
        """Whether the lead is made here, as short as can be, and not by the session."""
        return self.just_in_time and self._lead.usable and not self._order.lockstep

    def look(self) -> None:
        """See what has been played by now."""
        memory = self._memory
        self._moment = time.monotonic()
        self._clock.look(memory.play_position, self._moment, int(memory.control[Control.BLOCK]) or BLOCK)
        memory.control[Control.OWN_LEAD] = self.lead if self.own else 0

    @property
    def lead(self) -> int:
        """Frames from the play position to the frame at which the next chunk is begun: the time that takes, and what
        the card reads at once and ahead."""
        if not self.own:
            return int(self._memory.control[Control.LEAD])
        return self._frames(self._lead.seconds)

    def _frames(self, seconds: float) -> int:
        """A time before a frame is due, with what the card reads at once and ahead."""
        return round(seconds * self._order.rate) + self._clock.stride + FADE

    @property
    def time_for_news(self) -> bool:
        """Whether a new state's chunk, were it begun as of the last look, would be there in time; yes as well where
        none is ever made again, as waiting would be in vain."""
        left = self._memory.ring.written - self._clock.position
        return (
            not self.own
            or self._to_remake > AGAIN * self._length
            or left >= self._frames(self._lead.expected_anew + MARGIN)
        )

    @property
    def first(self) -> int:
        """Where to begin. Just in time and before the clock runs that is where the patch does."""
        if self._order.lockstep or (self.own and self._memory.play_position == self._order.start):
            return self._order.start
        return max(self._order.start, self.ahead)

    @property
    def ahead(self) -> int:
        """The frame a lead ahead of what is playing."""
        return self._memory.play_position + self.lead

    def wait(self, *, anew: bool = False) -> float:
        """Seconds until the next chunk should be begun, as of the last look, or until another look; 0: now.

        `anew`: with a new state, which may cost more; where there is no time for that any more, now, as it was guessed.
        """
        ring, rate = self._memory.ring, self._order.rate
        if self._order.lockstep:
            return 0.0 if ring.written < ring.target else 1.0
        if ring.written <= ring.start:  # the first chunk does not wait for the clock to run
            return 0.0
        if not self.own:
            self._together.leave(self._order.slot)
            ready = (ring.written - max(ring.target, self.ahead)) / rate
            return 0.0 if ready < 0.0 else min(0.02, max(0.001, ready))
        lead = self._frames(self._lead.seconds_anew) if anew else self.lead
        alone = self._moment + (ring.written - lead - self._clock.position) / rate
        moment = self._together.moment(self._order.slot, ring.written, alone)
        return min(LOOK_SECONDS, max(0.0, moment - self._moment))

    @property
    def too_late(self) -> bool:
        """Whether it is better to begin again further on than to catch up."""
        late = self._memory.play_position - self._memory.ring.written
        if self._order.lockstep or late <= 0:
            return False
        rtf = self._rtf()
        return rtf <= 1.0 or late / self._order.rate / (rtf - 1.0) > LATE_SECONDS

    def skipped(self) -> None:
        """It was too late, and begins again further on."""
        self._memory.control[Control.SKIPS] += 1
        self._lead.missed((self._memory.play_position - self._memory.ring.written) / self._order.rate)

    def made(self, margin: int, spent: float, length: float, *, anew: bool = False) -> None:
        """A chunk is there: `margin` frames before its first is played, in `spent` of its `length` (s).

        `anew`: with a new state, and another time that may have waited for the next chunk.
        """
        ring = self._memory.ring
        if not self._order.lockstep and margin < FADE and ring.written > ring.start:
            self._memory.control[Control.MISSES] += 1
            if self.own:
                self._lead.missed((FADE - margin) / self._order.rate)
        self._lead.observe(spent, length, anew=anew)
        self._length, self._again = length, 0.0
        self._made += 1
        while self._remakes and self._remakes[0][0] <= self._made - KEPT:
            self._remakes.popleft()

    def remade(self, spent: float) -> None:
        """A chunk has been made again in `spent` seconds; what is playing now is what counts for it."""
        self._remakes.append((self._made, spent))
        self._again += spent
        self.look()

    # --- for taking a chunk back --------------------------------------------------------------------------------

    @property
    def guard(self) -> int:
        """Frames from the play position that are left alone: what the card may read meanwhile, and time to write.

        Counted from what was read last it is up to a block more, since the position may be that far ahead of it.
        """
        return self._clock.stride + FADE + round(GUARD_SECONDS * self._order.rate)

    @property
    def untouched(self) -> int:
        """The first frame that is safe from the reader, as of the last look."""
        return int(self._clock.position) + self.guard

    @property
    def _to_remake(self) -> float:
        """Seconds that making a chunk again takes in most cases; a reset is rare and costs the most."""
        before = [spent for _, spent in self._remakes]
        return max(self._lead.expected, median(before) if before else 0.0)

    def room_to_remake(self, fade: int) -> bool:
        """Whether the chunk made last can be made again, heard from some frame on, and the next be in time as well."""
        expected = self._to_remake
        if self._order.lockstep or not self._lead.usable or self._again + expected > AGAIN * self._length:
            return False
        rate = self._order.rate
        left = self._memory.ring.written - self._clock.position - expected * rate
        next_needs = self._frames(self._lead.seconds)
        return left > max(self.guard + fade, next_needs)

    def _rtf(self) -> float:
        spent = int(self._memory.history(Control.NANOSECONDS)[-8:].sum())
        made = int(self._memory.history(Control.FRAMES)[-8:].sum())
        return made / self._order.rate / (spent * 1e-9) if spent else 0.0

    def __str__(self) -> str:
        return str(self._lead) if self.own else f"{self.lead / self._order.rate:.3f} s ahead"
