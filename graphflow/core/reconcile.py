"""Wires that came from two hands: one that is there in two spellings, and one too many for where it leads."""

from __future__ import annotations

from dataclasses import replace

from graphflow.core.graph import Graph, Wire, build_node, resolve
from graphflow.core.library import Library
from graphflow.core.patch import Patch
from graphflow.core.ports import takes_many
from graphflow.core.wires import hops, without


def reconciled(patch: Patch, theirs: Patch, library: Library) -> tuple[Patch, list[str]]:
    """The patch with each wire once, and one wire where one is taken: that of `theirs`; and a line for each cut."""
    if patch.wires == theirs.wires:
        return patch, []
    graph = Graph({name: build_node(name, node, library, []) for name, node in patch.nodes.items()})
    first = [wire for text in theirs.wires for wire in _wires(text, graph).values()]
    fed = {(wire.dest, wire.inlet): wire for wire in first if _takes_one(graph, wire)}
    seen: set[Wire] = set()
    lines: list[str] = []
    kept: list[str] = []
    for text in patch.wires:
        cut: set[str] = set()
        for hop, wire in _wires(text, graph).items():
            other = fed.setdefault((wire.dest, wire.inlet), wire) if _takes_one(graph, wire) else wire
            if wire in seen:
                cut.add(hop)
            elif other != wire:
                cut.add(hop)
                lines.append(f"wires: {other} comes in place of {wire}, as {wire.dest}.{wire.inlet} takes one wire")
            seen.add(wire)
        kept += without([text], lambda hop, cut=cut: str(hop) in cut) if cut else [text]  # type: ignore[misc]
    return replace(patch, wires=tuple(kept)), lines


def _takes_one(graph: Graph, wire: Wire) -> bool:
    spec = graph.nodes[wire.dest].spec
    return spec is not None and not takes_many(spec.declarations[wire.inlet])


def _wires(text: str, graph: Graph) -> dict[str, Wire]:
    """A wire's hops, as far as they lead anywhere; what is wrong with the others is found by whoever builds it."""
    found: dict[str, Wire] = {}
    try:
        along = hops(text)
    except ValueError:
        return found
    for hop in along:
        try:
            wire = resolve(hop, graph.nodes)
        except ValueError:
            continue
        if wire is not None:
            found[str(hop)] = wire
    return found
