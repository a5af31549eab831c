"""The patch that plays, and the one way to change it: a transaction, built and checked beside the running one."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from graphflow.audio.engine import Engine, EngineStatistics
from graphflow.audio.instance import Instance
from graphflow.audio.source import CompileError
from graphflow.core.check import silent
from graphflow.core.declare import Numeric, Param, Switch
from graphflow.core.difference import Difference, difference
from graphflow.core.errors import PatchError, Problem, UserError, did_you_mean
from graphflow.core.graph import Graph, GraphNode, build, unknown_kinds
from graphflow.core.library import Library
from graphflow.core.messages import Signal
from graphflow.core.node import ControlNode, Spec
from graphflow.core.patch import Patch
from graphflow.core.plan import DEVICE, Link
from graphflow.session import sound_files
from graphflow.session.control_loop import ControlLoop
from graphflow.session.messages import Post, fitted, worker_state
from graphflow.session.tapes import TapeStatistics, TapeWriter
from graphflow.session.transport import Transport
from graphflow.worker.events import GeneratorStatistics
from graphflow.worker.link import GeneratorLink
from graphflow.worker.workers import Workers

Report = Callable[[str], None]
SLOW_COMPILE = 0.05
"""Seconds above which compiling a kernel is told: a warm one takes a few milliseconds."""


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
    ) -> None:
        self.library, self.rate, self.folder, self.lockstep = library, rate, folder, lockstep
        self.report = report
        self.loop = asyncio.new_event_loop()
        self.engine = Engine(rate, seed=seed)
        self.workers = Workers()
        self.patch = Patch()
        self.graph = Graph()
        self.transport = Transport(rate)
        self.finished_tapes: tuple[TapeStatistics, ...] = ()
        self._foreign = foreign
        self._control = ControlLoop(self.loop, self._sent, self.report, rate, folder)
        self._post = Post()
        self._instances: dict[str, Instance] = {}
        self._nodes: dict[str, ControlNode] = {}
        self._links: dict[str, GeneratorLink] = {}
        self._tapes: dict[str, TapeWriter] = {}
        self._leaving: list[tuple[GeneratorLink | TapeWriter, Instance]] = []
        self._stale: set[str] = set()
        self._told: set[str] = set()
        self._compiled: set[str] = set()
        self._tapped: dict[tuple[str, str], float] = {}

    # --- transactions -------------------------------------------------------------------------------------------------

    def play(self, patch: Patch, *, fade: float | None = None, quant: str | None = None) -> Difference:
        """Go over to a patch: what did not change plays on, what did fades (ms; the patch's own by default).

        Raises PatchError with everything that is wrong; then nothing has changed. Unknown kinds stay silent and are
        reported.
        """
        graph, problems = build(patch, self.library, placeholders=True)
        problems += silent(graph)
        if problems:
            raise PatchError(problems)
        change = difference(self.graph, graph)
        made = self._make(graph, change)
        for problem in unknown_kinds(graph, self.library):
            self.report(f"{problem}; it stays silent")
        self.patch, self.graph = patch, graph
        self._take_transport(patch)
        before = self._instances
        self._instances = {name: made.get(name) or before[name] for name in graph.nodes if self._known(name)}
        self._retire(change, before)
        self._post.rewire(graph)
        for name in (*change.added, *change.replaced):
            self._begin(name)
        fade_ms = patch.engine.fade if fade is None else fade
        self.engine.play(
            self._instances.values(),
            self._plan_links(),
            fade_frames=round(fade_ms * self.rate / 1000.0),
            at_frame=self.transport.grid(quant or patch.engine.quant, self.engine.frame),
        )
        for (name, param), (_, value) in change.params.items():
            self._apply(name, param, value)
        for name, inlet in {(w.dest, w.inlet) for w in (*change.joined, *change.cut)} | set(change.literals):
            self._hear(name, inlet)
        return change

    def _known(self, name: str) -> bool:
        return self.graph.nodes[name].spec is not None

    def _make(self, graph: Graph, change: Difference) -> dict[str, Instance]:
        """Instances for what is new, compiled and with their files open; nothing of the running patch is touched."""
        names = {w for w in graph.nodes if graph.nodes[w].spec is not None}
        specs = {name: _spec(graph.nodes[name]) for name in names}
        links = _links(graph, lambda name: name)
        width = self.engine.needed_channels(specs, links)
        fresh = {n for n in (*change.added, *change.replaced) if n in names}
        # a node that grows wider than its memory is made anew
        fresh |= {n for n in names - fresh if n in self._instances and self._instances[n].channels < width[n]}
        made: dict[str, Instance] = {}
        opened: list[tuple[str, TapeWriter]] = []
        problems: list[Problem] = []
        for name in sorted(fresh):
            node = graph.nodes[name]
            spec = specs[name]
            try:
                files = {
                    n: sound_files.load(f"nodes.{name}.{n}", str(node.settings[n]), self.folder, self.rate)
                    for n in spec.sound_files
                }
                foreign = self._foreign(spec)
                values = {**node.params, **node.settings}
                instance = self.engine.make(name, spec, values, files=files, foreign=foreign, channels=width[name])
                if spec.tapes:
                    tape = next(iter(spec.tapes.values()))
                    writer = TapeWriter(
                        f"nodes.{name}.file", str(node.settings["file"]), self.folder, self.rate, tape.channels
                    )
                    opened.append((name, writer))
                    instance.ring = writer.ring.words
                made[name] = instance
                for kernel in instance.kernels.values():
                    if not kernel.warm and kernel.seconds > SLOW_COMPILE and kernel.kind not in self._compiled:
                        self._compiled.add(kernel.kind)
                        self.report(f"compiled {kernel.kind} in {kernel.seconds:.1f} s, for this and every later start")
            except CompileError as error:
                problems.append(Problem(f"nodes.{name}", f": {error}"))
            except UserError as error:
                problems.append(Problem("", str(error)))
        if problems:
            for _, writer in opened:
                writer.close()
            raise PatchError(problems)
        for name, instance in made.items():
            if specs[name].room == "worker":
                self._open(name, graph.nodes[name], instance)
        for name, writer in opened:
            if name in self._tapes:
                self._leaving.append((self._tapes.pop(name), self._instances[name]))
            self._tapes[name] = writer
        return made

    def _open(self, name: str, node: GraphNode, instance: Instance) -> None:
        spec = _spec(node)
        if name in self._links:
            self._leaving.append((self._links.pop(name), self._instances[name]))
        link = self.workers.open(
            name,
            str(getattr(spec.cls, "model")),  # noqa: B009 - only worker nodes have it
            dict(node.settings),
            rate=self.rate,
            channels=max((d.channels or 2) for d in spec.audio_outs.values()),
            start_frame=self.engine.frame,
            lockstep=self.lockstep,
        )
        self._links[name] = link
        instance.ring = link.ring.words

    def _retire(self, change: Difference, before: dict[str, Instance]) -> None:
        """End what is gone: control nodes at once, rings once the audio thread has let go of them."""
        for name in (*change.removed, *change.replaced):
            self._post.forget(name)
            self._tapped = {end: v for end, v in self._tapped.items() if end[0] != name}
            node = self._nodes.pop(name, None)
            if node is not None:
                self._control.stop(node)
            if name in change.removed:
                for held in (self._links.pop(name, None), self._tapes.pop(name, None)):
                    if held is not None:
                        self._leaving.append((held, before[name]))

    def _begin(self, name: str) -> None:
        built = self.graph.nodes[name]
        if built.spec is None:
            return
        if built.spec.room == "control":
            values = {**built.params, **built.settings, **{n: self._post.inlet(name, n) for n in built.spec.inlets}}
            cls: Any = built.spec.cls
            node: ControlNode = cls(name, values, self._control)
            self._nodes[name] = node
            self._control.start(node)
        self._stale.add(name)

    def _plan_links(self) -> list[Link]:
        return _links(self.graph, lambda name: self._instances[name].key)

    def _take_transport(self, patch: Patch) -> None:
        given = patch.transport
        if (given.tempo, given.beats_per_bar) != (self.transport.tempo, self.transport.beats_per_bar):
            moved = self.transport.with_tempo(given.tempo, self.engine.frame)
            self.transport = replace(moved, beats_per_bar=given.beats_per_bar)
            self._stale |= set(self._links)

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
        ranged: Numeric | None = None
        for path in macro.params:
            node, _, param = path.partition(".")
            _, declared = self.find(node, param)
            if not isinstance(declared, Numeric):
                continue
            if ranged is None:
                ranged = Numeric(
                    declared.default,
                    unit=declared.unit if macro.unit is None else macro.unit,
                    min=declared.min if macro.min is None else macro.min,
                    max=declared.max if macro.max is None else macro.max,
                    warp=macro.warp or declared.warp,
                )
            same_unit = declared.unit == ranged.unit and ranged.min >= declared.min and ranged.max <= declared.max
            place = ranged.norm(ranged.clip(value))
            self.set(node, param, ranged.clip(value) if same_unit else declared.value_at(place), clip=True)

    def _apply(self, name: str, param: str, value: Any, frame: int = 0) -> None:
        """Bring a param's value to where the node runs."""
        if name not in self._instances:
            return
        instance = self._instances[name]
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
        if node.spec.outlets[outlet].type is Signal and node.name in self._instances:
            number = float(sent)
            if math.isfinite(number):
                glide = round(0.02 * self.rate)
                self.engine.set(self._instances[node.name], outlet, number, glide=glide)
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
        for event in self.workers.poll(frame):
            if event.kind in ("log", "died", "failed", "restarted", "ready"):
                self.report(f"{event.node}: {event.text}")
        self._look_for_trouble()

    async def settle(self) -> None:
        """Wait until control nodes have nothing more to do at this frame (a render's lockstep)."""
        await self._control.settle()

    def fill(self, until_frame: int) -> None:
        """In lockstep: have every generator make its sound up to a frame. Raises UserError where one cannot."""
        self._publish(self.engine.frame)
        for link in self._links.values():
            link.fill(until_frame)

    def _read_taps(self) -> None:
        """Signals that drive params of control nodes and generators: their latest value, once per look."""
        for name, instance in self._instances.items():
            for param, place in instance.taps.items():
                value = float(place[0])
                if value != value or self._tapped.get((name, param)) == value or not self._post.driver(name, param):
                    continue
                self._tapped[name, param] = value
                declared = instance.spec.params[param]
                if isinstance(declared, Numeric):
                    self._give_driven(name, param, declared.clip(value))

    def _give_driven(self, name: str, param: str, value: float) -> None:
        if name in self._links:
            self._tapped[name, param] = value
            self._stale.add(name)
        self._give(name, param, value)

    def _publish(self, frame: int) -> None:
        """Send generators their state where it has changed."""
        for name in sorted(self._stale):
            link = self._links.get(name)
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
            link.publish(worker_state(spec, values, inlets, self.transport.data()), frame)
        self._stale.clear()

    def _look_for_trouble(self) -> None:
        still: list[tuple[GeneratorLink | TapeWriter, Instance]] = []
        for held, instance in self._leaving:
            if instance.key in self.engine.playing.instances or not self.engine.settled:
                still.append((held, instance))
            else:
                held.close()
        self._leaving = still
        for tape in self._tapes.values():
            self._tell_once(tape.trouble)
        for name, instance in self._instances.items():
            if instance.fault[0]:
                what = "raised an error" if instance.fault[0] == 1 else "made a sample that is no number"
                self._tell_once(f"nodes.{name}: {instance.spec.kind} {what}; it is silent until it is edited")

    def _tell_once(self, line: str) -> None:
        if line and line not in self._told:
            self._told.add(line)
            self.report(line)

    @property
    def generators_ready(self) -> bool:
        """True when no generator is still loading."""
        return all(link.ready or link.state == "failed" for link in self._links.values())

    # --- the end ------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """End workers, recordings and control nodes. The clock must have stopped."""
        self._control.close()
        self.loop.run_until_complete(asyncio.sleep(0))
        self.workers.close()
        for tape in (*self._tapes.values(), *(held for held, _ in self._leaving if isinstance(held, TapeWriter))):
            tape.close()
            self._tell_once(tape.trouble)
            self.finished_tapes += (tape.statistics(),)
        self._tapes.clear()
        self._leaving.clear()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()

    def statistics(self) -> SessionStatistics:
        engine = self.engine.statistics()
        return SessionStatistics(
            seconds=engine.frame / self.rate,
            engine=engine,
            generators=tuple(link.statistics() for link in self._links.values()),
            tapes=tuple(tape.statistics() for tape in self._tapes.values()),
            beat=self.transport.beat_at(engine.frame),
            faults=tuple(name for name, _ in engine.faults),
        )

    def __str__(self) -> str:
        return str(self.graph)


def _spec(node: GraphNode) -> Spec:
    assert node.spec is not None  # callers leave placeholders out
    return node.spec


def _links(graph: Graph, key: Callable[[str], str]) -> list[Link]:
    """The graph's wires that the audio thread carries, and every device out's way to the sound card."""
    links = []
    for wire in graph.wires:
        source, dest = graph.nodes[wire.source], graph.nodes[wire.dest]
        if source.spec is None or dest.spec is None:
            continue
        heard = dest.spec.room == "audio" and (wire.inlet in dest.spec.audio_ins or wire.inlet in dest.spec.numeric)
        tapped = dest.spec.room != "audio" and wire.inlet in dest.spec.numeric and wire.carries == "audio"
        if wire.carries in ("audio", "signal") and (heard or tapped):
            links.append(Link(key(wire.source), wire.outlet, key(wire.dest), wire.inlet))
    for name, node in graph.nodes.items():
        if node.spec is not None:
            links += [Link(key(name), out, DEVICE, "out") for out in node.spec.device_outs]
    return links
