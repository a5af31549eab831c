"""A stream's place at the engine, what it asks for, and what it gets."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from typing import Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from graphflow.models.magenta.controls import Fingers
from graphflow.models.magenta.session import Session

T = TypeVar("T")


@dataclass(frozen=True)
class Chunk:
    """40 ms of one stream: sound [2, 1920] float32, the token ids, and the chunk's number in its stream."""

    sound: npt.NDArray[np.float32]
    tokens: tuple[int, ...]
    number: int


class Host(Protocol):
    """What a seat wants of its engine."""

    def ask(self, seat: Seat, *, again: bool = False) -> Future[Chunk]: ...
    def do(self, work: Callable[[], T]) -> T: ...
    def leave(self, seat: Seat) -> None: ...


class Seat:
    """One stream's place at an engine. Use it from one thread; it waits until what was asked for is done."""

    def __init__(self, engine: Host, session: Session, *, alone: bool) -> None:
        self.engine, self.session, self.alone = engine, session, alone
        self.asked_at = -1.0
        self._closed = False

    def step(self, *, again: bool = False) -> Chunk:
        """The next chunk, with what the session was told until now. `again`: one that was taken back, so that the
        moment says nothing about when this stream asks."""
        return self.engine.ask(self, again=again).result()

    def do(self, work: Callable[[Session], T]) -> T:
        """Something else with the session, where nobody steps it meanwhile."""
        return self.engine.do(lambda: work(self.session))

    def close(self) -> None:
        """Give the place up."""
        if not self._closed:
            self._closed = True
            self.engine.leave(self)

    def __str__(self) -> str:
        return f"{self.session}{', alone' if self.alone else ''}"


@dataclass
class Asked:
    """A wish for a seat's next chunk; `at` in seconds."""

    seat: Seat
    at: float
    again: bool
    chunk: Future[Chunk] = field(default_factory=Future)


class Mark:
    """Where a session was before a step, so that a step that failed can be asked for again."""

    def __init__(self, session: Session) -> None:
        self.session, self.chunk, self.fingers, self.edge = session, session.chunk, session.fingers, session.edge

    def go_back(self) -> None:
        session = self.session
        place = session.edge  # kept at the step's own beginning
        if session.ahead:
            place = self.edge or session.before or session.edge
        if session.rewinds and place is not None:
            session._go_to(place)
            session.edge, session.before = place, None
        session.guess = None
        if not session.ahead:
            session.chunk, session.fingers = self.chunk, self.fingers


def forget_strikes(session: Session) -> None:
    """Take what was struck so far as played: a stream that goes on elsewhere does not strike all of it at once."""
    session.fingers = Fingers(session.fingers.sounding, session.controls.strikes)
    if session.edge is not None:
        fingers = Fingers(session.edge.fingers.sounding, session.controls.strikes)
        session.edge = replace(session.edge, fingers=fingers)
