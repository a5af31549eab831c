"""Which names a patch may give: they are Python names in the REPL and parts of addresses in OSC."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from typing import Any

from graphflow.core.errors import did_you_mean

VERBS = (
    "after",
    "cut",
    "diff",
    "every",
    "help",
    "hush",
    "insert",
    "live",
    "load",
    "loop",
    "morph",
    "mute",
    "new",
    "panic",
    "redo",
    "save",
    "solo",
    "undo",
)
"""What the REPL does by these words, so that nothing else can be called by them."""

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")


def name_fault(name: str) -> str | None:
    """What keeps this from being a name, as a sentence's end, or None."""
    if not _NAME.fullmatch(name):
        return "is no name; expected a small letter, then small letters, digits and _"
    if keyword.iskeyword(name):
        return "is a word of Python; choose another name"
    if name in VERBS:
        return "is a verb of the REPL; choose another name"
    return None


def place(*keys: str) -> str:
    """`nodes.lead.freq`, with quotes where TOML needs them."""
    return ".".join(key if _BARE_KEY.fullmatch(key) else f'"{key}"' for key in keys)


def shown(value: Any) -> str:
    """A value as a patch writes it, short enough for an error's line."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, (list, tuple)):
        return "a list"
    if isinstance(value, str):
        return repr(value if len(value) <= 40 else value[:37] + "...")
    return str(value)


def instead(name: str, known: Iterable[str]) -> str:
    """What could be written for an unknown name: the nearest known one, else all of them; begins with `;`."""
    names = list(known)
    if nearest := did_you_mean(name, names):
        return nearest
    return f"; expected {'one of ' if len(names) > 1 else ''}{', '.join(names)}" if names else ""
