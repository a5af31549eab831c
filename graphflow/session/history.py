"""What was edited, so that it can be taken back: edits, not texts, and each by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from graphflow.core.errors import UserError
from graphflow.core.merge import merge
from graphflow.core.patch import Patch

KEPT = 500
"""Edits that can be taken back."""


Way = Literal["back", "again"]


@dataclass(frozen=True)
class Step:
    """One edit: the patch before it and after it."""

    before: Patch
    after: Patch


@dataclass
class History:
    """The edits that were made, and those that were taken back. What others changed since stays as it is.

    Tuples, so that a copy that an entry works on stays as it is while the session goes on.
    """

    past: tuple[Step, ...] = ()
    future: tuple[Step, ...] = ()

    def did(self, before: Patch, after: Patch) -> None:
        """Remember an edit; what was taken back before cannot be done again."""
        if before != after:
            self.past = (*self.past, Step(before, after))[-KEPT:]
            self.future = ()

    def back(self, patch: Patch) -> Patch:
        """The patch without its last edit. Raises UserError where there is none. `went_back` once it plays."""
        if not self.past:
            raise UserError("nothing to undo")
        step = self.past[-1]
        return merge(step.after, patch, step.before)[0]

    def went_back(self) -> None:
        self.past, self.future = self.past[:-1], (*self.future, self.past[-1])

    def again(self, patch: Patch) -> Patch:
        """The patch with the edit that was taken back last. Raises UserError where there is none."""
        if not self.future:
            raise UserError("nothing to redo")
        step = self.future[-1]
        return merge(step.before, patch, step.after)[0]

    def went_again(self) -> None:
        self.past, self.future = (*self.past, self.future[-1]), self.future[:-1]

    def went(self, step: Way) -> None:
        """The one or the other."""
        if step == "back":
            self.went_back()
        else:
            self.went_again()

    def __str__(self) -> str:
        return f"{len(self.past)} edits to undo, {len(self.future)} to redo"
