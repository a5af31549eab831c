"""Bundles on their way to their frame: what they hold takes effect together, when it is meant to."""

from __future__ import annotations

import heapq
import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from graphflow.control.osc.clock import Clock
from graphflow.control.osc.packet import NOW, Bundle, Message
from graphflow.control.osc.peer import Call, Peer
from graphflow.core.errors import UserError
from graphflow.core.units import show

AHEAD = 60.0
"""Seconds a bundle may be early."""
MOST, MOST_MESSAGES = 4096, 65_536
"""Bundles, and messages in them, that may wait."""
HORIZON = 0.03
"""Seconds before its frame at which a bundle is given to the engine, which keeps it until then."""
WORK = 20e-6
"""Seconds that a message takes at most to be carried out."""

Run: TypeAlias = Callable[[Message, Call], None]


@dataclass(frozen=True)
class BundleStatistics:
    """`late` were carried out at once; `refused` not at all. `worst`: how late, in seconds."""

    bundles: int
    waiting: int
    late: int
    worst: float
    refused: int


class Bundles:
    """A queue by time. `run` carries out one message, for the frame in its call; it must not raise.

    `waits` tells whether the engine can keep a message's effect for a frame; any other is run when its frame has come,
    at the look after it, which is told that frame.
    `block` are the frames the device takes at once, 0 where nothing runs by itself.
    """

    def __init__(
        self,
        clock: Clock,
        rate: float,
        run: Run,
        waits: Callable[[Message], bool],
        *,
        block: Callable[[], int] = lambda: 0,
        report: Callable[[str], None] = lambda line: None,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self.clock, self.rate = clock, float(rate)
        self._run, self._waits, self._block, self._report, self._steady = run, waits, block, report, steady
        # a look is a block of a render away at most, which at low rates is more than the horizon
        self._horizon = max(round(HORIZON * rate), 1024)
        self._queue: list[tuple[float, int, tuple[Message, ...], Peer]] = []  # by their moments
        self._due: list[tuple[int, int, Message, Peer]] = []
        self._order = itertools.count()
        self._messages = 0
        self._soon = 0
        self._taken = self._late = self._refused = 0
        self._worst = self._worst_told = 0.0
        self._late_told = 0
        self._tell_at = 0.0

    def take(self, bundle: Bundle, peer: Peer) -> None:
        """Carry a bundle out now, or keep it. Raises UserError for one that is too early or too many."""
        now = self.clock.now()
        if bundle.tag <= NOW:
            self._at_once(bundle.messages, peer, now)
            return
        self._taken += 1
        moment = self.clock.moment_of(bundle.tag)
        frame = self.clock.frame_at(moment)
        if frame <= now:
            self._too_late((now - frame) / self.rate)
            self._at_once(bundle.messages, peer, now)
        elif frame - now > AHEAD * self.rate:
            self._refused += 1
            raise UserError(f"bundle: {_long((frame - now) / self.rate)} ahead; expected at most {show(AHEAD, 's')}")
        elif frame - now <= self._horizon:
            self._carry_out(bundle.messages, peer, frame, now)
        elif len(self._queue) >= MOST or self._messages + len(bundle.messages) > MOST_MESSAGES:
            self._refused += 1
            raise UserError(f"bundle: {len(self._queue)} wait already; expected at most {MOST}, send them later")
        else:
            self._messages += len(bundle.messages)
            heapq.heappush(self._queue, (moment, next(self._order), bundle.messages, peer))

    def look(self, frame: int) -> None:
        """The engine has come to this frame: hand over what is near, tell what was late."""
        # what the device has lost since they came is known by now
        while self._queue and (due := self.clock.frame_at(self._queue[0][0])) <= frame + self._horizon:
            _, _, messages, peer = heapq.heappop(self._queue)
            self._messages -= len(messages)
            if due < frame:  # a look that came late itself
                self._too_late((frame - due) / self.rate)
            self._carry_out(messages, peer, due, frame)
        while self._due and self._due[0][0] <= frame:
            due, _, message, peer = heapq.heappop(self._due)
            self._run(message, Call(peer, due))
        if self._late_told and self._steady() >= self._tell_at:
            count = f"{self._late_told} late bundle{'s' if self._late_told > 1 else ''}"
            self._report(f"osc: {count}, worst {_long(self._worst_told)}")
            self._late_told, self._worst_told = 0, 0.0

    def soon(self) -> int:
        """The frame for a single message: now, unless a bundle that came before it has not yet begun."""
        return self._soon if self._soon > self.clock.now() else 0

    def statistics(self) -> BundleStatistics:
        return BundleStatistics(self._taken, len(self._queue), self._late, self._worst, self._refused)

    def _at_once(self, messages: Sequence[Message], peer: Peer, now: int) -> None:
        """Where a clock runs, several messages need a frame that is still to come, so that no block begins between."""
        block = self._block()
        if block and len(messages) > 1:
            self._soon = max(self._soon, now + max(block, round(len(messages) * WORK * self.rate)))
        frame = self.soon()
        for message in messages:
            self._run(message, Call(peer, frame if frame and self._waits(message) else 0))

    def _carry_out(self, messages: Sequence[Message], peer: Peer, frame: int, now: int) -> None:
        for message in messages:
            waits = self._waits(message)
            if frame <= now:  # the look itself was late
                self._run(message, Call(peer, 0 if waits else frame))
            elif waits:
                self._run(message, Call(peer, frame))
            else:
                heapq.heappush(self._due, (frame, next(self._order), message, peer))

    def _too_late(self, seconds: float) -> None:
        if not self._late_told:
            self._tell_at = self._steady() + 1.0
        self._late += 1
        self._late_told += 1
        self._worst = max(self._worst, seconds)
        self._worst_told = max(self._worst_told, seconds)

    def __str__(self) -> str:
        s = self.statistics()
        return f"{s.bundles} bundles, {s.waiting} wait, {s.late} late (worst {_long(s.worst)}), {s.refused} refused"


def _long(seconds: float) -> str:
    """A time that may be a ms or ten years."""
    for most, unit, factor in ((1.0, "ms", 1000.0), (120.0, "s", 1.0), (7200.0, "min", 1.0 / 60.0)):
        if seconds < most:
            return f"{seconds * factor:.{int(unit == 's')}f} {unit}"
    return f"{seconds / 86400.0:.1f} days"
