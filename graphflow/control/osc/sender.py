"""Messages of nodes on their way out: to the hosts they name, on their frame, no more often than they ask."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from graphflow.control.osc.packet import written
from graphflow.core.messages import Osc

if TYPE_CHECKING:
    from graphflow.session import Session

WAITING = 4096
"""Messages that may wait for their frame or for a name to be looked up."""

Way: TypeAlias = tuple[str, str]
"""Where to, and the address there."""


@dataclass(frozen=True)
class SenderStatistics:
    """`lost`: the network had no room, or their host could not be found."""

    sent: int
    lost: int


class OscSender:
    """Takes what nodes tell "osc". Runs in the session's thread; never waits."""

    def __init__(self, session: Session, steady: Callable[[], float] = time.monotonic) -> None:
        self._session, self._steady = session, steady
        self._sockets: dict[int, socket.socket] = {}
        self._places: dict[str, tuple[int, Any] | None] = {}  # None: looked up, or not to be found
        self._unknown: set[str] = set()
        self._later: list[tuple[int, int, Osc]] = []
        self._order = itertools.count()
        self._next: dict[Way, float] = {}
        self._trailing: dict[Way, Osc] = {}
        self._for_name: list[Osc] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._sent = self._lost = 0
        self._told: set[str] = set()

    def start(self) -> None:
        self._session.serve("osc", self.take)
        self._session.listeners.append(self.look)

    def close(self) -> None:
        if self.look in self._session.listeners:
            self._session.listeners.remove(self.look)
        self._session.serve("osc", None)
        for task in list(self._tasks):
            task.cancel()
        for opened in self._sockets.values():
            opened.close()
        self._sockets = {}

    def take(self, node: str, message: Any, frame: int) -> None:
        """A node tells something, to leave at a frame (0: now)."""
        if not isinstance(message, Osc):
            return
        if frame > self._session.engine.frame:
            if len(self._later) < WAITING:
                heapq.heappush(self._later, (frame, next(self._order), message))
            else:
                self._lost += 1
        else:
            self._limited(message)

    def look(self, frame: int) -> None:
        while self._later and self._later[0][0] <= frame:
            self._limited(heapq.heappop(self._later)[2])
        if self._trailing:
            now = self._steady()
            for way in [way for way in self._trailing if now >= self._next[way]]:
                self._limited(self._trailing.pop(way))

    def statistics(self) -> SenderStatistics:
        return SenderStatistics(self._sent, self._lost)

    def _limited(self, message: Osc) -> None:
        """Send it, or keep it as the last one until there may be another."""
        if message.hz:
            way, now = (message.to, message.address), self._steady()
            if now < self._next.get(way, 0.0):
                self._trailing[way] = message
                return
            self._trailing.pop(way, None)  # it is older
            self._next[way] = now + 1.0 / message.hz
        self._send(message)

    def _send(self, message: Osc) -> None:
        if message.to not in self._places:
            self._places[message.to] = None
            task = self._session.loop.create_task(self._look_up(message.to))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        place = self._places[message.to]
        if place is None:
            if message.to in self._unknown or len(self._for_name) >= WAITING:
                self._lost += 1
            else:
                self._for_name.append(message)
            return
        family, where = place
        try:
            data = written(message.address, message.arguments)
        except ValueError as error:
            self._tell(f"osc: {message.address} cannot be sent ({error})")
            return
        try:
            if family not in self._sockets:
                opened = self._sockets[family] = socket.socket(family, socket.SOCK_DGRAM)
                opened.setblocking(False)
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
            self._sockets[family].sendto(data, where)
            self._sent += 1
        except ConnectionError:
            self._sent += 1  # nobody listens there now, which is told of the one before
        except OSError as error:
            self._lost += 1
            self._tell(f"osc: {message.to} cannot be reached ({error.strerror or error})")

    async def _look_up(self, to: str) -> None:
        host, _, port = to.rpartition(":")
        try:
            found = await self._session.loop.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_DGRAM)
            self._places[to] = int(found[0][0]), found[0][4]
        except (OSError, ValueError, OverflowError, UnicodeError):
            self._unknown.add(to)
            self._tell(f"osc: {to}: no such host; nothing is sent there")
        waiting, self._for_name = self._for_name, []
        for message in waiting:
            self._send(message)

    def _tell(self, line: str) -> None:
        if line not in self._told:
            self._told.add(line)
            self._session.report(line)

    def __str__(self) -> str:
        return f"{self._sent} sent, {self._lost} lost"
