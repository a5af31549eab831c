"""What was edited, so that it can be taken back: edits, not texts, and each by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from graphflow.core.errors import UserError
from graphflow.core.merge import merge
from graphflow.core.patch import Patch
from graphflow.session.home import Home
from graphflow.session.marks import NONE, Marks

KEPT = 500
"""Edits that can be taken back."""

Way = Literal["back", "again"]


@dataclass(frozen=True)
class Step:
    """One edit: the patch before it and after it, and which nodes were called otherwise, by their old names.

    `left` and `back` are the marks there were when it was made, and when it was taken back last; `homes` where the
    patch lay before and after, where it went elsewhere.
    """

    before: Patch
    after: Patch
    renamed: Mapping[str, str] = field(default_factory=dict)
    left: Marks = NONE
    back: Marks = NONE
    homes: tuple[Home, Home] | None = None


@dataclass
class History:
    """The edits that were made, and those that were taken back. What others changed since stays as it is.

    Tuples, so that a copy that an entry works on stays as it is while the session goes on.
    """

    past: tuple[Step, ...] = ()
    future: tuple[Step, ...] = ()

    def did(
        self,
        before: Patch,
        after: Patch,
        marks: Marks = NONE,
        renamed: Mapping[str, str] | None = None,
        homes: tuple[Home, Home] | None = None,
    ) -> None:
        """Remember an edit; what was taken back before cannot be done again."""
        if before != after or homes is not None:
            self.past = (*self.past, Step(before, after, renamed or {}, marks, homes=homes))[-KEPT:]
            self.future = ()

    def home(self, way: Way) -> Home | None:
        """Where a step back or on leads to; None: it stays where it is."""
        step = (self.past if way == "back" else self.future)[-1]
        return None if step.homes is None else step.homes[way == "again"]

    def back(self, patch: Patch) -> Patch:
        """The patch without its last edit. Raises UserError where there is none. `went` once it plays."""
        if not self.past:
            raise UserError("nothing to undo")
        step = self.past[-1]
        return merge(step.after, patch, step.before)[0]

    def again(self, patch: Patch) -> Patch:
        """The patch with the edit that was taken back last. Raises UserError where there is none."""
        if not self.future:
            raise UserError("nothing to redo")
        step = self.future[-1]
        return merge(step.before, patch, step.after)[0]

    def went(self, way: Way, marks: Marks) -> Marks:
        """A step back or on; the marks that come of it: nodes that are there again are mute if they were."""
        if way == "back":
            step = replace(self.past[-1], back=marks)
            self.past, self.future = self.past[:-1], (*self.future, step)
            names = {new: old for old, new in step.renamed.items()}
            here, there, left = step.after.nodes.keys(), step.before.nodes.keys(), step.left
        else:
            step = replace(self.future[-1], left=marks)
            self.past, self.future = (*self.past, step), self.future[:-1]
            names = dict(step.renamed)
            here, there, left = step.before.nodes.keys(), step.after.nodes.keys(), step.back
        marks = marks.without(here - there - names.keys()).renamed(names)
        return marks.and_of(left, there - here - set(names.values()))

    def __str__(self) -> str:
        return f"{len(self.past)} edits to undo, {len(self.future)} to redo"
