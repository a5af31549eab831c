"""One thing that happens by itself: what it does, when it is due, and which versions of it there are."""

from __future__ import annotations

import threading
from collections.abc import Callable, Coroutine, Generator
from dataclasses import dataclass, field
from typing import Any

from graphflow.control.live.draft import Draft
from graphflow.control.live.leash import Leash
from graphflow.control.live.spans import Moment, Span
from graphflow.core.units import show


class Sleep:
    """What a loop awaits."""

    def __init__(self, length: Span) -> None:
        self.length = length

    def __await__(self) -> Generator[Sleep, None, None]:
        yield self

    def __repr__(self) -> str:
        return f"sleep({self.length}): await it in a loop"


@dataclass(frozen=True)
class Version:
    """What is to be done. `length`: how far apart (every), how much later (after), on which grid it begins (loop)."""

    do: Callable[[], Any]
    length: Span


@dataclass(eq=False)
class Happening:
    """Made by `every`, `after` and `loop`, and known by its name; a new version takes over at the next turn."""

    name: str
    what: str
    number: int
    """Its place in order, where several are due on one frame."""
    stopper: Callable[[Happening], None]
    version: Version | None = None
    waiting: Version | None = None
    good: Version | None = None
    """The last version that worked."""
    due: Moment = field(default_factory=Moment)
    last: int = -1
    """The frame of the last step."""
    running: bool = False
    ended: bool = False
    turns: int = 0
    turn: Coroutine[Any, Any, Any] | None = None
    """The turn that a loop is in."""
    begun: Moment = field(default_factory=Moment)
    slept: bool = False
    length: float = 0.0
    """Frames that the last whole turn took."""
    faults: int = 0
    """How often it went wrong since it last worked."""
    told_late: bool = False
    leash: Leash = field(default_factory=Leash)
    draft: Draft | None = None
    """What its code works on, while it runs."""
    wake: threading.Event = field(default_factory=threading.Event)

    def stop(self) -> None:
        """End it; what it has changed stays."""
        self.stopper(self)

    def __repr__(self) -> str:
        version = self.waiting or self.version
        what = f"{self.what} {version.length}" if version is not None and self.what != "loop" else self.what
        if not self.running:
            return f"{self.name}: {what}{', ended' if self.ended else ''}"
        at = "" if self.due.beat is None else f", next at beat {show(self.due.beat)}"
        return f"{self.name}: {what}, {self.turns} turn{'' if self.turns == 1 else 's'}{at}"
