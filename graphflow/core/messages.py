"""What travels on wires that do not carry sound."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Part:
    """One ingredient of a style: words, a picture's features, a piece of sound or a model's own tokens.

    Exactly one of `text`, `image`, `audio`, `tokens` is set. `audio` names a file; `image` holds plain numbers.
    """

    weight: float = 1.0
    text: str | None = None
    image: Mapping[str, Any] | None = None
    audio: str | None = None
    tokens: tuple[int, ...] | None = None

    def data(self) -> dict[str, Any]:
        """Plain data, as a worker receives it."""
        for name in ("text", "image", "audio", "tokens"):
            value = getattr(self, name)
            if value is not None:
                return {name: list(value) if isinstance(value, tuple) else value, "weight": self.weight}
        return {"text": "", "weight": self.weight}


@dataclass(frozen=True)
class Style:
    """What the music should be like: a weighted list of parts, the same for every generator."""

    parts: tuple[Part, ...] = ()

    @classmethod
    def of(cls, text: str, weight: float = 1.0) -> Style:
        """A style of one prompt."""
        return cls((Part(weight=weight, text=text),))

    def scaled(self, factor: float) -> Style:
        """The same parts, each weight times `factor`."""
        return Style(tuple(Part(p.weight * factor, p.text, p.image, p.audio, p.tokens) for p in self.parts))

    @classmethod
    def merged(cls, styles: Iterable[Style]) -> Style:
        """All parts of all styles, in order; parts without weight are left out."""
        return cls(tuple(part for style in styles for part in style.parts if part.weight > 0.0))

    def data(self) -> dict[str, Any]:
        return {"parts": [part.data() for part in self.parts]}

    def __str__(self) -> str:
        return " + ".join(f"{p.weight:.3g} {p.text or 'image' if p.image is None else 'image'}" for p in self.parts)


@dataclass(frozen=True)
class Image:
    """A picture: `pixels` is [height, width, 3] uint8 as nested bytes, with its size."""

    width: int
    height: int
    pixels: bytes
    name: str = ""


@dataclass(frozen=True)
class Notes:
    """Held notes: pairs of MIDI pitch (0..127) and velocity (0..1).

    `strikes`: pairs of a pitch and how often it was struck since its sender began. By its count a listener that looks
    now and then learns of a note that began and ended between two looks, and of one that was struck again.
    """

    held: tuple[tuple[int, float], ...] = ()
    strikes: tuple[tuple[int, int], ...] = ()

    def struck(self, pitch: int, velocity: float = 1.0) -> Notes:
        """With one more stroke of a pitch, which is held from now on."""
        counts = dict(self.strikes)
        counts[pitch] = counts.get(pitch, 0) + 1
        return Notes(_sorted({**dict(self.held), pitch: velocity}), _sorted(counts))

    def released(self, *pitches: int) -> Notes:
        """With these pitches let go of."""
        return Notes(tuple((pitch, velocity) for pitch, velocity in self.held if pitch not in pitches), self.strikes)

    @classmethod
    def merged(cls, several: Iterable[Notes]) -> Notes:
        """Held by any of them, the loudest velocity counts; strikes add up."""
        loudest: dict[int, float] = {}
        counts: dict[int, int] = {}
        for notes in several:
            for pitch, velocity in notes.held:
                loudest[pitch] = max(velocity, loudest.get(pitch, 0.0))
            for pitch, count in notes.strikes:
                counts[pitch] = count + counts.get(pitch, 0)
        return cls(_sorted(loudest), _sorted(counts))

    def data(self) -> list[list[float]]:
        """Plain data, as a worker receives it: pitch, velocity (0: not held), strikes."""
        held, counts = dict(self.held), dict(self.strikes)
        return [[pitch, held.get(pitch, 0.0), counts.get(pitch, 0)] for pitch in sorted({*held, *counts})]


def _sorted(by_pitch: Mapping[int, Any]) -> tuple[tuple[int, Any], ...]:
    return tuple(sorted(by_pitch.items()))


class Signal:
    """The type of a wire that carries one number, which changes now and then; the value itself is a float."""


@dataclass(frozen=True)
class Osc:
    """A message from or for outside: an address, and arguments that are numbers, words or switches.

    `to` is where one for outside goes, as `host:port`. `hz`: of such messages at most so many a second are sent, and
    the last one always; 0: every one.
    """

    address: str
    arguments: tuple[Any, ...] = ()
    to: str = ""
    hz: float = 0.0

    def __str__(self) -> str:
        return " ".join([self.address, *map(repr, self.arguments)])
