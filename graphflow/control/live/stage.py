"""The stage: takes what a performer types, cell by cell, and makes each a transaction of the patch that plays."""

from __future__ import annotations

import queue
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path

from graphflow.control.live import cells, complete, faults, question
from graphflow.control.live.alarms import Alarms
from graphflow.control.live.draft import Draft
from graphflow.control.live.entry import Entries
from graphflow.control.live.events import Events, EventsStatistics
from graphflow.control.live.files import Files
from graphflow.control.live.leash import Leash, Stopped
from graphflow.control.live.lexicon import readings, settings, words
from graphflow.control.live.namespace import Namespace
from graphflow.control.live.outcome import Outcome, Suggestion
from graphflow.control.live.shown import printed
from graphflow.control.live.toolbar import toolbar
from graphflow.control.live.verbs import Verbs
from graphflow.session import Session

STILL = 2.0
"""Seconds after which a cell that still runs is told."""
STUCK = 1.0
"""Seconds after which a cell that was to stop, and has not, is left behind."""

ANSWERS = 0.2
"""Seconds the session has to answer for the toolbar."""

_URGENT = re.compile(r"(hush|panic)\(\s*(True|False|)\s*\)")
"""What does not wait for the cell that runs."""

Hear = Callable[[str], None]


@dataclass(frozen=True)
class StageStatistics:
    """How many cells were entered, how many of them failed, were left behind because they hung; and the events."""

    cells: int
    failed: int
    left_behind: int
    events: EventsStatistics


