"""What names of nodes, ports and params stand for in a cell: values that can be set and things that can be wired."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from graphflow.control.live.draft import Draft
from graphflow.control.live.plain import Plain, plain
from graphflow.control.live.shown import call, node_line
from graphflow.core.declare import Numeric, Setting, Switch
from graphflow.core.errors import UserError
from graphflow.core.names import instead, shown
from graphflow.core.ports import ins, outs
from graphflow.core.prompts import PROMPTS, keeps_prompts
from graphflow.core.units import show
from graphflow.core.wires import End

Drafts = Callable[[], Draft]
"""The draft of the entry that runs in this thread."""


class Unknown(UserError, AttributeError):
    """A node has no such param or port."""


class Wired:
    """Anything that may stand in a wire: `a >> b` leads from a to b, `b << a` too."""

    _drafts: Drafts

    def __rshift__(self, other: Any) -> Chain:
        return joined(self._drafts, self, other)

    def __rrshift__(self, other: Any) -> Chain:
        return joined(self._drafts, other, self)

    def __lshift__(self, other: Any) -> Chain:
        return joined(self._drafts, other, self)

    def __rlshift__(self, other: Any) -> Chain:
        return joined(self._drafts, self, other)


class Port(Wired):
    """An in or out of a node."""

    def __init__(self, drafts: Drafts, node: str, port: str) -> None:
        self._drafts, self._end = drafts, End(node, port)

    def __repr__(self) -> str:
        return port_line(self._drafts(), self._end)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Port) and other._end == self._end

    def __hash__(self) -> int:
        return hash(self._end)


def port_line(draft: Draft, end: End) -> str:
    """`band.style = 'choir'   dusk -> band.style`."""
    literal = draft.node(end.node).values.get(str(end.port))
    hops = [hop for hop in draft.wiring.of(end.node) if end in (hop.source, hop.dest)]
    wires = ", ".join(map(str, hops))
    return f"{end}{'' if literal is None else f' = {shown(literal)}'}{f'   {wires}' if wires else ''}"


class Number(float, Plain, Wired):
    """A number of a node: counts as a float, and knows what it is the value of."""

    _end: End
    _unit: str

    def plain(self) -> float:
        return float(self)

    def __repr__(self) -> str:
        driver = self._drafts().driver(self._end.node, str(self._end.port))
        return f"{show(float(self), self._unit)}{f', driven by {driver}' if driver else ''}"

    def __str__(self) -> str:
        return float.__repr__(self)


class Words(str, Plain, Wired):
    """A text or a choice of a node."""

    _end: End

    def plain(self) -> str:
        return str.__str__(self)


class Toggle(int, Plain, Wired):
    """A switch of a node: True or False."""

    _end: End

    def plain(self) -> bool:
        return bool(int(self))

    def __repr__(self) -> str:
        return str(self.plain())

    __str__ = __repr__

    # a number can be shifted; a switch is wired
    __rshift__ = Wired.__rshift__  # type: ignore[assignment]
    __lshift__ = Wired.__lshift__  # type: ignore[assignment]
    __rrshift__ = Wired.__rrshift__  # type: ignore[assignment]
    __rlshift__ = Wired.__rlshift__  # type: ignore[assignment]


class Node(Wired):
    """A node of the patch, by its name; its params, settings and ports are its attributes."""

    __slots__ = ("_drafts", "_name")

    def __init__(self, drafts: Drafts, name: str) -> None:
        object.__setattr__(self, "_drafts", drafts)
        object.__setattr__(self, "_name", name)

    _name: str

    def __getattr__(self, key: str) -> Any:
        if key.startswith("_"):
            raise AttributeError(key)
        return handle(self._drafts, self._name, key)

    def __setattr__(self, key: str, value: Any) -> None:
        if isinstance(value, Chain):  # out.level <<= lfo()
            return
        self._drafts().set(self._name, key, value_of(value, f"{self._name}.{key}"))

    def __delattr__(self, key: str) -> None:
        self._drafts().set(self._name, key, None)

    def __call__(self, **values: Any) -> Node:
        """Set several values at once, or one where only an expression may stand: `lambda: hall(mix=0.5)`."""
        for key, value in values.items():
            setattr(self, key, value)
        return self

    def __dir__(self) -> list[str]:
        return settable(self._drafts(), self._name)

    def __repr__(self) -> str:
        return node_line(self._drafts(), self._name)

    def __str__(self) -> str:
        return self._name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Node) and other._name == self._name

    def __hash__(self) -> int:
        return hash(self._name)


def handle(drafts: Drafts, name: str, key: str) -> Any:
    """What `node.key` stands for. Raises UserError with a suggestion."""
    draft = drafts()
    spec = draft.spec(name)
    if spec is None:
        values = draft.node(name).values
        return values[key] if key in values else Port(drafts, name, key)
    declared = spec.declarations.get(key)
    if key in ins(spec) or key in outs(spec):
        return Port(drafts, name, key)
    if isinstance(declared, Setting):
        return draft.value(name, key)
    if key == PROMPTS and keeps_prompts(spec):
        return draft.node(name).values.get(key, [])
    if key not in spec.params:
        raise Unknown(f"{name}.{key}: {spec.kind} has no {key!r}{instead(key, settable(draft, name))}")
    value = draft.value(name, key)
    made: Any
    if isinstance(declared, Numeric):
        made = Number(value)
        made._unit = declared.unit
    elif isinstance(declared, Switch):
        made = Toggle(value)
    else:
        made = Words(value)
    made._drafts, made._end = drafts, End(name, key)
    return made


def settable(draft: Draft, name: str) -> list[str]:
    """What a node has that can be read, set or wired."""
    spec = draft.spec(name)
    if spec is None:
        return []
    return [*spec.params, *spec.settings, *ins(spec), *outs(spec), *([PROMPTS] if keeps_prompts(spec) else [])]


class Recipe(Wired):
    """A node that is not there yet: `reverb(mix=0.3)`. A name or a wire brings it into the patch."""

    __slots__ = ("_drafts", "_kind", "_name", "_values")

    def __init__(self, drafts: Drafts, kind: str, values: Mapping[str, Any]) -> None:
        put = object.__setattr__
        put(self, "_drafts", drafts)
        put(self, "_kind", kind)
        put(self, "_values", dict(values))
        put(self, "_name", "")

    _kind: str
    _values: dict[str, Any]
    _name: str

    def __getattr__(self, key: str) -> Any:
        if key.startswith("_"):
            raise AttributeError(key)
        if self._name:
            return handle(self._drafts, self._name, key)
        if key in self._values:
            return self._values[key]
        raise Unknown(f"{self._kind}(...).{key}: give it a name first, as in x = {self._kind}(...)")

    def __setattr__(self, key: str, value: Any) -> None:
        if self._name:
            setattr(Node(self._drafts, self._name), key, value)
        else:
            self._values[key] = value_of(value, f"{self._kind}.{key}")

    def __repr__(self) -> str:
        if self._name:
            return node_line(self._drafts(), self._name)
        return f"{call(self._kind, self._values)}, not in the patch yet: name it or wire it"


class Chain(Wired):
    """A wire that was laid; `>>` leads it on. `written`: the patch's text that ends where it ends."""

    def __init__(self, drafts: Drafts, along: tuple[End, ...], written: str | None) -> None:
        self._drafts, self._along, self._written = drafts, along, written

    def __repr__(self) -> str:
        return " -> ".join(map(str, self._along))


