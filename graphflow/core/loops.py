"""Loops of wires, found and named."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

import networkx as nx


def loops(names: Iterable[str], joined: Iterable[tuple[str, str]]) -> Iterator[list[str]]:
    """One shortest loop for every knot of nodes, from the node named first, back to itself."""
    names, joined = list(names), list(joined)
    if _ordered(names, joined):  # as nearly always
        return
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(names)
    graph.add_edges_from(joined)
    order = {name: number for number, name in enumerate(graph)}
    knots = sorted(nx.strongly_connected_components(graph), key=lambda knot: min(map(order.__getitem__, knot)))
    for knot in knots:
        first = min(knot, key=order.__getitem__)
        if len(knot) > 1 or graph.has_edge(first, first):
            yield _way_back(graph, first, knot)


def _ordered(names: Iterable[str], joined: Iterable[tuple[str, str]]) -> bool:
    """Whether they can be put into an order, so that there is no loop."""
    after: dict[str, list[str]] = {name: [] for name in names}
    waits = dict.fromkeys(after, 0)
    for source, dest in joined:
        after[source].append(dest)
        waits[dest] += 1
    ready = [name for name, count in waits.items() if not count]
    for name in ready:  # it grows on the way
        for dest in after[name]:
            waits[dest] -= 1
            if not waits[dest]:
                ready.append(dest)
    return len(ready) == len(after)


def _way_back(graph: nx.DiGraph[str], first: str, knot: Collection[str]) -> list[str]:
    inside = graph.subgraph(knot)
    ways = [nx.shortest_path(inside, after, first) for after in inside.successors(first)]
    return [first, *min(ways, key=len)]
