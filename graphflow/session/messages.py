"""Who hears what: messages and numbers on their way between control nodes, generators and the audio thread."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from graphflow.core.declare import Inlet, Numeric, Text
from graphflow.core.graph import Graph, Wire
from graphflow.core.literals import message
from graphflow.core.messages import Notes, Signal, Style
from graphflow.core.node import Spec
from graphflow.session.quiet import Quiet


def heard(inlet: Inlet, messages: Iterable[Any], literal: Any) -> Any:
    """What an inlet reads: its wires' messages merged; without wires what is written in the patch; else None.

    `messages` are the latest of each wire that has sent one, in the wires' order.
    """
    arrived: list[Any] = [Style.of(m) if inlet.type is Style and isinstance(m, str) else m for m in messages]
    if arrived:
        if inlet.type is Style:
            return Style.merged(arrived)
        if inlet.type is Notes:
            return Notes.merged(arrived)
        return arrived[-1]
    return None if literal is None else message(inlet, literal)


class Post:
    """The latest message of every outlet, and what every inlet reads now."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], Any] = {}
        self._graph = Graph()
        self._into: dict[tuple[str, str], list[Wire]] = {}
        self._from: dict[tuple[str, str], list[Wire]] = {}
        self._said: dict[tuple[str, str], Any] = {}
        self._quiet = Quiet()

    def rewire(self, graph: Graph) -> None:
        """The wires have changed; what was sent before is kept for the outlets that are still there."""
        same = {
            n for n, node in graph.nodes.items() if n in self._graph.nodes and self._graph.nodes[n].kind == node.kind
        }
        self._said = {end: m for end, m in self._said.items() if end[0] in same}
        self._last = {end: m for end, m in self._last.items() if end[0] in graph.nodes}
        rewired = graph.wires != self._graph.wires
        self._graph = graph
        if not rewired:
            return
        self._into, self._from = {}, {}
        for wire in graph.wires:
            self._into.setdefault((wire.dest, wire.inlet), []).append(wire)
            self._from.setdefault((wire.source, wire.outlet), []).append(wire)

    def forget(self, node: str) -> None:
        """A node of this name begins anew: what an older one sent no longer counts."""
        self._last = {end: m for end, m in self._last.items() if end[0] != node}
        self._quiet.forget(node)

    def mute(self, names: frozenset[str]) -> list[tuple[str, str]]:
        """These nodes are muted from now on; the inlets that hear other notes than before."""
        moved = names ^ self._quiet.muted
        changed = self._quiet.mute(names, self._last)
        inlets = {(wire.dest, wire.inlet): None for end in changed for wire in self._from.get(end, ())}
        inlets |= {end: None for end in self._into if end[0] in moved and self._is_last(end[0])}
        return list(inlets)

    def _is_last(self, node: str) -> bool:
        """Whether a control node sends nothing on: what it hears goes out of the graph."""
        spec = self._graph.nodes[node].spec
        return spec is not None and spec.room == "control" and not spec.outlets

    def say(self, node: str, inlet: str, message: Any) -> None:
        """Have an inlet hear this beside its wires, as one more of them; None: nothing any more."""
        self._said[node, inlet] = message

    def put(self, node: str, outlet: str, sent: Any) -> list[Wire]:
        """Store what an outlet has sent; the wires it goes along."""
        self._last[node, outlet] = sent
        return self._from.get((node, outlet), [])

    def inlet(self, node: str, name: str) -> Any:
        """What an inlet reads now."""
        built = self._graph.nodes[node]
        spec = _spec(built.spec)
        ends = [(wire.source, wire.outlet) for wire in self._into.get((node, name), ())]
        messages = [self._last[end] for end in ends if end in self._last]
        if spec.inlets[name].type is Notes:
            messages = [self._quiet.heard(end, self._last[end]) for end in ends if end in self._last]
            if node in self._quiet.muted and self._is_last(node):
                messages = [notes.released(*(pitch for pitch, _ in notes.held)) for notes in messages]
        if (said := self._said.get((node, name))) is not None:
            messages.append(said)
        return heard(spec.inlets[name], messages, built.literals.get(name))

    def driver(self, node: str, param: str) -> str:
        """The name of the node that drives a param, or nothing."""
        wires = self._into.get((node, param), [])
        return wires[0].source if wires else ""

    def driven(self, node: str, param: str) -> Any:
        """What a message wire says a param should be (a number or words), or None."""
        for wire in self._into.get((node, param), ()):
            if wire.carries != "audio" and (wire.source, wire.outlet) in self._last:
                return self._last[wire.source, wire.outlet]
        return None


def fitted(param: Any, value: Any) -> Any:
    """A value that came by wire, brought into the param's range; None where it does not fit at all."""
    if isinstance(param, Numeric) and isinstance(value, (int, float)):
        return param.clip(float(value)) if value == value else None
    if isinstance(param, Text) and isinstance(value, str):
        return value
    return None


def worker_state(
    spec: Spec, values: Mapping[str, Any], inlets: Mapping[str, Any], transport: dict[str, Any]
) -> dict[str, Any]:
    """A generator's whole state as plain data: params by name, merged style, notes, transport."""
    state: dict[str, Any] = {"params": {name: values[name] for name in spec.params}, "transport": transport}
    for name, inlet in spec.inlets.items():
        read = inlets.get(name)
        if inlet.type is Style:
            state[name] = (read or Style()).data()
        elif inlet.type is Notes:
            state[name] = (read or Notes()).data()
        elif inlet.type is not Signal and read is not None:
            state[name] = read
    return state


def _spec(spec: Spec | None) -> Spec:
    assert spec is not None  # a placeholder has no inlets
    return spec
