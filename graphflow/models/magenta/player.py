"""One stream as it is heard: begun, gone on with, bypassed, begun anew and rescued, never with a click."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from graphflow.core.errors import UserError
from graphflow.models.magenta.config import CHUNK
from graphflow.models.magenta.continuing import Heard, Listener, continued
from graphflow.models.magenta.crossing import crossed, fallen, risen
from graphflow.models.magenta.engine import Engine
from graphflow.models.magenta.latch import Latch
from graphflow.models.magenta.liveness import Care, Cause, Health
from graphflow.models.magenta.seat import Seat, forget_strikes
from graphflow.models.magenta.session import Session
from graphflow.models.magenta.settings import Settings
from graphflow.models.magenta.snapshot import Snapshot
from graphflow.models.magenta.stored import Facts
from graphflow.models.magenta.wish import Wish

Sound = npt.NDArray[np.float32]
Go = Callable[[Session], None]
TRIES = 3
"""How often a chunk that is no number is made in another way."""


@dataclass(frozen=True)
class Now:
    """What a step leaves to the next one, besides the stream. Who takes a step back takes up the one before.

    `resets` and `continues`: the counters as they were seen; None: not yet, and what they begin with means nothing.
    """

    facts: Facts = field(default_factory=Facts)
    resets: float | None = None
    continues: float | None = None
    health: Health = field(default_factory=Health)
    care: Care = field(default_factory=Care)
    trouble: Cause = ""


class Player:
    """Steps a seat. `say` tells the user a line; `target` is where a reset begins, None: with nothing played yet."""

    def __init__(
        self, settings: Settings, engine: Engine, seat: Seat, latch: Latch, say: Callable[[str], None]
    ) -> None:
        self.settings, self.engine, self.seat, self.latch, self.say = settings, engine, seat, latch, say
        self.wish: Wish | None = None
        self.heard = Heard()
        self.target: Snapshot | None = None
        self.now = Now()
        self._back: Now | None = None
        self._again = False
        self._listener = Listener(self._continuing)
        self._repeated: Mapping[str, Any] = {}

    def step(self) -> Sound:
        """The next chunk, [2, 1920]."""
        before, self.latch.styled = self.now, None
        bypass = self.wish is not None and self.wish.bypass
        go = self._look()
        if not (bypass and before.facts.silent):  # what is not played need not be told
            self.latch.tell(self.now.facts.luck)
        self._back = before if go is None and not bypass and not before.facts.silent else None
        if bypass:
            return self._bypassed(go)
        old = None
        if go is not None:
            old = None if self.now.facts.silent else self.seat.step().sound
            self.seat.do(go)
        if self.now.facts.silent:
            self.seat.do(_miss_strikes)
            self._note(silent=False, rising=True)
        sound = self._next()
        if old is not None and np.isfinite(old).all():
            sound = crossed(old, sound)
            self._note(rising=not sound[:, -1].any())
        elif self.now.facts.rising:
            sound = risen(sound)
            self._note(rising=not sound.any())  # a stream may begin with silence
        return sound

    def rewind(self) -> bool:
        """Take the last step back, so that the next one makes its chunk again. False where that cannot be."""
        if self._back is None or not self.seat.do(Session.rewind):
            return False
        # what is being listened to goes on: it was asked for once
        self.now, self._back, self._again = replace(self._back, continues=self.now.continues), None, True
        return True

    def told(self) -> dict[str, Any]:
        """What the last step went by and the wish does not say: when words are understood, and listening is done."""
        codes, listener = self.latch.styled, self._listener
        told: dict[str, Any] = {"style": list(codes)} if codes is not None else {}
        return told | {name: True for name in ("begun", "ended") if getattr(listener, name)}

    def repeat(self, told: Mapping[str, Any]) -> None:
        """In a replay: the next step goes by this."""
        self._repeated = told
        self.latch.again = tuple(told["style"]) if "style" in told else None

    def anew(self, session: Session) -> None:
        """Begin the stream again, from where it began. In the engine's thread."""
        if self.target is not None:
            self.go_to(session, self.target)
        else:
            session.latch()
            session.reset()
            forget_strikes(session)

    def go_to(self, session: Session, place: Snapshot) -> None:
        """Go on from a place, with what is wanted now. In the engine's thread."""
        session.latch()
        session.restore(place, controls=False)
        forget_strikes(session)

    def _note(self, **facts: Any) -> None:
        self.now = replace(self.now, facts=replace(self.now.facts, **facts))

    def _bypassed(self, go: Go | None) -> Sound:
        """Silence that costs nothing, after a chunk in which the music fades."""
        sound = np.zeros((2, CHUNK), np.float32)
        if not self.now.facts.silent:
            last = self.seat.step().sound
            sound = fallen(last) if np.isfinite(last).all() else sound
            self._note(silent=True)
        if go is not None:
            self.seat.do(go)
        return sound

    # --- where to go on from ------------------------------------------------------------------------------------------

    def _look(self) -> Go | None:
        """What the player, the one who listens or the watcher wants to go on from; None: from here."""
        now, reset = self.now, False
        if (wish := self.wish) is not None:
            reset = now.resets is not None and wish.resets > now.resets
            if reset:
                self._listener.drop()
            if now.continues is not None and wish.continues > now.continues:
                self._listener.ask()
            self.now = replace(now, resets=wish.resets, continues=wish.continues)
        if (place := self._listened()) is not None:
            self.target = place
            reset = True
        if reset:
            self.now = replace(self.now, health=Health(), care=now.care.forget(), trouble="")
            self._note(luck=0)  # the same seed plays the same again
            return self.anew
        if now.trouble:
            return self._rescue(now.trouble)
        return None

    def _rescue(self, cause: Cause) -> Go | None:
        care, way, place = self.now.care.rescue(cause)
        self.now = replace(self.now, health=Health(), care=care, trouble="")
        if way == "none":
            return None
        self._note(luck=self.now.facts.luck + 1)
        whence = "from a moment ago" if way == "back" else "from its beginning"
        self.say(f"{_SAID[cause]}; it goes on {whence}")
        return self.anew if way == "anew" else lambda session: self.go_to(session, place)

    def _continuing(self) -> Callable[[], Snapshot]:
        """What it takes to go on from what was heard, with what is wanted now. Raises UserError."""
        sound, controls = self.heard.last(), self.seat.session.controls
        if not sound.any():
            raise UserError("has heard nothing to continue from; wire sound into its input")
        return lambda: self.engine.beside(lambda model: continued(model, sound, controls))

    def _listened(self) -> Snapshot | None:
        """The place to continue from, once it is known. In a render that is at once, in a replay when it was then."""
        try:
            if not self.settings.repeats:
                return self._listener.look(patient=self.settings.lockstep)
            repeated, self._repeated = self._repeated, {}
            if repeated.get("begun"):
                self._listener.begin()
            return self._listener.end() if repeated.get("ended") else None
        except Exception as error:  # noqa: BLE001 - the music goes on as it was
            reason = " ".join(str(error).split())
            self.say(reason if isinstance(error, UserError) else f"{type(error).__name__}: {reason}")
            return None

    # --- the next chunk, watched --------------------------------------------------------------------------------------

    def _next(self) -> Sound:
        sound = np.zeros((2, 0), np.float32)
        for _ in range(TRIES):
            chunk, self._again = self.seat.step(again=self._again), False
            sound = chunk.sound
            if not self.settings.watch:
                break
            latch, now = self.latch, self.now
            health, cause = now.health.after(
                sound, chunk.tokens, may_be_silent=latch.may_be_silent, by_chance=latch.by_chance
            )
            self.now = replace(now, health=health, care=now.care.after())
            if cause != "numbers":
                self.now = replace(self.now, trouble=cause)
                self._keep()
                break
            go = self._rescue("numbers")  # at once: there is nothing to hear
            self._back = None
            if go is None:
                break
            latch.tell_luck(self.now.facts.luck)
            self.seat.do(go)
            self._note(rising=True)
        return sound

    def _keep(self) -> None:
        """A good moment, on the model's own device: it has to be quick, every few seconds."""
        if self.now.care.keeps(self.now.health):
            self.now = replace(self.now, care=self.now.care.keep(self.seat.do(Session.snapshot)))


def _miss_strikes(session: Session) -> None:
    """What was struck while nothing played is past; what is held still begins."""
    session.latch()
    forget_strikes(session)


_SAID = {
    "numbers": "its model made a sample that is no number",
    "silence": "has fallen silent",
    "loudness": "has become too loud",
    "stuck": "repeats itself",
}
