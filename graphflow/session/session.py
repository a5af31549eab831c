"""The patch that plays, and the one way to change it: a transaction, built and checked beside the running one."""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import math
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from graphflow.audio.autopsy import explain
from graphflow.audio.engine import Engine, EngineStatistics
from graphflow.audio.instance import Instance
from graphflow.audio.layout import WELL
from graphflow.audio.trial import Trials
from graphflow.core.check import silent
from graphflow.core.declare import Numeric, Param, Switch
from graphflow.core.difference import Difference, difference
from graphflow.core.errors import PatchError, UserError, did_you_mean
from graphflow.core.graph import Graph, GraphNode, build, unknown_kinds
from graphflow.core.library import Library
from graphflow.core.literals import parsed
from graphflow.core.macro import macro_range, macro_value, macro_values
from graphflow.core.merge import merge
from graphflow.core.names import name_fault
from graphflow.core.node import Spec
from graphflow.core.patch import TRANSPORT, Expose, Patch
from graphflow.core.prompts import SLOTS, prompt_inlet, prompt_params
from graphflow.core.targets import target
from graphflow.core.units import level_of
from graphflow.session.audible import silenced
from graphflow.session.control_loop import Take
from graphflow.session.flow import Flow
from graphflow.session.frame_clock import FrameClock
from graphflow.session.history import History
from graphflow.session.morph import End, Morph
from graphflow.session.parts import Parts, Unplayable, goes_on
from graphflow.session.scenes import chosen, values_now
from graphflow.session.slots import Slot, Slots
from graphflow.session.take import Witness
from graphflow.session.tapes import TapeStatistics
from graphflow.session.transport import Transport
from graphflow.worker.events import GeneratorStatistics, WorkerError
from graphflow.worker.workers import Workers

