"""The graph: nodes with complete values, joined by typed wires; built from a patch and the kinds there are."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from graphflow.core.declare import Inlet
from graphflow.core.errors import Problem, did_you_mean
from graphflow.core.library import Library
from graphflow.core.literals import literal_fault, parsed, takes_literal
from graphflow.core.loops import loops
from graphflow.core.names import instead, place
from graphflow.core.node import Node, Spec
from graphflow.core.patch import Patch, PatchNode
from graphflow.core.patch_text import free
from graphflow.core.ports import carried, join, takes_many
from graphflow.core.prompts import PROMPTS, keeps_prompts, slots_of
from graphflow.core.targets import targets_amiss
from graphflow.core.wires import Hop, hops

Joins = dict[tuple[type, str | None, type, str | None], tuple[str, str, str]]
"""Outlet, inlet and what is carried, by the kinds and ports that a wire names."""


@dataclass(frozen=True)
class Wire:
    """One wire, all of it named. `inlet` may be a param's name; `carries` is what the source sends.

    audio, signal, style, image, notes or text; a signal may feed an audio in, and text a style inlet.
    """

    source: str
    outlet: str
    dest: str
    inlet: str
    carries: str

    def __str__(self) -> str:
        return f"{self.source}.{self.outlet} -> {self.dest}.{self.inlet}"


@dataclass(frozen=True)
class GraphNode:
    """One node with all its values: params and settings complete and parsed, literals as written.

    Among the literals is what a generator's slots hold, under `prompts`.
    `spec` None: of an unknown kind, a silent placeholder without ports.
    """

    name: str
    kind: str
    spec: Spec | None
    params: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    literals: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Graph:
    """All nodes and wires of a patch, resolved."""

    nodes: dict[str, GraphNode] = field(default_factory=dict)
    wires: tuple[Wire, ...] = ()

    def __str__(self) -> str:
        lines = [f"{node.name} = {node.kind}" for node in self.nodes.values()]
        return "\n".join(lines + [str(wire) for wire in self.wires])


class Built:
    """The nodes of a patch that was built before, so that those which are written as they were are not read again."""

    def __init__(self) -> None:
        self._nodes: dict[str, tuple[PatchNode, Spec | None, GraphNode]] = {}

    def node(self, name: str, node: PatchNode, library: Library, problems: list[Problem]) -> GraphNode:
        """As `build_node`."""
        spec = library[node.kind].spec if node.kind in library else None
        known = self._nodes.get(name)
        if known is None or known[0] is not node or known[1] is not spec:
            wrong: list[Problem] = []
            known = node, spec, build_node(name, node, library, wrong)
            problems += wrong
            if not wrong:
                self._nodes[name] = known
        made = known[2]  # whoever gets it moves its values
        return GraphNode(name, made.kind, made.spec, dict(made.params), dict(made.settings), dict(made.literals))

    def keep(self, names: Container[str]) -> None:
        """Forget the nodes that are gone."""
        self._nodes = {name: known for name, known in self._nodes.items() if name in names}


def build(
    patch: Patch, library: Library, *, placeholders: bool = False, built: Built | None = None
) -> tuple[Graph, list[Problem]]:
    """The graph of a patch, and all that keeps it from being played; what is wrong is left out of the graph.

    `placeholders`: a node of an unknown kind is no problem, but silent, and its wires carry nothing; `unknown_kinds`
    has the lines that say so. `built` holds what was built before, and takes what is built now.
    """
    problems: list[Problem] = []
    one = build_node if built is None else built.node
    nodes = {name: one(name, node, library, problems) for name, node in patch.nodes.items()}
    wires = _wires(patch, nodes, problems)
    graph = Graph(nodes, wires)
    if not placeholders:
        problems = unknown_kinds(graph, library) + problems
    return graph, problems + targets_amiss(patch, nodes)


def unknown_kinds(graph: Graph, library: Library) -> list[Problem]:
    """One problem for every node that nothing in the library can play."""
    # a node whose kind could not be read has none, and its problem is told already
    unknown = [node for node in graph.nodes.values() if node.spec is None and node.kind]
    return [Problem(f"nodes.{node.name}.kind", _unknown_kind(node.kind, library)) for node in unknown]


def build_node(name: str, node: PatchNode, library: Library, problems: list[Problem]) -> GraphNode:
    """One node with its defaults filled in."""
    if node.kind not in library:
        return GraphNode(name, node.kind, None)
    spec = library[node.kind].spec
    built = GraphNode(
        name,
        node.kind,
        spec,
        {n: param.default for n, param in spec.params.items()},
        {n: setting.default for n, setting in spec.settings.items()},
    )
    for key, value in node.values.items():
        if fault := _put(built, spec, key, value):
            problems.append(Problem(place("nodes", name, key), fault))
    return built


def _unknown_kind(kind: str, library: Library) -> str:
    if kind in library.untrusted:
        folder = library.untrusted[kind]
        return f" is {kind!r}, from a folder that is not trusted; read what is in it, then: graphflow trust {folder}"
    return f" is {kind!r}; no node is of that kind{did_you_mean(kind, library)}"


def _put(node: GraphNode, spec: Spec, key: str, value: Any) -> str | None:
    """Store a written value where it belongs. What is wrong with it, as a problem's message, or None."""
    if key in spec.params:
        try:
            node.params[key] = parsed(spec.params[key], value)
        except ValueError as error:
            return f" {error}"
        return None
    if key in spec.settings:
        try:
            node.settings[key] = parsed(spec.settings[key], value)
        except ValueError as error:
            return f" {error}"
        return None
    if key in spec.inlets:
        if fault := literal_fault(spec.inlets[key], value):
            return f" {fault}"
        node.literals[key] = value
        return None
    if key == PROMPTS and keeps_prompts(spec):
        try:
            slots_of(value)
        except ValueError as error:
            return f" {error}"
        node.literals[key] = value
        return None
    if free(key):
        return None
    if key in spec.declarations:
        return f": {key} of {spec.kind} takes no value"
    settable = [*spec.params, *spec.settings, *(n for n, inlet in spec.inlets.items() if takes_literal(inlet))]
    settable += [PROMPTS] if keeps_prompts(spec) else []
    return f": {spec.kind} has no {key!r}{instead(key, settable)}"


