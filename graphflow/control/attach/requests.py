"""From what a prompt asks to what the desk does, and from its answer to JSON."""

from __future__ import annotations

import ast
from collections.abc import Callable
from concurrent.futures import Executor, Future
from typing import Any

from graphflow.control.attach import lines
from graphflow.control.attach.lines import Malformed, cut, field
from graphflow.control.live.desk import Desk
from graphflow.control.live.outcome import Outcome
from graphflow.core.errors import UserError

NOT_FOR_ALL = (
    "this would end the performance for everybody; Ctrl-D, or quit() alone, leaves; kill the process to end it"
)


def asked(request: dict[str, Any], desk: Desk, pool: Executor) -> Callable[[], Future[Any]]:
    """What a request asks for. Raises Malformed."""
    what = field(request, "do", str)
    if what == "enter":
        source = field(request, "source", str)
        return lambda: failed(UserError(NOT_FOR_ALL)) if ends(source) else desk.enter(source)
    if what == "interrupt":
        return lambda: _at_once(desk.interrupt)  # not behind whatever keeps the pool busy
    if what == "complete":
        text, cursor = field(request, "text", str), field(request, "cursor", int)
        return lambda: pool.submit(desk.complete, text, min(max(cursor, 0), len(text)))
    if what == "unfinished":
        source = field(request, "source", str)
        return lambda: pool.submit(desk.unfinished, source)
    if what == "toolbar":
        return lambda: pool.submit(lambda: [desk.toolbar(), desk.running])
    if what == "traceback":
        return lambda: pool.submit(desk.traceback)
    raise Malformed(f"do is {what[:40]!r}; expected enter, interrupt, complete, unfinished, toolbar or traceback")


def ends(source: str) -> bool:
    """Whether a cell calls what would end the performance."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False  # the desk will say what is wrong
    calls = (part.func for part in ast.walk(tree) if isinstance(part, ast.Call))
    return any(isinstance(called, ast.Name) and called.id in ("quit", "exit") for called in calls)


def failed(error: Exception) -> Future[Any]:
    """What is to come has failed already."""
    future: Future[Any] = Future()
    future.set_exception(error)
    return future


def _at_once(function: Callable[[], Any]) -> Future[Any]:
    try:
        value = function()
    except Exception as error:  # noqa: BLE001 - whoever asked gets it
        return failed(error)
    future: Future[Any] = Future()
    future.set_result(value)
    return future


def data(value: Any) -> Any:
    """A desk's answer as JSON holds it."""
    if isinstance(value, Outcome):
        return lines.outcome_data(value)
    if isinstance(value, str):
        return cut(value)
    if isinstance(value, list) and value and not isinstance(value[0], str):
        return lines.suggestions_data(value)
    return value
