"""What is said over the socket: one JSON object a line.

The engine begins: {"graphflow": 1, "patch": ..., "pid": ...}. The prompt asks: {"id": 7, "do": "enter", "source": ...}.
The engine answers with the same id, {"id": 7, "outcome": ...} or {"id": 7, "error": ...}, and says by itself
{"line": ...} what everybody should know.
"""

from __future__ import annotations

import json
from typing import Any

from graphflow.control.live.outcome import Outcome, Suggestion

VERSION = 1
LONGEST = 1 << 20
"""Bytes of a line."""
TEXT = 80_000
"""Letters of one text in an answer; JSON makes up to twelve bytes of each, and a line must hold them."""
SUGGESTIONS, WORDS = 300, 120
"""Suggestions in an answer, and the letters of each and of its doc."""


class Malformed(ValueError):
    """A line that is none of this language."""


def encoded(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


def decoded(line: bytes) -> dict[str, Any]:
    """Raises Malformed."""
    try:
        message = json.loads(line.decode())  # given bytes, json would guess at other encodings
    except (ValueError, RecursionError) as error:
        raise Malformed(f"this is no JSON ({str(error)[:80]}); expected one object a line") from error
    if not isinstance(message, dict):
        raise Malformed(f"this is a {type(message).__name__}; expected one JSON object a line")
    return message


def field(message: dict[str, Any], name: str, kind: type) -> Any:
    """What a request must hold. Raises Malformed."""
    value = message.get(name)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise Malformed(f"{name} is {str(value)[:40]!r}; expected {'a text' if kind is str else 'a whole number'}")
    return value


def cut(text: str) -> str:
    """A text that fits into an answer."""
    return text if len(text) <= TEXT else f"{text[:TEXT]}... ({len(text) - TEXT} letters more)"


def outcome_data(outcome: Outcome) -> dict[str, Any]:
    return {"cell": outcome.cell, "ok": outcome.ok, "text": cut(outcome.text), "seconds": outcome.seconds}


def outcome_of(data: dict[str, Any]) -> Outcome:
    return Outcome(int(data["cell"]), bool(data["ok"]), str(data["text"]), float(data["seconds"]))


def suggestions_data(suggestions: list[Suggestion]) -> list[list[Any]]:
    return [[s.text[:WORDS], s.start, s.doc[:WORDS]] for s in suggestions[:SUGGESTIONS]]


def suggestions_of(data: list[list[Any]]) -> list[Suggestion]:
    return [Suggestion(str(text), int(start), str(doc)) for text, start, doc in data]
