"""What has to change so that one graph becomes another."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphflow.core.graph import Graph, GraphNode, Wire


@dataclass(frozen=True)
class Difference:
    """From an old graph to a new one.

    `replaced` nodes are of another kind or have another setting, so that nothing of the old one goes on; their
    params and literals are not listed, nor are those of `added` nodes. `params` and `literals` hold (node, name):
    (old, new), a literal that is not there being None. Wires count by their names: a wire of a replaced node that
    reads as before is neither in `cut` nor in `joined`.
    """

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    replaced: tuple[str, ...] = ()
    params: dict[tuple[str, str], tuple[Any, Any]] = field(default_factory=dict)
    literals: dict[tuple[str, str], tuple[Any, Any]] = field(default_factory=dict)
    joined: tuple[Wire, ...] = ()
    cut: tuple[Wire, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.params or self.literals or self.rewires)

    @property
    def rewires(self) -> bool:
        """Whether nodes or wires change, not values alone."""
        return bool(self.added or self.removed or self.replaced or self.joined or self.cut)

    def __str__(self) -> str:
        lines = [f"+ {name}" for name in self.added]
        lines += [f"- {name}" for name in self.removed]
        lines += [f"! {name}" for name in self.replaced]
        lines += [f"~ {node}.{name} {old!r} -> {new!r}" for (node, name), (old, new) in self.params.items()]
        lines += [f"~ {node}.{name} {old!r} -> {new!r}" for (node, name), (old, new) in self.literals.items()]
        lines += [f"+ {wire}" for wire in self.joined]
        lines += [f"- {wire}" for wire in self.cut]
        return "\n".join(lines) or "nothing"


def difference(old: Graph, new: Graph) -> Difference:
    """What has to change so that `old` becomes `new`."""
    both = [name for name in new.nodes if name in old.nodes]
    replaced = [name for name in both if _another(old.nodes[name], new.nodes[name])]
    gone = set(replaced)
    params: dict[tuple[str, str], tuple[Any, Any]] = {}
    literals: dict[tuple[str, str], tuple[Any, Any]] = {}
    for name in both:
        was, now = old.nodes[name], new.nodes[name]
        if name not in gone:
            params |= _changed(name, was.params, now.params)
            literals |= _changed(name, was.literals, now.literals)
    joined, cut = _wires(old.wires, new.wires)
    return Difference(
        added=tuple(name for name in new.nodes if name not in old.nodes),
        removed=tuple(name for name in old.nodes if name not in new.nodes),
        replaced=tuple(replaced),
        params=params,
        literals=literals,
        joined=joined,
        cut=cut,
    )


def _wires(old: tuple[Wire, ...], new: tuple[Wire, ...]) -> tuple[tuple[Wire, ...], tuple[Wire, ...]]:
    """The wires that come, and those that go."""
    if old == new:
        return (), ()
    had, has = set(old), set(new)
    return tuple(wire for wire in new if wire not in had), tuple(wire for wire in old if wire not in has)


def _another(old: GraphNode, new: GraphNode) -> bool:
    # a class of its own is a kind of its own: a node file that was read again makes a new one
    return old.kind != new.kind or old.spec is not new.spec or old.settings != new.settings


def _changed(node: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[tuple[str, str], tuple[Any, Any]]:
    if old == new:
        return {}
    names = dict.fromkeys([*new, *old])
    return {(node, n): (old.get(n), new.get(n)) for n in names if old.get(n) != new.get(n)}
