"""What plays for each node: its instance in the engine, its generator, its recording; made, kept and let go of."""

from __future__ import annotations

import os
from collections.abc import Callable, Container, Iterable
from pathlib import Path
from weakref import WeakSet

from graphflow.audio.compile import cache_folder, compiled_forms, prepare
from graphflow.audio.engine import Engine
from graphflow.audio.instance import Instance
from graphflow.audio.source import CompileError
from graphflow.audio.trial import Trials, passed
from graphflow.core.difference import Difference
from graphflow.core.errors import PatchError, Problem, UserError
from graphflow.core.graph import Graph, GraphNode, Wire
from graphflow.core.node import Spec
from graphflow.core.plan import DEVICE, Link
from graphflow.core.routing import worker_hears
from graphflow.session import sound_files
from graphflow.session.tapes import TapeStatistics, TapeWriter
from graphflow.worker.link import GeneratorLink
from graphflow.worker.workers import Workers

SLOW_COMPILE = 0.05
"""Seconds above which compiling a kernel is told: a warm one takes a few milliseconds."""


class Unplayable(PatchError):
    """Nodes that cannot be made. `kinds` are those of somebody else's that could be left out instead."""

    def __init__(self, problems: Iterable[Problem], kinds: frozenset[str]) -> None:
        super().__init__(problems)
        self.kinds = kinds


