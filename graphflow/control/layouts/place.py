"""Where things lie on a sheet: rectangles, and groups that fill column after column."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import combinations
from typing import NamedTuple


class Box(NamedTuple):
    """A rectangle in pixels, its corner at the top left."""

    x: int
    y: int
    w: int
    h: int

    def overlaps(self, other: Box) -> bool:
        return (
            self.x < other.x + other.w
            and other.x < self.x + self.w
            and self.y < other.y + other.h
            and other.y < self.y + self.h
        )

    def holds(self, other: Box) -> bool:
        return (
            self.x <= other.x
            and self.y <= other.y
            and other.x + other.w <= self.x + self.w
            and other.y + other.h <= self.y + self.h
        )


def columns(sizes: Sequence[tuple[int, int]], *, left: int, top: int, limit: int, gap: int) -> list[Box]:
    """Rectangles of these sizes below each other, in as many columns as end above `limit`, as even as they can be."""
    found = _filled(sizes, left, top, limit, gap)
    count = len({box.x for box in found})
    for lower in range(limit, 0, -gap):
        tighter = _filled(sizes, left, top, lower, gap)
        if len({box.x for box in tighter}) > count:
            break
        found = tighter
    return found


def _filled(sizes: Sequence[tuple[int, int]], left: int, top: int, limit: int, gap: int) -> list[Box]:
    placed: list[Box] = []
    x, y, widest = left, top, 0
    for w, h in sizes:
        if y > top and y + h > limit:
            x, y, widest = x + widest + gap, top, 0
        placed.append(Box(x, y, w, h))
        y += h + gap
        widest = max(widest, w)
    return placed


def overlaps(boxes: Iterable[Box]) -> list[tuple[Box, Box]]:
    """The pairs that lie on each other."""
    return [(a, b) for a, b in combinations(boxes, 2) if a.overlaps(b)]
