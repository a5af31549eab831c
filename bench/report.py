"""Tables that are measured row by row and can be read at any time: what is not there yet says "not measured"."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


class Table:
    """Rows by their keys, which are a row's first columns. Each one that is put is told to `changed`."""

    def __init__(self, title: str, words: str, columns: str, keys: Sequence[str]) -> None:
        self.title, self.words, self.columns = title, words, columns
        self._rows: dict[str, str] = {}
        self._notes: list[str] = []
        width = columns.count("|") + 1
        for key in keys:
            self._rows[key] = self._line(key, ["not measured", *[""] * (width - key.count("|") - 2)])
        self.changed: Callable[[str], None] = lambda line: None

    def put(self, key: str, *values: object) -> None:
        """A row's other columns. Raises KeyError where the table has no such row."""
        if key not in self._rows:
            raise KeyError(key)
        self._rows[key] = self._line(key, [str(value) for value in values])
        self.changed(self._rows[key])

    def note(self, words: str) -> None:
        """A line under the table."""
        self._notes.append(words)
        self.changed(words)

    def _line(self, key: str, values: Sequence[str]) -> str:
        return f"| {key} | {' | '.join(values)} |".replace("  ", " ")

    def __str__(self) -> str:
        dashes = "|---" * (self.columns.count("|") + 1) + "|"
        parts = [f"## {self.title}", self.words, "\n".join([f"| {self.columns} |", dashes, *self._rows.values()])]
        parts.append("\n".join(f"- {note}" for note in self._notes))
        return "\n\n".join(part for part in parts if part)


class Report:
    """A page of tables, printed line by line as it comes about and written anew at every change."""

    def __init__(self, title: str, command: str, tables: Mapping[str, Table], output: Path | None) -> None:
        self.title, self.command, self.tables, self.output = title, command, tables, output
        self.head = ""
        for table in tables.values():
            table.changed = self._changed

    def _changed(self, line: str) -> None:
        print(line, file=sys.stderr, flush=True)
        self.write()

    def write(self) -> None:
        if self.output is not None:
            self.output.write_text(f"{self}\n")

    def __str__(self) -> str:
        head = f"{self.head}\nCommand: `{self.command}`."
        return "\n\n".join([f"# {self.title}", head, *map(str, self.tables.values())])
