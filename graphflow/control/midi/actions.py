"""What keys and buttons do that is no param: play, stop, hush, panic, and mutes."""

from __future__ import annotations

from graphflow.control.midi.desk import roll
from graphflow.session import Session

STATES = frozenset({"running", "hush"})
"""Actions that are on or off: a key turns them over, a controller says which."""


def is_state(section: str, name: str) -> bool:
    """Whether it is on or off, and not just done."""
    return section == "mutes" or name in STATES


def is_on(session: Session, section: str, name: str) -> bool:
    """Where a state stands."""
    if section == "mutes":
        return name in session.muted
    return session.engine.gain == 0.0 if name == "hush" else session.transport.at(session.engine.frame).running


def put(session: Session, section: str, name: str, on: bool) -> None:
    """Bring a state to on or off; what is so already stays. Raises UserError."""
    if on == is_on(session, section, name):
        return
    if section == "mutes":
        session.mute(name, on=on)
    elif name == "hush":
        session.hush(on)
    else:
        roll(session, on)


def do(session: Session, name: str) -> None:
    """Do what is no state. Raises UserError."""
    if name == "panic":
        session.panic()
    else:
        roll(session, name == "play")
