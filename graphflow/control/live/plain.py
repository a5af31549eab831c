"""Values as a patch holds them, whatever they came as."""

from __future__ import annotations

import numbers
from typing import Any

DIGITS = 12
"""Significant digits of a number that is written: 1.1, not 1.1000000000000001."""


def plain(value: Any) -> Any:
    """A value in Python's own types; what is none of them stays, and is refused where it is used."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, Plain):
        return value.plain()
    if isinstance(value, numbers.Integral):
        return int(value)
    if isinstance(value, numbers.Real):
        return float(f"{float(value):.{DIGITS}g}")
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return value


class Plain:
    """What stands for a value and knows it."""

    def plain(self) -> Any:
        raise NotImplementedError  # each says what it stands for
