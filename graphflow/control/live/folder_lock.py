"""A lock between programs that write into one folder, on the folder itself: it leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

if sys.platform != "win32":
    import fcntl

WAIT = 0.25
"""Seconds that it is waited for: it is held for as long as it takes to read a file and rename another."""
AGAIN = 0.005


@contextlib.contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep other programs of ours from replacing a file of a folder meanwhile. Raises TimeoutError.

    Windows and some networks have no such lock, and go without.
    """
    if sys.platform == "win32":
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)  # and with it the lock


def _lock(descriptor: int) -> None:
    deadline, pause = time.monotonic() + WAIT, threading.Event()
    while sys.platform != "win32":
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise TimeoutError(f"locked for {WAIT} s") from None
            pause.wait(AGAIN)
        except OSError:  # this file system knows no locks
            return
        else:
            return