class Parts:
    """The playing side of a graph's nodes, by name. A ring is kept until the audio thread has let go of it."""

    def __init__(
        self,
        engine: Engine,
        *,
        folder: Path,
        lockstep: bool,
        foreign: Callable[[Spec], bool],
        report: Callable[[str], None],
        workers: Workers | None = None,
    ) -> None:
        self.engine, self.folder, self.lockstep = engine, folder, lockstep
        self.workers = workers or Workers()
        self.instances: dict[str, Instance] = {}
        self.generators: dict[str, GeneratorLink] = {}
        self.tapes: dict[str, TapeWriter] = {}
        self.trials = Trials()
        self.finished_tapes: tuple[TapeStatistics, ...] = ()
        self._foreign, self._report = foreign, report
        self._leaving: list[tuple[GeneratorLink | TapeWriter, Instance]] = []
        self._compiled: set[str] = set()
        self._ready: WeakSet[type] = WeakSet()
        self._prepared = False
        self._rate = int(engine.rate)

    def change(self, graph: Graph, change: Difference, sure: Callable[[], None] = lambda: None) -> None:
        """Make what is new and let go of what is gone. Raises Unplayable; then nothing has changed.

        `sure` is called when all is made: whatever it raises, nothing has changed either.
        """
        self._begin()
        specs = {name: node.spec for name, node in graph.nodes.items() if node.spec is not None}
        fresh = {n for n in (*change.added, *change.replaced) if n in specs}
        width = self.engine.needed_channels(specs, links_of(graph, lambda name: name)) if fresh else {}
        made: dict[str, Instance] = {}
        problems: list[Problem] = []
        kinds: set[str] = set()
        if never := never_compiled({specs[name].kind for name in fresh if specs[name].room == "audio"}):
            self._report(f"compiling {', '.join(never)} for the first time, which takes some seconds")
        for name in sorted(fresh):
            node = graph.nodes[name]
            try:
                made[name] = self._instance(node, specs[name], width[name])
            except CompileError as error:
                problems.append(Problem(f"nodes.{name}", f": {error}"))
                if self._foreign(specs[name]):
                    kinds.add(specs[name].kind)
            except UserError as error:
                problems.append(Problem("", str(error)))
        tapes: dict[str, TapeWriter] = {}
        generators: dict[str, GeneratorLink] = {}
        for name in () if problems else sorted(fresh):  # a recording replaces a file: not for an edit that is refused
            node = graph.nodes[name]
            try:
                if specs[name].tapes:
                    tapes[name] = self._tape(node, specs[name])
                    made[name].ring = tapes[name].ring.words
                elif specs[name].room == "worker":
                    generators[name] = self._generator(node, specs[name])
                    made[name].ring = generators[name].ring.words
                    if (heard := generators[name].heard) is not None:
                        made[name].heard = heard.words
            except UserError as error:
                problems.append(Problem("", str(error)))
            except OSError as error:
                problems.append(Problem(f"nodes.{name}", f": its worker cannot be started ({error.strerror or error})"))
        try:
            if problems:
                raise Unplayable(problems, frozenset(kinds))
            sure()
        except BaseException:
            for tape in tapes.values():
                tape.close()
            for link in generators.values():
                link.close()
            for instance in made.values():
                self.engine.discard(instance)
            raise
        for name in (*change.removed, *fresh):
            self._let_go(name)
        self.generators |= generators
        self.tapes |= tapes
        self.instances = {name: made.get(name) or self.instances[name] for name in specs}

    def links(self, graph: Graph, quiet: Container[Wire] = (), muted: Container[str] = ()) -> list[Link]:
        """The graph's wires as the engine carries them, between instances; without those that are to be quiet."""
        heard = Graph(graph.nodes, tuple(wire for wire in graph.wires if wire not in quiet))
        links = links_of(heard, lambda name: self.instances[name].key)
        dead = {self.instances[name].key for name in self.instances if name in muted}
        return [link for link in links if link.dest != DEVICE or link.source not in dead]

    def prepare(self, graph: Graph) -> None:
        """Compile and try what a graph's nodes need and nothing has needed yet. From any thread.

        Raises Unplayable.
        """
        self._begin()
        problems: list[Problem] = []
        kinds: set[str] = set()
        for node in graph.nodes.values():
            spec = node.spec
            if spec is None or spec.cls in self._ready or spec.room != "audio":
                continue
            try:
                foreign = self._foreign(spec)
                if foreign:
                    self._try_first(spec)
                if spec.cls.native:  # type: ignore[attr-defined]
                    if never := never_compiled([spec.kind]):
                        self._report(f"compiling {never[0]} for the first time, which takes some seconds")
                    compiled_forms(spec, foreign=foreign)
                self._ready.add(spec.cls)
            except CompileError as error:
                problems.append(Problem(f"nodes.{node.name}", f": {error}"))
                if self._foreign(spec):
                    kinds.add(spec.kind)
        if problems:
            raise Unplayable(problems, frozenset(kinds))

    def _try_first(self, spec: Spec) -> None:
        """Play somebody else's node in a process of its own, once for each version of it. Raises CompileError."""
        if not spec.cls.native or passed(spec).exists():  # type: ignore[attr-defined]
            return
        if fault := self.trials.run(spec.file, [spec.kind]):
            raise CompileError(f"{fault}; it is left out")

    def _begin(self) -> None:
        if not self._prepared:
            self._prepared = True
            prepare(self._report)

    def sweep(self) -> None:
        """Close generators and recordings that the audio thread no longer reads or writes."""
        if not self._leaving or not self.engine.settled:
            return
        playing = self.engine.playing.instances  # a removed node may ring on
        for held, instance in self._leaving:
            if instance.key not in playing:
                self._finish(held)
        self._leaving = [(held, instance) for held, instance in self._leaving if instance.key in playing]

    def troubles(self) -> Iterable[str]:
        """One line for each recording that has ended and each node in a thread of its own that has raised."""
        yield from (tape.trouble for tape in self.tapes.values() if tape.trouble)
        for name, error in self.engine.python_errors().items():
            yield f"nodes.{name}: {error}; it is silent until it is edited"

    def mute(self) -> list[Instance]:
        """Instances that raised or made a sample that is no number, and are silent until they are edited.

        Without those that `troubles` speaks of.
        """
        told = self.engine.python_errors()
        return [instance for name, instance in self.instances.items() if instance.fault[0] and name not in told]

    def close(self) -> None:
        """End workers and recordings. The clock must have stopped."""
        self.workers.close()
        self.trials.close()
        for held in (*self.tapes.values(), *(held for held, _ in self._leaving)):
            if isinstance(held, TapeWriter):
                self._finish(held)
        self.tapes.clear()
        self._leaving.clear()

    def _instance(self, node: GraphNode, spec: Spec, channels: int) -> Instance:
        files = {
            n: sound_files.load(f"nodes.{node.name}.{n}", str(node.settings[n]), self.folder, self._rate)
            for n in spec.sound_files
        }
        values = {**node.params, **node.settings}
        foreign = self._foreign(spec)
        if foreign and spec.room == "audio":
            self._try_first(spec)
        instance = self.engine.make(node.name, spec, values, files=files, foreign=foreign, channels=channels)
        for kernel in instance.kernels.values():
            if not kernel.warm and kernel.seconds > SLOW_COMPILE and kernel.kind not in self._compiled:
                self._compiled.add(kernel.kind)
                self._report(f"compiled {kernel.kind} in {kernel.seconds:.1f} s{kept()}")
        return instance

    def _tape(self, node: GraphNode, spec: Spec) -> TapeWriter:
        channels = next(iter(spec.tapes.values())).channels
        place, file = f"nodes.{node.name}.file", str(node.settings["file"])
        return TapeWriter(place, file, self.folder, self._rate, channels)

    def _generator(self, node: GraphNode, spec: Spec) -> GeneratorLink:
        return self.workers.open(
            node.name,
            str(getattr(spec.cls, "generator")),  # noqa: B009 - only worker nodes have it
            {**node.settings, "_folder": str(self.folder.resolve())},
            rate=self._rate,
            channels=max((d.channels or 2) for d in spec.audio_outs.values()),
            start_frame=self.engine.frame,
            lockstep=self.lockstep,
            hears=worker_hears(spec),
        )

    def _let_go(self, name: str) -> None:
        for held in (self.generators.pop(name, None), self.tapes.pop(name, None)):
            if held is not None:
                self._leaving.append((held, self.instances[name]))

    def _finish(self, held: GeneratorLink | TapeWriter) -> None:
        held.close()
        if isinstance(held, TapeWriter):
            self.finished_tapes += (held.statistics(),)
            if held.trouble:
                self._report(held.trouble)


