"""Mute and solo: which wires of sound are silent while the patch stays as it is."""

from __future__ import annotations

from collections.abc import Iterable

import networkx as nx

from graphflow.core.graph import Graph, Wire


def silenced(graph: Graph, muted: Iterable[str], soloed: Iterable[str]) -> set[Wire]:
    """Wires of sound that carry nothing now.

    All that leave a muted node; with a solo, all but those that lead to or come from a node that plays alone. Wires
    that move params stay: what is not heard may still steer.
    """
    sound = [wire for wire in graph.wires if carries_sound(graph, wire)]
    alone = {name for name in soloed if name in graph.nodes}
    silent = {wire for wire in sound if wire.source in set(muted)}
    if alone:
        ways: nx.DiGraph[str] = nx.DiGraph((wire.source, wire.dest) for wire in sound)
        ways.add_nodes_from(alone)
        before = alone.union(*(nx.ancestors(ways, name) for name in alone))
        after = alone.union(*(nx.descendants(ways, name) for name in alone))
        silent |= {wire for wire in sound if wire.dest not in before and wire.source not in after}
    return silent


def carries_sound(graph: Graph, wire: Wire) -> bool:
    """Whether a wire leads sound into an audio in."""
    spec = graph.nodes[wire.dest].spec
    return spec is not None and wire.carries in ("audio", "signal") and wire.inlet in spec.audio_ins
