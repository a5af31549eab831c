"""A hub on loopback that speaks the Hugging Face hub's file protocol, and misbehaves when it is told to.

Large files are answered with a redirect to a second server on another port, as the hub does with its storage.
"""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

COMMIT = "c0ffee" + 34 * "0"
REPOSITORY = "google/magenta-realtime-2"


@dataclass
class Fault:
    """What goes wrong with one answer, or with all as long as it stays."""

    where: str = "storage"  # or "hub"
    method: str = "GET"
    path: str = ""  # of the file; "" is every file
    times: int = 1
    status: int = 0  # answered in place of the file
    headers: dict[str, str] = field(default_factory=dict)
    cut: int | None = None  # bytes of the body after which the connection breaks
    hold: threading.Event | None = None  # waited for before it breaks
    deaf: bool = False  # to Range
    shift: int = 0  # bytes by which Content-Range is wrong
    alter: Callable[[bytes], bytes] = lambda body: body


@dataclass(frozen=True)
class Asked:
    where: str
    method: str
    path: str
    range: str
    token: str
    revision: str = ""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.where, self.method, self.path, self.range, self.token)))


class FakeHub:
    """Two servers in threads. `files` are (content, whether it is a large one)."""

    def __init__(self) -> None:
        self.files: dict[str, tuple[bytes, bool]] = {}
        self.faults: list[Fault] = []
        self.asked: list[Asked] = []
        self.relative = False  # small files by a relative redirect, as the hub answers since 2025
        self.arrived: Callable[[Asked], None] = lambda asked: None
        self._hub, self._storage = self._server("hub"), self._server("storage")
        self.endpoint = f"http://127.0.0.1:{self._hub.server_port}"
        self.storage = f"http://127.0.0.1:{self._storage.server_port}"

    @property
    def host(self) -> str:
        return urlsplit(self.endpoint).netloc

    @property
    def other_host(self) -> str:
        return urlsplit(self.storage).netloc

    def close(self) -> None:
        for server in (self._hub, self._storage):
            server.shutdown()
            server.server_close()

    def said(self) -> list[str]:
        return [str(asked) for asked in self.asked]

    def fault(self, asked: Asked) -> Fault | None:
        for fault in self.faults:
            if (fault.where, fault.method) == (asked.where, asked.method) and fault.path in ("", asked.path):
                fault.times -= 1
                if fault.times == 0:
                    self.faults.remove(fault)
                return fault
        return None

    def _server(self, where: str) -> ThreadingHTTPServer:
        server = ThreadingHTTPServer(("127.0.0.1", 0), type("Named", (Handler,), {"fake": self, "where": where}))
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return server


class Handler(BaseHTTPRequestHandler):
    fake: FakeHub
    where: str
    protocol_version = "HTTP/1.1"

    def do_HEAD(self) -> None:
        self._do()

    def do_GET(self) -> None:
        self._do()

    def log_message(self, format: str, *arguments: Any) -> None: ...

    def _do(self) -> None:
        route = unquote(urlsplit(self.path).path)
        resolve = re.fullmatch(rf"/{REPOSITORY}/resolve/(main|{COMMIT})/(.+)", route)
        cached = re.fullmatch(rf"/api/resolve-cache/models/{REPOSITORY}/{COMMIT}/(.+)", route)
        stored = re.fullmatch(r"/stored/(.+)", route)
        path = next((found[found.lastindex or 0] for found in (resolve, cached, stored) if found), "")
        asked = Asked(
            self.where,
            self.command,
            path or route,
            self.headers.get("Range", ""),
            self.headers.get("Authorization", ""),
            resolve[1] if resolve else "",
        )
        self.fake.asked.append(asked)
        self.fake.arrived(asked)
        fault = self.fake.fault(asked) or Fault()
        if fault.status:
            self._answer(fault.status, fault.headers)
        elif path not in self.fake.files:
            code = "EntryNotFound" if path else "RepoNotFound"
            self._answer(404, {"X-Error-Code": code})
        else:
            self._file(path, fault, final=cached is not None or stored is not None)

    def _file(self, path: str, fault: Fault, final: bool) -> None:
        content, large = self.fake.files[path]
        commit = {"X-Repo-Commit": COMMIT} if self.where == "hub" else {}
        if large and not final:
            headers = {
                "Location": f"{self.fake.storage}/stored/{path}?Signature=secret",
                "X-Linked-Size": str(len(content)),
                "X-Linked-Etag": f'"{hashlib.sha256(content).hexdigest()}"',
            }
            self._answer(302, {**commit, **headers, **fault.headers})
        elif self.fake.relative and not final:
            self._answer(307, {**commit, "Location": f"/api/resolve-cache/models/{REPOSITORY}/{COMMIT}/{path}"})
        else:
            git = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
            # the storage has an ETag of its own, which is not the file's checksum
            etag = git if self.where == "hub" else hashlib.sha256(path.encode()).hexdigest()
            self._body(fault.alter(content), {**commit, "ETag": f'"{etag}"', **fault.headers}, fault)

    def _body(self, content: bytes, headers: dict[str, str], fault: Fault) -> None:
        status, start = 200, 0
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        if wanted and not fault.deaf:
            start = int(wanted[1])
            if start >= len(content):
                self._answer(416, {"Content-Range": f"bytes */{len(content)}"})
                return
            status = 206
            first = start + fault.shift
            headers["Content-Range"] = f"bytes {first}-{len(content) - 1}/{len(content)}"
        self._answer(status, headers, content[start:], fault)

    def _answer(self, status: int, headers: dict[str, str], body: bytes = b"", fault: Fault | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body[: fault.cut if fault else None])
            self.wfile.flush()
            if fault and fault.hold:
                fault.hold.wait(10.0)
            self.close_connection = True
