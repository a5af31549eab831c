"""Calls at a time, from one thread for everybody; nobody has to wait for them."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable

Silence = Callable[[], None]
"""Takes an alarm back."""


class Alarms:
    """Its thread is there from the first alarm on."""

    def __init__(self) -> None:
        self._due: list[tuple[float, int]] = []
        self._calls: dict[int, Callable[[], None]] = {}
        self._wake = threading.Condition()
        self._count = itertools.count()
        self._thread: threading.Thread | None = None
        self._closed = False

    def after(self, seconds: float, call: Callable[[], None]) -> Silence:
        """Call in so many seconds. What it calls must be short and must not raise."""
        with self._wake:
            number = next(self._count)
            self._calls[number] = call
            heapq.heappush(self._due, (time.monotonic() + seconds, number))
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="alarms", daemon=True)
                self._thread.start()
            if self._due[0][1] == number:
                self._wake.notify()

        def silence() -> None:
            with self._wake:
                self._calls.pop(number, None)

        return silence

    def close(self) -> None:
        with self._wake:
            self._closed = True
            self._wake.notify()

    def __str__(self) -> str:
        return f"{len(self._calls)} alarms"

    def _run(self) -> None:
        while True:
            with self._wake:
                if self._closed:
                    return
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is None or wait > 0.0:
                    self._wake.wait(wait)
                    continue
                _, number = heapq.heappop(self._due)
                call = self._calls.pop(number, None)
            if call is not None:
                call()
