"""What a controller for a patch holds: groups of controls, made from the address space."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

from graphflow.control.osc.entry import ROOT, Entry
from graphflow.control.osc.tree import declared
from graphflow.core.declare import Numeric
from graphflow.core.graph import Graph
from graphflow.core.macro import macro_value
from graphflow.core.patch import Patch
from graphflow.core.prompts import PROMPTS, prompt_params, slots_of
from graphflow.core.units import show

Look: TypeAlias = Literal["fader", "switch", "choice", "text", "slot", "pad", "weights", "button", "value"]
Only: TypeAlias = Literal["", "macros", "nodes"]

WIDE = 1000.0
"""A straight range wider than this is no use on a fader where a narrower one is known."""
PANIC, HUSH = f"{ROOT}/panic", f"{ROOT}/hush"
STAGE = (*(f"{ROOT}/transport/{name}" for name in ("tempo", "beat", "bar", "running")), HUSH, PANIC)
"""What every page one has, in this order."""


@dataclass(frozen=True)
class Control:
    """One thing to touch, or to read.

    `entry` is what it moves and shows; `other` the second one of a pad, up and down. `start` is where the patch has
    it, None for what holds nothing; `driver` the node whose wire moves it meanwhile. `slot` is the prompt's number.
    """

    look: Look
    label: str
    entry: Entry
    start: Any = None
    other: Entry | None = None
    other_start: float = 0.0
    driver: str = ""
    slot: int = 0

    @property
    def address(self) -> str:
        return self.entry.address

    @property
    def low(self) -> float:
        return self.entry.range[0] if self.entry.range else 0.0

    @property
    def high(self) -> float:
        return self.entry.range[1] if self.entry.range else 1.0

    @property
    def title(self) -> str:
        """The label, with the unit and who else moves it."""
        unit = f" {self.entry.unit}" if self.entry.unit else ""
        return f"{self.label}{unit}{f' < {self.driver}' if self.driver else ''}"

    def __str__(self) -> str:
        both = [self.address, *([self.other.address] if self.other else [])]
        if self.look in ("fader", "value") and self.entry.range:
            takes = f"{show(self.low)} to {show(self.high, self.entry.unit)}{' exp' * (self.entry.warp == 'exp')}"
        else:
            takes = " ".join(self.entry.choices)
        start = "" if self.start is None or self.look in ("button", "value") else f"= {self.start}"
        slot = f"slot {self.slot}" if self.look == "slot" else ""
        return "  ".join(filter(None, (self.look, self.title, " ".join(both), slot, takes, start)))


@dataclass(frozen=True)
class Group:
    """Controls that belong together: the stage, the scenes, the macros; or a node's, or a generator's prompts."""

    name: str
    title: str
    controls: tuple[Control, ...]
    node: str = ""

    def __str__(self) -> str:
        return "\n".join([self.title, *(f"  {control}" for control in self.controls)])


@dataclass(frozen=True)
class Sheet:
    """All groups of a patch's controller, the stage first."""

    title: str
    groups: tuple[Group, ...]

    @property
    def controls(self) -> list[Control]:
        return [control for group in self.groups for control in group.controls]

    def __str__(self) -> str:
        return "\n\n".join([self.title, *map(str, self.groups)])


def sheet(graph: Graph, patch: Patch, title: str = "", only: Only = "") -> Sheet:
    """What can be controlled in a patch. `only`: the macros, or the nodes, beside the stage that is always there."""
    entries = declared(graph, patch)
    by_address = {entry.address: entry for entry in entries}
    groups = [Group("stage", "stage", tuple(_stage(by_address, patch)))]
    if only != "nodes":
        scenes = [_button(entry, entry.param) for entry in entries if entry.address.startswith(f"{ROOT}/scene/")]
        macros = [_macro(entry, graph, patch) for entry in entries if _is_macro(entry)]
        groups += [Group("scenes", "scenes", tuple(scenes)), Group("macros", "macros", tuple(macros))]
    if only != "macros":
        for name in graph.nodes:
            groups += _of_node(name, [entry for entry in entries if entry.node == name], graph)
    return Sheet(title or patch.title or "graphflow", tuple(group for group in groups if group.controls))


