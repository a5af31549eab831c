"""What one entry makes of the patch and of files, until it plays or is dropped. What plays is not touched by it."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace
from typing import Any

from graphflow.control.live.files import Files
from graphflow.control.live.saving import Saving
from graphflow.control.live.sketch import Sketch, Taken
from graphflow.core.errors import UserError
from graphflow.core.merge import merge
from graphflow.core.patch import Patch
from graphflow.core.prompts import PROMPTS
from graphflow.session import Session
from graphflow.session.history import Way
from graphflow.session.home import Home


class Draft(Sketch):
    """One entry's patch, with what it does to the history and to files, and when and how it is to take effect."""

    def __init__(
        self, session: Session, taken: Taken, files: Files, frame: int | None = None, grid: float | None = None
    ) -> None:
        super().__init__(session, taken, frame)
        self.files = Saving(files)
        self.beat: float | None = None
        """The beat an event falls on, where it counts beats: exactly, which no frame does."""
        self.grid = grid
        """The beats that every entry waits for; None: as the patch's own quant says."""
        self.quant: str | float | None = None
        """What this entry alone waits for."""
        self.fade: float | None = None
        self.steps: list[Way] = []
        self.homes: tuple[Home, Home] | None = None
        """Where the patch lies before and after this entry, where it loads another."""
        self.events: set[str] = set()
        """Names it has found for events."""
        self.ending: set[str] = set()
        """Names of events that it stops."""
        self.then: list[Callable[[], None]] = []
        """What is to be done once it plays."""
        self.dropped: list[Callable[[], None]] = []
        """What is to be done if it never does."""
        self.playing = False
        self._history = copy(session.history)

    @property
    def changed(self) -> bool:
        return bool(self.steps or self.by_hand) or self.patch != self.base

    @property
    def waits_for(self) -> str | float | None:
        """now, beat, bar or so many beats; None: the patch's own quant."""
        return self.grid if self.quant is None else self.quant

    # --- the whole patch ----------------------------------------------------------------------------------------------

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
