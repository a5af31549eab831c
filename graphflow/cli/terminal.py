"""What stderr can show: lines that are written over, and how long they may be."""

from __future__ import annotations

import os
import sys

NO_WIDTH = 80
"""Columns where the terminal does not say."""


def dumb() -> bool:
    """Whether the terminal cannot move its cursor."""
    return os.environ.get("TERM") == "dumb"


class Terminal:
    """Stderr, as far as somebody reads it: when the reader has gone, as in `| head`, the music plays on."""

    def __init__(self) -> None:
        self._gone = False
        self._drawn = False
        self.rewrites = sys.stderr.isatty() and not dumb()

    def line(self, text: str) -> None:
        """A line that stays. Control characters, which a patch from anywhere may hold, are shown as ?."""
        shown = "".join(character if character.isprintable() else "?" for character in text)
        self._write(f"{self._clean()}{shown}\n")

    def draw(self, text: str) -> None:
        """A line that the next one replaces, cut where the terminal would wrap it."""
        self._write(f"\r{text[: self.columns() - 1]}\033[K")
        self._drawn = True

    def clear(self) -> None:
        """Take the drawn line away."""
        self._write(self._clean())

    def keep(self) -> None:
        """Leave the drawn line where it is and go below it."""
        if self._drawn:
            self._drawn = False
            self._write("\n")

    def columns(self) -> int:
        try:
            return os.get_terminal_size(sys.stderr.fileno()).columns or NO_WIDTH
        except OSError:
            return NO_WIDTH

    def _clean(self) -> str:
        drawn, self._drawn = self._drawn, False
        return "\r\033[K" if drawn else ""

    def _write(self, text: str) -> None:
        if self._gone or not text:
            return
        try:
            print(text, end="", file=sys.stderr, flush=True)
        except OSError:  # a closed pipe or terminal; what is left in the buffer would be tried again at exit
            self._gone = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
