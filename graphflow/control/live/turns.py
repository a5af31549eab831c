"""One step of what happens by itself: its code run as an entry at a frame, and what follows if that goes wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from graphflow.control.live.alarms import Alarms
from graphflow.control.live.draft import Draft
from graphflow.control.live.entry import Entries
from graphflow.control.live.happening import Happening, Sleep, Version
from graphflow.control.live.leash import Stopped
from graphflow.control.live.spans import BEAT, SHORTEST, Moment, Span, exact
from graphflow.core.errors import UserError
from graphflow.core.units import show
from graphflow.session import Session

LIMIT = 2.0
"""Seconds that code may run without a pause before it is stopped."""
STUCK = 1.0
"""Seconds after which code that cannot be stopped is left behind."""
BEHIND, LOST = 0.05, 10.0
"""Seconds an event may be late before that is told, and before what it missed is left out."""
FAULTS = 3
"""How often in a row a version that has worked may go wrong before it ends."""

Fault = Callable[[str, BaseException, str], None]
"""Told each error: the event's name, what was raised, and what follows from it."""


@dataclass
class Tally:
    """How many turns were done, how many began late and by how many seconds at worst, how many went wrong."""

    turns: int = 0
    late: int = 0
    worst: float = 0.0
    faults: int = 0


class Turns:
    """Carries out steps. `end` ends an event, `later` does something in the session's thread at a frame.

    `alone`: each event has a thread of its own, which can be left behind.
    """

    def __init__(
        self,
        session: Session,
        entries: Entries,
        alarms: Alarms,
        tell: Callable[[str], None],
        fault: Fault,
        end: Callable[[Happening], None],
        later: Callable[[int, str, Callable[[], object]], None],
    ) -> None:
        self._session, self._entries, self._alarms = session, entries, alarms
        self._tell, self._fault, self._end, self._later = tell, fault, end, later
        self.limit, self.stuck, self.alone = LIMIT, STUCK, False
        self.tally = Tally()

    def step(self, happening: Happening, frame: int) -> None:
        """Run what is due at a frame, and see when the next is."""
        frame = happening.last = self._on_time(happening, frame)
        if happening.turn is None and happening.waiting is not None:
            happening.version, happening.waiting, happening.faults = happening.waiting, None, 0
        version = happening.version
        assert version is not None  # it has begun
        try:
            if happening.what == "loop":
                self._go_on(happening, version, frame)
            else:
                self._entry(happening, frame, version.do)
        except Stopped as stopped:
            if not happening.running:
                self.let_go(happening)
                return
            why = UserError(f"it ran for {show(self.limit, 's')} without a pause and was stopped")
            self._went_wrong(happening, version, why.with_traceback(stopped.__traceback__))
        except Exception as error:  # noqa: BLE001 - the performer's code may raise anything; the rest goes on
            self._went_wrong(happening, version, error)
        else:
            self._went_well(happening, version)

    def _on_time(self, happening: Happening, frame: int) -> int:
        session = self._session
        late = (session.engine.frame - frame) / session.rate
        if late <= BEHIND:
            return frame
        self.tally.late += 1
        self.tally.worst = max(self.tally.worst, late)
        left_out = late > LOST and happening.turn is None
        if not happening.told_late or left_out:
            happening.told_late = True
            rest = "goes on from here" if left_out else "catches up"
            self._tell(f"{happening.name} is {show(round(late, 2), 's')} behind; it {rest}")
        if not left_out or happening.version is None:
            return frame
        happening.due = Moment.on_grid(happening.version.length, session.engine.frame, session.transport)
        return happening.due.at(session.transport) or frame

    def _entry(self, happening: Happening, frame: int, act: Callable[[], Any]) -> Any:
        """Run code as an entry at a frame, for no longer than it may."""

        def begun(draft: Draft) -> None:
            happening.draft, draft.beat = draft, happening.due.beat

        def play(draft: Draft) -> None:
            silence()
            if draft.structural or draft.steps:
                for line in self._session.call(draft.play):
                    self._tell(f"{happening.name}: {line}")
            elif draft.values:
                draft.files.put()
                self._session.call(lambda: self._set(happening.name, draft.values, frame))

        silence = self._alarms.after(self.limit, lambda: self._too_long(happening))
        try:
            return self._entries.run(act, play, happening.leash, frame, begun)
        finally:
            silence()
            happening.draft = None

    def _set(self, name: str, values: dict[tuple[str, str], Any], frame: int) -> None:
        session = self._session
        for (node, param), value in values.items():
            if node not in session.graph.nodes:  # taken out meanwhile
                continue
            spec = session.graph.nodes[node].spec
            if spec is None or spec.room == "audio" or frame <= session.engine.frame:
                session.set(node, param, value, frame=frame)
            else:  # what is not made of frames is set when its frame has come
                self._later(frame, name, partial(session.set, node, param, value))

    def _go_on(self, happening: Happening, version: Version, frame: int) -> None:
        """One stretch of a loop: from a sleep to the next, or to the turn's end."""
        if happening.turn is None:
            happening.turn, happening.begun, happening.slept = version.do(), happening.due, False
        turn = happening.turn

        def stretch() -> Any:
            try:
                return turn.send(None)
            except StopIteration:
                return None

        asked = self._entry(happening, frame, stretch)
        transport = self._session.transport
        if isinstance(asked, Sleep):
            seconds = asked.length.in_seconds(transport)
            happening.slept |= seconds >= SHORTEST
            if seconds > 0.0:
                happening.due = happening.due.after(asked.length, transport)
        elif asked is not None:
            raise UserError("a loop can await sleep(...) only")
        elif not happening.slept:
            raise UserError("it does not sleep; put await sleep(1 * beat) in it")
        else:
            happening.turn = None
            happening.length = exact(happening.due, transport) - exact(happening.begun, transport)

    def _went_well(self, happening: Happening, version: Version) -> None:
        if happening.turn is not None:
            return
        happening.good, happening.faults = version, 0
        happening.turns += 1
        self.tally.turns += 1
        if happening.what == "after":
            self._end(happening)
        elif happening.what == "every":
            self._next(happening, version)

    def _next(self, happening: Happening, version: Version) -> None:
        try:
            happening.due = happening.due.after(version.length, self._session.transport)
        except UserError as error:  # there is no tempo any more
            self._fault(happening.name, error, "it has ended")
            self._end(happening)

    def _went_wrong(self, happening: Happening, version: Version, error: BaseException) -> None:
        """Go back to the last version that worked; that one may go wrong a few times. Without one it ends."""
        self.tally.faults += 1
        self.let_go(happening)
        good = happening.good
        happening.faults = happening.faults + 1 if good is version else 0
        goes_on = good is not None and happening.faults < FAULTS
        rest = "it goes on" if good is version else "the version before plays on"
        self._fault(happening.name, error, rest if goes_on else "it has ended")
        if good is None or not goes_on:
            self._end(happening)
            return
        happening.version = good
        if happening.what == "every":
            self._next(happening, good)
        else:
            self._next_turn(happening, least=1 if good is version else 0)

    def _next_turn(self, happening: Happening, least: int) -> None:
        """Have a loop's next turn begin where it would have, were all as long as the last: `least` turns on or more."""
        transport = self._session.transport
        begun, now = exact(happening.begun, transport), exact(happening.due, transport)
        turns = max(least, -(-(now - begun) // happening.length))
        seconds = turns * happening.length / transport.rate
        if transport.tempo and happening.begun.beat is not None:
            happening.due = happening.begun.after(seconds * transport.tempo / 60.0 * BEAT, transport)
        else:
            happening.due = happening.begun.after(Span(seconds=seconds), transport)

    def let_go(self, happening: Happening) -> None:
        """Close a turn that will not go on."""
        turn, happening.turn = happening.turn, None
        if turn is None:
            return
        try:
            turn.close()
        except BaseException as error:  # noqa: BLE001 - what it does at its end is the performer's
            self._fault(happening.name, error, "")

    def _too_long(self, happening: Happening) -> None:
        """Its time is over: stop it, and leave it behind where it cannot be stopped."""
        draft = happening.draft
        if draft is None or not happening.leash.pull() or not self.alone:
            return

        def still() -> None:
            if happening.draft is draft and happening.running:
                draft.alive = False
                busy = UserError(f"it was still busy {show(self.stuck, 's')} after it was stopped")
                self._fault(happening.name, busy, "it is left behind")
                self._end(happening)

        self._alarms.after(self.stuck, still)
