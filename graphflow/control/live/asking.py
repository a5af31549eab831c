"""What a prompt and a pipe have in common: a thread that hands cells to a desk, until somebody leaves."""

from __future__ import annotations

import threading
from concurrent.futures import CancelledError, Future

from graphflow.control.live.desk import Desk
from graphflow.control.live.outcome import Outcome
from graphflow.core.errors import UserError

LEAVE = ("quit()", "exit()", "quit", "exit")
"""What is typed to leave; the rest of the performance has no part in it."""


class Asking:
    """A place where cells come from. `_run` is what its thread, called `name`, does."""

    def __init__(self, desk: Desk, name: str) -> None:
        self._desk = desk
        self._ending = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self.entered = 0
        self.listening = False
        """Whether what the desk says is shown here."""

    def _run(self) -> None:
        raise NotImplementedError

    def start(self) -> None:
        """Begin to ask."""
        self._thread.start()

    def join(self, seconds: float | None = None) -> bool:
        """Wait for the end; False where it has not come within so many seconds."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _hand_over(self, source: str) -> Future[Outcome]:
        """Have a cell run. Raises UserError where the desk takes none."""
        self.entered += 1
        return self._desk.enter(source)


def answer(future: Future[Outcome]) -> tuple[str, bool]:
    """What there is to show of a cell, "" for nothing, and whether it went well. Waits for it."""
    try:
        outcome = future.result()
    except (UserError, CancelledError) as error:
        return str(error) or "it was not run: the engine ends", False
    return outcome.text, outcome.ok
