"""An entry: code of the performer's that runs with a draft of its own, whole or not at all."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

from graphflow.control.live.draft import Draft
from graphflow.control.live.leash import Leash
from graphflow.core.errors import UserError

T = TypeVar("T")


class Entries:
    """Knows which draft each thread's code works on. `make` makes one, `finish` looks for what the code left behind."""

    def __init__(self, make: Callable[[int | None], Draft], finish: Callable[[Draft], None]) -> None:
        self._make, self._finish = make, finish
        self._open = threading.local()

    @property
    def current(self) -> Draft | None:
        """The draft of the code that runs in this thread."""
        draft: Draft | None = getattr(self._open, "draft", None)
        return draft

    def draft(self) -> Draft:
        """The same. Raises UserError in a thread that runs neither a cell nor an event."""
        draft = self.current
        if draft is None:
            raise UserError("this runs outside of cells and events, where no node can be reached; use every() or loop")
        return draft

    def run(
        self,
        act: Callable[[], T],
        play: Callable[[Draft], Any],
        leash: Leash,
        frame: int | None = None,
        begun: Callable[[Draft], None] = lambda draft: None,
    ) -> T:
        """Run code; then `play` what it made of the patch, when the leash is off.

        Whatever is raised, by the code or because its patch cannot play, leaves everything as it was. `begun` is
        told the draft.
        """
        outer, draft = self.current, self._make(frame)
        begun(draft)
        self._open.draft = draft
        try:
            try:
                leash.hold()
                result = act()
                self._finish(draft)
                draft.prepare()
            finally:
                leash.slip()
            _ = draft.patch  # one that was given up ends here
            play(draft)
            draft.files.put()  # where there was nothing to play
            for then in draft.then:
                then()
        except BaseException:
            draft.drop()
            raise
        finally:
            self._open.draft = outer
        return result
