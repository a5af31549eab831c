"""Progress of long work: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time

from graphflow.cli.terminal import Terminal

WIDTH = 30
EVERY = 5.0
"""Seconds between lines where there is no terminal."""


class Progress:
    """Shows how far work has come, on stderr."""

    def __init__(self, what: str, total: float, unit: str = "") -> None:
        self._what, self._total, self._unit = what, total, unit
        self._terminal = Terminal()
        self._last = time.monotonic()

    def show(self, done: float) -> None:
        now = time.monotonic()
        if now - self._last < (0.1 if self._terminal.rewrites else EVERY):
            return
        self._last = now
        share = min(max(done / self._total, 0.0), 1.0)
        text = f"{self._what} {done:.1f} of {self._total:g} {self._unit}"
        if self._terminal.rewrites:
            bar = "#" * round(share * WIDTH)
            self._terminal.draw(f"[{bar:<{WIDTH}}] {text}")
        else:
            self._terminal.line(f"{text} ({share:.0%})")

    def line(self, text: str) -> None:
        """Something the user should know meanwhile."""
        self._terminal.line(text)

    def end(self) -> None:
        self._terminal.clear()
