"""What knobs turn: the table [midi] of the patch that plays, at work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphflow.control.midi.actions import do, is_on, is_state, put
from graphflow.control.midi.knobs import Knob, Move
from graphflow.core.declare import Choice, Numeric, Switch
from graphflow.core.errors import UserError
from graphflow.core.macro import macro_range
from graphflow.core.midi import Control, Midi
from graphflow.session import Session

NEAR = 1.5 / 127.0
"""So near to a value's place a knob takes it up."""
ON = 64.0 / 127.0
STEP = 1.0 / 127.0
"""The part of its range that one step of an endless knob goes."""


class Turn:
    """One control and what it turns."""

    def __init__(self, session: Session, section: str, target: str, control: Control) -> None:
        self.session, self.section, self.target, self.control = session, section, target, control
        self.knob = Knob(control)
        self._at: float | None = None  # where the knob stood last
        self._left: Any = None  # the value that it left behind; another one: somebody else has moved it
        self._together = False  # whether that value is where the knob is
        self._place = 0.0  # where an endless knob stands, finer than the value's own steps

    def taken(self) -> None:
        """A hand is on it: it need not be brought to where the value is."""
        self._left, self._together = self.value(), True

    def move(self, move: Move) -> None:
        """Carry out what was done to the control. Raises UserError."""
        if self.section in ("scenes", "actions", "mutes"):
            self._press(move)
            return
        declared = self.declared()
        if isinstance(declared, Switch):
            self._put((not self.value()) if move.pressed else (move.at or 0.0) >= ON)
        elif isinstance(declared, Choice):
            last = len(declared.choices) - 1
            now = declared.choices.index(self.value())
            place = now + move.steps if move.at is None else round(move.at * last)
            self._put(declared.choices[min(max(place, 0), last)])
        elif isinstance(declared, Numeric):
            self._number(declared, move)

    def _press(self, move: Move) -> None:
        """A key, or a controller whose upper half counts as pressed."""
        was, self._at = self._at, move.at
        on = move.at is not None and move.at >= ON
        pressed = move.pressed or (on and (was is None or was < ON))
        if self.section == "scenes":
            if pressed:
                self.session.scene(self.target, self.control.seconds)
        elif is_state(self.section, self.target):
            put(self.session, self.section, self.target, on if move.at is not None else not self.value())
        elif pressed:
            do(self.session, self.target)

    def _number(self, declared: Numeric, move: Move) -> None:
        value = self.value()
        here = self._place_of(declared, value)
        if move.at is None:
            if value != self._left:
                self._place = here
            least = self._least(declared)
            self._place = min(max(self._place + move.steps * max(STEP, least), 0.0), 1.0)
            self._put(self._value_at(declared, self._place))
            return
        was, self._at = self._at, move.at
        goal = self._taken_over(here, was, move.at, self._together and value == self._left)
        if goal is not None:
            self._together = goal == move.at
            self._put(self._value_at(declared, goal))

    def _taken_over(self, here: float, was: float | None, at: float, held: bool) -> float | None:
        """Where the value goes when the knob is moved from `was` to `at`; None: it is not the knob's yet."""
        if held or self.control.takeover == "jump" or abs(at - here) <= NEAR:
            return at
        if was is not None and (was - here) * (at - here) <= 0.0:
            return at  # it has gone past
        if self.control.takeover == "scale" and was is not None and at != was:
            # what is left of the knob's way is what is left of the value's, so that both arrive together
            end = 1.0 if at > was else 0.0
            return here + (end - here) * ((at - was) / (end - was)) if end != was else None
        return None

    # --- what it turns --------------------------------------------------------------------------------------------

    def declared(self) -> Any:
        if self.section == "macros":
            macro, params = self.session.macro_params(self.target)
            return macro_range(macro, next(iter(params.values()))) if params else None
        return self.session.find(*self.target.split(".", 1))[1]

    def value(self) -> Any:
        """Where it stands now."""
        if self.section == "macros":
            return self.session.macro_value(self.target)
        if self.section == "params":
            return self.session.get(*self.target.split(".", 1))
        return is_on(self.session, self.section, self.target) if is_state(self.section, self.target) else None

    def _put(self, value: Any) -> None:
        if self.section == "macros":
            self.session.macro(self.target, value)
        else:
            node, _, param = self.target.partition(".")
            self.session.set(node, param, value, clip=True)
        self._left = self.value()

    def _ends(self, declared: Numeric) -> tuple[float, float]:
        """Where on the param's own knob this one begins and ends."""
        control = self.control
        low = 0.0 if control.min is None else declared.norm(declared.clip(control.min))
        return low, 1.0 if control.max is None else declared.norm(declared.clip(control.max))

    def _value_at(self, declared: Numeric, place: float) -> float:
        low, high = self._ends(declared)
        return declared.value_at(low + place * (high - low))

    def _place_of(self, declared: Numeric, value: float) -> float:
        low, high = self._ends(declared)
        return (declared.norm(value) - low) / (high - low) if high != low else 0.0

    def _least(self, declared: Numeric) -> float:
        """The part of the way that the param's own step is."""
        low, high = self._ends(declared)
        return declared.step / (declared.max - declared.min) / abs(high - low) if high != low else 0.0

    def __str__(self) -> str:
        return f"{self.target} by {self.control}"


class Maps:
    """All controls of the patch that plays; they follow its edits."""

    def __init__(self, session: Session, report: Callable[[str], None]) -> None:
        self.session, self._report = session, report
        self._turns: dict[tuple[str, str], Turn] = {}
        self._read: Any = None
        self._told: set[str] = set()

    def turns(self) -> list[Turn]:
        """One for each control, as the patch has them now."""
        midi = self.session.patch.midi
        if midi is not self._read:
            self._read = midi
            now = {(section, target): c for section, table in midi.items() for target, c in table.items()}
            kept = {end: turn for end, turn in self._turns.items() if now.get(end) == turn.control}
            self._turns = {end: kept.get(end) or Turn(self.session, *end, c) for end, c in now.items()}
        return list(self._turns.values())

    def hear(self, message: Midi) -> None:
        """Turn what this message turns."""
        for turn in self.turns():
            if (move := turn.knob.hear(message)) is not None:
                self._move(turn, move)

    def flush(self) -> None:
        """No more messages for now."""
        for turn in self.turns():
            for move in turn.knob.flush():
                self._move(turn, move)

    def _move(self, turn: Turn, move: Move) -> None:
        try:
            turn.move(move)
        except UserError as error:
            line = f"midi.{turn.section}.{turn.target}: {error}"
            if line not in self._told:
                self._told.add(line)
                self._report(line)

    def taken(self, section: str, target: str) -> None:
        """The control was just learned, so a hand is on it."""
        self.turns()
        if (turn := self._turns.get((section, target))) is not None:
            turn.taken()

    def __str__(self) -> str:
        return "\n".join(map(str, self.turns())) or "no controls are mapped"


__all__ = ["Maps", "Turn"]
