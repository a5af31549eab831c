"""Files of the Hugging Face hub: what it says about them, and fetching them so that nothing wrong or half is left.

A client of our own and not the library `huggingface_hub`: it needs no further package, puts files in the layout that a
model's official tools use instead of a cache of its own, and compares every file with the hub's checksum.
"""

from __future__ import annotations

import errno
import os
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO, TypeVar
from urllib.parse import quote

from graphflow.core.errors import UserError
from graphflow.models.checksum import is_checksum, matches, quietly
from graphflow.models.hub_connection import REDIRECTS, Answer, Connection, Lost, lost

T = TypeVar("T")

WAITS = (1.0, 2.0, 4.0, 8.0)
"""Seconds before each new try."""
LONGEST_WAIT = 60.0
"""Seconds, whatever the server asks for."""
READ = 1 << 20  # bytes at most in one go


@dataclass(frozen=True)
class Remote:
    """A file as the hub describes it."""

    repository: str
    path: str
    commit: str
    size: int  # bytes
    checksum: str  # sha256, or git's sha1 of a small file

    def __str__(self) -> str:
        return f"{self.path}, {self.size} bytes, {self.checksum[:12]} at {self.commit[:8]}"


@dataclass(frozen=True)
class Statistics:
    """What the fetching took."""

    files: int
    received: int  # bytes
    resumed: int  # bytes that were here from an earlier try
    losses: int  # broken connections and busy servers


def pause(seconds: float) -> None:
    threading.Event().wait(seconds)


