"""The mathematics a `tick` may use. Plain Python here; the compiler puts float32 code in their place.

`tan` is the rational approximation filters need (within 1e-4 up to 0.49 of the rate), `floor` gives a float.
"""

from __future__ import annotations

import math
from math import cos, exp, expm1, log, log2, sin, sqrt, tan, tanh

PI = math.pi
TAU = math.tau


def floor(x: float) -> float:
    """The whole number below, as a float."""
    return float(math.floor(x))


def db(level: float) -> float:
    """The gain of a level in dB."""
    return float(10.0 ** (level / 20.0))


def clamp(x: float, low: float, high: float) -> float:
    return low if x < low else high if x > high else x


def wrap(x: float) -> float:
    """A phase in cycles brought back to 0..1."""
    return x - math.floor(x)


def random_next(state: int) -> int:
    """The next state of a random generator (xorshift, 32 bits; Marsaglia 2003)."""
    state ^= (state << 13) & 0xFFFFFFFF
    state ^= state >> 17
    return state ^ ((state << 5) & 0xFFFFFFFF)


def random_bipolar(state: int) -> float:
    """A random state read as a number from -1 to 1."""
    return state * (2.0 / 4294967296.0) - 1.0


__all__ = [
    "PI",
    "TAU",
    "clamp",
    "cos",
    "db",
    "exp",
    "expm1",
    "floor",
    "log",
    "log2",
    "random_bipolar",
    "random_next",
    "sin",
    "sqrt",
    "tan",
    "tanh",
    "wrap",
]
