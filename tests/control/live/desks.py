"""A small desk for prompts: Python without a patch, so that keys and sockets can be looked at by themselves."""

from __future__ import annotations

import codeop
import ctypes
import queue
import threading
import time
import traceback
from concurrent.futures import Future
from typing import Any

from graphflow.control.live.desk import Hear
from graphflow.control.live.outcome import Outcome, Suggestion

WORDS = {"band": "Music.", "bass": "Low notes.", "blend": "Mixes\tprompts."}


class Stopped(BaseException):
    """A cell was stopped."""


class Notebook:
    """Evaluates in a thread of its own, in order."""

    def __init__(self) -> None:
        self.names: dict[str, Any] = {}
        self.sources: list[str] = []
        self.heard: list[Hear] = []
        self.bar = "bar 1 beat 1 at 96 bpm  [====      ] -28.0 dB  load 3%  0 xruns"
        self.free = threading.Event()
        self.free.set()
        self._cells: queue.Queue[tuple[int, str, Future[Outcome]]] = queue.Queue()
        self._running = 0
        self._count = 0
        self._error = ""
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def enter(self, source: str) -> Future[Outcome]:
        self._count += 1
        self.sources.append(source)
        future: Future[Outcome] = Future()
        self._cells.put((self._count, source, future))
        return future

    def interrupt(self) -> bool:
        if not self._running:
            return False
        ident = ctypes.c_ulong(self._thread.ident or 0)
        return bool(ctypes.pythonapi.PyThreadState_SetAsyncExc(ident, ctypes.py_object(Stopped)) == 1)

    @property
    def running(self) -> int:
        return self._running

    def complete(self, text: str, cursor: int) -> list[Suggestion]:
        start = cursor
        while start and text[start - 1].isalnum():
            start -= 1
        return [
            Suggestion(w, start, doc) for w, doc in WORDS.items() if start < cursor and w.startswith(text[start:cursor])
        ]

    def unfinished(self, source: str) -> bool:
        try:
            return codeop.compile_command(source, symbol="single") is None
        except SyntaxError:
            return False

    def toolbar(self) -> str:
        self.free.wait(10.0)
        return self.bar

    def traceback(self) -> str:
        return self._error

    def hear(self, callback: Hear) -> None:
        self.heard.append(callback)

    def unhear(self, callback: Hear) -> None:
        self.heard.remove(callback)

    def tell(self, line: str) -> None:
        for callback in list(self.heard):
            callback(line)

    def _run(self) -> None:
        while True:
            cell, source, future = self._cells.get()
            began = time.monotonic()
            ok, text = True, ""
            try:
                self._running = cell
                try:
                    value = eval(source, self.names)
                    text = "" if value is None else repr(value)
                except SyntaxError:
                    exec(source, self.names)
                finally:
                    self._running = 0
            except Stopped:
                ok, text = False, f"cell {cell}: stopped"
            except Exception as error:  # noqa: BLE001 - it is the cell's
                self._error = traceback.format_exc()
                ok, text = False, f"cell {cell}: {type(error).__name__}: {error}"
            future.set_result(Outcome(cell, ok, text, time.monotonic() - began))
