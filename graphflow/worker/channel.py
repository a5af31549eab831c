"""Messages between the session and a worker: JSON over a socket, each with at most one file descriptor."""

from __future__ import annotations

import json
import os
import socket
import struct
import sys
from dataclasses import dataclass
from typing import Any

Message = dict[str, Any]
HEAD = struct.Struct("!I")
PIECE = 1 << 16


@dataclass(frozen=True)
class Order:
    """What the session asks for when it opens a slot."""

    slot: int
    model: str
    settings: dict[str, Any]
    rate: int
    start: int
    lockstep: bool
    restore: bool
    repeats: bool = False
    """A replay: chunks as they once were, each when it is asked for."""


class Channel:
    """One end of a stream socket. A message is its length (4 bytes) and its JSON text.

    The session sends prepare, open, close, wake, snapshot, repeat; the worker opened, begun, heard, echo, filled,
    snapshot, repeated, figures, failed, crashed, log.
    All name the slot they are about.
    """

    def __init__(self, link: socket.socket) -> None:
        self.socket = link
        self._bytes = b""
        self._descriptors: list[int] = []

    def send(self, message: Message, descriptor: int = -1) -> None:
        """Raise OSError when the other end is gone, or takes nothing for as long as the socket's timeout."""
        text = json.dumps(message).encode()
        data = HEAD.pack(len(text)) + text
        if sys.platform != "win32" and descriptor >= 0:
            data = data[socket.send_fds(self.socket, [data], [descriptor]) :]
        self.socket.sendall(data)

    def receive(self) -> list[Message]:
        """Wait for bytes, and return the messages they complete; raise EOFError when the other end is gone."""
        if sys.platform == "win32":
            data = self.socket.recv(PIECE)
        else:
            data, descriptors, _, _ = socket.recv_fds(self.socket, PIECE, 8)
            self._descriptors += descriptors
        if not data:
            raise EOFError
        self._bytes += data
        messages = []
        while len(self._bytes) >= HEAD.size:
            end = HEAD.size + HEAD.unpack_from(self._bytes)[0]
            if len(self._bytes) < end:
                break
            messages.append(json.loads(self._bytes[HEAD.size : end]))
            self._bytes = self._bytes[end:]
        return messages

    def descriptor(self) -> int:
        """The descriptor that came with the oldest message that brought one and was not asked for it yet."""
        return self._descriptors.pop(0) if self._descriptors else -1

    def close(self) -> None:
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors.clear()
        self.socket.close()
