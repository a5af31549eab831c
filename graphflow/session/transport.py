"""Bars and beats, counted on the engine's frames."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Transport:
    """The music's clock. `beat` is where it was at `frame`; without a tempo there are no bars to wait for.

    While it does not run, it stays on its beat.
    """

    rate: float
    tempo: float | None = None
    beats_per_bar: int = 4
    frame: int = 0
    beat: float = 0.0
    running: bool = True

    def beat_at(self, frame: int) -> float:
        """The beat at a frame, counted from 0."""
        if not self.running:
            return self.beat
        return self.beat + (frame - self.frame) * (self.tempo or 0.0) / 60.0 / self.rate

    def frame_of(self, beat: float) -> int:
        """The frame on which a beat falls."""
        if not self.tempo:
            return self.frame
        return self.frame + round((beat - self.beat) * 60.0 / self.tempo * self.rate)

    def with_tempo(self, tempo: float | None, frame: int) -> Transport:
        """The same clock at another tempo from `frame` on; the beat goes on from where it is."""
        return replace(self, tempo=tempo, frame=frame, beat=self.beat_at(frame))

    def rolling(self, yes: bool, frame: int) -> Transport:
        """The same clock from `frame` on: going on from the beat it is at, or standing still on it."""
        return replace(self, running=yes, frame=frame, beat=self.beat_at(frame))

    def grid(self, quant: str | float, frame: int) -> int:
        """The first frame at or after `frame` on which an edit may fall: now, the next beat, the next bar.

        A number is a grid of so many beats.
        """
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
