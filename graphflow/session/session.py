"""The patch that plays, and the one way to change it: a transaction, built and checked beside the running one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

from graphflow.audio.engine import Engine, EngineStatistics
from graphflow.audio.layout import WELL
from graphflow.audio.trial import Trials
from graphflow.core.check import playable
from graphflow.core.difference import Difference, difference
from graphflow.core.graph import Built
from graphflow.core.library import Library
from graphflow.core.merge import merge
from graphflow.core.node import Spec
from graphflow.core.patch import Patch
from graphflow.core.units import level_of
from graphflow.session.audible import silenced
from graphflow.session.control_loop import Taker
from graphflow.session.controls import Controls
from graphflow.session.flow import Flow
from graphflow.session.frame_clock import FrameClock
from graphflow.session.history import History
from graphflow.session.home import Home, resettled
from graphflow.session.macros import Macros
from graphflow.session.marks import Marks
from graphflow.session.morph import End
from graphflow.session.own_thread import OwnThread
from graphflow.session.parts import Parts, Unplayable, goes_on
from graphflow.session.placeholders import Placeholders
from graphflow.session.prompts import Prompts
from graphflow.session.take import Witness
from graphflow.session.tapes import TapeStatistics
from graphflow.session.timekeeping import Timekeeping
from graphflow.session.transport import Transport
from graphflow.session.troubles import Troubles
from graphflow.session.values import Values
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


class Session(Controls, Timekeeping):
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
        self.library, self.rate, self.lockstep = library, rate, lockstep
        self.home = Home(folder)
        """Where the patch lies."""
        self.moves: list[Callable[[Home], None]] = []
        """Told where the patch lies after a step back or on that leads elsewhere."""
        self.report = report
        self.loop = asyncio.new_event_loop()
        self.engine = Engine(rate, seed=seed)
        self.patch = Patch()
        """What is meant: what was written, and what was set by hand; not what controllers left behind."""
        self.history = History()
        self.marks = Marks()
        self.edit_frame = 0
        """The frame from which the last edit counts."""
        self.listeners: list[Callable[[int], None]] = []
        """Called with the engine's frame at every `pump`."""
        self.panics: list[Callable[[], None]] = []
        """Called at `panic`, in the session's thread."""
        self.witness: Witness | None = None
        """Who writes down what happens."""
        self.transport = Transport(rate)
        self.frame_clock = FrameClock(rate)
        self._thread = OwnThread(self.loop)
        self._troubles = Troubles(self.loop, self.engine, report)
        once = self._troubles.tell_once
        self._parts = Parts(
            self.engine, folder=folder, lockstep=lockstep, foreign=foreign, report=once, workers=workers
        )
        self._flow = Flow(self.loop, self._parts, rate, folder, report)
        self._values = Values(self._parts, self._flow, once, self._moved)
        self._macros = Macros(self._values, rate)
        self._prompts = Prompts(self._values, self._flow)
        self._placeholders = Placeholders(report)
        self._built = Built()

    # --- from other threads -------------------------------------------------------------------------------------------

    def own_thread(self) -> None:
        """The calling thread is the one that uses the session from now on."""
        self._thread.take_over()

    def call(self, function: Callable[[], T], within: float = 60.0) -> T:
        """Run something in the session's thread and wait for what it returns or raises. From any thread.

        Raises TimeoutError when the session does not get to it within so many seconds.
        """
        return self._thread.call(function, within)

    @property
    def folder(self) -> Path:
        """Where the files that the patch names are looked for."""
        return self.home.folder

    @property
    def trials(self) -> Trials:
        """Where somebody else's nodes are tried before they play. For any thread."""
        return self._parts.trials

    def unforeseen(self, place: str, context: Mapping[str, Any]) -> None:
        """Tell what an event loop of this performance has to say of itself."""
        self._troubles.unforeseen(place, context)

    # --- transactions -------------------------------------------------------------------------------------------------

    def prepare(self, patch: Patch, library: Library | None = None) -> None:
        """Do what takes time before a patch can play: check it, compile and try its kinds. From any thread.

        Raises PatchError with everything that is wrong. Afterwards `play` takes milliseconds.
        """
        self._parts.prepare(playable(patch, library or self.library))

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
        sure: Callable[[], None] = lambda: None,
        marks: Marks | None = None,
        home: Home | None = None,
    ) -> Difference:
        """Go over to a patch: what did not change plays on, what did fades (ms; the patch's own by default).

        A value that controllers have moved stays where it is unless the patch changes it. Raises PatchError with
        everything that is wrong; then nothing has changed. Unknown kinds stay silent and are reported; `forgiving`,
        so are kinds of somebody else's that cannot be compiled, and the rest plays. `sure` is called when nothing can
        go wrong any more, for what has to happen with it or not at all: whatever it raises, nothing has changed.
        `marks` says what is mute and what plays alone then, where names have changed; `home` where the patch lies then,
        where that is elsewhere.
        """
        library = library or self.library
        graph = playable(patch, library, self._built)
        self._built.keep(graph.nodes)
        by_hand = frozenset(by_hand)
        meant = self._values.keep(graph, by_hand)
        change = difference(self.graph, graph)
        old, stays = self._parts.instances, self.home
        leads = self.history.home(step) if step in ("back", "again") else None
        home = home or leads or stays
        if home.folder.resolve() != stays.folder.resolve():
            change = resettled(change, graph, (stays.folder, home.folder))
        self._parts.folder = home.folder
        try:
            self._parts.change(graph, change, sure)
        except BaseException as wrong:
            self._parts.folder = stays.folder
            if not isinstance(wrong, Unplayable) or not (forgiving and wrong.kinds):
                raise
            left = self._placeholders.leave_out(wrong, library)
            return self.play(
                patch, by_hand=by_hand, fade=fade, quant=quant, at=at, step=step, library=left, forgiving=True,
                sure=sure, marks=marks, home=home,
            )  # fmt: skip
        self._placeholders.tell(graph, library, change, anew=library is not self.library)
        heirs = [n for n in change.replaced if goes_on(self.graph.nodes[n], graph.nodes[n])]
        # what is mute has a state that nobody should begin with
        inherits = {self._parts.instances[n].key: old[n].key for n in heirs if old[n].fault[0] == WELL}
        before, self.patch, self.library, self.home = self.patch, patch, library, home
        self._flow.folder(home.folder)
        self._values.go_over(graph, meant)
        came = self._remember(before, step) if before != Patch() else self.marks
        self.marks = (came if marks is None else marks).within(graph.nodes)
        now = self.engine.frame
        self.edit_frame = max(at or self.transport.grid(quant or patch.engine.quant, now), now)
        if patch.transport != before.transport:  # what it says counts when it is new, so that a hand's tempo stays
            self._set_transport(patch.transport.tempo, patch.transport.beats_per_bar, self.edit_frame)
        self._flow.go_over(graph, change)
        self._flow.mute(self.muted)  # notes of what is mute no more, or is by another name
        self._prompts.go_over(graph, by_hand)
        if change.rewires:
            self._go_over(fade, self.edit_frame, inherits)
        for (name, param), (_, value) in change.params.items():
            self._values.leave((name, param))
            self._values.apply(name, param, value, self.edit_frame if self.edit_frame > now else 0)
        self._flow.hear_anew(change)
        self._tell_witness(change)
        for told in self.moves if leads is not None else ():
            told(home)
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

    def _tell_witness(self, change: Difference) -> None:
        if self.witness is not None:
            self.witness.transaction(self.patch, self.edit_frame)
            for name in (*change.added, *change.replaced):
                if name in self._parts.generators:
                    self.witness.generator(self._parts.instances[name], self._parts.generators[name])

    def _remember(self, before: Patch, step: Step) -> Marks:
        """Have the history know of an edit; the marks that come of it."""
        if step == "back" or step == "again":
            return self.history.went(step, self.marks)
        if step == "new":
            self.history.did(before, self.patch, self.marks)
        return self.marks

    def with_values_left(self) -> Patch:
        """The patch with the values that controllers have left, as `save(all=True)` writes it."""
        left = self._prompts.left(self._values.left(self.patch))
        return replace(left, transport=replace(left.transport, tempo=self.transport.tempo))

    @property
    def muted(self) -> frozenset[str]:
        """The nodes whose sound goes nowhere."""
        return self.marks.muted

    @property
    def soloed(self) -> frozenset[str]:
        """The nodes that play alone."""
        return self.marks.soloed

    def mute(self, *names: str, on: bool = True) -> None:
        """Let nodes' sound go nowhere, or somewhere again; the patch stays as it is. Raises UserError."""
        for name in names:
            self._values.node(name)
        muted = self.muted | set(names) if on else self.muted - set(names)
        self.marks = replace(self.marks, muted=frozenset(muted))
        self._flow.mute(self.muted)
        self._go_over(None, self.engine.frame)

    def solo(self, *names: str) -> None:
        """Hear only what leads to or comes from these nodes; none: hear everything. Raises UserError."""
        for name in names:
            self._values.node(name)
        self.marks = replace(self.marks, soloed=frozenset(names))
        self._go_over(None, self.engine.frame)

    # --- at once ------------------------------------------------------------------------------------------------------

    def hush(self, yes: bool = True) -> None:
        """Fade everything out; or in again."""
        self.engine.fade(0.0 if yes else 1.0, 0.05)

    def panic(self) -> None:
        """Silence now, from any thread; every service beside the graph lets go of its notes, in the session's."""
        self.engine.silence()
        self._thread.soon(self._let_go)

    def _let_go(self) -> None:
        for let_go in self.panics:
            let_go()

    # --- services beside the graph ------------------------------------------------------------------------------------

    def enter(self, outside: str, message: Any, frame: int = 0) -> None:
        """A message of a service, like "midi", for every node that listens to it; it counts from a frame (0: now)."""
        self._flow.enter(outside, message, frame)

    def serve(self, outside: str, take: Taker | None) -> None:
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

    def _moved(self, node: str, param: str, value: Any) -> None:
        if self.witness is not None:
            self.witness.control(node, param, value, self.engine.frame)

    # --- time ---------------------------------------------------------------------------------------------------------

    def pump(self) -> None:
        """Bring everything up to the engine's frame; to be called every few blocks. Never waits."""
        frame = self.engine.frame
        self.frame_clock.look(*self.engine.begun)
        self.engine.poll()
        self._values.look(frame)
        for listener in list(self.listeners):
            listener(frame)
        self._flow.look(frame)
        for event in self._parts.workers.poll(frame, self.engine.block):
            if event.kind in ("log", "died", "failed", "restarted", "ready"):
                self.report(f"{event.node}: {event.text}")
        self._parts.sweep()
        self._troubles.look(self._parts)

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
