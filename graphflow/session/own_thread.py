"""The one thread that uses a session, and the way into it from all others."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


class OwnThread:
    """At first the thread that made it. `loop` runs there."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._thread = threading.get_ident()

    def take_over(self) -> None:
        """The calling thread is it from now on."""
        self._thread = threading.get_ident()

    @property
    def here(self) -> bool:
        """Whether the calling thread is it."""
        return threading.get_ident() == self._thread

    def call(self, function: Callable[[], T], within: float) -> T:
        """Run something there and wait for what it returns or raises; in place where it is the calling thread.

        Raises TimeoutError when nothing has begun within so many seconds.
        """
        if self.here:
            return function()
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = function()
            except BaseException as error:  # noqa: BLE001 - whoever asked gets it
                future.set_exception(error)
            else:
                future.set_result(result)

        self._loop.call_soon_threadsafe(run)
        try:
            return future.result(within)
        except TimeoutError:
            if future.done():  # it is what the function itself has raised
                raise
            future.cancel()
            raise TimeoutError(f"the session did not answer within {within:g} s; a node may hold it up") from None

    def soon(self, function: Callable[[], None]) -> None:
        """Run something there without waiting for it; in place where it is the calling thread."""
        if self.here:
            function()
        else:
            with contextlib.suppress(RuntimeError):  # the loop is closed, and so is the session
                self._loop.call_soon_threadsafe(function)
