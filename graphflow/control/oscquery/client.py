"""One WebSocket: what it listens to, what waits to be sent to it, and what has come from it."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any, Literal

from graphflow.control.osc.entry import Entry
from graphflow.control.osc.feed import ECHO
from graphflow.control.osc.gate import is_local
from graphflow.control.osc.lease import Values, messages_of, same
from graphflow.control.osc.packet import Malformed, read, written

LISTENED = 4096
"""Addresses that one client may listen to."""
OUTBOX, INBOX, TURN = 1024, 256, 64
"""Frames that wait at most to be sent or to be carried out, and how many are carried out before others get a turn."""


class Client:
    """Used in the server's thread, but for `send` and `carry_out`, which the session's thread calls."""

    transport: Literal["websocket"] = "websocket"

    def __init__(self, host: str, port: int, loop: asyncio.AbstractEventLoop) -> None:
        self.host, self.port, self.local = host, port, is_local(host)
        self.listens: dict[str, Values | None] = {}  # with the value it knows
        self.dropped = 0
        self._loop = loop
        self._outbox: deque[str | bytes] = deque()
        self._waiting = asyncio.Event()
        self._inbox: deque[bytes] = deque()
        self._scheduled = False
        self._room = asyncio.Event()
        self._moved: dict[str, float] = {}

    # --- to the client ----------------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        """A packet, from any thread. Never waits; one that is too slow loses it."""
        try:
            self._loop.call_soon_threadsafe(self.queue, data)
        except RuntimeError:
            pass  # the server has ended meanwhile

    def queue(self, frame: str | bytes) -> None:
        """Text or bytes to be sent, in order."""
        if len(self._outbox) >= OUTBOX:
            self.dropped += 1
            return
        self._outbox.append(frame)
        self._waiting.set()

    async def next_frame(self) -> str | bytes:
        """What is to be sent next."""
        while not self._outbox:
            self._waiting.clear()
            await self._waiting.wait()
        return self._outbox.popleft()

    @property
    def behind(self) -> bool:
        """Whether it has not yet taken what was sent before; values then wait, and the last one counts."""
        return len(self._outbox) > OUTBOX // 2

    def tell(self, entries: Mapping[str, Entry], value: Callable[[Entry], Values | None], now: float) -> None:
        """Queue what has changed of what it listens to, but not what it has just moved itself."""
        for address, known in list(self.listens.items()):
            if self.behind:
                return
            entry = entries.get(address)
            held = value(entry) if entry is not None else None
            if entry is None or held is None or same(held, known) or self._moved.get(address, 0.0) > now:
                continue
            self._moved.pop(address, None)
            self.listens[address] = held
            for message in messages_of(entry, held):
                self.queue(written(address, message))

    # --- from the client --------------------------------------------------------------------------------------------

    def command(self, text: str, entries: Mapping[str, Entry]) -> bool:
        """LISTEN or IGNORE; whether it was one that can be followed."""
        try:
            order: Any = json.loads(text)
        except (ValueError, RecursionError):
            return False
        name, address = (order.get("COMMAND"), order.get("DATA")) if isinstance(order, dict) else (None, None)
        if not isinstance(address, str):
            return False
        if name == "IGNORE":
            self.listens.pop(address, None)
            return True
        if name != "LISTEN" or address not in entries or len(self.listens) >= LISTENED:
            return False
        self.listens.setdefault(address, None)
        return True

    async def take(self, data: bytes, now: float, wake: Callable[[], None]) -> None:
        """Keep a packet for the session, and wait while too many are there. `wake`: have `carry_out` called."""
        self._note(data, now)
        self._inbox.append(data)
        if not self._scheduled:
            self._scheduled = True
            wake()
        while len(self._inbox) > INBOX:
            self._room.clear()
            await self._room.wait()

    def carry_out(self, receive: Callable[[bytes], None], again: Callable[[], None]) -> None:
        """In the session's thread: what has come, some of it now and the rest after others had their turn."""
        for _ in range(TURN):
            if not self._inbox:
                break
            receive(self._inbox.popleft())
        try:
            self._loop.call_soon_threadsafe(self._taken, again)
        except RuntimeError:
            pass  # the server has ended meanwhile

    def _taken(self, again: Callable[[], None]) -> None:
        self._room.set()
        self._scheduled = bool(self._inbox)
        if self._scheduled:
            again()

    def _note(self, data: bytes, now: float) -> None:
        """Remember what it moves: it is not told its own hand, but what became of it if that is something else."""
        try:
            bundles = read(data).bundles
        except Malformed:
            return  # counted where it is carried out
        for bundle in bundles:
            for message in bundle.messages:
                if message.address in self.listens and message.arguments:
                    self._moved[message.address] = now + ECHO
                    self.listens[message.address] = message.arguments

    def forget(self, gone: Callable[[str], bool]) -> None:
        """Addresses that are no more."""
        for address in [address for address in self.listens if gone(address)]:
            del self.listens[address]
            self._moved.pop(address, None)

    def __str__(self) -> str:
        return f"{self.host}:{self.port} listens to {len(self.listens)}"
