"""What a player asks of a Magenta stream, and the 144 numbers that say so to the model."""

from __future__ import annotations

import operator
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from numbers import Integral, Real
from types import MappingProxyType
from typing import Any

from graphflow.models.magenta.conditioning import guidance_bin
from graphflow.models.magenta.config import CODES, PITCHES, STYLE_LEVELS

FREE, OFF, SUSTAIN, ONSET, ON = -1, 0, 1, 2, 3
"""What the model is told of a pitch: nothing, off, held on, begun, or on with the beginning left to it."""
DRUMS = {"off": 0, "auto": -1, "on": 1}
NO_STYLE = (-1,) * STYLE_LEVELS
EVERYTHING = 127
"""An unmask width from which on every pitch is told."""
_SHOWN = 100  # characters of a value


KINDS: tuple[tuple[str, tuple[type, ...], str], ...] = (
    ("style", (tuple, list), "12 codes from -1 (masked) to 1023"),
    *((name, (Real,), "a number") for name in ("temperature", "guidance_style", "guidance_notes", "guidance_drums")),
    *((name, (Integral,), "a whole number") for name in ("top_k", "unmask", "seed")),
    ("drums", (str,), "off, auto or on"),
    ("onsets", (str,), "free or exact"),
    ("held", (frozenset, set), "a set of pitches 0 to 127"),
    ("strikes", (Mapping,), "a mapping from pitch to how often it was struck"),
)
"""Each control, the Python types it may have, and the words for them."""


def in_short(value: object) -> str:
    """A value as it is shown in a line."""
    text = " ".join(repr(value).split())  # an array is shown in several
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


def whole(value: Any) -> int:
    """A whole number of any kind; True is none. Raises TypeError."""
    if isinstance(value, bool):
        raise TypeError(f"{value} is no number")
    return operator.index(value)


def plain(value: Any) -> Any:
    """The same of Python's own kinds, which nobody can change later: a snapshot holds no numbers of numpy."""
    if isinstance(value, bool | str):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    if isinstance(value, tuple | list):
        return tuple(plain(one) for one in value)
    if isinstance(value, frozenset | set):
        return frozenset(plain(one) for one in value)
    if isinstance(value, Mapping):
        return MappingProxyType({plain(key): plain(one) for key, one in value.items()})
    return value


