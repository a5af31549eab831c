"""Time tags as frames of the engine."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from graphflow.session import Session

NTP_TO_UNIX = 2_208_988_800
"""Seconds from 1900, where NTP begins to count, to 1970."""
ERA = 2**32
"""Seconds after which NTP begins anew, in February 2036 for the first time."""


def tag_of(unix: float) -> int:
    """The time tag of a moment, in seconds since 1970."""
    return round((unix + NTP_TO_UNIX) % ERA * 2**32) % 2**64


def unix_of(tag: int, near: float) -> float:
    """The other way round; good to 0.2 microseconds. Of the moments with this tag it is the one nearest to `near`."""
    return near + between(tag_of(near), tag) / 2**32


def between(tag: int, later: int) -> int:
    """How much later one tag is than another, as they count again from 0 once in an era."""
    return (later - tag + 2**63) % 2**64 - 2**63


class Clock(Protocol):
    """Says when a tag is, on a clock that nobody sets; on which frame that is; and at which frame the engine is.

    Where a moment falls is known the better the nearer it is.
    """

    def moment_of(self, tag: int) -> float: ...
    def frame_at(self, moment: float) -> int: ...
    def now(self) -> int: ...


class LiveClock:
    """A tag is the sender's wall clock; it is compared with ours at the moment it comes, so that ours may be set.

    How far the two clocks are apart nobody can know here: controllers on other computers need NTP on both.
    """

    def __init__(
        self, session: Session, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic
    ) -> None:
        self._session, self._wall, self._steady = session, wall, steady

    def moment_of(self, tag: int) -> float:
        wall = self._wall()
        return self._steady() + unix_of(tag, wall) - wall

    def frame_at(self, moment: float) -> int:
        frame = self._session.frame_clock.frame_at(moment)
        return frame if frame >= 0 else self.now() + round((moment - self._steady()) * self._session.rate)

    def now(self) -> int:
        return self._session.engine.frame


class GivenClock:
    """For renders: the tag of one frame is given, and all others follow exactly."""

    def __init__(self, session: Session, tag: int, frame: int = 0) -> None:
        self._session, self._tag, self._frame = session, tag, frame

    def moment_of(self, tag: int) -> float:
        """The frame itself."""
        # in whole numbers: 2**31 is half a unit
        return float(self._frame + (between(self._tag, tag) * self._session.rate + 2**31 >> 32))

    def frame_at(self, moment: float) -> int:
        return int(moment)

    def now(self) -> int:
        return self._session.engine.frame
