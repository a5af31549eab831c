"""What every generated kernel is built with: ramps that glide or follow a wire, held values, bypass."""

from __future__ import annotations

from typing import Any

from numba import float32, njit

from graphflow.audio.layout import MAX, MIN, PARAM_WORDS, REMAINING, STEP, TARGET
from graphflow.audio.native import INLINE, doubles, floats, planes

INLINED = INLINE


@njit(**INLINED)  # type: ignore[untyped-decorator]
def moves(record: int, wire: int) -> bool:
    """Does the ramp have more than one value in this block?"""
    return wire != 0 or doubles(record, PARAM_WORDS)[REMAINING] > 0.0


@njit(**INLINED)  # type: ignore[untyped-decorator]
def fill_ramp(record: int, wire: int, scratch: int, frames: int) -> None:
    """One value per frame into scratch.

    A glide is worked out backwards from its target, never added up: any split into blocks gives the same bits.
    What comes by wire is brought into the param's range.
    """
    param = doubles(record, PARAM_WORDS)
    out = floats(scratch, frames)
    if wire != 0:
        low, high = float32(param[MIN]), float32(param[MAX])
        signal = floats(wire, frames)
        for i in range(frames):
            value = signal[i]
            # in this order a value that is no number becomes the lower end
            out[i] = min(value if value > low else low, high)
    elif param[REMAINING] > 0.0:
        target, step, remaining = param[TARGET], param[STEP], param[REMAINING]
        for i in range(frames):
            out[i] = float32(target - step * max(remaining - 1.0 - i, 0.0))
    else:
        still = float32(param[TARGET])
        for i in range(frames):
            out[i] = still


@njit(**INLINED)  # type: ignore[untyped-decorator]
def finish_ramp(record: int, frames: int) -> None:
    param = doubles(record, PARAM_WORDS)
    param[REMAINING] = max(param[REMAINING] - frames, 0.0)


@njit(**INLINED)  # type: ignore[untyped-decorator]
def number(record: int, wire: int) -> Any:
    """A held param's value for this block: its own, or the wire's first frame."""
    param = doubles(record, PARAM_WORDS)
    value = float32(param[TARGET])
    if wire != 0:
        low, high = float32(param[MIN]), float32(param[MAX])
        signal = floats(wire, 1)[0]
        value = min(signal if signal > low else low, high)
    return value


@njit(**INLINED)  # type: ignore[untyped-decorator]
def bypassed(out: int, out_channels: int, into: int, in_channels: int, amount: int, frames: int) -> None:
    """Blend what came in over what goes out; fully bypassed is the input to the bit."""
    result, source = planes(out, out_channels, frames), planes(into, in_channels, frames)
    share = floats(amount, frames)
    for c in range(out_channels):
        k = min(c, in_channels - 1)
        for i in range(frames):
            dry, wet, b = source[k, i], result[c, i], share[i]
            result[c, i] = dry if b >= float32(1.0) else wet + b * (dry - wet)
