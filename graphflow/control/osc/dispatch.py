"""From an address to what is there: by a dictionary, or, where the address is a pattern, by a trie of its parts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TypeAlias

from graphflow.control.osc.entry import Entry
from graphflow.control.osc.pattern import LONGEST, is_pattern, matches

KEPT = 256
"""Patterns whose answers are remembered."""

Branch: TypeAlias = "dict[str, Branch | Entry]"


class Dispatch:
    """Finds entries. `replace` when the addresses have changed; a pattern means values only, never actions."""

    def __init__(self, entries: Mapping[str, Entry]) -> None:
        self.replace(entries)

    def replace(self, entries: Mapping[str, Entry]) -> None:
        self.exact = entries
        self._trie: Branch | None = None
        self._known: dict[str, tuple[Entry, ...]] = {}

    def find(self, address: str) -> tuple[Entry, ...]:
        """All that an address means; empty for nothing. Raises ValueError for a broken pattern."""
        entry = self.exact.get(address)
        if entry is not None:
            return (entry,)
        return self.matching(address) if is_pattern(address) else ()

    def matching(self, pattern: str) -> tuple[Entry, ...]:
        """The values a pattern means, in the tree's order. Raises ValueError for a broken pattern."""
        if len(pattern) > LONGEST:
            raise ValueError(f"a pattern of {len(pattern)} characters; expected at most {LONGEST}")
        found = self._known.get(pattern)
        if found is None:
            if self._trie is None:
                self._trie = trie(entry for entry in self.exact.values() if entry.value is not None)
            found = tuple(_walk(self._trie, pattern.strip("/").split("/")))
            if len(self._known) >= KEPT:
                self._known.clear()
            self._known[pattern] = found
        return found


def trie(entries: Iterable[Entry]) -> Branch:
    """Addresses by their parts. What is at an address that others go on from is under "" there."""
    root: Branch = {}
    for entry in entries:
        branch = root
        for part in entry.address.strip("/").split("/"):
            below = branch.setdefault(part, {})
            assert isinstance(below, dict)  # entries are under "", and no part is empty
            branch = below
        branch[""] = entry
    return root


def _walk(root: Branch, parts: list[str]) -> Iterable[Entry]:
    branches = [root]
    for part in parts:
        below: list[Branch] = []
        for branch in branches:
            if not is_pattern(part):
                names: Iterable[str] = (part,) if part and part in branch else ()
            else:
                names = [name for name in branch if name and matches(part, name)]
            for name in names:
                inner = branch[name]
                assert isinstance(inner, dict)  # only "" leads to an entry
                below.append(inner)
        branches = below
    for branch in branches:
        entry = branch.get("")
        if isinstance(entry, Entry):
            yield entry