class Hub:
    """One hub, asked file by file. `say` hears a line when it has to try again."""

    def __init__(
        self,
        connection: Connection,
        say: Callable[[str], None] = lambda line: None,
        wait: Callable[[float], None] = pause,
    ) -> None:
        self.connection = connection
        self._say, self._wait = say, wait
        self._files = self._received = self._resumed = self._losses = 0

    def statistics(self) -> Statistics:
        return Statistics(self._files, self._received, self._resumed, self._losses)

    def look(self, repository: str, path: str, revision: str = "main") -> Remote:
        """Size and checksum of a file. Raises UserError; NotThere where the repository has no such file."""
        return self._patiently(path, lambda: self._look(repository, path, revision), WAITS[:2])

    def fetch(
        self,
        remote: Remote,
        target: Path,
        show: Callable[[int], None] = quietly,
        check: Callable[[int], None] = quietly,
    ) -> None:
        """The file, whole and checked, or not at all.

        What came before a connection broke, or before Ctrl-C, is kept beside it in a `.part` file and used the next
        time. `show` hears how many bytes are here, `check` how many of them were looked at. Raises UserError.
        """
        part = part_of(remote, target)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            for stale in target.parent.glob(f"{target.name}.*.part"):  # of another version of the file
                if stale != part:
                    stale.unlink()
            with part.open("ab") as file:
                _lock(file, target)
                self._resumed += min(file.tell(), remote.size)
                self._receive(remote, file, show)
                file.flush()
                os.fsync(file.fileno())
            if not matches(part, remote.checksum, check):
                part.unlink()
                raise UserError(
                    f"{remote.path} came with another checksum than {self.connection.host} promised and was deleted; "
                    "fetch it again"
                )
            part.replace(target)
        except OSError as error:
            why = error.strerror or type(error).__name__
            full = error.errno == errno.ENOSPC
            repair = "make room, then fetch it again" if full else "set GRAPHFLOW_HOME to a folder you can write"
            raise UserError(f"{target}: it cannot be written ({why}); {repair}") from error
        self._files += 1

    def _look(self, repository: str, path: str, revision: str) -> Remote:
        # the answer that names the checksum may itself be a redirect; the host it leads to has checksums of its own
        answer = self.connection.ask(
            "HEAD", self._url(repository, path, revision), enough=lambda h: "X-Linked-Etag" in h
        )
        with answer.response:
            headers, host = answer.headers, answer.host
            linked = "X-Linked-Etag" in headers
            if answer.status != 200 and not (linked and answer.status in REDIRECTS):
                self.connection.refuse(answer, path)
            own = linked or host == self.connection.host or "X-Repo-Commit" in headers
            etag = headers.get("X-Linked-Etag", headers.get("ETag", "")) if own else ""
            checksum = etag.removeprefix("W/").strip('"').lower()
            size = headers.get("X-Linked-Size", "" if linked else headers.get("Content-Length", ""))
        if not (answer.commit and is_checksum(checksum) and size.isdecimal()):
            raise UserError(
                f"{path}: {host} tells no size and checksum as a Hugging Face hub does; is the endpoint right?"
            )
        return Remote(repository, path, answer.commit, int(size), checksum)

    def _receive(self, remote: Remote, file: BinaryIO, show: Callable[[int], None]) -> None:
        """All bytes. Who brings the file a hundredth further is met with new patience."""
        furthest = file.tell()

        def further() -> bool:
            nonlocal furthest
            gained = file.tell() - furthest >= max(remote.size / 100, 1)
            furthest = max(furthest, file.tell()) if gained else furthest
            return gained

        self._patiently(remote.path, lambda: self._transfer(remote, file, show), WAITS, further)

    def _transfer(self, remote: Remote, file: BinaryIO, show: Callable[[int], None]) -> None:
        """Go on where the file ends. Raises Lost, UserError."""
        if file.tell() > remote.size:
            _empty(file)
        have = file.tell()
        if have == remote.size:
            return
        headers = {"Range": f"bytes={have}-"} if have else {}
        answer = self.connection.ask("GET", self._url(remote.repository, remote.path, remote.commit), headers)
        host = answer.host
        with answer.response as body:
            if have and (answer.status == 416 or not _goes_on(answer, have)):
                _empty(file)
                raise Lost(f"{host} cannot go on at byte {have}, so {remote.path} begins anew")
            if have and answer.status == 200:
                self._say(f"{host} cannot go on where it was interrupted, so {remote.path} begins anew")
                _empty(file)
            elif answer.status != (206 if have else 200):
                self.connection.refuse(answer, remote.path)
            left = remote.size - file.tell()
            offered = answer.headers.get("Content-Length", str(left))
            if offered != str(left):
                raise UserError(
                    f"{remote.path}: {host} offers {offered} bytes, {self.connection.host} said {left}; try again later"
                )
            while left:
                try:
                    data = body.read1(min(READ, left))
                except (OSError, HTTPException) as error:
                    raise lost(host, error) from error
                if not data:
                    raise Lost(f"{host} closed the connection after {file.tell()} of {remote.size} bytes")
                file.write(data)
                file.flush()  # so that nothing is lost when we are killed
                left -= len(data)
                self._received += len(data)
                show(file.tell())

    def _patiently(
        self,
        what: str,
        attempt: Callable[[], T],
        waits: tuple[float, ...],
        further: Callable[[], bool] = lambda: False,
    ) -> T:
        """Try again after a loss, once per wait, and from the first wait on where it came `further`."""
        tries = 0
        while True:
            try:
                return attempt()
            except Lost as loss:
                self._losses += 1
                tries = 0 if further() else tries
                if tries == len(waits):
                    raise UserError(f"{what}: {loss}; given up after {tries + 1} tries, try again later") from loss
                seconds = max(waits[tries], min(loss.after, LONGEST_WAIT))
                tries += 1
                self._say(f"{loss}; again in {seconds:g} s")
                self._wait(seconds)

    def _url(self, repository: str, path: str, revision: str) -> str:
        return f"{self.connection.endpoint}/{quote(repository)}/resolve/{quote(revision, safe='')}/{quote(path)}"


def part_of(remote: Remote, target: Path) -> Path:
    """Where the bytes are kept until the file is whole; named for its version, so that two are never mixed."""
    return target.with_name(f"{target.name}.{remote.checksum[:12]}.part")


def _goes_on(answer: Answer, have: int) -> bool:
    """Whether a partial answer begins where the file ends."""
    return answer.status != 206 or answer.headers.get("Content-Range", "").startswith(f"bytes {have}-")


def _empty(file: BinaryIO) -> None:
    file.seek(0)
    file.truncate()


def _lock(file: BinaryIO, target: Path) -> None:
    """One process fetches a file; it is free again however that one ends."""
    if sys.platform != "win32":
        import fcntl

        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(f"{target}: another graphflow is fetching it; wait for that one") from error