Report = Callable[[str], None]
Step = Literal["new", "back", "again", "none"]
"""What an edit is to the history: one more, one taken back, one done again, or nothing to remember."""
T = TypeVar("T")


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
        """What is meant: what was written, and what was set by hand; not what controllers left behind."""
        self.graph = Graph()
        """What is: every value as it was last set, by whomever."""
        self.history = History()
        self.muted: frozenset[str] = frozenset()
        self.soloed: frozenset[str] = frozenset()
        self.edit_frame = 0
        """The frame from which the last edit counts."""
        self.listeners: list[Callable[[int], None]] = []
        """Called with the engine's frame at every `pump`."""
        self.panics: list[Callable[[], None]] = []
        """Called at `panic`, in the session's thread."""
        self.witness: Witness | None = None
        """Who writes down what happens."""
        self.transport = Transport(rate)
        self._parts = Parts(
            self.engine, folder=folder, lockstep=lockstep, foreign=foreign, report=self._tell_once, workers=workers
        )
        self._flow = Flow(self.loop, self._parts, rate, folder, self.report)
        self._told: set[str] = set()
        self._left_out: frozenset[str] = frozenset()
        self._explained: set[str] = set()
        self._meant: dict[End, Any] = {}
        self._moved: dict[str, tuple[float, float]] = {}  # where macros were moved, and their first params with them
        self._morphs: list[Morph] = []
        self._slots = Slots()
        self._later: list[tuple[int, int, str, str, Any]] = []
        self._order = itertools.count()
        self.frame_clock = FrameClock(rate)
        self._thread = threading.get_ident()

    # --- from other threads -------------------------------------------------------------------------------------------

    def own_thread(self) -> None:
        """The calling thread is the one that uses the session from now on."""
        self._thread = threading.get_ident()

    def call(self, function: Callable[[], T], within: float = 60.0) -> T:
        """Run something in the session's thread and wait for what it returns or raises. From any thread.

        Raises TimeoutError when the session does not get to it within so many seconds.
        """
        if threading.get_ident() == self._thread:
            return function()
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = function()
            except BaseException as error:  # noqa: BLE001 - whoever asked gets it
                future.set_exception(error)
            else:
                future.set_result(result)

        self.loop.call_soon_threadsafe(run)
        try:
            return future.result(within)
        except TimeoutError:
            future.cancel()
            raise

    @property
    def trials(self) -> Trials:
        """Where somebody else's nodes are tried before they play. For any thread."""
        return self._parts.trials

    # --- transactions -------------------------------------------------------------------------------------------------

    def prepare(self, patch: Patch, library: Library | None = None) -> None:
        """Do what takes time before a patch can play: check it, compile and try its kinds. From any thread.

        Raises PatchError with everything that is wrong. Afterwards `play` takes milliseconds.
        """
        graph, problems = build(patch, library or self.library, placeholders=True)
        problems += silent(graph)
        if problems:
            raise PatchError(problems)
        self._parts.prepare(graph)

    def edit(
        self,
        base: Patch,
        patch: Patch,
        *,
        by_hand: Iterable[End] = (),
        fade: float | None = None,
        quant: str | float | None = None,
        at: int = 0,
        step: Step = "new",
        library: Library | None = None,
    ) -> list[str]:
        """Make the change from `base` to `patch` to what plays now, which may have changed since `base` was read.

        `by_hand` names params that were set, so that they count even where the patch says the same as before.
        `at`: the frame from which it counts, in place of `quant`. Returns a line for each place that was changed by
        others meanwhile. Raises PatchError; then nothing has changed.
        """
        merged, conflicts = merge(base, self.patch, patch, who="this edit", we="meanwhile")
        self.play(merged, by_hand=by_hand, fade=fade, quant=quant, at=at, step=step, library=library)
        return conflicts

    def play(
        self,
        patch: Patch,
        *,
        by_hand: Iterable[End] = (),
        fade: float | None = None,
        quant: str | float | None = None,
        at: int = 0,
        step: Step = "new",
        library: Library | None = None,
        forgiving: bool = False,
    ) -> Difference:
        """Go over to a patch: what did not change plays on, what did fades (ms; the patch's own by default).

        A value that controllers have moved stays where it is unless the patch changes it. Raises PatchError with
        everything that is wrong; then nothing has changed. Unknown kinds stay silent and are reported; `forgiving`,
        so are kinds of somebody else's that cannot be compiled, and the rest plays.
        """
        library = library or self.library
        graph, problems = build(patch, library, placeholders=True)
        problems += silent(graph)
        if problems:
            raise PatchError(problems)
        meant = {(name, param): value for name, node in graph.nodes.items() for param, value in node.params.items()}
        self._keep_values(graph, frozenset(by_hand))
        change = difference(self.graph, graph)
        old = self._parts.instances
        try:
            self._parts.change(graph, change)
        except Unplayable as wrong:
            if not (forgiving and wrong.kinds):
                raise
            for problem in wrong.problems:
                self.report(f"{problem.place.split('.')[1]} stays silent; {problem}")
            left = Library(*(cls for kind, cls in library.items() if kind not in wrong.kinds))
            self._left_out |= wrong.kinds
            return self.play(
                patch, by_hand=by_hand, fade=fade, quant=quant, at=at, step=step, library=left, forgiving=True
            )
        if library is not self.library:
            self._left_out &= {kind for kind in self._left_out if kind not in library}
        known = Graph({name: node for name, node in graph.nodes.items() if node.kind not in self._left_out})
        for problem in unknown_kinds(known, library):
            if problem.place.split(".")[1] in (*change.added, *change.replaced):
                self.report(f"{problem.place.split('.')[1]} stays silent; {problem}")
        heirs = [n for n in change.replaced if goes_on(self.graph.nodes[n], graph.nodes[n])]
        # what is mute has a state that nobody should begin with
        inherits = {self._parts.instances[n].key: old[n].key for n in heirs if old[n].fault[0] == WELL}
        before, self.patch, self.graph, self.library, self._meant = self.patch, patch, graph, library, meant
        if before != Patch():
            self._remember(before, step)
        self._take_transport(before, patch)
        self._slots.keep(graph)
        for name in (*change.removed, *change.replaced):
            self._flow.end(name)
        self._flow.rewire(graph)
        for name in (*change.added, *change.replaced):
            self._flow.begin(name)
        now = self.engine.frame
        self.edit_frame = max(at or self.transport.grid(quant or patch.engine.quant, now), now)
        if change.rewires:
            self._go_over(fade, self.edit_frame, inherits)
        for (name, param), (_, value) in change.params.items():
            self._leave_morphs((name, param))
            self._apply(name, param, value, self.edit_frame if self.edit_frame > now else 0)
        for wire in change.cut:
            self._flow.cut(wire.dest, wire.inlet)
        for name, inlet in {(w.dest, w.inlet) for w in (*change.joined, *change.cut)} | set(change.literals):
            self._flow.hear(name, inlet)
        if self.witness is not None:
            self.witness.transaction(patch, self.edit_frame)
            for name in (*change.added, *change.replaced):
                if name in self._parts.generators:
                    self.witness.generator(self._parts.instances[name], self._parts.generators[name])
        return change

    def _go_over(self, fade: float | None, at_frame: int, inherits: Mapping[str, str] | None = None) -> None:
        """Have the engine play the graph as it is now, without what is muted."""
        fade_ms = self.patch.engine.fade if fade is None else fade
        quiet = silenced(self.graph, self.muted, self.soloed)
        self.engine.play(
            self._parts.instances.values(),
            self._parts.links(self.graph, quiet, self.muted),
            fade_frames=round(fade_ms * self.rate / 1000.0),
            at_frame=at_frame,
            inherits=inherits,
        )

    def _keep_values(self, graph: Graph, by_hand: frozenset[End]) -> None:
        """Put into a new graph the values that were set since, where its patch says what it said before."""
        for name, node in graph.nodes.items():
            was = self.graph.nodes.get(name)
            if was is None or node.spec is None or was.kind != node.kind:
                continue
            for param, declared in node.spec.params.items():
                end = name, param
                if end not in self._meant or end in by_hand or node.params[param] != self._meant[end]:
                    continue
                try:
                    node.params[param] = parsed(declared, was.params[param])
                except (KeyError, ValueError):  # the kind was changed, and takes it no more
                    continue

    def _remember(self, before: Patch, step: Step) -> None:
        if step == "new":
            self.history.did(before, self.patch)
        elif step == "back":
            self.history.went_back()
        elif step == "again":
            self.history.went_again()

    def with_values_left(self) -> Patch:
        """The patch with the values that controllers have left, as `save(all=True)` writes it."""
        patch = self.patch
        for (name, param), meant in self._meant.items():
            node = self.graph.nodes[name]
            value = node.params[param]
            if value != meant and node.spec is not None:
                default = node.spec.params[param].default  # what is as it would be anyway is not written
                patch = patch.with_value(name, param, None if value == default else value)
        return replace(patch, transport=replace(patch.transport, tempo=self.transport.tempo))

    def mute(self, *names: str, on: bool = True) -> None:
        """Let nodes' sound go nowhere, or somewhere again; the patch stays as it is. Raises UserError."""
        self._known(names)
        self.muted = self.muted | set(names) if on else self.muted - set(names)
        self._flow.mute(self.muted)
        self._go_over(None, self.engine.frame)

    def solo(self, *names: str) -> None:
        """Hear only what leads to or comes from these nodes; none: hear everything. Raises UserError."""
        self._known(names)
        self.soloed = frozenset(names)
        self._go_over(None, self.engine.frame)

    def _known(self, names: Iterable[str]) -> None:
        for name in names:
            if name not in self.graph.nodes:
                raise UserError(f"no node is called {name!r}{did_you_mean(name, self.graph.nodes)}")

    def _take_transport(self, before: Patch, patch: Patch) -> None:
        """What the patch says of the tempo counts when it says something new, so that a hand's tempo stays."""
        if patch.transport != before.transport:
            self._set_transport(patch.transport.tempo, patch.transport.beats_per_bar)

    def _set_transport(self, tempo: float | None, beats_per_bar: int) -> None:
        if (tempo, beats_per_bar) != (self.transport.tempo, self.transport.beats_per_bar):
            moved = self.transport.with_tempo(tempo, self.engine.frame)
            self.transport = replace(moved, beats_per_bar=beats_per_bar)
            self._flow.transport = self.transport
            self._flow.stale()

    def follow(self, transport: Transport) -> None:
        """Take over bars and beats as somebody else counts them, such as a MIDI clock. The patch stays as it is."""
        self.transport = self._flow.transport = transport
        self._flow.stale()

    def tempo(self, bpm: float | None) -> None:
        """Go on at another tempo from here; None: at none. The patch stays as it is. Raises UserError."""
        try:
            self._set_transport(None if bpm is None else TRANSPORT["tempo"].parse(bpm), self.transport.beats_per_bar)
        except ValueError as error:
            raise UserError(f"transport.tempo {error}") from error

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
        if frame > self.engine.frame and built.spec is not None and built.spec.room != "audio":
            # the audio thread keeps what is for later by itself
            heapq.heappush(self._later, (frame, next(self._order), node, param, value))
        else:
            self._leave_morphs((node, param))
            built.params[param] = value
            self._apply(node, param, value, frame)
        driver = self._flow.driver(node, param)
        return f"driven by {driver}" if driver else ""

    def _set_what_is_due(self, frame: int) -> None:
        while self._later and self._later[0][0] <= frame:
            _, _, node, param, value = heapq.heappop(self._later)
            if node in self.graph.nodes and param in self.graph.nodes[node].params:
                self.set(node, param, value, clip=True)

    def prompt(self, node: str, slot: int, text: str | None = None, weight: float | None = None) -> None:
        """Give a generator a prompt beside what is wired into it: the words, the weight or both of a slot, 0 to 7.

        Empty words clear it. Raises UserError.
        """
        self._known([node])
        built = self.graph.nodes[node]
        inlet = prompt_inlet(built.spec)
        if built.spec is None or not inlet:
            raise UserError(f"nodes.{node}: {built.kind} takes no prompts; generators with a style do")
        if not 0 <= slot < SLOTS:
            raise UserError(f"nodes.{node}: slot {slot}; expected 0 to {SLOTS - 1}")
        if own := prompt_params(built.spec):
            for param, value in zip(own[slot], (text, weight), strict=True):
                if value is not None:
                    self.set(node, param, value, clip=True)
        else:
            self._slots.put(node, built.kind, slot, text, weight)
            self._flow.say(node, inlet, self._slots.style(node))

    def prompts(self, node: str) -> tuple[Slot, ...]:
        """What a generator's slots hold, from slot 0 on."""
        built = self.graph.nodes[node]
        if built.spec is not None and (own := prompt_params(built.spec)):
            return tuple(Slot(built.params[words], built.params[weight]) for words, weight in own)
        return self._slots.of(node)

    def scene(self, name: str, seconds: float = 0.0, frame: int = 0) -> None:
        """Set everything a scene names, or glide there. Raises UserError where there is no such scene."""
        if name not in self.patch.scenes:
            raise UserError(f"no scene is called {name!r}{did_you_mean(name, self.patch.scenes)}")
        self.morph(self.patch.scenes[name], seconds, frame=frame)

    def morph(self, values: Mapping[str, Any], seconds: float, *, meant: bool = False, frame: int = 0) -> None:
        """Bring params, by `node.param`, to values: numbers glide, each along its own curve, all else is set now.

        A param that somebody sets on the way goes its own way. `meant`: the patch is to say so too, as after an edit;
        else the values are left behind as a controller's. `frame`: where it begins (0: now). Raises UserError; then
        nothing has changed.
        """
        goals: dict[End, tuple[Numeric, float, float]] = {}
        now: dict[End, Any] = {}
        for path, written in values.items():
            node, _, param = path.partition(".")
            try:
                declared = target(path, self.graph.nodes)
                if declared is None:
                    continue
                value = parsed(declared, written)
            except ValueError as error:
                raise UserError(f"{path}{error if str(error).startswith((' ', ':')) else f' {error}'}") from error
            if isinstance(declared, Numeric) and seconds > 0.0:
                goals[node, param] = declared, self.get(node, param), value
            else:
                now[node, param] = value
        for (node, param), value in now.items():
            self.set(node, param, value, frame=frame)
        if meant:
            before = self.patch
            for (node, param), value in {**{end: goal[2] for end, goal in goals.items()}, **now}.items():
                self._meant[node, param] = value
                self.patch = self.patch.with_value(node, param, value)
            self._remember(before, "new")
        self._glide(goals, seconds, frame)

    def _glide(self, goals: Mapping[End, tuple[Numeric, float, float]], seconds: float, frame: int) -> None:
        for end in goals:
            self._leave_morphs(end)
        if goals:
            self._morphs.append(Morph.to(goals, max(frame, self.engine.frame), round(seconds * self.rate)))

    def store_scene(self, name: str, params: Iterable[str] | None = None) -> dict[str, Any]:
        """Write what plays now into the patch as a scene; returns what it holds. An edit like any other.

        `params`: the values to store, as `node.param`. Without: those that the scene has already; in a new one all
        that were written, set, or are moved by macros, controls and scenes. Raises UserError.
        """
        if fault := name_fault(name):
            raise UserError(f"scenes.{name} {fault}")
        paths = chosen(name, self.patch, self.graph, self._flow.driver) if params is None else params
        try:
            values = values_now(paths, self.graph)
        except ValueError as error:
            raise UserError(str(error)) from error
        self.play(replace(self.patch, scenes={**self.patch.scenes, name: values}))
        return values

    def _leave_morphs(self, end: End) -> None:
        for morph in self._morphs:
            morph.drop(end)

    def _move_morphs(self, frame: int) -> None:
        def put(end: End, value: float) -> None:
            name, param = end
            node = self.graph.nodes.get(name)
            if node is None or param not in node.params:
                morph.drop(end)
            elif node.params[param] != value:
                node.params[param] = value
                self._apply(name, param, value)

        for morph in self._morphs:
            morph.look(frame, put)
        self._morphs = [morph for morph in self._morphs if not morph.over(frame)]

    def macro(self, name: str, value: float, frame: int = 0) -> None:
        """Move a macro; each of its params goes to the same place of its own range. Raises UserError.

        Where the patch gives the macro a glide, its params are so long on their way, along their own curves.
        """
        macro, params = self.macro_params(name)
        goals: dict[End, tuple[Numeric, float, float]] = {}
        for path, moved in macro_values(macro, params, value).items():
            node, _, param = path.partition(".")
            if macro.glide:
                goals[node, param] = params[path], self.get(node, param), params[path].clip(moved)
            else:
                self.set(node, param, moved, frame=frame, clip=True)
        self._glide(goals, macro.glide / 1000.0, frame)
        if params:
            path, first = next(iter(params.items()))
            goal = first.clip(macro_values(macro, params, value)[path])
            self._moved[name] = macro_range(macro, first).clip(value), goal

    def macro_value(self, name: str) -> float:
        """Where a macro stands: where it was moved, or, once its first param went elsewhere, where that stands.

        Raises UserError.
        """
        macro, params = self.macro_params(name)
        if not params:
            raise UserError(f"macro {name} moves nothing that plays")
        path, first = next(iter(params.items()))
        node, _, param = path.partition(".")
        value, goal = self._moved.get(name, (0.0, math.nan))
        if goal in (self.get(node, param), *(morph.goal((node, param)) for morph in self._morphs)):
            return macro_range(macro, first).clip(value)
        return macro_value(macro, first, self.get(node, param))

    def macro_params(self, name: str) -> tuple[Expose, dict[str, Numeric]]:
        """A macro and the numbers that it moves, by `node.param`. Raises UserError."""
        if name not in self.patch.expose:
            raise UserError(f"no macro is called {name!r}{did_you_mean(name, self.patch.expose)}")
        macro = self.patch.expose[name]
        params: dict[str, Numeric] = {}
        for path in macro.params:
            node = self.graph.nodes[path.partition(".")[0]]
            declared = None if node.spec is None else self.find(*path.split(".", 1))[1]
            if isinstance(declared, Numeric):
                params[path] = declared
        return macro, params

    def hush(self, yes: bool = True) -> None:
        """Fade everything out; or in again."""
        self.engine.fade(0.0 if yes else 1.0, 0.05)

    def panic(self) -> None:
        """Silence now, from any thread; every service beside the graph lets go of its notes, in the session's."""
        self.engine.silence()
        if threading.get_ident() == self._thread:
            self._let_go()
        else:
            with contextlib.suppress(RuntimeError):  # its loop is closed: they have let go already
                self.loop.call_soon_threadsafe(self._let_go)

    def _let_go(self) -> None:
        for let_go in self.panics:
            let_go()

    # --- services beside the graph ------------------------------------------------------------------------------------

    def enter(self, outside: str, message: Any, frame: int = 0) -> None:
        """A message of a service, like "midi", for every node that listens to it; it counts from a frame (0: now)."""
        self._flow.enter(outside, message, frame)

    def serve(self, outside: str, take: Take | None) -> None:
        """Have a service take what nodes tell it; None: it takes nothing more."""
        if take is None:
            self._flow.takers.pop(outside, None)
        else:
            self._flow.takers[outside] = take

    def level(self, node: str) -> tuple[float, float]:
        """How loud a node is: peak and RMS of its loudest out in dB; followed from the first time it is asked for."""
        instance = self._parts.instances.get(node)
        peak, rms = instance.levels() if instance is not None else (0.0, 0.0)
        return level_of(peak), level_of(rms)

    def _apply(self, name: str, param: str, value: Any, frame: int = 0) -> None:
        """Bring a param's value to where the node runs."""
        if name not in self._parts.instances:
            return
        instance = self._parts.instances[name]
        if instance.spec.room == "audio":
            if param in instance.records and not self.engine.set(instance, param, value, frame=frame):
                self._tell_once(f"nodes.{name}.{param}: too many changes at once; some are lost")
        elif not self._flow.driver(name, param):
            self._flow.give(name, param, value)
            if self.witness is not None:
                self.witness.control(name, param, value, self.engine.frame)

    # --- time ---------------------------------------------------------------------------------------------------------

    def pump(self) -> None:
        """Bring everything up to the engine's frame; to be called every few blocks. Never waits."""
        frame = self.engine.frame
        self.frame_clock.look(*self.engine.begun)
        self.engine.poll()
        self._set_what_is_due(frame)
        if self._morphs:
            self._move_morphs(frame)
        for listener in self.listeners:
            listener(frame)
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
        if self.witness is not None:
            self._parts.workers.poll(self.engine.frame, self.engine.block)  # their last words
            self.witness.close()
            self.witness = None
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