@dataclass(frozen=True)
class Controls:
    """Everything a stream can be asked for. `held`: pitches; `strikes`: how often each was struck so far."""

    style: tuple[int, ...] = NO_STYLE
    temperature: float = 1.1
    top_k: int = 50
    guidance_style: float = 1.6
    guidance_notes: float = 2.4
    guidance_drums: float = 4.0
    drums: str = "auto"
    onsets: str = "free"
    unmask: int = 0
    held: frozenset[int] = frozenset()
    strikes: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))
    seed: int = 0

    def changed(self, name: str, value: Any) -> Controls:
        """With another value of one control. Raises ValueError with one line."""
        if not isinstance(name, str) or name not in Controls.__dataclass_fields__:
            known = ", ".join(Controls.__dataclass_fields__)
            raise ValueError(
                f"{name if isinstance(name, str) else in_short(name)} is no control; expected one of {known}"
            )
        try:
            replace(self, **{name: value}).check()
            return replace(self, **{name: plain(value)})
        except (TypeError, OverflowError) as error:  # of what is in a list, or too large for a number with a point
            expected = next(words for known, _, words in KINDS if known == name)
            raise ValueError(f"{name} is {in_short(value)}; expected {expected}") from error

    def check(self) -> None:
        """Raises ValueError with one line: the control, its value, what is expected."""
        for name, kinds, expected in KINDS:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, kinds):
                raise ValueError(f"{name} is {in_short(value)}; expected {expected}")
        counts = tuple(self.strikes.values())
        for name, numbers in (
            ("style", self.style),
            ("held", self.held),
            ("strikes", self.strikes),
            ("strikes", counts),
        ):
            if any(isinstance(number, bool) or not isinstance(number, Integral) for number in numbers):
                raise ValueError(f"{name} is {in_short(getattr(self, name))}; expected whole numbers in it")
        if len(self.style) != STYLE_LEVELS or any(not -1 <= code < CODES for code in self.style):
            raise ValueError(f"style is {in_short(list(self.style))}; expected 12 codes from -1 (masked) to 1023")
        if not 0.0 <= self.temperature <= 3.0:
            raise ValueError(f"temperature is {self.temperature:g}; expected 0 to 3")
        if not 1 <= self.top_k <= CODES:
            raise ValueError(f"top_k is {self.top_k}; expected 1 to {CODES}")
        for name in ("guidance_style", "guidance_notes", "guidance_drums"):
            if not -1.0 <= getattr(self, name) <= 7.0:
                raise ValueError(f"{name} is {getattr(self, name):g}; expected -1 to 7")
        if self.drums not in DRUMS:
            raise ValueError(f"drums is {self.drums!r}; expected off, auto or on")
        if self.onsets not in ("free", "exact"):
            raise ValueError(f"onsets is {self.onsets!r}; expected free or exact")
        if not 0 <= self.unmask <= EVERYTHING:
            raise ValueError(f"unmask is {self.unmask}; expected 0 to {EVERYTHING}")
        if not -(2**63) <= self.seed < 2**63:
            raise ValueError(f"seed is {self.seed}; expected {-(2**63)} to {2**63 - 1}")
        for name, pitches in (("held", self.held), ("strikes", self.strikes)):
            if any(not 0 <= pitch < PITCHES for pitch in pitches):
                raise ValueError(f"{name} is {in_short(sorted(pitches))}; expected pitches 0 to {PITCHES - 1}")


@dataclass(frozen=True)
class Fingers:
    """Which pitches sounded in the last chunk, and how often each had been struck by then."""

    sounding: frozenset[int] = frozenset()
    strikes: Mapping[int, int] = field(default_factory=lambda: MappingProxyType({}))

    def play(self, controls: Controls) -> tuple[dict[int, int], Fingers]:
        """What each sounding pitch is in the next chunk, and the fingers after it.

        A note begun and ended between two chunks still gets its chunk of onset; one struck again begins again.
        """
        struck = {p for p, count in controls.strikes.items() if count > self.strikes.get(p, 0)}
        sounding = controls.held | struck
        states = {}
        for pitch in sounding:
            begun = pitch in struck or pitch not in self.sounding
            states[pitch] = ON if controls.onsets == "free" else ONSET if begun else SUSTAIN
        return states, Fingers(frozenset(sounding), controls.strikes)


@dataclass(frozen=True)
class Asked:
    """One chunk's orders: the model's numbers and how it draws."""

    conditions: tuple[int, ...]
    temperature: float
    top_k: int
    seed: int


def ask(controls: Controls, fingers: Fingers) -> tuple[Asked, Fingers]:
    """The next chunk's orders, and the fingers after it."""
    states, after = fingers.play(controls)
    pitches = [OFF if controls.unmask >= EVERYTHING else FREE] * PITCHES
    if controls.unmask < EVERYTHING:
        for pitch in states:
            for near in range(max(0, pitch - controls.unmask), min(PITCHES, pitch + controls.unmask + 1)):
                pitches[near] = OFF
    for pitch, state in states.items():
        pitches[pitch] = state
    guidance = (
        guidance_bin(controls.guidance_style, 0.2, 40),
        guidance_bin(controls.guidance_notes, 0.2, 40),
        guidance_bin(controls.guidance_drums, 1.0, 8),
    )
    row = (*controls.style, *pitches, DRUMS[controls.drums], *guidance)
    return Asked(row, controls.temperature, controls.top_k, controls.seed), after