def _stage(entries: dict[str, Entry], patch: Patch) -> Iterator[Control]:
    for address in STAGE:
        entry = entries.get(address)
        if entry is None:
            continue
        name = address.rpartition("/")[2]
        if address == HUSH:
            yield Control("switch", name, entry, 0)
        elif entry.what == "switch":
            yield Control("switch", name, entry, 1)
        elif address == PANIC:
            yield _button(entry, name)
        elif entry.what == "number":
            yield Control("fader", name, entry, patch.transport.tempo or entry.default or 120.0)
        else:
            yield Control("value", name, entry)


def _button(entry: Entry, label: str) -> Control:
    return Control("button", _words(label), replace(entry, unit=""))


def _is_macro(entry: Entry) -> bool:
    return entry.address.startswith(f"{ROOT}/macro/") and entry.what == "number"


def _macro(entry: Entry, graph: Graph, patch: Patch) -> Control:
    macro = patch.expose[entry.param]
    start = entry.range[0] if entry.range else 0.0
    for path in macro.params:
        node, _, param = path.partition(".")
        spec = graph.nodes[node].spec if node in graph.nodes else None
        first = spec.params.get(param) if spec is not None else None
        if isinstance(first, Numeric):
            start = macro_value(macro, first, graph.nodes[node].params[param])
            break
    return Control("fader", _words(entry.param), entry, start)


def _of_node(name: str, entries: list[Entry], graph: Graph) -> Iterator[Group]:
    node = graph.nodes[name]
    drivers = {wire.inlet: wire.source for wire in graph.wires if wire.dest == name}
    by_param = {entry.param: entry for entry in entries if entry.what == "number"}
    pad = {"x", "y"} <= set(by_param)
    own_prompts = node.spec is not None and prompt_params(node.spec)
    slots = slots_of(node.literals.get(PROMPTS, []))
    controls: list[Control] = []
    prompts: list[Control] = []
    for entry in entries:
        start, driver = node.params.get(entry.param), drivers.get(entry.param, "")
        label = _words(entry.param)
        if entry.what == "number" and pad and entry.param in ("x", "y"):
            if entry.param == "x":
                y = node.params["y"]
                controls.append(Control("pad", f"{label} {_words('y')}", entry, start, by_param["y"], y, driver))
        elif entry.what == "number":
            controls.append(Control("fader", label, _narrowed(entry, start, name, graph), start, driver=driver))
        elif entry.what == "switch":
            controls.append(Control("switch", label, entry, int(start or 0), driver=driver))
        elif entry.what == "choice":
            controls.append(Control("choice", label, entry, start))
        elif entry.what == "text":
            controls.append(Control("text", label, entry, start, driver=driver))
        elif entry.what == "action":
            controls.append(_button(entry, entry.param))
        elif entry.what in ("prompt", "weights") and own_prompts:
            continue  # its params are the same slots
        elif entry.what == "prompt":
            prompts += [Control("slot", f"prompt {n}", entry, slot.text, slot=n) for n, slot in enumerate(slots)]
        elif entry.what == "weights":
            prompts.append(Control("weights", "weights", entry, tuple(slot.weight for slot in slots)))
    yield Group(name, f"{name}  {node.kind}", tuple(controls), name)
    yield Group(f"{name}-prompts", f"{name}  prompts", tuple(prompts), name)


def _narrowed(entry: Entry, start: Any, name: str, graph: Graph) -> Entry:
    """A number that is in the unit of whatever it drives, brought to the range of that."""
    low, high = entry.range or (0.0, 1.0)
    if entry.warp == "exp" or high - low <= WIDE:
        return entry
    for wire in graph.wires:
        spec = graph.nodes[wire.dest].spec if wire.source == name else None
        driven = spec.params.get(wire.inlet) if spec is not None else None
        if isinstance(driven, Numeric) and driven.min <= start <= driven.max and low <= driven.min < driven.max <= high:
            return replace(entry, ranges=((driven.min, driven.max),), unit=driven.unit)
    return entry


def _words(name: str) -> str:
    return name.replace("_", " ")


def all_addresses(controls: Iterable[Control]) -> set[str]:
    """Every address these controls send to or follow."""
    return {entry.address for control in controls for entry in (control.entry, control.other) if entry is not None}
