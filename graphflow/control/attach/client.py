"""One prompt that is attached, as the engine sees it: what waits to be said to it, and no more than fits."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from graphflow.control.attach.lines import encoded

LINES = 200
"""Reports that wait for a slow prompt; older ones are left out."""
PENDING = 64
"""Requests of one prompt that may be unanswered."""
ANSWERS = 128
"""Answers that may wait for a prompt that does not read; then it is not listened to."""


class Client:
    """Writes to one prompt from one task. Everything here belongs to the server's loop."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._lines: deque[str] = deque()
        self._answers: deque[dict[str, Any]] = deque()
        self._wake = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()
        self._left_out = 0
        self.dropped = 0
        self.pending = 0

    def say(self, line: str) -> None:
        """Tell a line; the oldest that wait make room."""
        self._lines.append(line)
        if len(self._lines) > LINES:
            self._lines.popleft()
            self._left_out += 1
            self.dropped += 1
        self._wake.set()

    def answer(self, message: dict[str, Any]) -> None:
        self._answers.append(message)
        if len(self._answers) >= ANSWERS:
            self._room.clear()
        self._wake.set()

    async def room(self) -> None:
        """Wait until it has read enough of what it asked for."""
        await self._room.wait()

    async def write(self) -> None:
        """Say what waits, as fast as it is read, until cancelled or the prompt is gone. Raises OSError."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._answers or self._lines:
                self._writer.write(encoded(self._next()))
                if len(self._answers) < ANSWERS:
                    self._room.set()
                await self._writer.drain()

    def _next(self) -> dict[str, Any]:
        if self._answers:
            return self._answers.popleft()
        if self._left_out:
            count, self._left_out = self._left_out, 0
            return {"line": f"{count} lines were left out: they came faster than they were read here"}
        return {"line": self._lines.popleft()}

    def close(self) -> None:
        """Gone at once: what was not read by now would be waited for without end."""
        self._writer.transport.abort()
