"""Nodes that stay silent, as nobody knows their kinds or these cannot be made; and who is told."""

from __future__ import annotations

from collections.abc import Callable

from graphflow.core.difference import Difference
from graphflow.core.graph import Graph, unknown_kinds
from graphflow.core.library import Library
from graphflow.session.parts import Unplayable


class Placeholders:
    """Knows which kinds were left out, so that each silent node is told of once."""

    def __init__(self, report: Callable[[str], None]) -> None:
        self._report = report
        self._left_out: frozenset[str] = frozenset()

    def leave_out(self, wrong: Unplayable, library: Library) -> Library:
        """The library without kinds that cannot be made, which is told."""
        for problem in wrong.problems:
            self._report(f"{problem.place.split('.')[1]} stays silent; {problem}")
        self._left_out |= wrong.kinds
        return Library(*(cls for kind, cls in library.items() if kind not in wrong.kinds))

    def tell(self, graph: Graph, library: Library, change: Difference, *, anew: bool) -> None:
        """Say which of the nodes that are new stay silent, as nobody knows their kinds. `anew`: the library is new."""
        if anew:
            self._left_out &= {kind for kind in self._left_out if kind not in library}
        known = Graph({name: node for name, node in graph.nodes.items() if node.kind not in self._left_out})
        for problem in unknown_kinds(known, library):
            if problem.place.split(".")[1] in (*change.added, *change.replaced):
                self._report(f"{problem.place.split('.')[1]} stays silent; {problem}")

    def __str__(self) -> str:
        return f"{len(self._left_out)} kinds left out"
