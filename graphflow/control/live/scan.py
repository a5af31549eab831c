"""Where in a piece of Python the cursor stands: in a text, in which brackets. No grammar of our own beyond that."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise

_PIECE = re.compile(r"#[^\n]*|'''|\"\"\"|['\"]|[(\[{]|[)\]}]|\\.", re.DOTALL)
_CALLED = re.compile(r"([A-Za-z_]\w*(?:\.\w+)*)\s*$")
_CLOSES = {")": "(", "]": "[", "}": "{"}


@dataclass(frozen=True)
class Place:
    """`head`: the source before the word or text at the cursor; `typed`: what there is of that, from `start` on.

    `text`: whether that is a text's inside. `bracket`: the innermost open one, `called`: what stands before it, and
    `arguments`: what stands in it so far, by its commas.
    """

    head: str
    typed: str
    start: int
    text: bool
    bracket: str
    called: str
    arguments: tuple[str, ...]


def place(source: str) -> Place:
    """Where the end of a source is."""
    opened: list[tuple[str, int]] = []
    quote, began = "", 0
    commas: list[list[int]] = [[]]
    at = 0
    while at < len(source):
        if quote:
            end = _end_of_text(source, at, quote)
            if end < 0:
                break
            quote, at = "", end
            continue
        match = _PIECE.search(source, at)
        comma = source.find(",", at, match.start() if match else len(source))
        if comma >= 0:
            commas[-1].append(comma)
            at = comma + 1
            continue
        if match is None:
            break
        found, at = match[0], match.end()
        if found[0] in "'\"":
            quote, began = found, at
        elif found in "([{":
            opened.append((found, match.start()))
            commas.append([])
        elif found in _CLOSES and opened and opened[-1][0] == _CLOSES[found]:
            opened.pop()
            commas.pop()
    word = re.search(r"\w*$", source)
    start = began if quote else (word.start() if word else len(source))
    head = source[: began - len(quote)] if quote else source[:start]
    bracket, where = opened[-1] if opened else ("", 0)
    before = _CALLED.search(source[:where]) if bracket else None
    edges = [where, *commas[-1], len(source)] if bracket else []
    arguments = tuple(source[a + 1 : b].strip() for a, b in pairwise(edges))
    return Place(head, source[start:], start, bool(quote), bracket, before[1] if before else "", arguments)


def _end_of_text(source: str, at: int, quote: str) -> int:
    """Behind a text that began before `at`; -1 where it goes on."""
    while True:
        end, escape = source.find(quote, at), source.find("\\", at)
        if end < 0:
            return -1
        if escape < 0 or escape > end:
            return end + len(quote)
        at = escape + 2
