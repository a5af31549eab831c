"""What happens by itself: `every`, `after` and `loop`, each change on its exact frame.

The code runs AHEAD of its frame, as an entry of its own, so that what it changes lands on that frame however busy
Python is. Its time is its own: it counts from where it was meant to be, so nothing drifts. Live, each has a thread; on
the manual clock they all run in the session's, in order, so that a render is the same from run to run.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from graphflow.control.live.alarms import Alarms
from graphflow.control.live.draft import Draft
from graphflow.control.live.entry import Entries
from graphflow.control.live.happening import Happening, Version
from graphflow.control.live.spans import SHORTEST, Moment, Span, span
from graphflow.control.live.turns import Fault, Turns
from graphflow.core.errors import UserError
from graphflow.core.units import show
from graphflow.session import Session
from graphflow.session.transport import Transport

AHEAD = 0.1
"""Seconds before its frame at which the code of an event runs."""
MARGIN = 0.02
"""Seconds from an entry to the first event it may still catch."""
NAP = 0.5
"""Seconds between two looks at a clock that may have stopped."""
COROUTINE = 0x80
"""The flag of `async def` in a function's code."""


@dataclass(frozen=True)
class EventsStatistics:
    """How many happen, and of all that did: turns, late ones and by how many seconds at worst, and faults."""

    running: int
    turns: int
    late: int
    worst: float
    faults: int


