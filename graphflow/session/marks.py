"""Which nodes are mute and which play alone. No part of the patch, but they go where its nodes go."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Marks:
    """The names of nodes that are muted, and of those that are soloed."""

    muted: frozenset[str] = frozenset()
    soloed: frozenset[str] = frozenset()

    def within(self, names: Collection[str]) -> Marks:
        """Those of nodes that are there."""
        return Marks(self.muted.intersection(names), self.soloed.intersection(names))

    def without(self, names: Collection[str]) -> Marks:
        """Those of other nodes."""
        return Marks(self.muted.difference(names), self.soloed.difference(names))

    def renamed(self, names: Mapping[str, str]) -> Marks:
        """The same with nodes called otherwise, by their old names."""
        return Marks(
            frozenset(names.get(name, name) for name in self.muted),
            frozenset(names.get(name, name) for name in self.soloed),
        )

    def and_of(self, others: Marks, names: Collection[str]) -> Marks:
        """These, and as `others` have them the nodes of some names."""
        found = others.within(names)
        return Marks(self.muted | found.muted, self.soloed | found.soloed)


NONE = Marks()
