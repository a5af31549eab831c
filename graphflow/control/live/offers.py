"""What there is to offer to who types: nodes, kinds and params, each with its one line of words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from graphflow.control.live.question import shown_value, takes
from graphflow.core.declare import Declaration, Param, Setting
from graphflow.core.literals import takes_literal
from graphflow.core.node import Spec
from graphflow.core.ports import carried

if TYPE_CHECKING:
    from graphflow.control.live.stage import Stage

Found = tuple[str, str]
"""What may be typed, and its doc."""


class Offers:
    """One look at what there is."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.patch, self.library = stage.session.patch, stage.session.library
        self.graph = stage.session.graph
        self.drivers = {(wire.dest, wire.inlet): wire.source for wire in self.graph.wires}

    def nodes(self, names: Iterable[str]) -> Iterator[Found]:
        for name in names:
            kind = self.patch.nodes[name].kind
            spec = self.kind(kind)
            yield name, f"{kind}: {first_line(spec.doc)}" if spec else f"{kind}, unknown here"

    def kinds(self, kinds: Iterable[str]) -> Iterator[Found]:
        for kind in kinds:
            yield f"{kind}(", first_line(self.library[kind].spec.doc)

    def told(self, name: str, key: str, declared: Declaration) -> str:
        """`0 to 1, now 0.3: From the dry sound to the room alone.`"""
        if not isinstance(declared, (Param, Setting)):
            return f"{carried(declared)}: {declared.doc}"
        node = self.graph.nodes[name]
        value = node.params[key] if key in node.params else node.settings[key]
        driver = self.drivers.get((name, key), "")
        now = f"driven by {driver}" if driver else f"now {shown_value(declared, value)}"
        return f"{takes(declared)}, {now}: {declared.doc}"

    def settable(self, spec: Spec) -> Iterator[Found]:
        """What a kind's call takes."""
        values: dict[str, Param | Setting] = {**spec.params, **spec.settings}
        for key, declared in values.items():
            yield key, f"{takes(declared)}, {shown_value(declared, declared.default)} by default: {declared.doc}"
        for key, inlet in spec.inlets.items():
            if takes_literal(inlet):
                yield key, f"{carried(inlet)}: {inlet.doc}"

    def scenes(self) -> Iterator[Found]:
        for name, values in self.patch.scenes.items():
            yield name, ", ".join(f"{path} {value}" for path, value in values.items())

    def kind(self, kind: str) -> Spec | None:
        return self.library[kind].spec if kind in self.library else None

    def spec(self, name: str) -> Spec | None:
        node = self.patch.nodes.get(name)
        return None if node is None else self.kind(node.kind)


def first_line(doc: str | None) -> str:
    return (doc or "").partition("\n")[0]
