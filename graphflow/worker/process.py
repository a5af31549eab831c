"""A worker process, seen from the session: started, spoken with, listened to, ended."""

from __future__ import annotations

import os
import select
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from pathlib import Path
from typing import Protocol

from graphflow.worker.channel import Channel, Message
from graphflow.worker.events import WorkerStatistics

SEND_SECONDS = 1.0
"""A worker that takes no message for so long is as good as dead."""
LINES_KEPT = 20
LINES_WAITING = 200
LINE_LENGTH = 500
CHATTER = "INFO: "
"""So libraries of others begin what they say about themselves when all is well (TensorFlow Lite); nobody asked."""


class Listener(Protocol):
    """Who wants a slot's messages."""

    node: str

    def hear(self, message: Message) -> None: ...


class WorkerProcess:
    """One process that hosts the generators of one model on one device.

    It is in a session of its own (a process group on Windows), so that Ctrl-C reaches only us: we fade out first.
    Its standard input is the lifeline, which closes with us however we end; its output is the log.
    """

    def __init__(self, model: str, device: str) -> None:
        self.model, self.device = model, device
        self.listeners: dict[int, Listener] = {}
        self.gone = False
        self.last_lines: deque[str] = deque(maxlen=LINES_KEPT)
        self.fatal = ""  # what a native crash was; the many lines after it say only where
        self._waiting: deque[str] = deque(maxlen=LINES_WAITING)
        self._lines = 0
        self._began = time.monotonic()
        ours, theirs = socket.socketpair()
        ours.settimeout(SEND_SECONDS)
        self._channel = Channel(ours)
        windows = sys.platform == "win32"
        argument = "4096" if windows else str(theirs.fileno())
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "graphflow.worker.host", argument],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=environment(),
            pass_fds=() if windows else (theirs.fileno(),),
            start_new_session=not windows,
            creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
        )
        if sys.platform == "win32" and self._process.stdin:
            os.write(self._process.stdin.fileno(), theirs.share(self._process.pid))
        theirs.close()
        self._drain = threading.Thread(target=self._read_lines, name=f"log of {model}", daemon=True)
        self._drain.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    def send(self, message: Message, descriptor: int = -1) -> None:
        """Tell the worker; one that cannot be told is gone, which the next look at it shows."""
        try:
            self._channel.send(message, descriptor)
        except OSError:
            self.gone = True

    def pump(self, timeout: float = 0.0) -> None:
        """Hand waiting messages to whom they are for; wait up to `timeout` seconds for the first."""
        while not self.gone and select.select([self._channel.socket], [], [], timeout)[0]:
            timeout = 0.0
            try:
                messages = self._channel.receive()
            except (EOFError, OSError):
                self.gone = True
                return
            for message in messages:
                if listener := self.listeners.get(message["slot"]):
                    listener.hear(message)

    def lines(self) -> list[str]:
        """What it has logged since the last call."""
        taken = []
        while self._waiting:
            taken.append(self._waiting.popleft())
        return taken

    @property
    def alive(self) -> bool:
        return not self.gone and self._process.poll() is None

    def end(self) -> str:
        """Kill it, if it still lives, and take it out of the process table; returns how it ended, in words."""
        code = self._process.poll()
        if code is None and self.gone:  # its socket is closed, so it is ending by itself
            try:
                code = self._process.wait(0.2)
            except subprocess.TimeoutExpired:
                code = None
        if code is None:
            self._process.kill()
        self._process.wait()
        self._channel.close()
        if self._process.stdin:
            self._process.stdin.close()
        self._drain.join(0.2)  # its last words are in the pipe; a child of its own could hold that open
        self.gone = True
        if code is None:
            return "was ended"
        if code < 0:
            return f"was killed by {signal.Signals(-code).name}"
        return f"ended with exit code {code}"

    def statistics(self) -> WorkerStatistics:
        nodes = tuple(listener.node for listener in self.listeners.values())
        return WorkerStatistics(self.model, self.device, self.pid, nodes, time.monotonic() - self._began, self._lines)

    def _read_lines(self) -> None:
        """Always reads, in a thread: a worker must never wait for a session that is busy."""
        assert self._process.stdout is not None
        with self._process.stdout as output:
            for raw in output:
                for line in raw.decode(errors="replace").split("\r"):
                    if (line := line.rstrip()[:LINE_LENGTH]) and not line.startswith(CHATTER):
                        self._lines += 1
                        if line.startswith("Fatal Python error"):
                            self.fatal = line
                        self.last_lines.append(line)
                        self._waiting.append(line)


def last_words(process: WorkerProcess) -> str:
    """`, last saying: ...`, or nothing."""
    words = process.fatal or (process.last_lines[-1] if process.last_lines else "")
    return f", last saying: {words}" if words else ""


def environment() -> dict[str, str]:
    """The worker imports what we import: our own path, but for the current folder, which may hold anything."""
    here = str(Path(__file__).parents[2])
    path = [here, *(entry for entry in sys.path if entry and Path(entry).is_absolute())]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(dict.fromkeys(path)), "PYTHONUNBUFFERED": "1"}
