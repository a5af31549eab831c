"""The newest wish, brought to a session: only what differs from what it was told before."""

from __future__ import annotations

from typing import Any

from graphflow.models.magenta.controls import EVERYTHING
from graphflow.models.magenta.session import Session
from graphflow.models.magenta.style.desk import StyleDesk
from graphflow.models.magenta.wish import Strikes, Wish

LUCK_BITS = 32
"""A seed's bits above these are the luck: a rescued stream that drew as before would make the same trouble again."""


class Latch:
    """`follow` a wish at any time; `tell` the session before a step.

    `styled` are the codes that it was told last, None where it was told none; when it `repeats`, `again` are those of
    the next step, in place of the desk's.
    """

    def __init__(self, session: Session, desk: StyleDesk, *, patient: bool, repeats: bool = False) -> None:
        self._session, self._desk, self._patient = session, desk, patient
        self._wish: Wish | None = None
        self._strikes = Strikes()
        self._counts: dict[int, int] = {}
        self._given: dict[str, Any] = {}
        self._styled = 0
        self._repeats = repeats
        self.styled: tuple[int, ...] | None = None
        self.again: tuple[int, ...] | None = None

    def follow(self, wish: Wish) -> None:
        """Want this from the next step on."""
        self._wish = wish
        self._counts = self._strikes.follow(wish.notes)
        if not self._repeats:
            self._desk.ask(wish.parts)

    def tell(self, luck: int) -> None:
        """Everything that is new. A style that is still being worked out comes later; `patient`: it is waited for."""
        self.styled = None
        wish = self._wish
        if wish is None:
            return
        held = frozenset(pitch for pitch, (velocity, _) in wish.notes.items() if velocity > 0.0)
        values = {**wish.controls, "held": held, "strikes": self._counts}
        values["seed"] += luck << LUCK_BITS
        if self._repeats:
            values |= {"style": self.again} if self.again is not None else {}
            self.again = None
        else:
            settled = self._desk.settle(None if self._patient else 0.0)
            version, blend = self._desk.now
            if settled or version != self._styled:
                self._styled, values["style"] = version, blend.codes
        for name, value in values.items():
            if self._give(name, value) and name == "style":
                self.styled = value

    def tell_luck(self, luck: int) -> None:
        """Other chance for the same chunk, and nothing else that is new."""
        if self._wish is not None:
            self._give("seed", self._wish.controls["seed"] + (luck << LUCK_BITS))

    def _give(self, name: str, value: Any) -> bool:
        """Set it where it is another than before."""
        if name in self._given and self._given[name] == value:
            return False
        self._session.set(name, value)
        self._given[name] = value
        return True

    def forget(self) -> None:
        """The session was told other things meanwhile."""
        self._given.clear()

    @property
    def may_be_silent(self) -> bool:
        """Whether silence is what was asked for: every pitch off, and no drums wanted."""
        told = self._given
        return told.get("unmask") == EVERYTHING and not told.get("held") and told.get("drums") != "on"

    @property
    def by_chance(self) -> bool:
        """Whether codes are drawn: without chance a stream may well repeat itself."""
        return bool(self._given.get("temperature", 1.0) > 0.0 and self._given.get("top_k", 2) > 1)
