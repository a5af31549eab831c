"""A patch on its way: its nodes, values, wires and names, changed as an entry says, and nothing else touched."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from graphflow.control.live.leash import Stopped
from graphflow.control.live.renaming import renamed
from graphflow.control.live.wiring import Wiring
from graphflow.core.declare import Setting
from graphflow.core.errors import Problem, UserError, did_you_mean
from graphflow.core.graph import Wire, build_node
from graphflow.core.names import name_fault
from graphflow.core.node import Spec
from graphflow.core.patch import ENGINE, TRANSPORT, Patch, PatchNode
from graphflow.core.wires import End, Hop
from graphflow.session import Session
from graphflow.session.morph import End as Param

Taken = Callable[[str], bool]
"""Whether a name means something already."""


class Sketch:
    """A patch that is being changed. `frame`: the frame an event falls on, where it is one that changes the patch.

    Every change raises UserError with one line where it is wrong by itself; what only the whole can tell, such as a
    loop, is told by the session when it is to play.
    """

    def __init__(self, session: Session, taken: Taken, frame: int | None = None) -> None:
        self.session, self.library, self.frame = session, session.library, frame
        self.base = self._patch = session.patch
        self.by_hand: set[Param] = set()
        self.values: dict[Param, Any] = {}
        """Live params that were set, which need no new plan."""
        self.structural = False
        self.renamed: dict[str, str] = {}
        """Nodes that are called otherwise, by their names in the base."""
        self.notes: list[str] = []
        self.alive = True
        self._taken = taken
        self._wiring: Wiring | None = None

    @property
    def patch(self) -> Patch:
        """The patch as this entry has made it. Raises Stopped in an entry that was given up."""
        if not self.alive:
            raise Stopped
        return self._patch

    @property
    def wiring(self) -> Wiring:
        if self._wiring is None:
            self._wiring = Wiring(self.patch, self.library, self.session.graph)
        return self._wiring

    def become(self, patch: Patch, *, rewired: bool = True) -> None:
        """Go over to another patch. `rewired`: its wires or kinds may be others."""
        _ = self.patch  # one that was given up stops here
        self._patch = patch
        self.structural = True
        if rewired:
            self._wiring = None

    # --- nodes --------------------------------------------------------------------------------------------------------

    def node(self, name: str) -> PatchNode:
        """Raises UserError where no node is called so."""
        if name not in self.patch.nodes:
            raise UserError(f"no node is called {name!r}{did_you_mean(name, self.patch.nodes)}")
        return self.patch.nodes[name]

    def spec(self, name: str) -> Spec | None:
        """What the node declares; None for a placeholder."""
        kind = self.node(name).kind
        return self.library[kind].spec if kind in self.library else None

    def define(self, name: str, kind: str, values: Mapping[str, Any]) -> None:
        """Make a node; one of that name and kind stays what it is, and only what is given is set."""
        there = self.patch.nodes.get(name)
        if there is not None and there.kind == kind:
            for key, value in values.items():
                self.set(name, key, value)
            return
        if fault := name_fault(name):
            raise UserError(f"{name} {fault}")
        given = {key: value for key, value in values.items() if value is not None}
        self._check(name, PatchNode(kind, given))
        self.become(self.patch.with_node(name, kind, **given))

    def remove(self, name: str) -> None:
        """Take a node out, with its wires and its places in scenes and macros."""
        self.node(name)
        naming = [f"scene {scene}" for scene, values in self.patch.scenes.items() if _names(values, name)]
        naming += [f"macro {macro}" for macro, e in self.patch.expose.items() if _names(e.params, name)]
        turned = [*self.patch.midi.get("params", ()), *self.patch.midi.get("mutes", ())]
        naming += ["[midi]"] if _names(turned, name) else []
        self.become(self.patch.without_node(name))
        self.by_hand = {end for end in self.by_hand if end[0] != name}
        self.values = {end: value for end, value in self.values.items() if end[0] != name}
        if naming:
            self.notes.append(f"{name} is out of {', '.join(naming)} as well")

    def rename(self, old: str, new: str) -> None:
        """Call a node otherwise, in wires, scenes, macros and [midi] too. For the engine it is another node."""
        self.node(old)
        if fault := name_fault(new):
            raise UserError(f"{new} {fault}")
        if new in self.patch.nodes:
            raise UserError(f"{new} is a node already; choose another name")
        self.become(renamed(self.patch, old, new))
        first = next((name for name, now in self.renamed.items() if now == old), old)
        self.renamed[first] = new

    def _check(self, name: str, node: PatchNode) -> None:
        if node.kind not in self.library:
            return
        problems: list[Problem] = []
        build_node(name, node, self.library, problems)
        if problems:
            more = f", and {len(problems) - 1} more" if len(problems) > 1 else ""
            raise UserError(f"{str(problems[0]).removeprefix('nodes.')}{more}")

    # --- values -------------------------------------------------------------------------------------------------------

    def set(self, name: str, key: str, value: Any) -> None:
        """Give a param, a setting or an inlet a value; None: its default."""
        node = self.node(name)
        if value is not None:
            self._check(name, PatchNode(node.kind, {key: value}))
        elif (spec := self.spec(name)) is not None and key not in spec.declarations and key not in node.values:
            self._check(name, PatchNode(node.kind, {key: 0.0}))
        was = self.structural
        self.become(self.patch.with_value(name, key, value), rewired=False)
        self.by_hand.add((name, key))
        spec = self.spec(name)
        if spec is not None and key in spec.params and name in self.base.nodes:
            self.values[name, key] = spec.params[key].default if value is None else value
            self.structural = was
        if self.frame is None and (driver := self.driver(name, key)):
            self.notes.append(f"{name}.{key} is driven by {driver}")

    def value(self, name: str, key: str) -> Any:
        """What a param or a setting is now: as it was last set by whomever, or as this entry sets it."""
        node, base = self.node(name), self.base.nodes.get(name)
        now = self.session.graph.nodes.get(name)
        own = (name, key) in self.by_hand or base is None or base.values.get(key) != node.values.get(key)
        if own or now is None or now.spec is None or now.kind != node.kind:
            now = build_node(name, node, self.library, [])
        return now.params[key] if key in now.params else now.settings[key]

    def driver(self, name: str, key: str) -> str:
        """The node that drives a param or feeds an inlet, or nothing."""
        if self._wiring is None and self._patch.wires is self.session.patch.wires:
            wires: Iterable[Any] = self.session.graph.wires
        else:
            wires = self.wiring.found
        ends = (w.source for w in wires if isinstance(w, Wire) and (w.dest, w.inlet) == (name, key))
        return next(ends, "")

    # --- wires --------------------------------------------------------------------------------------------------------

    def join(self, source: End, dest: End, after: str | None = None) -> str | None:
        """Add a hop, at the end of the text `after` where that leads there. Returns the text that ends in it."""
        self.node(source.node)
        self.node(dest.node)
        wiring = self.wiring
        text = wiring.join(Hop(source, dest), after)
        if text is not None:
            self.become(replace(self.patch, wires=wiring.wires), rewired=False)
        return text

    def cut(self, source: End | None, dest: End | None) -> None:
        """Take out the wires from one end to another; None: whatever is there."""

        def meant(wire: Wire | str, hop: Hop) -> bool:
            outlet, inlet = _ports(wire, hop)
            return _is(source, hop.source.node, outlet) and _is(dest, hop.dest.node, inlet)

        self._cut(meant, f"from {source} to {dest}" if source and dest else f"to {dest}")

    def cut_off(self, end: End) -> None:
        """Take out every wire of a node, or of one of its ports."""

        def meant(wire: Wire | str, hop: Hop) -> bool:
            outlet, inlet = _ports(wire, hop)
            return _is(end, hop.source.node, outlet) or _is(end, hop.dest.node, inlet)

        self._cut(meant, f"from or to {end}")

    def _cut(self, meant: Callable[[Wire | str, Hop], bool], where: str) -> None:
        wires = self.wiring.cut(meant)
        if wires == self.patch.wires:
            raise UserError(f"no wire leads {where}")
        self.become(replace(self.patch, wires=wires))

    def insert(self, name: str, source: str, dest: str) -> None:
        """Put a node into every direct wire from one node to another."""
        for end in (name, source, dest):
            self.node(end)
        if name in (source, dest):
            raise UserError(f"{name} cannot lie between {source} and {dest}")
        wires = self.wiring.divided(source, dest, name)
        if wires == self.patch.wires:
            raise UserError(f"no wire leads from {source} to {dest}, to put {name} in")
        self.become(replace(self.patch, wires=wires))

    # --- names --------------------------------------------------------------------------------------------------------

    def name_for(self, kind: str, towards: End | None = None) -> str:
        """A readable name for a node that was given none: `reverb1`, or `level_lfo` for what is to drive a level.

        What drives that end by such a name already, and is of that kind, is meant again.
        """
        if towards is not None and towards.port is not None and self._takes_messages(towards):
            names = [f"{towards.port}_{kind}", f"{towards.node}_{towards.port}_{kind}"]
            sources = {wire.source for wire in self.wiring.into(towards.node, towards.port)}
            for name in names:
                if name in sources and self.patch.nodes[name].kind == kind:
                    return name
            for name in names:
                if self.free(name):
                    return name
            stem = names[-1]
        else:
            stem = kind
        number = 1
        while not self.free(f"{stem}{number}"):
            number += 1
        return f"{stem}{number}"

    def _takes_messages(self, end: End) -> bool:
        spec = self.spec(end.node)
        return spec is not None and (end.port in spec.params or end.port in spec.inlets)

    def free(self, name: str) -> bool:
        return not (name in self.patch.nodes or name in self.library or name_fault(name) or self._taken(name))

    # --- the whole patch ----------------------------------------------------------------------------------------------

    def set_transport(self, key: str, value: Any) -> None:
        """tempo (None: none) or beats_per_bar."""
        parsed = None if value is None and key == "tempo" else _parsed("transport", key, TRANSPORT[key], value)
        changes: dict[str, Any] = {key: parsed}
        self.become(replace(self.patch, transport=replace(self.patch.transport, **changes)), rewired=False)

    def set_engine(self, key: str, value: Any) -> None:
        """fade or quant."""
        changes: dict[str, Any] = {key: _parsed("", key, ENGINE[key], value)}
        self.become(replace(self.patch, engine=replace(self.patch.engine, **changes)), rewired=False)

    def set_scene(self, name: str, values: Mapping[str, Any] | None) -> None:
        """Give the patch a scene, or take one out."""
        scenes = {scene: held for scene, held in self.patch.scenes.items() if scene != name}
        if values is None and name not in self.patch.scenes:
            raise UserError(f"no scene is called {name!r}{did_you_mean(name, self.patch.scenes)}")
        if values is not None:
            scenes = {**self.patch.scenes, name: dict(values)}
        self.become(replace(self.patch, scenes=scenes), rewired=False)


def _ports(wire: Wire | str, hop: Hop) -> tuple[str | None, str | None]:
    """Outlet and inlet of a hop: as it means them, or as it is written where that means nothing yet."""
    return (wire.outlet, wire.inlet) if isinstance(wire, Wire) else (hop.source.port, hop.dest.port)


def _is(end: End | None, node: str, port: str | None) -> bool:
    return end is None or (end.node == node and end.port in (None, port))


def _names(paths: Iterable[str], node: str) -> bool:
    return any(path.partition(".")[0] == node for path in paths)


def _parsed(where: str, key: str, declared: Setting, value: Any) -> Any:
    try:
        return declared.parse(value)
    except ValueError as error:
        raise UserError(f"{where + '.' if where else ''}{key} {error}") from error
