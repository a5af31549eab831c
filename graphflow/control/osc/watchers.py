"""Which addresses are watched by whom, so that a change finds them without asking everybody."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TypeAlias

from graphflow.control.osc.entry import ROOT
from graphflow.control.osc.lease import Lease, Watch
from graphflow.control.osc.peer import Key

Table: TypeAlias = dict[str, dict[Watch, None]]
"""Watches by address, in the order in which they came."""


class Watchers:
    """Tables of the watches of all leases. What a watch watches may only change while it is out of them."""

    def __init__(self) -> None:
        self.values: Table = {}
        self.levels: Table = {}
        self.quick: Table = {}
        """Those of the values that are to be seen when they change: a beat, as it falls."""
        self._sources: Counter[Key] = Counter()

    def take(self, watch: Watch) -> None:
        self._sources.update(_keys(watch.lease))
        for address in watch.entries:
            for table in self._tables(watch, address):
                table.setdefault(address, {})[watch] = None

    def drop(self, watch: Watch) -> None:
        """Take one out that is in."""
        self._sources.subtract(_keys(watch.lease))
        for key in _keys(watch.lease):
            if not self._sources[key]:
                del self._sources[key]
        for address in watch.entries:
            for table in self._tables(watch, address):
                del table[address][watch]
                if not table[address]:
                    del table[address]

    def owned(self, source: Key) -> bool:
        """Whether somebody watches from there, or asked from there."""
        return source in self._sources

    def _tables(self, watch: Watch, address: str) -> Iterator[Table]:
        if watch.entries[address].what == "level":
            yield self.levels
            return
        yield self.values
        if address.startswith(f"{ROOT}/transport/"):
            yield self.quick


def _keys(lease: Lease) -> set[Key]:
    return {lease.key, lease.owner}
