"""Gliding from the values that are to those of a scene, each param along its own curve."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from graphflow.core.declare import Numeric

End = tuple[str, str]
"""A node and its param."""
Goal = tuple[Numeric, float, float]
"""A param's declaration, its value now and its value then."""


@dataclass(frozen=True)
class _Way:
    declared: Numeric
    start: float  # 0..1
    goal: float  # 0..1
    value: float


@dataclass
class Morph:
    """Numbers on their way, from `begin` to `begin + frames`. `frame` is where the engine is."""

    begin: int
    frames: int
    ways: dict[End, _Way] = field(default_factory=dict)

    @classmethod
    def to(cls, goals: Mapping[End, Goal], begin: int, frames: int) -> Morph:
        """To goals, from a frame on, in so many frames."""
        ways = {end: _Way(d, d.norm(now), d.norm(then), then) for end, (d, now, then) in goals.items()}
        return cls(begin, max(1, frames), ways)

    def drop(self, end: End) -> None:
        """Somebody has set this param: it goes its own way."""
        self.ways.pop(end, None)

    def goal(self, end: End) -> float | None:
        """Where a param will arrive; None where it is not on the way."""
        return self.ways[end].value if end in self.ways else None

    def over(self, frame: int) -> bool:
        return not self.ways or frame >= self.begin + self.frames

    def look(self, frame: int, put: Callable[[End, float], None]) -> None:
        """Bring every param to where it should be at a frame."""
        part = min(max((frame - self.begin) / self.frames, 0.0), 1.0)
        for end, way in list(self.ways.items()):
            there = part >= 1.0
            put(end, way.value if there else way.declared.value_at(way.start + part * (way.goal - way.start)))
