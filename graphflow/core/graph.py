"""The graph: nodes with complete values, joined by typed wires."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from graphflow.core.node import Spec


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