def goes_on(old: GraphNode, new: GraphNode) -> bool:
    """Does a node begin with the state of the one whose place it takes? Where its kind was written anew."""
    specs = [spec for spec in (old.spec, new.spec) if spec is not None and spec.room == "audio"]
    native = len(specs) == 2 and all(spec.cls.native for spec in specs)  # type: ignore[attr-defined]
    return native and old.kind == new.kind and old.spec is not new.spec


def never_compiled(kinds: Iterable[str]) -> list[str]:
    """The kinds of which the cache has nothing yet; after an update it may hold what is of no use any more."""
    folder = cache_folder() / "kernels"
    names = [file.name for file in folder.glob("k_*.checked")] if os.access(folder, os.R_OK) else []
    return [kind for kind in sorted(kinds) if not any(name.startswith(f"k_{kind}_") for name in names)]


def kept() -> str:
    """Whether what was compiled will be there at the next start, as the end of a line."""
    folder = cache_folder()
    if os.access(folder / "kernels", os.W_OK):
        return ", for this and every later start"
    return f"; it is not kept, as {folder} cannot be written: set GRAPHFLOW_CACHE to a folder you can write"


def links_of(graph: Graph, key: Callable[[str], str]) -> list[Link]:
    """The graph's wires that the audio thread carries, and every device out's way to the sound card."""
    links = []
    for wire in graph.wires:
        source, dest = graph.nodes[wire.source], graph.nodes[wire.dest]
        if source.spec is None or dest.spec is None:
            continue
        sounds = dest.spec.room != "control" and wire.inlet in dest.spec.audio_ins
        heard = sounds or (dest.spec.room == "audio" and wire.inlet in dest.spec.numeric)
        tapped = dest.spec.room != "audio" and wire.inlet in dest.spec.numeric and wire.carries == "audio"
        if wire.carries in ("audio", "signal") and (heard or tapped):
            links.append(Link(key(wire.source), wire.outlet, key(wire.dest), wire.inlet))
    for name, node in graph.nodes.items():
        if node.spec is not None:
            links += [Link(key(name), out, DEVICE, "out") for out in node.spec.device_outs]
    return links
