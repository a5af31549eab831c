"""The engine's end: lets prompts of the same user attach.

It runs in a thread and a loop of its own, so that a panic is heard even while a node holds the session up. Whatever a
prompt does, leaves or dies of, the sound does not hear of it.
"""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from graphflow.control.attach import lines, peer, place
from graphflow.control.attach.client import PENDING, Client
from graphflow.control.attach.lines import Malformed, cut, field
from graphflow.control.attach.requests import asked, data, failed
from graphflow.control.live.desk import Desk
from graphflow.core.errors import UserError

THREADS = 8
BACKLOG = 16
STARTS_WITHIN = 5.0


@dataclass(frozen=True)
class AttachStatistics:
    """Who is attached, and what came from them. Refused were other users, and requests beyond what one may have."""

    attached: int
    ever: int
    requests: int
    refused: int
    malformed: int
    dropped: int
    """Lines that prompts did not read in time."""

    def __str__(self) -> str:
        return (
            f"{self.attached} attached ({self.ever} ever), {self.requests} requests, {self.refused} refused, "
            f"{self.malformed} malformed, {self.dropped} lines dropped"
        )


class AttachServer:
    """Serves a desk at a socket named after the patch. Raises UserError where there can be none."""

    def __init__(self, desk: Desk, patch: str) -> None:
        if not place.available():
            raise UserError("attach is not available on this system: it has no local sockets")
        self._desk, self._patch = desk, patch
        place.sweep()
        self.place = place.new(patch)
        self._socket = self._bound()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="attach", daemon=True)
        self._pool = ThreadPoolExecutor(THREADS, thread_name_prefix="attach")
        self._clients: set[Client] = set()
        self._talks: set[asyncio.Future[None]] = set()
        self._started = threading.Event()
        self._stop = asyncio.Event()
        self._ever = self._requests = self._refused = self._malformed = self._dropped = 0

    def _bound(self) -> socket.socket:
        path = self.place.path
        if place.Place(path).stale():
            path.unlink(missing_ok=True)
        bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            bound.bind(str(path))  # the folder is closed to others, so nobody is faster than the next line
            path.chmod(0o600)
            bound.listen(BACKLOG)
        except OSError as error:
            bound.close()
            raise UserError(f"{path}: no prompt can attach ({error.strerror or error})") from error
        self._inode = path.stat().st_ino
        bound.setblocking(False)
        return bound

    @property
    def name(self) -> str:
        return self.place.name

    def start(self) -> None:
        """Begin to listen."""
        self._desk.hear(self._heard)
        self._thread.start()
        self._started.wait(STARTS_WITHIN)

    def close(self) -> None:
        """Let everybody go, and take the socket away."""
        if self._thread.is_alive():
            self._desk.unhear(self._heard)
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(STARTS_WITHIN)
        elif not self._started.is_set():
            self._loop.close()
        self._socket.close()
        self._pool.shutdown(wait=False, cancel_futures=True)
        try:
            if self.place.path.stat().st_ino == self._inode:
                self.place.path.unlink()
        except OSError:
            pass  # somebody has taken it away already
        self._clients.clear()

    def statistics(self) -> AttachStatistics:
        clients = list(self._clients)
        return AttachStatistics(
            attached=len(clients),
            ever=self._ever,
            requests=self._requests,
            refused=self._refused,
            malformed=self._malformed,
            dropped=self._dropped + sum(client.dropped for client in clients),
        )

    def __str__(self) -> str:
        return f"{self.place}: {self.statistics()}"

    # --- in its own thread --------------------------------------------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_unix_server(self._attached, sock=self._socket, limit=lines.LONGEST)
        self._started.set()
        await self._stop.wait()
        self._loop.remove_reader(self._socket)
        await asyncio.sleep(0.0)  # who is at the door by now is let in first: a closed server would forget him open
        await asyncio.sleep(0.0)
        server.close()
        while others := [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]:
            for talk in self._talks:
                talk.cancel()
            await asyncio.gather(*others, return_exceptions=True)
            await asyncio.sleep(0.0)  # now the transports close their sockets, and who has just come is let in

    def _heard(self, line: str) -> None:
        self._soon(lambda: self._tell(line))

    def _soon(self, function: Callable[[], None]) -> None:
        try:
            self._loop.call_soon_threadsafe(function)
        except RuntimeError:
            pass  # closed meanwhile: nobody is there to be told

    def _tell(self, line: str) -> None:
        for client in self._clients:
            client.say(cut(line))

    async def _attached(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = writer.get_extra_info("socket")
        if self._stop.is_set() or not peer.trusted(connection):
            self._refused += 1
            writer.transport.abort()
            return
        client = Client(writer)
        self._clients.add(client)
        self._ever += 1
        client.answer({"graphflow": lines.VERSION, "patch": self._patch, "pid": os.getpid()})
        talks = {asyncio.ensure_future(client.write()), asyncio.ensure_future(self._listen(reader, client))}
        self._talks |= talks
        await asyncio.wait(talks, return_when=asyncio.FIRST_COMPLETED)
        for talk in talks:
            talk.cancel()
        await asyncio.gather(*talks, return_exceptions=True)
        self._talks -= talks
        self._clients.discard(client)
        self._dropped += client.dropped
        client.close()

    async def _listen(self, reader: asyncio.StreamReader, client: Client) -> None:
        skipping = False
        while True:
            await client.room()
            try:
                line = await reader.readuntil(b"\n")
            except asyncio.LimitOverrunError as error:
                if not skipping:
                    self._malformed += 1
                    client.answer({"error": f"a line is longer than {lines.LONGEST} bytes; it is left out"})
                skipping = True
                await reader.readexactly(error.consumed or 1)
                continue
            except (asyncio.IncompleteReadError, OSError):
                return
            if skipping:  # the end of what was too long
                skipping = False
                continue
            try:
                self._asked(lines.decoded(line), client)
            except Malformed as error:
                self._malformed += 1
                client.answer({"error": str(error)})

    def _asked(self, request: dict[str, Any], client: Client) -> None:
        """Begin with a request; the answer follows when it is there. Raises Malformed."""
        number = field(request, "id", int)
        try:
            ask = asked(request, self._desk, self._pool)
        except Malformed as error:
            raise Malformed(f"request {number}: {error}") from error
        self._requests += 1
        if client.pending >= PENDING and request["do"] != "interrupt":
            self._refused += 1
            client.answer({"id": number, "error": f"{PENDING} requests wait already; ask again later"})
            return
        client.pending += 1
        try:
            future = ask()
        except (UserError, RuntimeError) as error:  # RuntimeError: the engine ends, and takes nothing more
            future = failed(error)
        future.add_done_callback(lambda done: self._soon(lambda: self._answer(client, number, done)))

    def _answer(self, client: Client, number: int, done: Future[Any]) -> None:
        client.pending -= 1
        if done.cancelled():
            client.answer({"id": number, "error": "it was not done: the engine ends"})
            return
        error = done.exception()
        if error is not None:
            why = str(error) if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
            client.answer({"id": number, "error": cut(why)})
            return
        client.answer({"id": number, "value": data(done.result())})
