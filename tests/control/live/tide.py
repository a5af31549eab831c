"""A sound in which every frame can be told from every other."""

from __future__ import annotations

from graphflow import AudioNode, AudioOut, State, float64


class Tide(AudioNode):
    """Rises by 2**-16 a frame, and begins anew at 1: a jump, a gap or a new start is heard at once."""

    seen = State(float64)
    out = AudioOut("The tide.")

    @staticmethod
    def tick(seen: float) -> tuple[float, float]:
        return seen / 65536.0, (seen + 1.0) % 65536.0
