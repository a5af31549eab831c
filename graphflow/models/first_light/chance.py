"""Dice that can be thrown again: a number that depends only on the numbers it is asked with."""

from __future__ import annotations

_ALL = 0xFFFFFFFFFFFFFFFF


def uniform(*numbers: int) -> float:
    """From 0 to below 1, the same for the same integers (SplitMix64's finaliser, folded over them)."""
    x = 0x9E3779B97F4A7C15
    for n in numbers:
        x = (x + (n & _ALL) + 0x9E3779B97F4A7C15) & _ALL
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & _ALL
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & _ALL
        x ^= x >> 31
    return (x >> 11) / 9007199254740992.0  # 2**53


def signed(*numbers: int) -> float:
    """From -1 to below 1."""
    return 2.0 * uniform(*numbers) - 1.0
