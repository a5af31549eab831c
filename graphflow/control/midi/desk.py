"""MIDI as the REPL, OSC and other faces of a session reach it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from graphflow.core.errors import UserError

if TYPE_CHECKING:
    from graphflow.control.midi.service import MidiService
    from graphflow.session import Session

_services: WeakKeyDictionary[Session, MidiService] = WeakKeyDictionary()


def connect(session: Session, service: MidiService | None) -> None:
    """Note which service a session has; None: none any more."""
    if service is None:
        _services.pop(session, None)
    else:
        _services[session] = service


def midi_of(session: Session) -> MidiService:
    """The MIDI of a session. Raises UserError where it is off."""
    if session not in _services:
        raise UserError("MIDI is off; play with --midi")
    return _services[session]


def learn(session: Session, target: str, *, relative: str = "", takeover: str = "pickup") -> str:
    """Map the control that is turned or pressed next; returns what to do, as a line.

    `target` is a param (`hall.mix`), a node's mute (`band.mute`), a macro, a scene or an action (play, stop, running,
    hush, panic) by its name, or the OSC address of one; "" waits no more.
    `relative` says how an endless knob sends its steps (twos, offset, sign), `takeover` what happens while knob and
    value are apart (pickup, scale, jump). What was learned is reported and is part of the patch, an edit like any
    other. To be called in the session's thread. Raises UserError.
    """
    return midi_of(session).lessons.learn(target, relative=relative, takeover=takeover)


def forget(session: Session, target: str) -> str:
    """Let no control turn what `learn` names any more; returns what was taken out. Raises UserError."""
    return midi_of(session).lessons.forget(target)


def roll(session: Session, yes: bool, frame: int = 0) -> None:
    """Let a session's beats go on or stand still. Raises UserError while they follow a MIDI clock, which has the word.

    `frame` is one to come, or one that was reached just now (0: the engine's). To be called in the session's thread.
    """
    leader = _services[session].leader if session in _services else ""
    if leader:
        raise UserError(f"transport: the beats follow the MIDI clock of '{leader}'; start and stop it there")
    session.roll(yes, frame)


__all__ = ["connect", "forget", "learn", "midi_of", "roll"]
