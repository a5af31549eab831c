"""Whose process is at the other end of a local socket."""

from __future__ import annotations

import os
import socket
import struct
import sys

LOCAL_PEERCRED = 1
"""macOS and the BSDs; its answer begins with a version and the user's number."""


def user(connection: socket.socket) -> int | None:
    """The user's number; None where the system does not say."""
    if hasattr(socket, "SO_PEERCRED"):
        _, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
        return int(uid)
    if sys.platform == "darwin" or "bsd" in sys.platform:
        _, uid = struct.unpack_from("2I", connection.getsockopt(0, LOCAL_PEERCRED, 128))
        return int(uid)
    return None


def trusted(connection: socket.socket) -> bool:
    """Whether it is this user's; where the system does not say, the folder and the file's mode have decided."""
    uid = user(connection)
    return uid is None or uid == os.getuid()
