"""Which links fade while one set of instances and links goes over into another.

An instance that stays, but must change shape (another width, or a place in the order that the old wires forbid), is
played twice during the fade: as it was, under its key with a mark, and as it will be. An heir is a new instance that
goes on with the state of an old one: what both are fed alike it hears in full from its first frame.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from graphflow.core.plan import Fade, Link

MARK = "'"
NOBODY: Mapping[str, str] = MappingProxyType({})


def was(key: str) -> str:
    """The key of an instance as it was before."""
    return key + MARK


def crossfaded(
    old: Iterable[Link],
    new: Iterable[Link],
    staying: Collection[str],
    changed: Collection[str],
    heirs: Mapping[str, str] = NOBODY,
) -> list[tuple[Link, Fade]]:
    """Old and new side by side. `staying` are the instances of the new side and the device; `changed` play twice.

    `heirs` maps new instances to those whose state they go on with.
    """
    old, new = list(old), list(new)
    had, has = set(old), set(new)
    links: list[tuple[Link, Fade]] = []
    for link in new:
        moved = link.source in changed and link.dest not in changed
        fades = not _handed_on(link, had, heirs) and (link not in had or moved)
        links.append((link, "in" if fades else ""))
    for link in old:
        before = link
        if link.source in changed or link.dest in changed:
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


def coming(
    old: Iterable[Link], new: Iterable[Link], changed: Collection[str], heirs: Mapping[str, str] = NOBODY
) -> list[tuple[Link, Fade]]:
    """The new side alone, on its way in."""
    had = set(old)
    fades = [not _handed_on(k, had, heirs) and (k not in had or k.source in changed) for k in new]
    return [(k, "in" if fade else "") for k, fade in zip(new, fades, strict=True)]


def _handed_on(link: Link, had: Collection[Link], heirs: Mapping[str, str]) -> bool:
    """Was whom the link's end goes on from fed by it too, or by whom its source goes on from?"""
    if link.dest not in heirs:
        return False
    return replace(link, source=heirs.get(link.source, link.source), dest=heirs[link.dest]) in had
