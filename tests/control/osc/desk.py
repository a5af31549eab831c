"""A patch on the manual clock with an OSC server, and controllers that talk to it over real sockets."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from graphflow.control.osc import OscServer
from graphflow.control.osc.packet import BUNDLE, NOW, read, written
from graphflow.session import Session

T = TypeVar("T")
Told = tuple[str, list[Any]]

PATCH = """
format = 1
title = "Test"
wires = ["a -> out", "w -> silent.text"]
[transport]
tempo = 120
[nodes.a]
kind = "steady"
[nodes.w]
kind = "words"
[nodes.silent]
kind = "words"
[nodes.m]
kind = "mood"
[nodes.out]
kind = "out"
[scenes.night]
"a.value" = -0.5
[expose.warmth]
params = ["a.value"]
"""


class Watch:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Desk:
    """A controller: sends, and hears what comes back."""

    def __init__(self, session: Session, server: OscServer) -> None:
        self.session, self.server = session, server
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind(("127.0.0.1", 0))
        self.port: int = self.socket.getsockname()[1]

    def send(self, address: str, *values: Any) -> list[Told]:
        """Send a message; what comes back at once."""
        return self.send_raw(written(address, values))

    def send_raw(self, data: bytes) -> list[Told]:
        return self.session.loop.run_until_complete(self._exchange(data))

    def look(self, seconds: float = 0.0, step: float = 0.005) -> list[Told]:
        """Let the server look for so long, on its watch; what came."""
        watch = self.server.steady
        assert isinstance(watch, Watch)
        for _ in range(max(1, round(seconds / step))):
            watch.now += step if seconds else 0.0
            self.server.look(self.session.engine.frame)
        return self.heard()

    def heard(self) -> list[Told]:
        answers: list[Told] = []
        while True:
            try:
                answer = self.socket.recv(65536)
            except BlockingIOError:
                return answers
            answers += [(m.address, list(m.arguments)) for bundle in read(answer).bundles for m in bundle.messages]

    async def _exchange(self, data: bytes) -> list[Told]:
        loop = asyncio.get_running_loop()
        before = self.server.statistics()
        await loop.sock_sendto(self.socket, data, ("127.0.0.1", self.server.port))
        async with asyncio.timeout(5.0):
            while self.server.statistics() == before:
                await asyncio.sleep(0)
        return self.heard()

    def close(self) -> None:
        self.socket.close()


def meanwhile(session: Session, work: Callable[[], T]) -> T:
    """Do what waits in a thread, while the session's loop runs."""

    async def both() -> T:
        return await asyncio.get_running_loop().run_in_executor(None, work)

    return session.loop.run_until_complete(asyncio.wait_for(both(), 20.0))


def until(session: Session, condition: Callable[[], bool]) -> None:
    """Run the session's loop until something is so."""

    async def wait() -> None:
        async with asyncio.timeout(10.0):
            while not condition():
                await asyncio.sleep(0.001)

    session.loop.run_until_complete(wait())


def bundle(*parts: bytes | tuple[str, Sequence[Any]], tag: int = NOW) -> bytes:
    """A bundle's bytes: of messages, as address and values, and of other bundles."""
    data = [part if isinstance(part, bytes) else written(*part) for part in parts]
    return BUNDLE + tag.to_bytes(8, "big") + b"".join(len(part).to_bytes(4, "big") + part for part in data)
