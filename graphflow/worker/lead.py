"""How far ahead a generator plays: as little as its machine allows."""

from __future__ import annotations

from collections.abc import Iterable

LEAST, FIRST, MOST = 0.1, 0.3, 2.0
"""Seconds."""
UNDERRUN, NARROW, WIDE = 1.5, 1.15, 0.97
"""Factors of one step up after an underrun, up after a near miss, and down."""
UP_SECONDS, DOWN_SECONDS = 0.5, 5.0
"""Between two steps up, and between two steps down."""


class Lead:
    """Seconds ready ahead. Up when frames were missed or nearly so, slowly down while there is room."""

    def __init__(self) -> None:
        self.seconds = FIRST
        self._since_up = UP_SECONDS
        self._calm = 0.0

    def observe(self, elapsed: float, missed: int, margins: Iterable[float]) -> None:
        """`elapsed` seconds passed, `missed` frames were not there; `margins`: seconds left as each chunk was done."""
        margin = min(margins, default=self.seconds)
        self._since_up += elapsed
        self._calm += elapsed
        if missed or margin < 0.25 * self.seconds:
            self._calm = 0.0
            if self._since_up >= UP_SECONDS:
                self._since_up = 0.0
                self.seconds = min(MOST, self.seconds * (UNDERRUN if missed else NARROW))
        elif margin < 0.5 * self.seconds:
            self._calm = 0.0
        elif self._calm >= DOWN_SECONDS:
            self._calm = 0.0
            self.seconds = max(LEAST, self.seconds * WIDE)
