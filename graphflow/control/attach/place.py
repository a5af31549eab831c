"""Where engines can be found: a folder of the user's alone, with one socket for each that runs.

A socket is named after its patch and process, as in `02-night-bass-4711.sock`. One whose process was killed is left
behind, and taken away by the next engine that starts.
"""

from __future__ import annotations

import errno
import os
import re
import socket
import stat
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from graphflow.core.errors import UserError, did_you_mean

LONGEST = 100
"""Bytes of a socket's path: macOS takes 103, Linux 107."""
STEM = 40
"""Letters of a patch's name that its socket keeps."""
BEGINNING = 60.0
"""Seconds for which a socket that refuses may belong to an engine that is just starting."""


def available() -> bool:
    """Whether this system has such sockets."""
    return hasattr(socket, "AF_UNIX") and sys.platform != "win32"


@dataclass(frozen=True)
class Place:
    """The socket of one engine."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def patch(self) -> str:
        return self.name.rpartition("-")[0]

    @property
    def pid(self) -> int:
        number = self.name.rpartition("-")[2]
        return int(number) if number.isdecimal() else 0

    def answers(self) -> bool:
        """Whether an engine listens there."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
            caller.setblocking(False)
            try:
                caller.connect(str(self.path))
            except OSError as error:
                return error.errno in (errno.EAGAIN, errno.EINPROGRESS)  # it listens, and others wait
        return True

    def stale(self) -> bool:
        """Whether nobody will listen there any more."""
        if self.answers():
            return False
        try:
            age = time.time() - self.path.lstat().st_mtime
        except OSError:
            return False  # it has gone meanwhile
        return not _lives(self.pid) or age > BEGINNING

    def __str__(self) -> str:
        return f"{self.patch} (process {self.pid})"


def folders() -> list[Path]:
    """Where sockets may lie, the best place first."""
    elsewhere = Path(tempfile.gettempdir()) / f"graphflow-{os.getuid()}"
    runtime = os.environ.get("XDG_RUNTIME_DIR", "")
    return [Path(runtime) / "graphflow", elsewhere] if runtime and Path(runtime).is_dir() else [elsewhere]


def private(folder: Path) -> Path:
    """The folder, made where it is missing. Raises UserError where others could reach into it."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError as error:
        raise UserError(f"{folder}: it cannot be used ({error.strerror}); set XDG_RUNTIME_DIR to another") from error
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise UserError(f"{folder} is not a folder of yours alone; remove it, or make it so with chmod 700")
    return folder


def new(patch: str) -> Place:
    """A place for this process. Raises UserError."""
    stem = re.sub(r"[^\w.-]+", "-", patch, flags=re.ASCII).strip("-")[:STEM] or "live"
    reasons = []
    for folder in folders():
        place = Place(folder / f"{stem}-{os.getpid()}.sock")
        if len(os.fsencode(place.path)) > LONGEST:
            reasons.append(f"{place.path} is longer than {LONGEST} bytes; set XDG_RUNTIME_DIR to a shorter folder")
            continue
        try:
            private(folder)
        except UserError as error:
            reasons.append(str(error))
            continue
        return place
    raise UserError(reasons[0])


def sweep() -> list[Path]:
    """Take away the sockets of engines that were killed; returns them."""
    gone = [place.path for place in _all() if place.stale()]
    for path in gone:
        path.unlink(missing_ok=True)
    return gone


def running() -> list[Place]:
    """The engines that can be attached to."""
    return [place for place in _all() if place.answers()]


def find(name: str | None) -> Place:
    """The engine that is meant: the only one, or by its patch, process or both. Raises UserError."""
    engines = running()
    if not engines:
        raise UserError("no engine runs that could be attached to; start one: graphflow play PATCH")
    if name is None:
        chosen = engines
    else:
        wanted = Path(name).stem if name.endswith((".toml", ".sock")) else name
        chosen = [e for e in engines if wanted in (e.name, e.patch, str(e.pid), e.patch.lstrip("0123456789-"))]
    listed = ", ".join(engine.name for engine in engines)
    if not chosen:
        guess = did_you_mean(str(name), [engine.patch for engine in engines])
        raise UserError(f"no engine is called {name!r}{guess}; running: {listed}")
    if len(chosen) > 1:
        raise UserError(f"{len(chosen)} engines run; name one: graphflow attach {chosen[0].name}; running: {listed}")
    return chosen[0]


def _all() -> list[Place]:
    found = []
    for folder in folders():
        if not folder.is_dir():
            continue
        try:
            private(folder)
        except UserError:
            continue  # somebody else's: nothing there is to be trusted
        found += [Place(path) for path in sorted(folder.glob("*-*.sock"))]
    return found


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return pid > 0
