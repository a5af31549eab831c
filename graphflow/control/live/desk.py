"""What a prompt needs of whoever plays: the stage in this process, or one that is reached over a socket."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import Protocol

from graphflow.control.live.outcome import Outcome, Suggestion

Hear = Callable[[str], None]


class Desk(Protocol):
    """Takes what is typed and says what happens. Every method may be called from any thread."""

    def enter(self, source: str) -> Future[Outcome]:
        """Queue a cell; cells run one after the other."""
        ...

    def interrupt(self) -> bool:
        """Stop the cell that runs; False when none does."""
        ...

    @property
    def running(self) -> int:
        """The number of the cell that runs, 0 for none."""
        ...

    def complete(self, text: str, cursor: int) -> list[Suggestion]:
        """How what is typed may go on at the cursor."""
        ...

    def unfinished(self, source: str) -> bool:
        """Whether more lines are wanted before it can run."""
        ...

    def toolbar(self) -> str:
        """One line: beat, level, load, xruns, the generators' lead and latency."""
        ...

    def traceback(self) -> str:
        """Where the last error came from, in full."""
        ...

    def hear(self, callback: Hear) -> None:
        """Be told every line that a performer should know."""
        ...

    def unhear(self, callback: Hear) -> None:
        """Be told no more."""
        ...
