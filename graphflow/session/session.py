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
from graphflow.audio.layout import WELL
from graphflow.core.check import silent
from graphflow.core.declare import Numeric, Param, Switch
from graphflow.core.difference import Difference, difference
from graphflow.core.errors import PatchError, UserError, did_you_mean
from graphflow.core.graph import Graph, GraphNode, build, unknown_kinds
from graphflow.core.library import Library
from graphflow.core.macro import macro_values
from graphflow.core.node import Spec
from graphflow.core.patch import Patch
from graphflow.session.flow import Flow
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
        self._flow = Flow(self.loop, self._parts, rate, folder, self.report)
        self._told: set[str] = set()
        self._left_out: frozenset[str] = frozenset()
        self._explained: set[str] = set()

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
            self._flow.end(name)
        self._flow.rewire(graph)
        for name in (*change.added, *change.replaced):
            self._flow.begin(name)
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
        for wire in change.cut:
            self._flow.cut(wire.dest, wire.inlet)
        for name, inlet in {(w.dest, w.inlet) for w in (*change.joined, *change.cut)} | set(change.literals):
            self._flow.hear(name, inlet)
        return change

    def _take_transport(self, patch: Patch) -> None:
        given = patch.transport
        if (given.tempo, given.beats_per_bar) != (self.transport.tempo, self.transport.beats_per_bar):
            moved = self.transport.with_tempo(given.tempo, self.engine.frame)
            self.transport = replace(moved, beats_per_bar=given.beats_per_bar)
            self._flow.transport = self.transport
            self._flow.stale()

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
        driver = self._flow.driver(node, param)
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
        elif not self._flow.driver(name, param):
            self._flow.give(name, param, value)

    # --- time ---------------------------------------------------------------------------------------------------------

    def pump(self) -> None:
        """Bring everything up to the engine's frame; to be called every few blocks. Never waits."""
        frame = self.engine.frame
        self.engine.poll()
        self._flow.look(frame)
        for event in self._parts.workers.poll(frame, self.engine.block):
            if event.kind in ("log", "died", "failed", "restarted", "ready"):
                self.report(f"{event.node}: {event.text}")
        self._look_for_trouble()

    async def settle(self) -> None:
        """Wait until control nodes have nothing more to do at this frame (a render's lockstep)."""
        await self._flow.settle()

    def fill(self, until_frame: int) -> None:
        """In lockstep: have every generator make its sound up to a frame.

        One that could not be opened (its weights are not here) is told by `pump`, stays silent, and the rest is
        rendered. Raises UserError where one cannot go on.
        """
        self._flow.publish(self.engine.frame)
        for link in self._parts.generators.values():
            try:
                link.fill(until_frame)
            except WorkerError:
                if link.state != "failed" or link.crash or link.statistics().chunk:
                    raise

    def _look_for_trouble(self) -> None:
        self._parts.sweep()
        for line in self._parts.troubles():
            self._tell_once(line)
        for instance in self._parts.mute():
            if instance.spec.room == "worker":
                # its worker keeps such samples back; any others are left out block by block, not for ever
                instance.fault[0] = WELL
                self._tell_once(f"nodes.{instance.name}: its model made a non-finite sample; such a block is silent")
            elif instance.key not in self._explained:
                self._explained.add(instance.key)
                # its own Python is run again to find the line: that takes a while, and the music does not wait
                self.loop.run_in_executor(None, self._explain, instance)

    def _explain(self, instance: Instance) -> None:
        why = explain(instance, self.rate, self.engine.frame)
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
        self._flow.close()
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
