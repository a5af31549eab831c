"""The OSCQuery server: HTTP and WebSocket on one TCP port, in a thread and a loop of its own.

It only looks at what the session has: the addresses, which an edit replaces whole, and values, each read as it is.
What clients send goes to the session's loop and through the OSC server, like a datagram.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from dataclasses import dataclass
from http import HTTPStatus
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

from graphflow.control.osc.entry import ROOT
from graphflow.control.osc.gate import bare
from graphflow.control.osc.holder import holder_of
from graphflow.control.osc.packet import LARGEST
from graphflow.control.osc.sockets import tcp_socket
from graphflow.control.oscquery.addresses import is_here_only, reachable
from graphflow.control.oscquery.answer import Answer, Host, answer
from graphflow.control.oscquery.door import OPEN, door
from graphflow.control.oscquery.followers import Followers, value_of
from graphflow.control.oscquery.guard import new_token, refused
from graphflow.core.errors import UserError

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection
    from websockets.http11 import Request, Response

    from graphflow.control.osc.server import OscServer

STARTS_WITHIN = 5.0
MOST = 256
"""WebSockets at once."""
MISSING = "OSCQuery is off: websockets is missing; pip install 'graphflow-live[web]'"

_quiet = logging.getLogger("graphflow.oscquery")
"""What the library has to say of strangers' bytes is counted here, not told."""
_quiet.addHandler(logging.NullHandler())
_quiet.propagate = False


@dataclass(frozen=True)
class OscQueryStatistics:
    """Refused were requests without the right to ask; malformed were commands that mean nothing; dropped are frames
    that clients did not take in time."""

    clients: int
    requests: int
    refused: int
    malformed: int
    dropped: int

    def __str__(self) -> str:
        return (
            f"OSCQuery: {self.clients} clients, {self.requests} requests, {self.refused} refused, "
            f"{self.malformed} malformed, {self.dropped} dropped"
        )


def missing() -> str:
    """The line that says why there can be no OSCQuery here; "" if there can."""
    return "" if find_spec("websockets") else MISSING


class OscQuery:
    """Serves what an OSC server has, on the TCP port of the same number.

    `token`: what to ask for from other computers; None makes one where the server listens to them. Raises UserError
    where websockets is missing.
    """

    def __init__(self, osc: OscServer, *, name: str = "graphflow", token: str | None = None) -> None:
        if why := missing():
            raise UserError(why)
        self.osc, self.name = osc, name
        self.host, self.port = osc.host, osc.port
        self.token = ("" if is_here_only(osc.host) else new_token()) if token is None else token
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="oscquery", daemon=True)
        self._started = threading.Event()
        self._stop = asyncio.Event()
        self._failed: OSError | None = None
        self._followers = Followers(osc, self._loop)
        self._requests = self._refused = 0

    def start(self) -> None:
        """Begin to listen. Raises UserError where the port cannot be had."""
        self._thread.start()
        self._started.wait(STARTS_WITHIN)
        if self._failed is not None:
            self._thread.join(STARTS_WITHIN)
            holder = holder_of(self.port, "tcp")
            who = f"{holder} holds it" if holder else "another program may hold it"
            raise UserError(
                f"OSCQuery is off: TCP port {self.port} of {self.host} cannot be had "
                f"({self._failed.strerror or self._failed}); {who}; choose another, as in --osc {self.port + 10}"
            )
        self.osc.http_port = self.port

    def close(self) -> None:
        """Let everybody go."""
        self.osc.http_port = 0
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(STARTS_WITHIN)

    def statistics(self) -> OscQueryStatistics:
        told = self._followers
        return OscQueryStatistics(len(told.clients), self._requests, self._refused, told.malformed, told.dropped)

    @property
    def url(self) -> str:
        """Where it is to be asked, token and all."""
        host = reachable(self.host)
        host = f"[{host}]" if ":" in host else host
        return f"http://{host}:{self.port}/{f'?token={self.token}' if self.token else ''}"

    def __str__(self) -> str:
        return f"OSCQuery on {self.url}"

    # --- in its own thread ------------------------------------------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_exception_handler(self._unforeseen)
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._started.set()
            self._loop.close()

    async def _serve(self) -> None:
        from websockets.asyncio.server import serve

        try:
            everywhere = tcp_socket(self.host, self.port)
            where: dict[str, Any] = {"sock": everywhere} if everywhere else {"host": self.host, "port": self.port}
            server = await serve(
                self._followers.attend,
                **where,
                process_request=self._request,
                compression=None,
                max_size=LARGEST,
                max_queue=16,
                logger=_quiet,
                server_header=None,
                create_connection=door(OPEN, self._turn_away),
            )
        except OSError as error:
            self._failed = error
            return
        async with server:
            self._started.set()
            watching = asyncio.create_task(self._followers.watch())
            await self._stop.wait()
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    def _turn_away(self) -> None:
        self._refused += 1

    def _unforeseen(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        self._followers.in_session(lambda: self.osc.session.unforeseen("OSCQuery", context))

    async def _request(self, connection: ServerConnection, request: Request) -> Response | None:
        """Answer a plain request; None lets a WebSocket begin."""
        self._requests += 1
        peer = str(connection.remote_address[0])
        why = refused(peer, request.path, request.headers, self.token)
        if why:
            self._refused += 1
            return _response(Answer(401 if self.token else 403, why.encode()))
        if request.headers.get("Upgrade", "").lower() == "websocket":
            if len(self._followers.clients) >= MOST:
                return _response(Answer(503, f"{MOST} clients are here already".encode()))
            return None
        self._followers.look()
        host = Host(self.name, bare(str(connection.local_address[0])), self.port)
        return _response(
            answer(request.path, self._followers.root, host, value_of, self._words()), request.headers.get("Origin", "")
        )

    def _words(self) -> dict[str, str]:
        """What containers are: a node's own words."""
        graph, patch = self.osc.session.graph, self.osc.session.patch
        words = {"/": "graphflow", ROOT: patch.title or "The patch that plays."}
        for name, node in graph.nodes.items():
            first = node.spec.doc.splitlines()[0] if node.spec is not None and node.spec.doc else ""
            words[f"{ROOT}/node/{name}"] = f"{node.kind}: {first}" if first else node.kind
        return words


def _response(found: Answer, origin: str = "") -> Response:
    from websockets.datastructures import Headers
    from websockets.http11 import Response

    kind = "application/json" if found.status == 200 else "text/plain"
    headers = Headers(
        [
            ("Content-Type", f"{kind}; charset=utf-8"),
            ("Content-Length", str(len(found.body))),
            ("Cache-Control", "no-store"),
            ("Connection", "close"),
        ]
    )
    if origin:  # the guard has let this page in
        headers["Access-Control-Allow-Origin"] = origin
        headers["Vary"] = "Origin"
    return Response(found.status, HTTPStatus(found.status).phrase, headers, found.body)
