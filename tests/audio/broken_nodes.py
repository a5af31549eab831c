"""Nodes that are wrong, each in one way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from graphflow import AudioIn, AudioNode, AudioOut, Coefficient, Held, Ramp, State, float64

SPELLING = {"a": 1.0}


def again(x: float) -> float:
    return again(x - 1.0) if x > 0.0 else x


class Undefined(AudioNode):
    out = AudioOut()

    @staticmethod
    def tick(rate: float) -> float:
        half = rate / 2.0
        return half * lenght  # type: ignore[name-defined]  # noqa: F821


class Dictionary(AudioNode):
    out = AudioOut()

    @staticmethod
    def tick() -> float:
        return SPELLING["a"]


class WrongCall(AudioNode):
    out = AudioOut()

    @staticmethod
    def tick(rate: float) -> float:
        x = rate + 1.0
        return x.real_part()  # type: ignore[attr-defined, no-any-return]


class Text(AudioNode):
    out = AudioOut()

    @staticmethod
    def tick(rate: float) -> float:
        return "loud"  # type: ignore[return-value]


class Recursive(AudioNode):
    out = AudioOut()

    @staticmethod
    def tick() -> float:
        return again(3.0)


class Allocates(AudioNode):
    input = AudioIn()
    out = AudioOut()

    @staticmethod
    def process(input: NDArray[np.float32], out: NDArray[np.float32], block: int) -> None:
        louder = input * input
        for i in range(block):
            out[0, i] = louder[0, i]


class WritesToItsIn(AudioNode):
    input = AudioIn()
    out = AudioOut()

    @staticmethod
    def process(input: NDArray[np.float32], out: NDArray[np.float32], block: int) -> None:
        for i in range(block):
            input[0, i] = 0.0
            out[0, i] = 0.0


class CoefficientsInProcess(AudioNode):
    level = Ramp(0.5)
    k = Coefficient()
    out = AudioOut()

    @staticmethod
    def coefficients(level: float) -> float:
        return level

    @staticmethod
    def process(out: NDArray[np.float32], block: int) -> None: ...


class OutOfBounds(AudioNode):
    line = State(size=10)
    out = AudioOut()

    @staticmethod
    def process(out: NDArray[np.float32], line: NDArray[np.float32], frame: int, block: int) -> None:
        for i in range(block):
            out[0, i] = 0.25 + line[0, (frame + i) // 100]


class Endless(AudioNode):
    input = AudioIn()
    out = AudioOut()

    @staticmethod
    def tick(input: float) -> float:
        x = input
        while x < 1.0:
            x = x * 0.5
        return x


class TurnsBad(AudioNode):
    phase = State(float64)
    out = AudioOut()

    @staticmethod
    def tick(phase: float) -> tuple[float, float]:
        root = 1000.0 - float(phase)
        return 0.25 / root if root > 0.0 else root / 0.0, phase + 1.0


class Odd(AudioNode):
    """Params named as the engine's own words are."""

    width = Ramp(0.5)
    context = Ramp(0.25)
    params = Ramp(0.125, max=2.0)
    i = Ramp(1.0)
    c = Ramp(1.0)
    float32 = Ramp(1.0)
    range = State()
    out = AudioOut()

    @staticmethod
    def tick(
        width: float, context: float, params: float, i: float, c: float, float32: float, range: float
    ) -> tuple[float, float]:
        return width + context + params * i * c * float32 + 0.0 * range, range + 1.0


class Widens(AudioNode):
    """Its numbers are whole, which must not turn float32 into double."""

    input = AudioIn()
    level = Ramp(1.0, max=2.0)
    memory = State()
    out = AudioOut()

    @staticmethod
    def tick(input: float, level: float, memory: float) -> tuple[float, float]:
        x = 0
        for k in range(3):
            x = x + input * 2 - min(level, 1) / float(1 + k)
        return max(x, -2) if x > 0 else x**2, (memory + 3) * 0.5


class HalfHeard(AudioNode):
    """Its second out is wired nowhere as a rule; at a value of 1 the first makes no numbers."""

    value = Held(0.0, "0 is well.", max=1.0)
    seen = State()
    heard, unheard = AudioOut("0.125."), AudioOut("Nothing.")

    @staticmethod
    def tick(value: float, seen: float) -> tuple[float, float, float]:
        return 0.125 + 0.0 / (1.0 - value), 0.0, seen + 1.0