class Events:
    """Everything that happens by itself, by name."""

    def __init__(
        self, session: Session, entries: Entries, alarms: Alarms, tell: Callable[[str], None], fault: Fault
    ) -> None:
        self._session, self._entries, self._fault = session, entries, fault
        self.turns = Turns(session, entries, alarms, tell, fault, self.end, self.later)
        self.named: dict[str, Happening] = {}
        self._count = itertools.count()
        self._later: list[tuple[int, str, Callable[[], object]]] = []
        self._lock = threading.Lock()
        self._closed = False
        self._transport = session.transport
        session.listeners.append(self._look)

    def start(self) -> None:
        """From now on each event has a thread of its own."""
        self.turns.alone = True
        for happening in list(self.named.values()):
            self._spawn(happening)

    def close(self) -> None:
        """End all; none of what they may still do counts."""
        self._closed = True
        for happening in list(self.named.values()):
            self.end(happening)
        if self._look in self._session.listeners:
            self._session.listeners.remove(self._look)

    def statistics(self) -> EventsStatistics:
        tally = self.turns.tally
        return EventsStatistics(len(self.named), tally.turns, tally.late, tally.worst, tally.faults)

    def __str__(self) -> str:
        return "\n".join(map(repr, self.named.values())) or "nothing happens by itself"

    # --- for entries --------------------------------------------------------------------------------------------------

    def every(self, length: Any, do: Callable[[], Any], name: str | None) -> Happening:
        """Do something again and again, so far apart. Raises UserError."""
        return self._plan("every", do, self._length(length), name)

    def after(self, length: Any, do: Callable[[], Any], name: str | None) -> Happening:
        """Do something once, so much later. Raises UserError."""
        return self._plan("after", do, self._length(length), name)

    def loop(self, do: Callable[[], Any], grid: Span, name: str | None) -> Happening:
        """Run a coroutine round and round, from the next moment of a grid. Raises UserError."""
        code = getattr(do, "__code__", None)
        if code is None or not code.co_flags & COROUTINE:
            raise UserError("loop takes a function that sleeps: async def drums(): ... await sleep(1 * beat)")
        return self._plan("loop", do, grid, name)

    def _length(self, length: Any) -> Span:
        apart = span(length)
        if apart.in_seconds(self._clock()) < SHORTEST:
            raise UserError(f"{apart} is too short; expected {show(SHORTEST, 's')} or more")
        return apart

    def _clock(self) -> Transport:
        """The transport as the entry of this thread has set it."""
        transport, given = self._session.transport, self._entries.draft().patch.transport
        return transport if given.tempo == transport.tempo else Transport(transport.rate, given.tempo)

    def _plan(self, what: str, do: Callable[[], Any], length: Span, name: str | None) -> Happening:
        if not callable(do):
            raise UserError(f"{what} needs something to do, like lambda: ...; {do!r} cannot be called")
        draft = self._entries.draft()
        called = getattr(do, "__name__", "<lambda>")
        name = name or (self._free(what, draft) if called == "<lambda>" or what == "after" else called)
        known = self.named.get(name)
        version = Version(do, length)
        if known is None or known.what != what or name in draft.ending:  # each has one life, in one thread
            known = Happening(name, what, next(self._count), self._stop, version)
        happening = known
        draft.then.append(lambda: self._begin(happening, version, draft))
        return happening

    def _free(self, what: str, draft: Draft) -> str:
        number = 1
        while f"{what}{number}" in self.named or f"{what}{number}" in draft.events:
            number += 1
        draft.events.add(f"{what}{number}")
        return f"{what}{number}"

    def _stop(self, happening: Happening) -> None:
        """End it once the entry of this thread plays, or now where there is none."""
        draft = self._entries.current
        if draft is None:
            self.end(happening)
        else:
            draft.ending.add(happening.name)
            draft.then.append(lambda: self.end(happening))

    # --- their lives --------------------------------------------------------------------------------------------------

    def _begin(self, happening: Happening, version: Version, draft: Draft) -> None:
        if happening.running:
            before, happening.waiting = happening.waiting or happening.version, version
            if happening.what == "every" and before is not None and before.length != version.length:
                happening.due = self._first(happening, version.length, draft)
                happening.wake.set()
            return
        if (other := self.named.get(happening.name)) is not None:
            self.end(other)
        happening.running, happening.ended, happening.version = True, False, version
        happening.good, happening.waiting, happening.turns, happening.last = None, None, 0, -1
        happening.due = self._first(happening, version.length, draft)
        with self._lock:
            self.named = {**self.named, happening.name: happening}
        if self.turns.alone:
            self._spawn(happening)

    def _first(self, happening: Happening, length: Span, draft: Draft) -> Moment:
        """When something that is entered now begins: as its entry's quant says, then on its own grid."""
        session, transport = self._session, self._session.transport
        start = draft.frame
        if start is None:
            now = session.engine.frame + (round(MARGIN * session.rate) if self.turns.alone else 0)
            start = transport.grid(draft.waits_for or session.patch.engine.quant, now)
        if happening.what == "after":
            return Moment(float(start)).after(length, transport)
        return Moment.on_grid(length, max(start, happening.last + 1), transport)

    def end(self, happening: Happening) -> None:
        """End one, whatever it is doing."""
        happening.running, happening.ended = False, True
        with self._lock:
            self.named = {name: other for name, other in self.named.items() if other is not happening}
        draft = happening.draft
        if draft is not None and draft is not self._entries.current:
            draft.alive = False
            happening.leash.pull()
        happening.wake.set()

    def _spawn(self, happening: Happening) -> None:
        threading.Thread(target=self._live, args=(happening,), name=happening.name, daemon=True).start()

    def _live(self, happening: Happening) -> None:
        session = self._session
        while happening.running and not self._closed:
            due = happening.due.at(session.transport)
            wait = NAP if due is None else (due - session.engine.frame) / session.rate - AHEAD
            if due is None or wait > 0.0:
                happening.wake.wait(min(wait, NAP))
                happening.wake.clear()
                continue
            self.turns.step(happening, due)
        self.turns.let_go(happening)

    def later(self, frame: int, name: str, act: Callable[[], object]) -> None:
        """Do something in the session's thread when the graph has come to a frame."""
        self._later.append((frame, name, act))

    def _look(self, frame: int) -> None:
        """At every pump: do what was left for this frame; on the manual clock, all that is due by then."""
        for entry in [entry for entry in self._later if entry[0] <= frame]:
            self._later.remove(entry)
            try:
                entry[2]()
            except UserError as error:
                self._fault(entry[1], error, "")
        if self._transport is not self._session.transport:
            self._transport = self._session.transport
            for happening in self.named.values():
                happening.wake.set()
        if not self.turns.alone:
            self._run_due(frame + round(AHEAD * self._session.rate))

    def _run_due(self, horizon: int) -> None:
        while True:
            transport = self._session.transport
            times = [(h.due.at(transport), h.number, h) for h in self.named.values()]
            due = [(at, number, h) for at, number, h in times if at is not None and at <= horizon]
            if not due:
                return
            at, _, happening = min(due, key=lambda entry: entry[:2])
            self.turns.step(happening, at)
