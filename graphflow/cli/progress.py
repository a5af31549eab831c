"""Progress of long work: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import sys
import time

WIDTH = 30
EVERY = 5.0
"""Seconds between lines where there is no terminal."""


class Progress:
    """Shows how far work has come, on stderr."""

    def __init__(self, what: str, total: float, unit: str = "") -> None:
        self._what, self._total, self._unit = what, total, unit
        self._terminal = sys.stderr.isatty()
        self._last = time.monotonic()
        self._shown = False

    def show(self, done: float) -> None:
        now = time.monotonic()
        if now - self._last < (0.1 if self._terminal else EVERY):
            return
        self._last, self._shown = now, True
        share = min(max(done / self._total, 0.0), 1.0)
        text = f"{self._what} {done:.1f} of {self._total:g} {self._unit}"
        if self._terminal:
            bar = "#" * round(share * WIDTH)
            print(f"\r[{bar:<{WIDTH}}] {text}", end="\033[K", file=sys.stderr, flush=True)
        else:
            print(f"{text} ({share:.0%})", file=sys.stderr, flush=True)

    def end(self) -> None:
        if self._terminal and self._shown:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
