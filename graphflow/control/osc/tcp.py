"""Packets over TCP, for controllers whose network loses datagrams."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any, Literal

from graphflow.control.osc.frames import Framing
from graphflow.control.osc.gate import Gate, is_local
from graphflow.control.osc.packet import Malformed
from graphflow.control.osc.peer import Peer
from graphflow.control.osc.sockets import tcp_socket

MOST = 64
"""Connections at once."""
TURN = 64
"""Packets of one connection that are carried out before others get a turn."""
BACKLOG = 1 << 20
"""Bytes that may wait for a peer that does not read; what comes then is dropped."""


class TcpPort:
    """One port. `receive` is called with every packet, `malformed` for a stream that is given up, `left` at its end."""

    def __init__(
        self,
        receive: Callable[[bytes, Peer], None],
        gate: Gate,
        *,
        malformed: Callable[[Peer, str], None] = lambda peer, why: None,
        left: Callable[[Peer], None] = lambda peer: None,
    ) -> None:
        self.receive, self.gate, self.malformed, self.left = receive, gate, malformed, left
        self.dropped = 0
        self.connections: set[Connection] = set()
        self._server: asyncio.Server | None = None

    async def open(self, host: str, port: int) -> None:
        """Begin to listen. Raises OSError."""
        loop, everywhere = asyncio.get_running_loop(), tcp_socket(host, port)
        if everywhere is None:
            self._server = await loop.create_server(lambda: Connection(self), host, port)
        else:
            self._server = await loop.create_server(lambda: Connection(self), sock=everywhere)

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        for connection in list(self.connections):
            connection.end()


class Connection(asyncio.Protocol):
    """One controller."""

    transport: Literal["tcp"] = "tcp"

    def __init__(self, port: TcpPort) -> None:
        self.host, self.port = "", 0
        self.local = False
        self._port = port
        self._framing = Framing()
        self._transport: Any = None
        self._waiting: deque[bytes] = deque()  # while something waits, nothing more is read

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self.host, self.port = transport.get_extra_info("peername")[:2]
        self.local = is_local(self.host)
        if len(self._port.connections) >= MOST or not self._port.gate.lets_in(self.host):
            self._transport.abort()
        else:
            self._port.connections.add(self)

    def data_received(self, data: bytes) -> None:
        if self not in self._port.connections:
            return
        try:
            self._waiting.extend(self._framing.packets(data))
        except Malformed as error:  # where the next packet begins is not known any more
            self._port.malformed(self, f"a stream that is no OSC ({error}); the connection is ended")
            self._transport.abort()
        else:
            self._carry_out()

    def _carry_out(self) -> None:
        """Some of what has come, and the rest after others had their turn."""
        for _ in range(min(TURN, len(self._waiting))):
            self._port.receive(self._waiting.popleft(), self)
        if self not in self._port.connections:
            self._waiting.clear()
        elif self._waiting:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_soon(self._carry_out)
        else:
            self._transport.resume_reading()

    def connection_lost(self, exc: Exception | None) -> None:
        if self in self._port.connections:
            self._port.connections.remove(self)
            self._port.left(self)

    def send(self, data: bytes) -> None:
        if self._transport.is_closing() or self._transport.get_write_buffer_size() > BACKLOG:
            self._port.dropped += 1
        else:
            self._transport.write(self._framing.framed(data))

    def end(self) -> None:
        self._transport.close()

    def __str__(self) -> str:
        return f"{self.host}:{self.port} (TCP)"
