"""The prompt's end: an engine in another process, spoken to as if it were here."""

from __future__ import annotations

import itertools
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as TooLate
from typing import Any

from graphflow.control.attach import lines, peer
from graphflow.control.attach.place import Place
from graphflow.control.live.desk import Hear
from graphflow.control.live.outcome import Outcome, Suggestion
from graphflow.core.errors import UserError

GREETS_WITHIN = 10.0
ANSWERS_WITHIN = 2.0
"""Seconds after which an engine that does not answer is no longer waited for."""
PIECE = 1 << 16


class Gone(UserError):
    """The engine has ended."""


class RemoteDesk:
    """Attached to an engine. `ended` is called once, from another thread, when the engine has gone."""

    def __init__(self, place: Place, ended: Callable[[], None] = lambda: None) -> None:
        """Raises UserError where no engine answers, or one that speaks another version."""
        self.place, self._ended = place, ended
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.settimeout(GREETS_WITHIN)
        self._rest = b""
        try:
            self._socket.connect(str(place.path))
            if not peer.trusted(self._socket):
                raise UserError(f"{place.path} is another user's; nothing was sent")
            greeting = self._read()
            if greeting is None:
                raise UserError(f"{place.name} has ended")
            if greeting.get("graphflow") != lines.VERSION:
                raise UserError(f"{place.name} is another version of graphflow; attach with the one that plays")
        except (OSError, lines.Malformed) as error:
            self._socket.close()
            raise UserError(f"{place.name} does not answer ({error}); it may have ended") from error
        except UserError:
            self._socket.close()
            raise
        self._socket.settimeout(None)
        self.patch = str(greeting.get("patch", ""))
        self._numbers = itertools.count(1)
        self._asked: dict[int, Future[Any]] = {}
        self._heard: list[Hear] = []
        self._lock = threading.Lock()  # of what was asked
        self._sending = threading.Lock()  # held while the engine does not read; answers are taken meanwhile
        self._running = 0
        self.gone = False
        self._leaving = False
        self._thread = threading.Thread(target=self._listen, name="attached", daemon=True)

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()

    def close(self) -> None:
        """Leave; the engine plays on."""
        self._leaving = True
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it was closed from there
        if self._thread.is_alive() and self._thread is not threading.current_thread():
            self._thread.join(ANSWERS_WITHIN)
        self._socket.close()

    # --- the desk -----------------------------------------------------------------------------------------------------

    def enter(self, source: str) -> Future[Outcome]:
        if len(source.encode(errors="replace")) > lines.LONGEST // 2:
            raise UserError(f"this cell is longer than {lines.LONGEST // 2} bytes; put it into a file")
        asked = self._ask("enter", source=source)
        outcome: Future[Outcome] = Future()

        def arrived(answer: Future[Any]) -> None:
            error = answer.exception()
            if error is not None:
                outcome.set_exception(error)
            else:
                outcome.set_result(lines.outcome_of(answer.result()))

        asked.add_done_callback(arrived)
        return outcome

    def interrupt(self) -> bool:
        return bool(self._answer("interrupt", False))

    @property
    def running(self) -> int:
        return self._running

    def complete(self, text: str, cursor: int) -> list[Suggestion]:
        return lines.suggestions_of(self._answer("complete", [], text=text, cursor=cursor))

    def unfinished(self, source: str) -> bool:
        return bool(self._answer("unfinished", False, source=source))

    def toolbar(self) -> str:
        line, self._running = self._answer("toolbar", [f"{self.place.name} does not answer", self._running])
        return str(line)

    def traceback(self) -> str:
        return str(self._answer("traceback", ""))

    def hear(self, callback: Hear) -> None:
        self._heard.append(callback)

    def unhear(self, callback: Hear) -> None:
        if callback in self._heard:
            self._heard.remove(callback)

    def __str__(self) -> str:
        return f"{self.place}{', gone' if self.gone else ''}"

    # --- the socket ---------------------------------------------------------------------------------------------------

    def _ask(self, what: str, **more: Any) -> Future[Any]:
        future: Future[Any] = Future()
        with self._lock:
            number = next(self._numbers)
            gone = self.gone
            if not gone:
                self._asked[number] = future
        if gone:
            future.set_exception(Gone("the engine has ended"))
            return future
        try:
            with self._sending:
                self._socket.sendall(lines.encoded({"id": number, "do": what, **more}))
        except OSError:
            if self._forgotten(number) is not None:
                future.set_exception(Gone("the engine has ended"))
        return future

    def _forgotten(self, number: int) -> Future[Any] | None:
        """What was asked under a number, which is not waited for any more."""
        with self._lock:
            return self._asked.pop(number, None)

    def _answer(self, what: str, otherwise: Any, **more: Any) -> Any:
        """What the engine answers, or `otherwise` where it has gone or takes too long."""
        try:
            return self._ask(what, **more).result(ANSWERS_WITHIN)
        except (UserError, TooLate):
            return otherwise

    def _listen(self) -> None:
        try:
            while (message := self._read()) is not None:
                self._take(message)
        except (OSError, lines.Malformed):
            pass  # cut off in the midst of a line: it has gone as well
        self._socket.close()
        with self._lock:
            self.gone = True
            left, self._asked = list(self._asked.values()), {}
        for future in left:
            future.set_exception(Gone("the engine has ended"))
        if not self._leaving:
            self._ended()

    def _take(self, message: dict[str, Any]) -> None:
        if "line" in message:
            for callback in list(self._heard):
                callback(str(message["line"]))
            return
        number = message.get("id")
        future = self._forgotten(number) if isinstance(number, int) else None
        if future is None:
            return  # an answer that nobody waits for
        if "error" in message:
            future.set_exception(UserError(str(message["error"])))
        else:
            future.set_result(message.get("value"))

    def _read(self) -> dict[str, Any] | None:
        """The next message; None at the end. Raises OSError, Malformed."""
        while b"\n" not in self._rest:
            piece = self._socket.recv(PIECE)
            if not piece:
                return None
            self._rest += piece
            if len(self._rest) > 2 * lines.LONGEST:
                raise lines.Malformed("the engine sends lines without an end")
        line, _, self._rest = self._rest.partition(b"\n")
        return lines.decoded(line)


__all__ = ["Gone", "RemoteDesk"]
