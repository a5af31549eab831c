"""What is wrong with messages, told: to their sender every time, in the log once a second."""

from __future__ import annotations

import time
from collections.abc import Callable

EVERY = 1.0
"""Seconds between two lines."""


class Complaints:
    """`level`: quiet, errors, or all. `say` is called with lines for the log."""

    def __init__(self, say: Callable[[str], None], steady: Callable[[], float] = time.monotonic) -> None:
        self.level = "errors"
        self.last: tuple[str, str] = ("", "")
        self._say, self._steady = say, steady
        self._next = -EVERY
        self._kept_back = 0

    def refused(self, sender: str, address: str, line: str) -> None:
        """A message was refused."""
        self.last = address, line
        if self.level != "quiet":
            self._limited(f"osc: {sender}: {line}")

    def taken(self, sender: str, message: str) -> None:
        """A message was carried out; told where all is wanted."""
        if self.level == "all":
            self._limited(f"osc: {sender}: {message}")

    def _limited(self, line: str) -> None:
        now = self._steady()
        if now < self._next:
            self._kept_back += 1
            return
        self._next = now + EVERY
        more = f" (and {self._kept_back} more)" if self._kept_back else ""
        self._kept_back = 0
        shown = "".join(sign if sign.isprintable() else "?" for sign in line[:300])  # a terminal obeys the rest
        self._say(f"{shown}{more}")
