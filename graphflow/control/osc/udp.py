"""Datagrams in and out."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable
from typing import Any, Literal

from graphflow.control.osc.gate import Gate, bare, is_local
from graphflow.control.osc.peer import Peer
from graphflow.control.osc.sockets import hear_both

BATCH = 64
"""Datagrams read before others get a turn; one at a time, as asyncio reads them, costs four times as much."""
BUFFERS = 4 << 20, 1 << 20, 1 << 18
"""Bytes the system is asked to keep while Python is busy: Linux gives what it likes, macOS refuses too many."""
KNOWN = 1024


class UdpPeer:
    """An address that datagrams came from or go to."""

    transport: Literal["udp"] = "udp"

    def __init__(self, port: UdpPort, address: Any) -> None:
        self.host, self.port = str(address[0]), int(address[1])
        self.local = is_local(self.host)
        self._port, self._address = port, address

    def send(self, data: bytes) -> None:
        self._port.send(data, self._address)

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


class UdpPort:
    """One port. `receive` is called with every datagram whose sender the gate lets in."""

    def __init__(self, receive: Callable[[bytes, Peer], None], gate: Gate) -> None:
        self.dropped = 0  # datagrams that could not be sent
        self._receive, self._gate = receive, gate
        self._socket: socket.socket | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._endpoint: asyncio.DatagramTransport | None = None
        self._peers: dict[Any, UdpPeer] = {}

    async def open(self, host: str, port: int) -> int:
        """Begin to receive; the port, for 0 a free one. Raises OSError."""
        loop = self._loop = asyncio.get_running_loop()
        (family, kind, protocol, _, where), *_ = await loop.getaddrinfo(host, port, type=socket.SOCK_DGRAM)
        opened = socket.socket(family, kind, protocol)
        try:
            opened.setblocking(False)
            hear_both(opened, host)
            opened.bind(where)
        except OSError:
            opened.close()
            raise
        for size in BUFFERS:
            try:
                opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, size)
                break
            except OSError:
                continue
        self._socket = opened
        try:
            loop.add_reader(opened, self._readable)
        except NotImplementedError:  # Windows: its loop has readers for its own transports only
            self._endpoint, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), sock=opened)
        return int(opened.getsockname()[1])

    def close(self) -> None:
        if self._endpoint is not None:
            self._endpoint.close()
        elif self._socket is not None and self._loop is not None:
            self._loop.remove_reader(self._socket)
            self._socket.close()
        self._socket = self._endpoint = None

    def peer(self, address: Any) -> UdpPeer:
        """The one of an address."""
        found = self._peers.get(address)
        if found is None:
            if len(self._peers) >= KNOWN:
                self._peers.clear()
            found = self._peers[address] = UdpPeer(self, address)
        return found

    def peer_at(self, host: str, port: int) -> UdpPeer:
        """Another port of a host that has sent something."""
        scope = self._socket is not None and self._socket.family == socket.AF_INET6
        return self.peer((host, port, 0, 0) if scope else (host, port))

    def seen_from(self, host: str, port: int) -> str:
        """This computer's address on the way to a host; "" where there is no way."""
        family = self._socket.family if self._socket is not None else socket.AF_INET
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as asking:
                asking.connect((host, port))  # sends nothing
                return bare(str(asking.getsockname()[0]))
        except OSError:
            return ""

    def send(self, data: bytes, address: Any) -> None:
        """Never waits: what the system has no room for is dropped and counted."""
        try:
            if self._endpoint is not None:
                self._endpoint.sendto(data, address)
            elif self._socket is not None:
                self._socket.sendto(data, address)
        except OSError:
            self.dropped += 1

    def take(self, data: bytes, address: Any) -> None:
        if self._gate.lets_in(address[0]):
            self._receive(data, self.peer(address))

    def _readable(self) -> None:
        for _ in range(BATCH):
            if self._socket is None:
                return
            try:
                data, address = self._socket.recvfrom(65_536)
            except BlockingIOError:
                return
            except OSError:  # what was sent earlier could not be delivered: that is told here, and is no news
                continue
            self.take(data, address)


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, port: UdpPort) -> None:
        self._port = port

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self._port.take(data, addr)