def joined(drafts: Drafts, left: Any, right: Any) -> Chain:
    """Lay the wire from one to the other. Raises UserError where it cannot be."""
    draft = drafts()
    if isinstance(right, Recipe) and not right._name:
        adopt(draft, right, draft.name_for(right._kind))
    dest = right._along if isinstance(right, Chain) else (end_of(right),)
    if isinstance(left, Recipe) and not left._name:
        adopt(draft, left, draft.name_for(left._kind, dest[0]))
    source = left._along if isinstance(left, Chain) else (end_of(left),)
    leaves = End(source[-1].node) if len(source) > 1 else source[0]
    written = draft.join(leaves, dest[0], left._written if isinstance(left, Chain) else None)
    if isinstance(right, Chain):
        written = right._written
    return Chain(drafts, (*source, *dest), written)


def adopt(draft: Draft, recipe: Recipe, name: str) -> None:
    """Have a recipe become the node of that name; one whose entry fails is a recipe again."""
    draft.define(name, recipe._kind, recipe._values)
    object.__setattr__(recipe, "_name", name)
    draft.dropped.append(lambda: object.__setattr__(recipe, "_name", ""))


def end_of(value: Any) -> End:
    """The end of a wire that a value stands for. Raises UserError."""
    if isinstance(value, Node):
        return End(value._name)
    if isinstance(value, Recipe) and value._name:
        return End(value._name)
    if isinstance(value, (Port, Number, Words, Toggle)):
        return value._end
    if kind := getattr(value, "_kind", ""):
        raise UserError(f"{kind} is a kind of node; make one, as in {kind}()")
    raise UserError(f"{shown(value)} is no node and no port, so no wire can lead there")


def node_of(value: Any) -> str:
    """The name of the node that a handle or a text names. Raises UserError."""
    if isinstance(value, Words) or not isinstance(value, str):
        if not isinstance(value, (Wired, Recipe)) and not hasattr(value, "_kind"):
            raise UserError(f"{shown(value)} is no node; expected a node or its name")
        end = end_of(value)
        if end.port is None:
            return end.node
        raise UserError(f"{end} is a part of a node; expected the node, {end.node}")
    return value


def value_of(value: Any, where: str) -> Any:
    """A value to be set. Raises UserError for what is to be wired."""
    if isinstance(value, (Node, Port, Recipe)):
        raise UserError(f"{where} takes a value; a node is wired to it, as in {where} << lfo()")
    return plain(value)
