"""A TOML text in pieces, a piece per statement or line between, so that one can change and the rest stays as typed.

What a statement says and where it ends is found by giving tomllib more and more of the text: no grammar of our own.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import Any, Literal

import tomlkit

from graphflow.core.toml_values import Keys, dotted, edit_list, written


@dataclass
class Piece:
    """A table's header, a key with its value, or a line of neither (blank or comment); with its line ends.

    `path`: the keys from the root; `under`: how many of them are the header's.
    """

    what: Literal["header", "value", "space"]
    text: str
    path: Keys = ()
    under: int = 0

    @property
    def head(self) -> str:
        """A value's text up to its value."""
        end = _equals(self.text) + 1
        return self.text[: end + len(self.text[end:]) - len(self.text[end:].lstrip(" \t"))]

    @property
    def tail(self) -> str:
        """A value's text after its value: comment and line end."""
        hash_at = self.text.find("#")
        while hash_at >= 0:
            before = self.text[:hash_at].rstrip(" \t")
            if _parses(before):
                return self.text[len(before) :]
            hash_at = self.text.find("#", hash_at + 1)
        return self.text[len(self.text.rstrip()) :]

    @property
    def value(self) -> Any:
        value: Any = tomllib.loads(self.text)
        for key in self.path[self.under :]:
            value = value[key]
        return value


class Pieces:
    """A TOML text that can be edited. Raises tomllib.TOMLDecodeError where it is not TOML."""

    def __init__(self, text: str) -> None:
        tomllib.loads(text)
        self.end = "\r\n" if "\r\n" in text else "\n"
        self.pieces = _split(text)
        self._values: dict[Keys, Piece] = {}

    def __str__(self) -> str:
        return "".join(piece.text for piece in self.pieces)

    def value_at(self, path: Keys) -> Piece | None:
        """The statement that gives this key, or the inline table that holds it."""
        if not self._values:
            # of a path that stands in several pieces (lists of tables) the first counts
            self._values = {p.path: p for p in reversed(self.pieces) if p.what == "value"}
        prefixes = (path[:length] for length in range(1, len(path) + 1))
        return next((self._values[prefix] for prefix in prefixes if prefix in self._values), None)

    def put(self, path: Keys, value: Any) -> None:
        """Give a key another value, or add it at the end of its table."""
        piece = self.value_at(path)
        if piece is None:
            self.remove(path)
            self._insert(path, value)
        elif piece.path == path:
            piece.text = f"{piece.head}{self._written(value, spread=len(path) == 1)}{piece.tail}"
        else:
            whole = inner = piece.value
            for key in path[len(piece.path) : -1]:
                inner = inner.setdefault(key, {})
            inner[path[-1]] = value
            piece.text = f"{piece.head}{written(whole)}{piece.tail}"

    def put_list(self, path: Keys, items: list[str]) -> None:
        """Make a list hold these texts, keeping the lines and comments of those that stay."""
        piece = self.value_at(path)
        if piece is None or piece.path != path or not piece.value:
            self.put(path, items)
            return
        document = tomlkit.parse(piece.text)
        array: Any = document
        for key in piece.path[piece.under :]:
            array = array[key]
        edit_list(array, items)
        plain = f"{piece.head}{self._written(items, spread=True)}{piece.tail}"
        piece.text = document.as_string()
        if not _parses(piece.text) or piece.value != items:  # never trust an edit that was not read back
            piece.text = plain

    def remove(self, path: Keys) -> None:
        """Take out a key, or a table with all that is in it. Lines of comment around it stay."""
        holder = self.value_at(path)
        if holder is not None and len(holder.path) < len(path):
            inner = whole = holder.value
            for key in path[len(holder.path) : -1]:
                inner = inner.get(key, {})
            inner.pop(path[-1], None)
            holder.text = f"{holder.head}{written(whole)}{holder.tail}"
            return
        self._take_out({path})

    def remove_tables(self, paths: set[Keys]) -> None:
        """The same for tables of one depth, at once."""
        for path in [path for path in paths if self.value_at(path) is not None]:
            self.remove(path)
        self._take_out(paths)

    def _take_out(self, paths: set[Keys]) -> None:
        depth = len(next(iter(paths), ()))
        statements = [piece for piece in self.pieces if piece.what != "space"]
        gone = {id(piece) for piece in statements if piece.path[:depth] in paths}
        follows = dict(zip(map(id, statements), statements[1:], strict=False))
        kept: list[Piece] = []
        last: Piece | None = None
        after_gap = False
        for piece in self.pieces:
            if piece.what != "space":
                last = piece
            # a line between two removed statements goes along; one before the next table belongs to that table
            inside = last is not None and id(last) in gone and id(follows.get(id(last))) in gone
            if id(piece) in gone or (piece.what == "space" and inside):
                after_gap = True
            elif not (after_gap and _blank([piece]) and (not kept or _blank(kept[-1:]))):
                kept.append(piece)
                after_gap = after_gap and _blank([piece])
        while after_gap and _blank(kept[-1:]):
            kept.pop()
        self._replace(kept)

    def add_tables(self, tables: dict[Keys, dict[str, Any]]) -> None:
        """New tables of one family after its last one, each with a blank line before it."""
        first = next(iter(tables))
        if self.value_at(first[:1]) is not None:
            for path, values in tables.items():
                self.put(path, values)
            return
        family = [i for i, p in enumerate(self.pieces) if p.what != "space" and p.path[:1] == first[:1] and p.under]
        at = family[-1] if family else len(self.pieces) - 1
        while not family and _blank(self.pieces[at : at + 1]):
            at -= 1
        self._end_line(at)
        lines: list[Piece] = []
        for path, values in tables.items():
            lines += [Piece("space", self.end)] if at >= 0 or lines else []
            lines.append(Piece("header", f"[{dotted(path)}]{self.end}", path, len(path)))
            for key, value in values.items():
                lines.append(Piece("value", f"{dotted((key,))} = {written(value)}{self.end}", (*path, key), len(path)))
        after = self.pieces[at + 1 : at + 2]
        if after and not _blank(after):
            lines.append(Piece("space", self.end))
        self._replace([*self.pieces[: at + 1], *lines, *self.pieces[at + 1 :]])

    def _insert(self, path: Keys, value: Any) -> None:
        table = path[:-1]
        headers = [i for i, p in enumerate(self.pieces) if p.what == "header" and p.path == table]
        siblings = [
            i
            for i, p in enumerate(self.pieces)
            if p.what == "value" and p.under <= len(table) < len(p.path) and p.path[: len(table)] == table
        ]
        if not headers and not siblings and table:
            self.add_tables({table: {path[-1]: value}})
            return
        if not table:
            siblings = [i for i in siblings if _rank(self.pieces[i].path[0]) <= _rank(path[0])]
        at = (siblings or headers or [_end_of_first_comment(self.pieces)])[-1]
        under = self.pieces[at].under if siblings else len(table)
        self._end_line(at)
        text = f"{dotted(path[under:])} = {self._written(value, spread=not table)}{self.end}"
        lines = [Piece("value", text, path, under)]
        if self.pieces[at + 1 : at + 2] and self.pieces[at + 1].what == "header":
            lines.append(Piece("space", self.end))
        self._replace([*self.pieces[: at + 1], *lines, *self.pieces[at + 1 :]])

    def _replace(self, pieces: list[Piece]) -> None:
        self.pieces, self._values = pieces, {}

    def _written(self, value: Any, *, spread: bool) -> str:
        return written(value, spread=spread).replace("\n", self.end)

    def _end_line(self, at: int) -> None:
        if at >= 0 and not self.pieces[at].text.endswith("\n"):
            self.pieces[at].text += self.end


