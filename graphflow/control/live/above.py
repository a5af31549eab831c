"""What is said while somebody types: it stands above the prompt, and the prompt stays whole."""

from __future__ import annotations

import asyncio
import io
import threading
from collections import deque

from prompt_toolkit.application import Application
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.renderer import print_formatted_text
from prompt_toolkit.styles import BaseStyle

KEPT = 1000
"""Lines that wait to be shown; a cell that prints without end loses the older ones."""
PAUSE = 0.04
"""Seconds between two redraws of the prompt."""
LONGEST = 100_000
"""Letters of an unfinished line of a print."""


def shown(text: str) -> str:
    """Text without what could steer a terminal: control characters are shown as ?, tabs as spaces."""
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text.expandtabs(4))


class Above(io.TextIOBase):
    """Takes lines from any thread; `show` writes them from the prompt's loop. It also stands in for stdout."""

    def __init__(self, style: BaseStyle) -> None:
        super().__init__()
        self._style = style
        self._lines: deque[tuple[str, str]] = deque()
        self._lock = threading.Lock()
        self._begun = ""
        self._left_out = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._wake = asyncio.Event()
        self.dropped = 0
        self.held = False
        """While another program has the terminal."""

    def line(self, text: str, style: str = "") -> None:
        """Say something, which may have several lines."""
        with self._lock:
            for line in shown(text).split("\n"):
                self._lines.append((style, line))
            while len(self._lines) > KEPT:
                self._lines.popleft()
                self._left_out += 1
                self.dropped += 1
        self.wake()

    def report(self, text: str) -> None:
        self.line(text, "class:report")

    def write(self, text: str) -> int:
        """As stdout: whole lines are shown, the rest when it is finished or flushed."""
        with self._lock:
            *whole, rest = (self._begun + text).split("\n")
            self._begun = rest if len(rest) <= LONGEST else ""
            whole += [rest] if len(rest) > LONGEST else []
        if whole:
            self.line("\n".join(whole))
        return len(text)

    def flush(self) -> None:
        """Nothing: half a line would be torn by the prompt."""

    def writable(self) -> bool:
        return True

    def wake(self) -> None:
        loop = self._loop
        if loop is None:
            return
        try:
            loop.call_soon_threadsafe(self._wake.set)
        except RuntimeError:
            pass  # the prompt has just gone; `rest` has what is left

    async def show(self, app: Application[str]) -> None:
        """Write what comes, until cancelled."""
        self._loop = asyncio.get_running_loop()
        self._wake.set()
        while True:
            await self._wake.wait()
            self._wake.clear()
            if self.held:
                continue
            self.now(app)
            await asyncio.sleep(PAUSE)

    def now(self, app: Application[str]) -> None:
        """Write what waits. The terminal stays raw: in its other mode, Ctrl-C would reach the performance."""
        lines = self._take()
        if not lines:
            return
        fragments: StyleAndTextTuples = [(style, f"{text}\n") for style, text in lines]
        redraw = app.is_running and not app.is_done
        if redraw:
            app.renderer.erase()
        print_formatted_text(app.output, fragments, self._style, app.style_transformation, app.color_depth)
        if redraw:
            app.renderer.request_absolute_cursor_position()
            app.invalidate()

    def last(self, app: Application[str]) -> None:
        """Write what is left, when the prompt has gone."""
        with self._lock:
            begun, self._begun = self._begun, ""
        if begun:
            self.line(begun)
        self._loop = None
        self.now(app)

    def _take(self) -> list[tuple[str, str]]:
        with self._lock:
            lines = list(self._lines)
            self._lines.clear()
            if self._left_out:
                lines.insert(0, ("class:report", f"{self._left_out} lines were left out"))
                self._left_out = 0
        return lines
