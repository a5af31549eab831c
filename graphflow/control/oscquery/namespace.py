"""The address space in the words of the OSCQuery proposal: containers, attributes, and what an edit did to them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeAlias

from graphflow.control.osc.entry import Access, Entry
from graphflow.control.osc.lease import Values, messages_of

Read: TypeAlias = Callable[[Entry], Values | None]
News: TypeAlias = tuple[Literal["PATH_ADDED", "PATH_REMOVED", "PATH_RENAMED", "PATH_CHANGED"], Any]

UNITS = {
    "Hz": "time.hz",
    "dB": "gain.db",
    "s": "time.second",
    "ms": "time.ms",
    "bpm": "time.bpm",
    "ct": "time.cents",
}
"""The proposal's names of units; what it has no name for keeps ours."""

ATTRIBUTES = ("FULL_PATH", "CONTENTS", "TYPE", "ACCESS", "VALUE", "RANGE", "UNIT", "CLIPMODE", "DESCRIPTION", "TAGS")
"""What can be asked for by `?NAME`, besides HOST_INFO."""
EXTENSIONS = ("ACCESS", "VALUE", "RANGE", "UNIT", "CLIPMODE", "DESCRIPTION", "TAGS", "LISTEN")
NEWS = ("PATH_ADDED", "PATH_REMOVED", "PATH_RENAMED", "PATH_CHANGED")


@dataclass
class Place:
    """A part of an address: a container, something to set or read, or both."""

    path: str
    entry: Entry | None = None
    below: dict[str, Place] = field(default_factory=dict)


def tree(entries: Mapping[str, Entry]) -> Place:
    """The entries by the parts of their addresses; the root is `/`."""
    root = Place("/")
    for address, entry in entries.items():
        place = root
        for path in ancestors(address):
            place = place.below.setdefault(path.rpartition("/")[2], Place(path))
        place.entry = entry
    return root


def ancestors(address: str) -> Iterator[str]:
    """`/gf`, `/gf/hush` for `/gf/hush`."""
    path = ""
    for part in address.strip("/").split("/"):
        path += f"/{part}"
        yield path


def find(root: Place, path: str) -> Place | None:
    """The place at a path; None where there is none."""
    place: Place | None = root
    for part in filter(None, path.split("/")):
        place = place.below.get(part) if place is not None else None
    return place


def described(place: Place, read: Read, words: Mapping[str, str]) -> dict[str, Any]:
    """A place and all below it, as JSON has it. `words` describe containers by their path.

    What can be set or read is shown without what is below it, its `/norm` twin: many clients take what has contents for
    a container, and some refuse what is both. The twin is there for who asks for it.
    """
    found = attributes(place, read, words)
    if place.below and place.entry is None:
        found["CONTENTS"] = contents(place, read, words)
    return found


def contents(place: Place, read: Read, words: Mapping[str, str]) -> dict[str, Any]:
    """All that is below a place."""
    return {name: described(below, read, words) for name, below in place.below.items()}


def attributes(place: Place, read: Read, words: Mapping[str, str]) -> dict[str, Any]:
    """All attributes of one place, without its contents."""
    found: dict[str, Any] = {"FULL_PATH": place.path}
    entry = place.entry
    if entry is None:
        found["ACCESS"] = int(Access.NONE)
        if place.path in words:
            found["DESCRIPTION"] = words[place.path]
        return found
    found |= {"TYPE": entry.types or "N", "ACCESS": int(entry.access), "DESCRIPTION": entry.doc}
    value = read(entry) if entry.access & Access.READ else None
    if value is not None:
        found["VALUE"] = list(messages_of(entry, value)[0])
    if entry.choices:
        found["RANGE"] = [{"VALS": list(entry.choices)}]
    elif any(entry.ranges):
        found["RANGE"] = [{} if pair is None else {"MIN": pair[0], "MAX": pair[1]} for pair in entry.ranges]
        if entry.access & Access.WRITE:
            found["CLIPMODE"] = ["none" if pair is None else "both" for pair in entry.ranges]
    if entry.unit:
        found["UNIT"] = [UNITS.get(entry.unit, entry.unit)] * len(entry.types)
    found["TAGS"] = [entry.what, *(["exp"] if entry.warp == "exp" else [])]
    return found


# --- what an edit did -------------------------------------------------------------------------------------------------


def news(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> list[News]:
    """What clients are told after an edit: the highest place that came or went, not each address below it."""
    was, now = _paths(before), _paths(after)
    gone, came = _tops(before, now), _tops(after, was)
    found: list[News] = []
    for old, new in _renamed(gone, came, before, after):
        gone.remove(old)
        came.remove(new)
        found.append(("PATH_RENAMED", {"OLD": old, "NEW": new}))
    found += [("PATH_REMOVED", path) for path in gone]
    found += [("PATH_ADDED", path) for path in came]
    found += [("PATH_CHANGED", path) for path in after if path in before and before[path] != after[path]]
    return found


def _paths(entries: Mapping[str, Entry]) -> set[str]:
    return {path for address in entries for path in ancestors(address)}


def _tops(entries: Mapping[str, Entry], others: set[str]) -> list[str]:
    """The highest paths of these entries that the others have not."""
    tops: dict[str, None] = {}
    for address in entries:
        top = next((path for path in ancestors(address) if path not in others), None)
        if top is not None:
            tops[top] = None
    return list(tops)


def _renamed(
    gone: list[str], came: list[str], before: Mapping[str, Entry], after: Mapping[str, Entry]
) -> list[tuple[str, str]]:
    """Pairs that are alike in all but the name, and like no other."""
    old = {path: _shape(path, before) for path in gone}
    new = {path: _shape(path, after) for path in came}
    pairs = []
    for path, shape in old.items():
        alike = [other for other, theirs in new.items() if theirs == shape and _parent(other) == _parent(path)]
        rivals = [other for other, theirs in old.items() if theirs == shape and _parent(other) == _parent(path)]
        if len(alike) == len(rivals) == 1:
            pairs.append((path, alike[0]))
    return pairs


def _parent(path: str) -> str:
    return path.rpartition("/")[0]


def _shape(path: str, entries: Mapping[str, Entry]) -> dict[str, Entry]:
    return {
        address[len(path) :]: replace(entry, address="", node="", param="", doc="", value=None, take=None)
        for address, entry in entries.items()
        if address == path or address.startswith(f"{path}/")
    }
