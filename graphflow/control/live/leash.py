"""A hold on the performer's code while it runs in a thread, to stop it from another one."""

from __future__ import annotations

import ctypes
import threading


class Stopped(BaseException):
    """Raised inside code that is to stop. No Exception, so that what is written to survive faults does not catch it."""


class _Through(BaseException):
    """Takes the place of a Stopped that may still be on its way."""


class Leash:
    """Holds one thread at a time. `pull` raises Stopped there, at its next step of Python; C code comes back first."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._thread: int | None = None
        self._pulled = False

    def hold(self) -> None:
        """Hold the calling thread. Only inside a `try` whose `finally` lets it slip: a stop may come at any step."""
        with self._lock:
            self._thread, self._pulled = threading.get_ident(), False

    def pull(self) -> bool:
        """Stop what is held; False when nothing is."""
        with self._lock:
            if self._thread is None:
                return False
            self._pulled = True
            return _raise_in(self._thread, Stopped)

    def slip(self) -> None:
        """Hold it no longer; a pull that was on its way does not arrive."""
        while True:
            try:
                with self._lock:
                    self._thread, pulled = None, self._pulled
                if not pulled:
                    return
                # Never by raising NULL: CPython would then look for what to raise at every step, for ever
                _raise_in(threading.get_ident(), _Through)
                while True:
                    pass
            except Stopped:
                continue
            except _Through:
                return


def _raise_in(thread: int, exception: type[BaseException]) -> bool:
    """Have a thread raise; False when there is no such thread."""
    raised = ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(exception))
    return bool(raised == 1)
