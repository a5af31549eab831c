"""The address space of a patch as a table to read, as Markdown, or as data."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from graphflow.control.osc.entry import Access, Entry
from graphflow.core.units import show

HEAD = ("address", "types", "takes", "default", "what it is")
WAYS = {Access.READ: "gives", Access.WRITE: "takes", Access.BOTH: "both", Access.NONE: "neither"}
TWINS = "Every number has a twin: its address with /norm, from 0 to 1 as it lies on a fader."


def table(entries: Iterable[Entry]) -> str:
    """One line an address, but for twins."""
    rows = [HEAD, *_rows(entries)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD) - 1)]
    lines = [
        "  ".join([*(f"{cell:{width}}" for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip()
        for row in rows
    ]
    return "\n".join([*lines, "", TWINS])


def markdown(entries: Iterable[Entry]) -> str:
    """The same for a page of documentation."""
    lines = [f"| {' | '.join(HEAD)} |", f"|{'---|' * len(HEAD)}"]
    for address, *rest in _rows(entries):
        cells = [f"`{address}`", *(cell.replace("|", "\\|") for cell in rest)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", TWINS])


def data(entries: Iterable[Entry]) -> list[dict[str, Any]]:
    """Each address as plain data for JSON, twins and all; what it has not got is left out."""
    return [_data(entry) for entry in entries]


def _rows(entries: Iterable[Entry]) -> list[tuple[str, ...]]:
    return [_row(entry) for entry in entries if entry.what != "norm"]


def _row(entry: Entry) -> tuple[str, ...]:
    words = f"{entry.doc} {', '.join(entry.choices)}" if entry.choices else entry.doc
    return entry.address, entry.types or "-", _takes(entry), _default(entry), words


def _takes(entry: Entry) -> str:
    """`0.1 to 20000 Hz exp`, or how many words there are to choose from."""
    if entry.choices:
        return f"{len(entry.choices)} words"
    if entry.range is None or len(entry.ranges) > 1:
        return ""
    return f"{show(entry.range[0])} to {show(entry.range[1], entry.unit)}{' exp' * (entry.warp == 'exp')}"


def _default(entry: Entry) -> str:
    if entry.default is None:
        return ""
    if isinstance(entry.default, (bool, int, float)):
        return show(float(entry.default), entry.unit)
    return str(entry.default)


def _data(entry: Entry) -> dict[str, Any]:
    found: dict[str, Any] = {"address": entry.address, "types": entry.types, "what": entry.what, "doc": entry.doc}
    found["access"] = WAYS[entry.access]
    if any(entry.ranges):
        found["ranges"] = [None if pair is None else list(pair) for pair in entry.ranges]
    if entry.what == "number":
        found |= {"unit": entry.unit, "warp": entry.warp, "step": entry.step}
    if entry.choices:
        found["choices"] = list(entry.choices)
    if entry.default is not None:
        found["default"] = entry.default
    return found