class Stage:
    """One for each engine, shared by every prompt that looks at it; every method may be called from any thread.

    `path` is the patch's file and `text` what it said when it was read. `stopping` is called when the performer ends
    the performance. Without `start` it works on the manual clock: `run` evaluates in the calling thread, and events
    happen in the session's.
    """

    def __init__(
        self,
        session: Session,
        *,
        path: Path | None = None,
        text: str = "",
        stopping: Callable[[], None] = lambda: None,
    ) -> None:
        self.session, self.stopping = session, stopping
        self.files = Files(session.folder, path, text)
        session.moves.append(self.files.go)
        self.still, self.stuck = STILL, STUCK
        self.quant: float | None = None
        """A grid of so many beats for every edit; else the patch's own quant counts."""
        self._ears: list[Hear] = []
        self._lock = threading.Lock()
        self._count = self._running = self._failed = self._left_behind = 0
        self._traceback = ""
        self._leash = Leash()
        self._draft: Draft | None = None
        self._cells: queue.SimpleQueue[tuple[int, str, Future[Outcome]] | None] = queue.SimpleQueue()
        self._taken: Future[Outcome] | None = None
        self._thread: threading.Thread | None = None
        self._closed = False
        self._alarms = Alarms()
        self._entries = Entries(self._new_draft, self._finish)
        self.draft = self._entries.draft
        self.events = Events(session, self._entries, self._alarms, self.tell, self._event_fault)
        self.verbs = Verbs(self)
        self.namespace = Namespace(self._entries, lambda: session.patch, words(self), readings(self), settings(self))
        dict.__setitem__(self.namespace, cells.ASK, self._ask)

    # --- threads ------------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Begin to take cells, in a thread of its own; and give events theirs."""
        self.events.start()
        self._begin()

    def _begin(self) -> None:
        self._thread = threading.Thread(target=self._live, name="stage", daemon=True)
        self._thread.start()

    def _live(self) -> None:
        while self._thread is threading.current_thread() and not self._closed:
            entry = self._cells.get()
            if entry is None:
                return
            number, source, future = entry
            self._taken = future
            outcome = self._evaluate(number, source)
            with self._lock:
                if not future.done():
                    future.set_result(outcome)

    def close(self) -> None:
        """End events and threads; what they are doing no longer counts. The sound goes on."""
        self._closed = True
        if self.files.go in self.session.moves:
            self.session.moves.remove(self.files.go)
        self.events.close()
        self._alarms.close()
        with self._lock:
            if self._draft is not None:
                self._draft.alive = False
        self._leash.pull()
        self._cells.put(None)

    # --- cells --------------------------------------------------------------------------------------------------------

    def enter(self, source: str) -> Future[Outcome]:
        """Queue a cell; cells run one after the other. hush() and panic() do not wait."""
        future: Future[Outcome] = Future()
        with self._lock:
            self._count += 1
            number = self._count
        if match := _URGENT.fullmatch(source.strip()):
            if match[1] == "panic" and match[2] != "False":
                self.session.panic()
            else:
                self.session.hush(match[2] != "False")
            future.set_result(Outcome(number, True, "", 0.0))
        elif self._closed:
            future.set_result(Outcome(number, False, "this stage is closed", 0.0))
        else:
            self._cells.put((number, source, future))
        return future

    def run(self, source: str) -> Outcome:
        """Evaluate a cell now, in the calling thread."""
        with self._lock:
            self._count += 1
            number = self._count
        return self._evaluate(number, source)

    def interrupt(self) -> bool:
        """Stop the cell that runs; False when none does. One that is stuck is left behind a second later."""
        number, draft = self._running, self._draft
        if not self._leash.pull():
            return False
        if self._thread is not None:
            self._alarms.after(self.stuck, lambda: self._leave_behind(number, draft))
        return True

    def _leave_behind(self, number: int, draft: Draft | None) -> None:
        with self._lock:
            if self._running != number or self._draft is not draft or self._thread is None:
                return
            if draft is not None:
                if draft.playing:  # it came to its end after all
                    return
                draft.alive = False
            self._left_behind += 1
            self._running, self._draft, self._leash = 0, None, Leash()
            future, self._taken = self._taken, None
            self._begin()
        text = f"cell {number} did not stop and was left behind; nothing has changed"
        if future is not None:
            future.set_result(Outcome(number, False, text, 0.0))

    @property
    def running(self) -> int:
        """The number of the cell that runs, 0 for none."""
        return self._running

    def _evaluate(self, number: int, source: str) -> Outcome:
        begun = time.monotonic()
        draft: Draft | None = None
        value = ""

        def took(made: Draft) -> None:
            nonlocal draft
            draft = self._draft = made

        def act() -> None:
            nonlocal value
            value = self._value(number, source)

        self._running = number
        silence = self._alarms.after(self.still, lambda: self.tell(f"cell {number} still runs; Ctrl-C stops it"))
        try:
            self._entries.run(act, self._play, self._leash, begun=took)
        except (Stopped, KeyboardInterrupt):
            ok, text = False, f"cell {number} was stopped; nothing has changed"
        except BaseException as error:  # noqa: BLE001 - whatever a cell raises is told, and changes nothing
            ok, text = False, faults.line_of(number, source, error, self._known())
            self._traceback = faults.in_full(error)
        else:
            notes = draft.notes if draft is not None else []
            ok, text = True, "\n".join([*notes, *([value] if value else [])])
        finally:
            silence()
        with self._lock:
            self._failed += not ok
            if self._running == number:
                self._running, self._draft = 0, None
        return Outcome(number, ok, text, time.monotonic() - begun)

    def _value(self, number: int, source: str) -> str:
        """Run a cell's source or answer its question; what there is to print."""
        if (path := question.asked(source)) is not None:
            return question.answer_to(self, path)
        value = cells.evaluate(number, source, self.namespace)
        if value is None:
            return ""
        dict.__setitem__(self.namespace, "_", value)
        return printed(value)

    def _ask(self, path: str) -> None:
        """A question in the middle of a cell."""
        self.draft().notes += question.answer_to(self, path).splitlines()

    def _new_draft(self, frame: int | None) -> Draft:
        draft = Draft(self.session, self._means, self.files, frame, self.quant if frame is None else None)
        draft.dropped.append(self.namespace.forget)
        return draft

    def _finish(self, draft: Draft) -> None:
        self.namespace.collect(draft)

    def _play(self, draft: Draft) -> None:
        """A cell's draft is whole: have it play."""
        with self._lock:
            if not draft.alive:
                raise Stopped
            draft.playing = True
        if draft.changed:
            draft.notes += self.session.call(draft.play)

    def unfinished(self, source: str) -> bool:
        """Whether more lines are wanted before it can run."""
        return question.asked(source) is None and cells.unfinished(source)

    def complete(self, text: str, cursor: int) -> list[Suggestion]:
        """How what is typed may go on at the cursor. Runs nothing of the performer's, and never raises."""
        return complete.suggestions(self, text, cursor)

    def statistics(self) -> StageStatistics:
        return StageStatistics(self._count, self._failed, self._left_behind, self.events.statistics())

    def __str__(self) -> str:
        file = self.files.path.name if self.files.path else "no file yet"
        return f"{file}, {self._count} cells\n{self.events}"

    def toolbar(self) -> str:
        """One line: beat, level, load, xruns, the generators' lead and latency."""
        try:
            return self.session.call(lambda: toolbar(self.session), ANSWERS)
        except TimeoutError:
            return "the session is busy"

    def traceback(self) -> str:
        """Where the last error came from, in full."""
        return self._traceback

    # --- what is told -------------------------------------------------------------------------------------------------

    def hear(self, callback: Hear) -> None:
        """Be told every line that a performer should know. It is called from many threads."""
        self._ears.append(callback)

    def unhear(self, callback: Hear) -> None:
        """Be told no more."""
        if callback in self._ears:
            self._ears.remove(callback)

    def tell(self, line: str) -> None:
        """Tell everybody a line."""
        for ear in list(self._ears):
            try:
                ear(line)
            except Exception:  # noqa: BLE001 - a prompt that is gone must not disturb the others
                self.unhear(ear)

    def _event_fault(self, name: str, error: BaseException, rest: str) -> None:
        self._traceback = faults.in_full(error)
        self.tell(faults.event_line(name, error, rest, self._known()))

    # --- names --------------------------------------------------------------------------------------------------------

    def _means(self, name: str) -> bool:
        """Whether a name means something already, other than a node or a kind."""
        return name in self.namespace or name in self.namespace.words or name in self.namespace.readings

    def _known(self) -> list[str]:
        """All names, for suggestions."""
        names = [*self.session.patch.nodes, *self.namespace.variables(), *self.namespace.words]
        return [*names, *self.namespace.readings, *self.session.library]
