"""Mapping controls while it plays: say what is to be turned, turn a knob, and the patch knows it."""

from __future__ import annotations

from graphflow.control.midi.learn import Learning
from graphflow.control.midi.maps import Maps
from graphflow.control.midi.targets import called, find_target, pressable, turnable
from graphflow.core.errors import UserError
from graphflow.core.midi import OPTIONS, Control, Midi
from graphflow.session import Session
from graphflow.session.session import Report


class Lessons:
    """Learns one control at a time; each is an edit of the patch like any other."""

    def __init__(self, session: Session, maps: Maps, report: Report) -> None:
        self._session, self._maps, self._report = session, maps, report
        self._learning: Learning | None = None

    @property
    def waits_for(self) -> str:
        """For what a control is waited for, or nothing."""
        return called(self._learning.section, self._learning.target) if self._learning is not None else ""

    def learn(self, target: str, *, relative: str = "", takeover: str = "pickup") -> str:
        """Map the control that is turned or pressed next; returns what to do, as a line.

        `target` is a param (`hall.mix`), a node's mute (`band.mute`), a macro, scene or action by its name, or the OSC
        address of one; "" waits no more.
        `relative` says how an endless knob sends its steps (twos, offset, sign), `takeover` what happens while knob
        and value are apart (pickup, scale, jump). Raises UserError.
        """
        if not target:
            self._learning = None
            return "no control is waited for"
        section, name = find_target(target, self._session)
        options = {"relative": relative, "takeover": takeover}
        for key, value in options.items():
            try:
                OPTIONS[key].parse(value) if value else None
            except ValueError as error:
                raise UserError(f"{key} {error}") from error
        pressed, turned = pressable(section, name, self._session), turnable(section, name, self._session)
        if not (pressed or turned):
            raise UserError(f"{name} is a text, which cannot be turned; map a scene that says it")
        self._learning = Learning(section, name, pressed, turned, options)
        return f"{'press or turn' if pressed and turned else 'turn'} a control for {called(section, name)}"

    def forget(self, target: str) -> str:
        """Let nothing turn what `learn` names any more; returns what was taken out. Raises UserError."""
        section, name = find_target(target, self._session)
        control = self._session.patch.midi.get(section, {}).get(name)
        if control is None:
            raise UserError(f"{called(section, name)} is turned by no control; learn one first")
        self._session.play(self._session.patch.with_control(section, name, None))
        return f"{called(section, name)} is turned by {control} no more"

    def hear(self, message: Midi, now: float) -> bool:
        """Whether this message was what a control was waited for."""
        control = self._learning.hear(message, now) if self._learning is not None else None
        if control is not None:
            self._learned(control)
        return control is not None

    def look(self, now: float) -> None:
        """The time has come so far."""
        if self._learning is not None and (control := self._learning.look(now)) is not None:
            self._learned(control)

    def _learned(self, control: Control) -> None:
        learning, self._learning = self._learning, None
        assert learning is not None  # the caller has looked
        patch = self._session.patch
        name = called(learning.section, learning.target)
        others = [
            called(section, target)
            for section, table in patch.midi.items()
            for target, other in table.items()
            if (section, target) != (learning.section, learning.target) and same_knob(control, other)
        ]
        try:
            self._session.play(patch.with_control(learning.section, learning.target, control))
        except UserError as error:  # the node has gone meanwhile
            self._report(f"{name} was not mapped: {error}")
            return
        self._maps.taken(learning.section, learning.target)
        too = f", which turns {', '.join(others)} too" if others else ""
        self._report(f"{name} is turned by {control}{too}")


def same_knob(one: Control, other: Control) -> bool:
    """Whether one turn may move both."""
    channels = one.channel == other.channel or not (one.channel and other.channel)
    return (one.source, one.number) == (other.source, other.number) and channels
