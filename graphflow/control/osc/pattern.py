"""Patterns in addresses: `?` one character, `*` any, `[a-c]` and `[!a-c]` one of some, `{low,high}` one of several.

A name is matched by bits: bit k says that the pattern so far can end before the name's k-th character. That takes
one step per character of the pattern, whatever the pattern is; a regular expression can be made to take for ever.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import TypeAlias

SPECIAL = frozenset("?*[]{}")
LONGEST = 256
"""Characters of a pattern."""

Step: TypeAlias = Callable[[int, str, int], int]
"""From bits, a name and the bits that its length allows to the bits after this piece of pattern."""


def is_pattern(address: str) -> bool:
    return not SPECIAL.isdisjoint(address)


def matches(pattern: str, name: str) -> bool:
    """Whether a name without `/` is one of those the pattern means. Raises ValueError for a broken pattern."""
    room = (1 << (len(name) + 1)) - 1
    bits = 1
    for step in steps(pattern):
        bits = step(bits, name, room)
        if not bits:
            return False
    return bool(bits >> len(name) & 1)


@lru_cache(maxsize=256)
def steps(pattern: str) -> tuple[Step, ...]:
    """A pattern in pieces. Raises ValueError for one whose brackets do not match."""
    found: list[Step] = []
    at = 0
    while at < len(pattern):
        sign = pattern[at]
        if sign in "[{":
            end = pattern.find("]" if sign == "[" else "}", at)
            if end < 0:
                raise ValueError(f"it has a {sign} that is not closed")
            inside = pattern[at + 1 : end]
            found.append(_one_of(inside) if sign == "[" else _either(inside.split(",")))
            at = end
        elif sign in "]}":
            raise ValueError(f"it has a {sign} that nothing opens")
        elif sign == "*":
            found.append(_any)
        elif sign == "?":
            found.append(_single)
        else:
            found.append(_either([sign]))
        at += 1
    return tuple(found)


def _any(bits: int, name: str, room: int) -> int:
    return room & -(bits & -bits)  # from the lowest bit on


def _single(bits: int, name: str, room: int) -> int:
    return bits << 1 & room


def _either(words: list[str]) -> Step:
    def step(bits: int, name: str, room: int) -> int:
        after = 0
        for word in words:
            for k in range(len(name) - len(word) + 1):
                if bits >> k & 1 and name.startswith(word, k):
                    after |= 1 << (k + len(word))
        return after

    return step


def _one_of(inside: str) -> Step:
    unlike = inside.startswith("!")
    listed = inside[1:] if unlike else inside
    some: set[str] = set()
    k = 0
    while k < len(listed):
        if listed[k + 1 : k + 2] == "-" and k + 2 < len(listed):
            some.update(map(chr, range(ord(listed[k]), min(ord(listed[k + 2]), ord(listed[k]) + 255) + 1)))
            k += 3
        else:
            some.add(listed[k])
            k += 1

    def step(bits: int, name: str, room: int) -> int:
        after = 0
        for k, character in enumerate(name):
            if bits >> k & 1 and (character in some) != unlike:
                after |= 1 << (k + 1)
        return after

    return step
