"""A hold on the performer's code while it runs in a thread, to stop it from another one."""

from __future__ import annotations

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Stopped(BaseException):
    """Raised inside code that is to stop. No Exception, so that what is written to survive faults does not catch it."""


class Leash:
    """Holds one thread at a time. `pull` raises Stopped there, at its next step of Python; C code comes back first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: int | None = None

    @contextmanager
    def on(self) -> Iterator[None]:
        """Hold the calling thread. Once left, a pull that was on its way no longer arrives."""
        with self._lock:
            self._thread = threading.get_ident()
        try:
            yield
        finally:
            self.slip()

    def slip(self) -> None:
        """From here on the thread can no longer be stopped."""
        while True:
            try:
                with self._lock:
                    if self._thread is not None:
                        _raise_in(self._thread, None)
                        self._thread = None
                return
            except Stopped:  # it was on its way: once more, for the lock may not have been taken
                continue

    def pull(self) -> bool:
        """Stop what is held; False when nothing is."""
        with self._lock:
            return self._thread is not None and _raise_in(self._thread, Stopped)


def _raise_in(thread: int, exception: type[BaseException] | None) -> bool:
    """Have a thread raise; None: take back what it has not raised yet. False when there is no such thread."""
    what = None if exception is None else ctypes.py_object(exception)
    return bool(ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), what) == 1)
