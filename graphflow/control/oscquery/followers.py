"""Those who follow by WebSocket: what they are told of edits and values, and what they send."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from graphflow.control.osc.entry import Entry
from graphflow.control.osc.feed import VALUES_HZ
from graphflow.control.osc.lease import Values
from graphflow.control.osc.peer import key_of
from graphflow.control.oscquery.client import Client
from graphflow.control.oscquery.namespace import news, tree

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection

    from graphflow.control.osc.server import OscServer


class Followers:
    """All WebSockets of an OSC server's addresses, in the loop of the OSCQuery server's thread."""

    def __init__(self, osc: OscServer, loop: asyncio.AbstractEventLoop) -> None:
        self.clients: set[Client] = set()
        self.malformed = 0
        self.entries = osc.space.entries
        self.root = tree(self.entries)
        self._osc, self._loop = osc, loop
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Frames that were not taken in time."""
        return self._dropped + sum(client.dropped for client in list(self.clients))

    async def attend(self, connection: ServerConnection) -> None:
        """One WebSocket, from its beginning to its end."""
        from websockets.exceptions import ConnectionClosed

        address = connection.remote_address
        client = Client(str(address[0]), int(address[1]), self._loop)
        self.clients.add(client)
        sending = asyncio.create_task(_send(connection, client))
        try:
            async for frame in connection:
                if isinstance(frame, bytes):
                    await client.take(frame, time.monotonic(), lambda: self._wake(client))
                elif client.command(frame, self.entries):
                    client.tell(self.entries, value_of, time.monotonic())
                else:
                    self.malformed += 1
        except ConnectionClosed:
            pass
        finally:
            self.clients.discard(client)
            self._dropped += client.dropped
            self.in_session(lambda: self._osc.feed.leave(key_of(client)))
            sending.cancel()
            await asyncio.gather(sending, return_exceptions=True)

    async def watch(self) -> None:
        """Look for edits and for values that have changed."""
        while True:
            await asyncio.sleep(1.0 / VALUES_HZ)
            self.look()
            now, known = time.monotonic(), dict[str, Values | None]()

            def value(entry: Entry, known: dict[str, Values | None] = known) -> Values | None:
                if entry.address not in known:  # read once for all who listen
                    known[entry.address] = value_of(entry)
                return known[entry.address]

            for client in list(self.clients):
                client.tell(self.entries, value, now)

    def look(self) -> None:
        """Take up an edit: tell every client which paths came, went or changed."""
        entries = self._osc.space.entries
        if entries is self.entries:
            return
        before, self.entries = self.entries, entries
        self.root = tree(entries)
        told = [json.dumps({"COMMAND": command, "DATA": data}) for command, data in news(before, entries)]
        for client in list(self.clients):
            client.forget(lambda address: address not in entries)
            for line in told:
                client.queue(line)

    def in_session(self, function: Callable[[], None]) -> None:
        """Have something done in the session's thread."""
        try:
            self._osc.session.loop.call_soon_threadsafe(function)
        except RuntimeError:
            pass  # the session has ended; so will this

    def _wake(self, client: Client) -> None:
        """Have the session carry out what a client has sent."""

        def receive(data: bytes) -> None:
            self._osc.receive(data, client)

        self.in_session(lambda: client.carry_out(receive, lambda: self._wake(client)))


async def _send(connection: ServerConnection, client: Client) -> None:
    from websockets.exceptions import ConnectionClosed

    try:
        while True:
            await connection.send(await client.next_frame())
    except ConnectionClosed:
        pass


def value_of(entry: Entry) -> Values | None:
    """What an address holds; None for nothing, or for what an edit is about to take away."""
    if entry.value is None:
        return None
    value: Any = None
    try:
        value = entry.value()
    except Exception:  # noqa: BLE001 - read beside an edit in the session's thread, which may leave it half gone
        return None
    return tuple(value)
