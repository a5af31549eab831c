"""Wires added, cut and divided in a patch's texts, so that they read as a person would have written them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cached_property

from graphflow.core.errors import UserError
from graphflow.core.graph import Graph, GraphNode, Wire, resolve
from graphflow.core.library import Library
from graphflow.core.patch import Patch
from graphflow.core.wires import End, Hop, ends, hops, text

Between = Callable[[Hop], tuple[End, ...] | None]
"""What comes between the two ends of a hop; None where it is cut."""


class Wiring:
    """The wires of a patch: each hop, and what it stands for. `playing`: the graph of a patch that may be the same."""

    def __init__(self, patch: Patch, library: Library, playing: Graph) -> None:
        self.wires = patch.wires
        self._patch, self._library, self._playing = patch, library, playing
        self._around: dict[str, list[Hop]] | None = None

    @cached_property
    def nodes(self) -> dict[str, GraphNode]:
        """The nodes with their kinds, without values."""
        return {
            name: GraphNode(name, node.kind, self._library[node.kind].spec if node.kind in self._library else None)
            for name, node in self._patch.nodes.items()
        }

    @cached_property
    def found(self) -> dict[Wire | str, Hop]:
        """All hops by what they stand for, or by their text where a placeholder hides that."""
        along = [hop for wire in self.wires for hop in hops(wire)]
        known = self._playing.wires
        if len(along) == len(known) and all(map(self._same, along, known)):
            return dict(zip(known, along, strict=True))
        return {self.meaning(hop): hop for hop in along}

    def _same(self, hop: Hop, wire: Wire) -> bool:
        """Whether a hop stands for a wire that plays: the same names, at nodes of the same kinds."""
        nodes, playing = self._patch.nodes, self._playing.nodes
        return (
            (hop.source.node, hop.dest.node) == (wire.source, wire.dest)
            and hop.source.port in (None, wire.outlet)
            and hop.dest.port in (None, wire.inlet)
            and all(n in nodes and n in playing and nodes[n].kind == playing[n].kind for n in (wire.source, wire.dest))
        )

    def meaning(self, hop: Hop) -> Wire | str:
        """Raises UserError where the two ends do not fit."""
        try:
            return resolve(hop, self.nodes) or str(hop)
        except ValueError as error:
            raise UserError(f"{hop}: {error}") from error

    def into(self, node: str, inlet: str) -> list[Wire]:
        """The wires that lead to an inlet or a param."""
        return [w for w in self.found if isinstance(w, Wire) and (w.dest, w.inlet) == (node, inlet)]

    def of(self, node: str) -> list[Hop]:
        """The hops that begin or end at a node."""
        if self._around is None:
            self._around = {}
            for hop in self.found.values():
                for end in {hop.source.node, hop.dest.node}:
                    self._around.setdefault(end, []).append(hop)
        return self._around.get(node, [])

    def join(self, hop: Hop, after: str | None) -> str | None:
        """Add a hop: to the end of the text `after`, where that still stands and leads there, else as a new text.

        Returns the text that ends in it; None where the hop was there. Raises UserError where its ends do not fit.
        """
        meaning = self.meaning(hop)
        if meaning in self.found:
            return None
        self.found[meaning], self._around = hop, None
        follows = after is not None and after in self.wires and hop.source.port is None
        if after is not None and follows and ends(after)[-1].node == hop.source.node:
            longer = f"{after} -> {hop.dest}"
            self.wires = tuple(longer if wire == after else wire for wire in self.wires)
            return longer
        self.wires = (*self.wires, str(hop))
        return str(hop)

    def cut(self, cut: Callable[[Wire | str, Hop], bool]) -> tuple[str, ...]:
        """The texts without the hops that `cut` names."""
        return rewritten(self.wires, lambda hop: None if cut(self.meaning(hop), hop) else ())

    def divided(self, source: str, dest: str, between: str) -> tuple[str, ...]:
        """The texts with a node in every direct wire from one node to another, at the ports they had."""

        def middle(hop: Hop) -> tuple[End, ...]:
            return (End(between),) if (hop.source.node, hop.dest.node) == (source, dest) else ()

        seen: set[Wire | str] = set()

        def once(hop: Hop) -> tuple[End, ...] | None:
            meaning = self.meaning(hop)
            if meaning in seen:
                return None
            seen.add(meaning)
            return ()

        return rewritten(rewritten(self.wires, middle), once)


def rewritten(wires: Iterable[str], between: Between) -> tuple[str, ...]:
    """The texts with every hop as `between` wants it, asked once for each; what it leaves alone stays as it was."""
    kept: list[str] = []
    for wire in wires:
        along = [(hop, between(hop)) for hop in hops(wire)]
        if all(middle == () for _, middle in along):
            kept.append(wire)
            continue
        run: list[End] = []
        for hop, middle in along:
            if middle is None:
                kept += [text(run)] if run else []
                run = []
            else:
                run += [*middle, hop.dest] if run else [hop.source, *middle, hop.dest]
        kept += [text(run)] if run else []
    return tuple(kept)
