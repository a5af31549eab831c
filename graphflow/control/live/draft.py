"""What one entry makes of the patch, until it plays or is dropped. The patch that plays is not touched by it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from copy import copy
from dataclasses import replace
from typing import Any

from graphflow.control.live.files import Files
from graphflow.control.live.leash import Stopped
from graphflow.control.live.renaming import renamed
from graphflow.control.live.saving import Saving
from graphflow.control.live.wiring import Wiring
from graphflow.core.declare import Setting
from graphflow.core.errors import Problem, UserError, did_you_mean
from graphflow.core.graph import Wire, build_node
from graphflow.core.merge import merge
from graphflow.core.names import name_fault
from graphflow.core.node import Spec
from graphflow.core.patch import ENGINE, TRANSPORT, Patch, PatchNode
from graphflow.core.prompts import PROMPTS
from graphflow.core.wires import End, Hop
from graphflow.session import Session
from graphflow.session.history import Way
from graphflow.session.home import Home
from graphflow.session.morph import End as Param

Taken = Callable[[str], bool]
"""Whether a name means something already."""


class Draft:
    """A patch on its way. `frame`: the frame an event falls on, where it is one that changes the patch.

    Every change raises UserError with one line where it is wrong by itself; what only the whole can tell, such as a
    loop, is told by the session when it is to play.
    """

    def __init__(
        self, session: Session, taken: Taken, files: Files, frame: int | None = None, grid: float | None = None
    ) -> None:
        self.session, self.library, self.frame = session, session.library, frame
        self.files = Saving(files)
        self.beat: float | None = None
        """The beat an event falls on, where it counts beats: exactly, which no frame does."""
        self.base = self._patch = session.patch
        self.by_hand: set[Param] = set()
        self.values: dict[Param, Any] = {}
        """Live params that were set, which need no new plan."""
        self.structural = False
        self.grid = grid
        """The beats that every entry waits for; None: as the patch's own quant says."""
        self.quant: str | float | None = None
        """What this entry alone waits for."""
        self.fade: float | None = None
        self.steps: list[Way] = []
        self.homes: tuple[Home, Home] | None = None
        """Where the patch lies before and after this entry, where it loads another."""
        self.renamed: dict[str, str] = {}
        """Nodes that are called otherwise, by their names in the base."""
        self.notes: list[str] = []
        self.events: set[str] = set()
        """Names it has found for events."""
        self.ending: set[str] = set()
        """Names of events that it stops."""
        self.then: list[Callable[[], None]] = []
        """What is to be done once it plays."""
        self.dropped: list[Callable[[], None]] = []
        """What is to be done if it never does."""
        self.alive, self.playing = True, False
        self._history = copy(session.history)
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

    @property
    def changed(self) -> bool:
        return bool(self.steps or self.by_hand) or self.patch != self.base

    @property
    def waits_for(self) -> str | float | None:
        """now, beat, bar or so many beats; None: the patch's own quant."""
        return self.grid if self.quant is None else self.quant

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

    def put(self, patch: Patch) -> None:
        """Another patch in the place of this one, every value of which counts."""
        self.become(patch)
        for name, node in patch.nodes.items():
            if node.kind in self.library:
                self.by_hand |= {(name, what) for what in (*self.library[node.kind].spec.params, PROMPTS)}

    def settle(self, home: Home) -> None:
        """The patch that was put lies there."""
        files = self.files
        before = self.homes[0] if self.homes else Home(files.folder, *files.known)
        self.homes = (before, home) if (before.folder, before.path) != (home.folder, home.path) else None
        files.go(home)

    def steps_left(self, step: Way) -> int:
        """How many edits there are to go back, or on."""
        return len(self._history.past if step == "back" else self._history.future)

    def step(self, step: Way) -> tuple[Patch, Patch]:
        """Go back or on in the history; the patch before and after. It must come before any change."""
        if self.patch != self.base:
            raise UserError(
                f"{'undo' if step == 'back' else 'redo'}() goes first: this entry has changed things already"
            )
        before, history = self.patch, self._history
        if step == "back":
            after = history.back(before)
            self._history = replace(history, past=history.past[:-1], future=(*history.future, history.past[-1]))
        else:
            after = history.again(before)
            self._history = replace(history, past=(*history.past, history.future[-1]), future=history.future[:-1])
        if (home := history.home(step)) is not None:
            self.files.go(home)
        self.become(after)
        self.base = after
        self.steps.append(step)
        return before, after

    # --- the end ------------------------------------------------------------------------------------------------------

    def prepare(self) -> None:
        """Do what takes time: compile kinds that nothing has needed yet, write files. Raises PatchError, UserError."""
        if self.structural or self.steps:
            known = {node.kind for node in self.session.graph.nodes.values()}
            if any(node.kind not in known for node in self.patch.nodes.values()):
                self.session.prepare(self.patch)
        self.files.ready()

    def play(self) -> list[str]:
        """Have it play; in the session's thread. A line for each place that others have changed meanwhile.

        Files are put where they belong when nothing else can go wrong. Raises UserError; then nothing has changed.
        """
        session = self.session
        base, theirs, history, marks = self.base, session.patch, copy(session.history), session.marks
        home: Home | None = None
        for step in self.steps:
            home = history.home(step) or home
            theirs = history.back(theirs) if step == "back" else history.again(theirs)
            marks = history.went(step, marks)
        merged, conflicts = theirs, list[str]()
        if self.patch != base:
            merged, conflicts = merge(base, theirs, self.patch, who="this edit", we="meanwhile")
        how: dict[str, Any] = {"by_hand": self.by_hand, "fade": self.fade, "step": "none", "sure": self.files.put}
        how |= {"marks": marks.renamed(self.renamed), "home": self.homes[1] if self.homes else home}
        if self.frame is not None:  # what happens by itself is not taken back
            session.play(merged, at=self.frame, **how)
            return conflicts
        if theirs != Patch():
            history.did(theirs, merged, marks, self.renamed, self.homes)
        session.play(merged, quant=self.waits_for, **how)
        session.history = history
        return conflicts

    def drop(self) -> None:
        """Nothing of it is to count."""
        self.alive = False
        self.files.drop()
        for undo in reversed(self.dropped):
            undo()


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
