"""What went wrong in an entry, as one line that says where."""

from __future__ import annotations

import re
import traceback
from collections.abc import Iterable

from graphflow.core.errors import PatchError, UserError, did_you_mean

_CALL = re.compile(r"Verbs\.(\w+)(\(\) .+)", re.DOTALL)
"""How Python says that a word was called with the wrong things."""

LONGEST = 300
"""Letters of a line."""


def file_of(cell: int) -> str:
    """The name of a cell's source, as tracebacks show it."""
    return f"<cell {cell}>"


def line_of(cell: int, source: str, error: BaseException, known: Iterable[str] = ()) -> str:
    """`cell 12, line 2: hall.mix is 3; expected 0 to 1`. `known`: the names there are."""
    where = f"cell {cell}"
    lines = [number for file, number, _ in _frames(error) if file == file_of(cell)]
    if isinstance(error, SyntaxError) and error.filename == file_of(cell):
        lines = [error.lineno or 1]
    if lines and len(source.strip().splitlines()) > 1:
        where += f", line {lines[-1]}"
    elsewhere = inner(error)
    if elsewhere and elsewhere[0] != file_of(cell):
        where += f" ({elsewhere[2]}, {elsewhere[0].strip('<>')}, line {elsewhere[1]})"
    return f"{where}: {message(error, known)}"


def event_line(name: str, error: BaseException, rest: str, known: Iterable[str] = ()) -> str:
    """`drums (cell 3, line 2): ZeroDivisionError: division by zero; it has ended`."""
    at = inner(error)
    where = f" ({at[0].strip('<>')}, line {at[1]})" if at else ""
    return f"{name}{where}: {message(error, known)}{f'; {rest}' if rest else ''}"


def inner(error: BaseException) -> tuple[str, int, str] | None:
    """The innermost place in any cell: its file, line and function."""
    places = [frame for frame in _frames(error) if frame[0].startswith("<cell ")]
    return places[-1] if places else None


def _frames(error: BaseException) -> list[tuple[str, int, str]]:
    walked = traceback.walk_tb(error.__traceback__)
    return [(frame.f_code.co_filename, line, frame.f_code.co_name) for frame, line in walked]


def message(error: BaseException, known: Iterable[str] = ()) -> str:
    """What is wrong, on one line; of several problems the first."""
    if isinstance(error, PatchError):
        more = f"; and {len(error.problems) - 1} more" if len(error.problems) > 1 else ""
        return _one_line(str(error.problems[0]).removeprefix("nodes.")) + more
    if isinstance(error, UserError):
        return _one_line(str(error).removeprefix("nodes."))
    if isinstance(error, SyntaxError):
        return f"not Python: {error.msg}"
    if isinstance(error, NameError) and error.name:
        others = [name for name in known if name != error.name]  # Python may seek elsewhere what is there
        return f"nothing is called {error.name!r}{did_you_mean(error.name, others)}"
    if isinstance(error, TypeError) and (call := _CALL.match(str(error))):
        # it would count our object among what was given
        why = "() was given too many values" if call[2].startswith("() takes") else call[2]
        return f"{_one_line(call[1] + why)}; {call[1]}? tells how"
    try:
        words = _one_line(str(error))
    except Exception:  # noqa: BLE001 - an exception of the performer's own may not even have a text
        words = ""
    return f"{type(error).__name__}{': ' if words else ''}{words}"


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LONGEST else line[: LONGEST - 3] + "..."


def in_full(error: BaseException) -> str:
    """The traceback, from the performer's own code on."""
    trace = error.__traceback__
    while trace is not None and not trace.tb_frame.f_code.co_filename.startswith("<cell "):
        trace = trace.tb_next
    return "".join(traceback.format_exception(type(error), error, trace)).rstrip()
