"""The curves of a transformer in float32, written out so that a loop of them becomes vectors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba.extending import register_jitable

from graphflow.models.magenta.cpu_dots import as_float

Float = Any
"""A float32 in compiled code."""
ONE, HALF, TWO = np.float32(1.0), np.float32(0.5), np.float32(2.0)


@register_jitable(fastmath={"contract"})  # type: ignore[untyped-decorator]
def exp(x: Float) -> Float:
    """e to the x in float32, within 2e-7 of it."""
    x = min(max(x, np.float32(-87.0)), np.float32(88.0))
    whole = np.int32(x * np.float32(1.44269504) + np.float32(127.5))  # never negative, so cutting off is rounding down
    n = np.float32(whole) - np.float32(127.0)
    r = x - n * np.float32(0.693359375) - n * np.float32(-2.12194440e-4)
    p = np.float32(1.9875691500e-4)
    for c in (1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1):
        p = p * r + np.float32(c)
    return (p * r * r + r + ONE) * as_float(np.uint32(np.uint32(whole) << np.uint32(23)))


@register_jitable  # type: ignore[untyped-decorator]
def tanh(x: Float) -> Float:
    return ONE - TWO / (exp(TWO * x) + ONE)


@register_jitable  # type: ignore[untyped-decorator]
def gelu(x: Float) -> Float:
    """The tanh form."""
    return HALF * x * (ONE + tanh(np.float32(0.7978845608) * (x + np.float32(0.044715) * x * x * x)))
