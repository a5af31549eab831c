"""Bars and beats, counted on the engine's frames."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Transport:
    """The music's clock. `beat` is where it was at `frame`; without a tempo there are no bars to wait for.

    While it does not run, it stays on its beat. `before` is the clock that counts up to `frame`, where that is another:
    so a tempo may be set for a frame that is still to come.
    """

    rate: float
    tempo: float | None = None
    beats_per_bar: int = 4
    frame: int = 0
    beat: float = 0.0
    running: bool = True
    before: Transport | None = None

    def at(self, frame: int) -> Transport:
        """The clock that counts at a frame."""
        return self if self.before is None or frame >= self.frame else self.before.at(frame)

    def beat_at(self, frame: int) -> float:
        """The beat at a frame, counted from 0."""
        clock = self.at(frame)
        if not clock.running:
            return clock.beat
        return clock.beat + (frame - clock.frame) * (clock.tempo or 0.0) / 60.0 / self.rate

    def frame_of(self, beat: float) -> int:
        """The frame on which a beat falls."""
        return round(self.exact_frame_of(beat)) if self.tempo else self.frame

    def exact_frame_of(self, beat: float) -> float:
        """The same with its fraction, where there is a tempo."""
        if self.before is not None and beat < self.beat and self.before.tempo:
            return self.before.exact_frame_of(beat)
        return self.frame + (beat - self.beat) * 60.0 / (self.tempo or 60.0) * self.rate

    def with_tempo(self, tempo: float | None, frame: int) -> Transport:
        """The same clock at another tempo from `frame` on; the beat goes on from where it is."""
        clock = self.at(frame)
        return replace(clock, tempo=tempo, frame=frame, beat=clock.beat_at(frame), before=clock)

    def since(self, frame: int) -> Transport:
        """The same clock without what counted before a frame only."""
        if self.before is None or self.frame <= frame:
            return replace(self, before=None)
        return replace(self, before=self.before.since(frame))

    def rolling(self, yes: bool, frame: int) -> Transport:
        """The same clock from `frame` on: going on from the beat it is at, or standing still on it."""
        clock = self.at(frame)
        return replace(self, running=yes, frame=frame, beat=clock.beat_at(frame), before=clock)

    def grid(self, quant: str | float, frame: int) -> int:
        """The first frame at or after `frame` on which an edit may fall: now, the next beat, the next bar.

        A number is a grid of so many beats.
        """
        if self.before is not None and frame < self.frame:
            found = self.before.grid(quant, frame)
            if found <= self.frame:
                return found
            frame = self.frame
        if quant == "now" or not self.tempo or not self.running or (not isinstance(quant, str) and quant <= 0.0):
            return frame
        unit = {"beat": 1, "bar": self.beats_per_bar}[quant] if isinstance(quant, str) else quant
        # a beat that falls within this very frame counts as reached
        nearly = 0.5 * self.tempo / 60.0 / self.rate
        return self.frame_of(math.ceil((self.beat_at(frame) - nearly) / unit) * unit)

    def data(self) -> dict[str, Any]:
        """As generators receive it."""
        return {"tempo": self.tempo, "beats_per_bar": self.beats_per_bar, "frame": self.frame, "beat": self.beat}

    def __str__(self) -> str:
        if self.tempo is None:
            return "no tempo"
        return f"{self.tempo:g} bpm, {self.beats_per_bar} beats per bar{'' if self.running else ', stopped'}"
