"""Units as musicians write them, and how a value is shown."""

from __future__ import annotations

import math

UNITS = ("", "Hz", "dB", "s", "ms", "bpm", "st", "ct", "%")


def show(value: float, unit: str = "") -> str:
    """`30000 Hz`, `0.375 s`, `-6 dB`: no more digits than a person would write."""
    if math.isfinite(value):
        number = f"{value:.6g}" if abs(value) < 1e6 else f"{value:.7g}"
        if "e" in number and 1e-4 <= abs(value) < 1e9:
            number = f"{value:.0f}"
    else:
        number = str(value)
    return f"{number} {unit}" if unit else number


def level_of(gain: float) -> float:
    """The level in dB of a factor; silence is -inf."""
    return 20.0 * math.log10(gain) if gain > 0.0 else -math.inf
