"""Lengths of time as music counts them, and moments on the graph's clock that stay exact however long it plays."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from graphflow.core.errors import UserError
from graphflow.core.units import show
from graphflow.session.transport import Transport

SHORTEST = 0.001
"""Seconds: what repeats takes at least this long."""


@dataclass(frozen=True)
class Span:
    """So many bars, beats and seconds: `4 * beat`, `bar / 2`, `beat + 0.1`. Plain numbers are seconds."""

    bars: float = 0.0
    beats: float = 0.0
    seconds: float = 0.0

    def __add__(self, other: Any) -> Span:
        if not is_span(other):
            return NotImplemented
        more = span(other)
        return Span(self.bars + more.bars, self.beats + more.beats, self.seconds + more.seconds)

    __radd__ = __add__

    def __sub__(self, other: Any) -> Span:
        return self + -1.0 * span(other) if is_span(other) else NotImplemented

    def __rsub__(self, other: Any) -> Span:
        return span(other) + -1.0 * self if is_span(other) else NotImplemented

    def __mul__(self, factor: Any) -> Span:
        if isinstance(factor, bool) or not isinstance(factor, (int, float)):
            return NotImplemented
        return Span(self.bars * factor, self.beats * factor, self.seconds * factor)

    __rmul__ = __mul__

    def __truediv__(self, divisor: Any) -> Span:
        if isinstance(divisor, bool) or not isinstance(divisor, (int, float)):
            return NotImplemented
        return self * (1.0 / divisor)

    @property
    def counts_beats(self) -> bool:
        return bool(self.bars or self.beats)

    def in_beats(self, transport: Transport) -> float:
        """The part of it that is counted in beats."""
        return self.bars * transport.beats_per_bar + self.beats

    def in_seconds(self, transport: Transport) -> float:
        """Its length now. Raises UserError where it counts beats and there is no tempo."""
        if not self.counts_beats:
            return self.seconds
        if not transport.tempo:
            raise UserError(f"{self}: there is no tempo to count it by; set one first, like tempo = 120")
        return self.seconds + self.in_beats(transport) * 60.0 / transport.tempo

    def __str__(self) -> str:
        parts = [_counted(self.bars, "bar"), _counted(self.beats, "beat"), show(self.seconds, "s")]
        worth = [bool(self.bars), bool(self.beats), bool(self.seconds)]
        return " + ".join(part for part, said in zip(parts, worth, strict=True) if said) or "0 s"

    __repr__ = __str__


def _counted(number: float, what: str) -> str:
    return f"{show(number)} {what}" + ("" if number == 1.0 else "s")


def is_span(value: Any) -> bool:
    return isinstance(value, (Span, int, float)) and not isinstance(value, bool)


def span(value: Any) -> Span:
    """A length of time as it is typed. Raises UserError."""
    if isinstance(value, Span):
        return value
    if not is_span(value) or not math.isfinite(value):
        raise UserError(f"{value!r} is no length of time; expected seconds, or beats like 4 * beat")
    return Span(seconds=float(value))


BEAT, BAR = Span(beats=1.0), Span(bars=1.0)


@dataclass(frozen=True)
class Moment:
    """A place on the graph's clock: a beat, which moves with the tempo, or a frame; neither is ever rounded."""

    frame: float = 0.0
    beat: float | None = None

    def at(self, transport: Transport) -> int | None:
        """The frame on which it falls; None for a beat while there is no tempo, or while the beats stand still."""
        if self.beat is None:
            return round(self.frame)
        return transport.frame_of(self.beat) if transport.tempo and transport.running else None

    def after(self, length: Span, transport: Transport) -> Moment:
        """So much later. Raises UserError where beats are to be counted without a tempo."""
        seconds = length.in_seconds(transport)
        if length.counts_beats and not length.seconds:
            beat = transport.beat_at(self.frame) if self.beat is None else self.beat  # type: ignore[arg-type]
            return Moment(beat=beat + length.in_beats(transport))
        return Moment(exact(self, transport) + seconds * transport.rate)

    @classmethod
    def on_grid(cls, length: Span, frame: int, transport: Transport) -> Moment:
        """The first moment from a frame on that so many beats divide; the frame itself for a span of seconds."""
        if not length.counts_beats or length.seconds or not transport.tempo:
            return cls(float(frame))
        unit = length.in_beats(transport)
        nearly = 0.5 * transport.tempo / 60.0 / transport.rate  # a beat that falls within this very frame is reached
        return cls(beat=math.ceil((transport.beat_at(frame) - nearly) / unit) * unit)


def exact(moment: Moment, transport: Transport) -> float:
    """The frame, with its fraction."""
    if moment.beat is None or not transport.tempo:
        return moment.frame
    return transport.exact_frame_of(moment.beat)
