"""The patch that plays, and the one way to change it: a transaction, built and checked beside the running one."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from graphflow.audio.autopsy import explain
from graphflow.audio.engine import Engine, EngineStatistics
from graphflow.audio.instance import Instance
from graphflow.core.check import silent
from graphflow.core.declare import Numeric, Param, Switch
from graphflow.core.difference import Difference, difference
from graphflow.core.errors import PatchError, UserError, did_you_mean
from graphflow.core.graph import Graph, GraphNode, build, unknown_kinds
from graphflow.core.library import Library
from graphflow.core.macro import macro_values
from graphflow.core.messages import Signal
from graphflow.core.node import ControlNode, Spec
from graphflow.core.patch import Patch
from graphflow.session.control_loop import ControlLoop
from graphflow.session.messages import Post, fitted, worker_state
from graphflow.session.parts import Parts, Unplayable
from graphflow.session.tapes import TapeStatistics
from graphflow.session.transport import Transport
from graphflow.worker.events import GeneratorStatistics, WorkerError
from graphflow.worker.workers import Workers

Report = Callable[[str], None]


@dataclass(frozen=True)
class SessionStatistics:
    """One look at everything that runs. Times in seconds."""

    seconds: float
    engine: EngineStatistics
    generators: tuple[GeneratorStatistics, ...]
    tapes: tuple[TapeStatistics, ...]
    beat: float
    faults: tuple[str, ...]


class Session:
    """Owns patch, engine and workers. Use it from one thread; `live.Live` gives it one of its own.

    `report` is called with one line for everything a user should know. `lockstep` is for a render: generators make
    exactly what is asked for, and nothing depends on the time of day.
    """

    def __init__(
        self,
        library: Library,
        *,
        rate: int = 48000,
        seed: int = 0,
        folder: Path = Path(),
        report: Report = lambda line: None,
        lockstep: bool = False,
        foreign: Callable[[Spec], bool] = lambda spec: False,
        workers: Workers | None = None,
    ) -> None:
        self.library, self.rate, self.folder, self.lockstep = library, rate, folder, lockstep
        self.report = report
        self.loop = asyncio.new_event_loop()
        self.engine = Engine(rate, seed=seed)
        self.patch = Patch()
        self.graph = Graph()
        self.transport = Transport(rate)
        self._parts = Parts(
            self.engine, folder=folder, lockstep=lockstep, foreign=foreign, report=self._tell_once, workers=workers
        )
        self._control = ControlLoop(self.loop, self._sent, self.report, rate, folder)
        self._post = Post()
        self._nodes: dict[str, ControlNode] = {}
        self._stale: set[str] = set()  # generators whose state has to be sent
        self._refused: set[str] = set()  # those that did not take it
        self._told: set[str] = set()
        self._left_out: frozenset[str] = frozenset()
        self._explained: set[str] = set()
        self._tapped: dict[tuple[str, str], float] = {}

    # --- transactions -------------------------------------------------------------------------------------------------

    def play(
        self, patch: Patch, *, fade: float | None = None, quant: str | None = None, forgiving: bool = False
    ) -> Difference:
        """Go over to a patch: what did not change plays on, what did fades (ms; the patch's own by default).

        Raises PatchError with everything that is wrong; then nothing has changed. Unknown kinds stay silent and are
        reported; `forgiving`, so are kinds of somebody else's that cannot be compiled, and the rest plays.
        """
        graph, problems = build(patch, self.library, placeholders=True)
        problems += silent(graph)
        if problems:
            raise PatchError(problems)
        change = difference(self.graph, graph)
        try:
            self._parts.change(graph, change)
        except Unplayable as wrong:
            if not (forgiving and wrong.kinds):
                raise
            for problem in wrong.problems:
                self.report(f"{problem.place.split('.')[1]} stays silent; {problem}")
            self.library = Library(*(cls for kind, cls in self.library.items() if kind not in wrong.kinds))
            self._left_out |= wrong.kinds
            return self.play(patch, fade=fade, quant=quant, forgiving=True)
        known = Graph({name: node for name, node in graph.nodes.items() if node.kind not in self._left_out})
        for problem in unknown_kinds(known, self.library):
            self.report(f"{problem.place.split('.')[1]} stays silent; {problem}")
        self.patch, self.graph = patch, graph
        self._take_transport(patch)
        for name in (*change.removed, *change.replaced):
            self._end(name)
        self._post.rewire(graph)
        for name in (*change.added, *change.replaced):
            self._begin(name)
        fade_ms = patch.engine.fade if fade is None else fade
        now = self.engine.frame
        at_frame = self.transport.grid(quant or patch.engine.quant, now)
        self.engine.play(
            self._parts.instances.values(),
            self._parts.links(graph),
            fade_frames=round(fade_ms * self.rate / 1000.0),
            at_frame=at_frame,
        )
        for (name, param), (_, value) in change.params.items():
            self._apply(name, param, value, at_frame if at_frame > now else 0)
        for end in {(wire.dest, wire.inlet) for wire in change.cut}:
            self._tapped.pop(end, None)
        for name, inlet in {(w.dest, w.inlet) for w in (*change.joined, *change.cut)} | set(change.literals):
            self._hear(name, inlet)
        return change

    def _end(self, name: str) -> None:
        """A node of this name is gone, or begins anew: what it sent and was sent no longer counts."""
        self._post.forget(name)
        self._tapped = {end: v for end, v in self._tapped.items() if end[0] != name}
        node = self._nodes.pop(name, None)
        if node is not None:
            self._control.stop(node)

    def _begin(self, name: str) -> None:
        built = self.graph.nodes[name]
        if built.spec is None:
            return
        if built.spec.room == "control":
            values = {**built.params, **built.settings, **{n: self._post.inlet(name, n) for n in built.spec.inlets}}
            for param, declared in built.spec.params.items():
                driven = fitted(declared, self._post.driven(name, param))
                values[param] = values[param] if driven is None else driven
            cls: Any = built.spec.cls
            node: ControlNode = cls(name, values, self._control)
            self._nodes[name] = node
            self._control.start(node)
        self._stale.add(name)

    def _take_transport(self, patch: Patch) -> None:
        given = patch.transport
        if (given.tempo, given.beats_per_bar) != (self.transport.tempo, self.transport.beats_per_bar):
            moved = self.transport.with_tempo(given.tempo, self.engine.frame)
            self.transport = replace(moved, beats_per_bar=given.beats_per_bar)
            self._stale |= set(self._parts.generators)

    # --- params -------------------------------------------------------------------------------------------------------

    def find(self, node: str, param: str) -> tuple[GraphNode, Param]:
        """A node and its param. Raises UserError with one line."""
        if node not in self.graph.nodes:
            raise UserError(f"no node is called {node!r}{did_you_mean(node, self.graph.nodes)}")
        built = self.graph.nodes[node]
        if built.spec is None or param not in built.spec.params:
            known = built.spec.params if built.spec else ()
            raise UserError(f"nodes.{node}: {built.kind} has no {param!r}{did_you_mean(param, known)}")
        return built, built.spec.params[param]

    def get(self, node: str, param: str) -> Any:
        """What a param was last set to."""
        built, _ = self.find(node, param)
        return built.params[param]

    def set(self, node: str, param: str, value: Any, *, frame: int = 0, clip: bool = False) -> str:
        """Give a live param a value, at a frame (0: now). Returns "", or `driven by sway` while a wire drives it.

        `clip`: a number out of range is brought into it (controllers), else it is refused. Raises UserError.
        """
        built, declared = self.find(node, param)
        try:
            if clip and isinstance(declared, Numeric) and isinstance(value, (int, float)) and math.isfinite(value):
                value = declared.clip(float(value))
            elif clip and isinstance(declared, Switch) and isinstance(value, (int, float)):
                value = value >= 0.5
            value = declared.parse(value)
        except ValueError as error:
            raise UserError(f"nodes.{node}.{param} {error}") from error
        built.params[param] = value
        self._apply(node, param, value, frame)
        driver = self._post.driver(node, param)
        return f"driven by {driver}" if driver else ""

    def scene(self, name: str) -> None:
        """Set everything a scene names. Raises UserError where there is no such scene."""
        if name not in self.patch.scenes:
            raise UserError(f"no scene is called {name!r}{did_you_mean(name, self.patch.scenes)}")
        for path, value in self.patch.scenes[name].items():
            node, _, param = path.partition(".")
            self.set(node, param, value)

    def macro(self, name: str, value: float) -> None:
        """Move a macro; each of its params goes to the same place of its own range. Raises UserError."""
        if name not in self.patch.expose:
            raise UserError(f"no macro is called {name!r}{did_you_mean(name, self.patch.expose)}")
        macro = self.patch.expose[name]
        params: dict[str, Numeric] = {}
        for path in macro.params:
            _, declared = self.find(*path.split(".", 1))
            if isinstance(declared, Numeric):
                params[path] = declared
        for path, moved in macro_values(macro, params, value).items():
            node, _, param = path.partition(".")
            self.set(node, param, moved, clip=True)

    def hush(self, yes: bool = True) -> None:
        """Fade everything out; or in again."""
        self.engine.fade(0.0 if yes else 1.0, 0.05)

    def panic(self) -> None:
        """Silence now."""
        self.engine.silence()

    def _apply(self, name: str, param: str, value: Any, frame: int = 0) -> None:
        """Bring a param's value to where the node runs."""
        if name not in self._parts.instances:
            return
        instance = self._parts.instances[name]
        if instance.spec.room == "audio":
            if param in instance.records and not self.engine.set(instance, param, value, frame=frame):
                self.report(f"nodes.{name}.{param}: too many changes at once; this one is lost")
        elif not self._post.driver(name, param):
            self._give(name, param, value)

    def _give(self, name: str, what: str, value: Any) -> None:
        """A param or an inlet of a control or worker node has a new value."""
        node = self._nodes.get(name)
        if node is not None:
            if node._values.get(what) != value:
                node._values[what] = value
                self._control.change(node, what)
        else:
            self._stale.add(name)

    def _sent(self, node: ControlNode, outlet: str, sent: Any) -> None:
        """A control node has sent something."""
        wires = self._post.put(node.name, outlet, sent)
        if node.spec.outlets[outlet].type is Signal and node.name in self._parts.instances:
            number = float(sent)
            if math.isfinite(number):
                glide = round(0.02 * self.rate)
                self.engine.set(self._parts.instances[node.name], outlet, number, glide=glide)
        for wire in wires:
            self._hear(wire.dest, wire.inlet)

    def _hear(self, name: str, inlet: str) -> None:
        """Something has changed on the wires into an inlet or a param."""
        built = self.graph.nodes.get(name)
        if built is None or built.spec is None or built.spec.room == "audio":
            return
        if inlet in built.spec.inlets:
            self._give(name, inlet, self._post.inlet(name, inlet))
        elif inlet in built.spec.params:
            value = fitted(built.spec.params[inlet], self._post.driven(name, inlet))
            if value is not None:
                self._give(name, inlet, value)
            elif not self._post.driver(name, inlet):
                self._give(name, inlet, built.params[inlet])

    # --- time ---------------------------------------------------------------------------------------------------------

    def pump(self) -> None:
        """Bring everything up to the engine's frame; to be called every few blocks. Never waits."""
        frame = self.engine.frame
        self.engine.poll()
        self._control.advance(frame)
        self._read_taps()
        self._publish(frame)
        for event in self._parts.workers.poll(frame):
            if event.kind in ("log", "died", "failed", "restarted", "ready"):
                self.report(f"{event.node}: {event.text}")
        self._look_for_trouble()

    async def settle(self) -> None:
        """Wait until control nodes have nothing more to do at this frame (a render's lockstep)."""
        await self._control.settle()

    def fill(self, until_frame: int) -> None:
        """In lockstep: have every generator make its sound up to a frame. Raises UserError where one cannot."""
        self._publish(self.engine.frame)
        for link in self._parts.generators.values():
            link.fill(until_frame)

    def _read_taps(self) -> None:
        """Signals that drive params of control nodes and generators: their latest value, once per look."""
        for name, instance in self._parts.instances.items():
            for param, place in instance.taps.items():
                value = float(place[0])
                if value != value or self._tapped.get((name, param)) == value or not self._post.driver(name, param):
                    continue
                self._tapped[name, param] = value
                declared = instance.spec.params[param]
                if isinstance(declared, Numeric):
                    self._give_driven(name, param, declared.clip(value))

    def _give_driven(self, name: str, param: str, value: float) -> None:
        if name in self._parts.generators:
            self._tapped[name, param] = value
            self._stale.add(name)
        self._give(name, param, value)

    def _publish(self, frame: int) -> None:
        """Send generators their state where it has changed."""
        for name in sorted(self._stale):
            link = self._parts.generators.get(name)
            if link is None:
                continue
            built = self.graph.nodes[name]
            spec = _spec(built)
            values = dict(built.params)
            for param in spec.params:
                if not self._post.driver(name, param):
                    continue
                by_wire = fitted(spec.params[param], self._post.driven(name, param))
                tapped = self._tapped.get((name, param))
                if by_wire is None and tapped is not None:
                    declared = spec.params[param]
                    by_wire = declared.clip(tapped) if isinstance(declared, Numeric) else None
                values[param] = values[param] if by_wire is None else by_wire
            inlets = {n: self._post.inlet(name, n) for n in spec.inlets}
            if "seed" in values:  # another seed for the whole render is another seed for each generator
                values["seed"] += self.engine.seed
            try:
                link.publish(worker_state(spec, values, inlets, self.transport.data()), frame)
                self._refused.discard(name)
            except WorkerError as error:  # it plays on as it was
                if name not in self._refused:
                    self.report(str(error))
                self._refused.add(name)
        self._stale.clear()

    def _look_for_trouble(self) -> None:
        self._parts.sweep()
        for line in self._parts.troubles():
            self._tell_once(line)
        for instance in self._parts.mute():
            if instance.key not in self._explained:
                self._explained.add(instance.key)
                # its own Python is run again to find the line: that takes a while, and the music does not wait
                self.loop.run_in_executor(None, self._explain, instance)

    def _explain(self, instance: Instance) -> None:
        audio = instance.spec.room == "audio"
        why = explain(instance, self.rate, self.engine.frame) if audio else "its model made a non-finite sample"
        self.loop.call_soon_threadsafe(self.report, f"nodes.{instance.name}: {why}; it is silent until it is edited")

    def _tell_once(self, line: str) -> None:
        if line and line not in self._told:
            self._told.add(line)
            self.report(line)

    @property
    def generators_ready(self) -> bool:
        """True when no generator is still loading."""
        return all(link.ready or link.state == "failed" for link in self._parts.generators.values())

    # --- the end ------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """End workers, recordings and control nodes. The clock must have stopped."""
        self._control.close()
        self.loop.run_until_complete(asyncio.sleep(0))
        self._parts.close()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()

    @property
    def finished_tapes(self) -> tuple[TapeStatistics, ...]:
        """The recordings that are complete."""
        return self._parts.finished_tapes

    def statistics(self) -> SessionStatistics:
        engine = self.engine.statistics()
        return SessionStatistics(
            seconds=engine.frame / self.rate,
            engine=engine,
            generators=tuple(link.statistics() for link in self._parts.generators.values()),
            tapes=tuple(tape.statistics() for tape in self._parts.tapes.values()),
            beat=self.transport.beat_at(engine.frame),
            faults=tuple(name for name, _ in engine.faults),
        )

    def __str__(self) -> str:
        return str(self.graph)


def _spec(node: GraphNode) -> Spec:
    assert node.spec is not None  # callers leave placeholders out
    return node.spec
