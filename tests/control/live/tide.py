"""A sound in which every frame can be told from every other, and what is not heard beside it."""

from __future__ import annotations

from graphflow import AudioNode, AudioOut, ControlNode, Held, Outlet, Ramp, Signal, State, float64


class Tide(AudioNode):
    """Rises by 2**-16 a frame, and begins anew at 1: a jump, a gap or a new start is heard at once."""

    seen = State(float64)
    out = AudioOut("The tide.")

    @staticmethod
    def tick(seen: float) -> tuple[float, float]:
        return seen / 65536.0, (seen + 1.0) % 65536.0


class Calm(AudioNode):
    """Nothing, unless it is given a value."""

    value = Ramp(0.0, "The number.", min=-1.0, max=1.0)
    out = AudioOut("It.")

    @staticmethod
    def tick(value: float) -> float:
        return value


class Rest(ControlNode):
    """Sends nothing but 0, unless it is given a value."""

    value = Held(0.0, "The number.")
    level = Outlet(Signal, "It.")

    async def run(self) -> None:
        async for _ in self.changes():
            self.level.send(self.value)