def _wires(patch: Patch, nodes: Mapping[str, GraphNode], problems: list[Problem]) -> tuple[Wire, ...]:
    """All hops with their ports, in written order; each inlet within its rule, and no loops."""
    wires: dict[Wire, None] = {}
    fed: dict[tuple[str, str], Wire] = {}
    joins: Joins = {}
    for text in patch.wires:
        try:
            along = hops(text)
        except ValueError as error:
            problems.append(Problem("wires", f'"{text}" {error}'))
            continue
        for hop in along:
            try:
                wire = resolve(hop, nodes, joins)
            except ValueError as error:
                problems.append(Problem("wires", f'"{hop}": {error}'))
                continue
            if wire is None:
                continue
            if wire in wires:
                problems.append(Problem("wires", f"{wire} is there twice; take one out"))
                continue
            end = wire.dest, wire.inlet
            other = fed.setdefault(end, wire)
            if other is not wire and not takes_many(_port(nodes, wire)):
                problems.append(Problem("wires", _second(other, wire, _port(nodes, wire))))
                continue
            wires[wire] = None
    problems += _loops(nodes, wires)
    return tuple(wires)


def resolve(hop: Hop, nodes: Mapping[str, GraphNode], joins: Joins | None = None) -> Wire | None:
    """The hop with its ports named; None where a placeholder hides them. `joins` keeps what is found, for the next.

    Raises ValueError whose text continues `wires: "a -> b": `.
    """
    for end in (hop.source, hop.dest):
        if end.node not in nodes:
            raise ValueError(f"no node is called {end.node!r}{did_you_mean(end.node, nodes)}")
    source, dest = nodes[hop.source.node], nodes[hop.dest.node]
    if source.spec is None or dest.spec is None:
        return None
    ends = source.spec.cls, hop.source.port, dest.spec.cls, hop.dest.port
    found = None if joins is None else joins.get(ends)
    if found is None:
        outlet, inlet = join(source.spec, hop.source.port, dest.spec, hop.dest.port)
        found = outlet, inlet, carried(source.spec.declarations[outlet])
        if joins is not None:
            joins[ends] = found
    outlet, inlet, carries = found
    return Wire(source.name, outlet, dest.name, inlet, carries)


def _port(nodes: Mapping[str, GraphNode], wire: Wire) -> Any:
    spec = nodes[wire.dest].spec
    assert spec is not None  # resolve leaves out wires of placeholders
    return spec.declarations[wire.inlet]


def _second(first: Wire, second: Wire, port: Any) -> str:
    end = f"{first.dest}.{first.inlet}"
    sources = f"{first.source}.{first.outlet} and {second.source}.{second.outlet}"
    if isinstance(port, Inlet):
        return f"{end} is fed by {sources}; {carried(port)} takes one wire: take one out"
    return f"{end} is driven by {sources}; a param takes one wire: take one out"


def _loops(nodes: Mapping[str, GraphNode], wires: Iterable[Wire]) -> list[Problem]:
    def breaks(wire: Wire) -> bool:
        spec = nodes[wire.dest].spec
        return spec is not None and issubclass(spec.cls, Node) and spec.cls.breaks_loop and wire.inlet in spec.audio_ins

    held = [wire for wire in wires if not breaks(wire)]
    carries = {(wire.source, wire.dest): wire.carries for wire in held}
    problems = []
    for loop in loops(nodes, carries):
        sound = any(carries[pair] == "audio" for pair in pairwise(loop))
        repair = "put a feedback node in it" if sound else "take one of its wires out"
        problems.append(Problem("wires", f"{' -> '.join(loop)} is a loop; {repair}"))
    return problems
