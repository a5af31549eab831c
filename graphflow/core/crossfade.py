"""Which links fade while one set of instances and links goes over into another.

An instance that stays, but must change shape (another width, or a place in the order that the old wires forbid), is
played twice during the fade: as it was, under its key with a mark, and as it will be.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace

from graphflow.core.plan import Fade, Link

MARK = "'"


def was(key: str) -> str:
    """The key of an instance as it was before."""
    return key + MARK


def crossfaded(
    old: Iterable[Link], new: Iterable[Link], staying: Collection[str], changed: Collection[str]
) -> list[tuple[Link, Fade]]:
    """Old and new side by side. `staying` are the instances of the new side and the device; `changed` play twice."""
    old, new = list(old), list(new)
    had, has = set(old), set(new)
    links: list[tuple[Link, Fade]] = []
    for link in new:
        moved = link.source in changed and link.dest not in changed
        links.append((link, "in" if link not in had or moved else ""))
    for link in old:
        before = replace(
            link,
            source=was(link.source) if link.source in changed else link.source,
            dest=was(link.dest) if link.dest in changed else link.dest,
        )
        if link.dest in changed:
            links.append((before, ""))
            if link not in has:
                links.append((replace(before, dest=link.dest), "out"))
        elif link.dest not in staying:
            links.append((before, ""))  # into what goes away itself
        elif link not in has or link.source in changed:
            links.append((before, "out"))
    return links


def going(
    old: Iterable[Link], new: Iterable[Link], staying: Collection[str], changed: Collection[str]
) -> list[tuple[Link, Fade]]:
    """The old side alone, on its way out: the first half of a fade that never plays both."""
    has = set(new)
    return [(k, "out" if k.dest in staying and (k not in has or k.source in changed) else "") for k in old]


def coming(old: Iterable[Link], new: Iterable[Link], changed: Collection[str]) -> list[tuple[Link, Fade]]:
    """The new side alone, on its way in."""
    had = set(old)
    return [(k, "in" if k not in had or k.source in changed else "") for k in new]