def _split(text: str) -> list[Piece]:
    pieces: list[Piece] = []
    header: Keys = ()
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    number = 0
    while number < len(lines):
        statement = lines[number]
        number += 1
        bare = statement.strip()
        if not bare or bare.startswith("#"):
            pieces.append(Piece("space", statement))
        elif bare.startswith("["):
            header = _path(tomllib.loads(statement))
            pieces.append(Piece("header", statement, header, len(header)))
        else:
            closing = _closing(statement)
            while not _parses(statement):
                statement += lines[number]
                number += 1
                while closing not in lines[number - 1] and number < len(lines):
                    statement += lines[number]
                    number += 1
            key = _path(tomllib.loads(f"{statement[: _equals(statement)]} = 0"))
            pieces.append(Piece("value", statement, (*header, *key), len(header)))
    return pieces


def _closing(statement: str) -> str:
    """What a value that goes on in the next line ends with; asking tomllib in other lines is not worth it."""
    value = statement[_equals(statement) + 1 :].lstrip()
    return "]" if value.startswith("[") else value[:3] if value[:3] in ('"""', "'''") else ""


def _equals(statement: str) -> int:
    """Where the = after the key stands; a quoted key may hold others."""
    at = statement.find("=")
    while at >= 0 and not _parses(f"{statement[:at]} = 0"):
        at = statement.find("=", at + 1)
    return at


def _parses(text: str) -> bool:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return False
    return True


def _path(data: Any) -> Keys:
    path: list[str] = []
    while isinstance(data, (dict, list)) and data:
        if isinstance(data, list):
            data = data[0]
            continue
        ((key, data),) = data.items()
        path.append(key)
    return tuple(path)


def _blank(pieces: list[Piece]) -> bool:
    return bool(pieces) and pieces[0].what == "space" and not pieces[0].text.strip()


def _rank(key: str) -> int:
    """The order of keys at the top of a file."""
    order = ("format", "title", "wires")
    return order.index(key) if key in order else len(order)


def _end_of_first_comment(pieces: list[Piece]) -> int:
    """The last line of the comment a file begins with, or -1."""
    at = -1
    while at + 1 < len(pieces) and pieces[at + 1].what == "space" and pieces[at + 1].text.strip():
        at += 1
    return at
