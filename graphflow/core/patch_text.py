"""A patch's text read into data; every fault of the text is found in one go."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable
from typing import Any

from graphflow.core.declare import Setting
from graphflow.core.errors import Problem
from graphflow.core.literals import parsed
from graphflow.core.midi_text import read_midi
from graphflow.core.names import instead, name_fault, place, shown
from graphflow.core.patch import ENGINE, FORMAT, TRANSPORT, EngineSettings, Expose, Patch, PatchNode, Transport
from graphflow.core.units import UNITS
from graphflow.core.wires import ends

ROOT = ("format", "title", "wires", "nodes", "transport", "engine", "expose", "scenes", "midi", "meta")
EXPOSE = ("params", "min", "max", "warp", "unit", "glide")
LIMITS = {
    "min": Setting(0.0, min=-1e9, max=1e9),
    "max": Setting(0.0, min=-1e9, max=1e9),
    "glide": Setting(0.0, "", "ms", min=0.0, max=60_000.0),
}
"""The numbers of a macro."""

MIGRATIONS: tuple[Callable[[dict[str, Any]], dict[str, Any]], ...] = ()
"""From format 1 to 2, from 2 to 3 ...: pure functions of a file's data."""

_POSITION = re.compile(r"(.*?) \(at (line \d+, column \d+|end of document)\)", re.DOTALL)


def read(source: str | bytes) -> tuple[Patch, list[Problem]]:
    """A patch's text as data, and all that is wrong with it; what is wrong is left out of the data,
    except that a node at fault stays, without a kind if it has none, so that its wires are no further faults.

    The values of nodes are not checked here: that takes the nodes that exist, see `graph.build`.
    """
    try:
        data = tomllib.loads(decoded(source).removeprefix("\ufeff"))
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        byte = error.object[error.start]
        return Patch(), [Problem(f"line {line}", f" has the byte 0x{byte:02x}, which is not UTF-8; save it as UTF-8")]
    except tomllib.TOMLDecodeError as error:
        return Patch(), [_not_toml(str(error))]
    except ValueError:
        return Patch(), [Problem("file", "a number in it has more digits than can be read; expected a patch")]
    except RecursionError:
        return Patch(), [Problem("file", "lists or tables are nested too deep; expected a patch")]
    if not data:
        return Patch(), [Problem("file", " is empty; expected a patch: format, wires and nodes")]
    return read_data(data)


def decoded(source: str | bytes) -> str:
    return source.decode("utf-8") if isinstance(source, bytes) else source


def _not_toml(message: str) -> Problem:
    match = _POSITION.fullmatch(message)
    what, where = (match[1], match[2]) if match else (message, "file")
    if what.startswith(("Cannot overwrite", "Cannot declare", "Cannot mutate")):
        return Problem(where, "this key or table is there twice; take one out")
    return Problem(where, f"not TOML: {what[:1].lower()}{what[1:]}")


def read_data(data: dict[str, Any]) -> tuple[Patch, list[Problem]]:
    """The same, from TOML's or JSON's data."""
    reader = _Reader()
    data = reader.migrated(data)
    patch = Patch(
        title=reader.text(data, "title"),
        wires=reader.wires(data.get("wires", [])),
        nodes=reader.nodes(reader.table(data, "nodes")),
        transport=Transport(**reader.settings("transport", reader.table(data, "transport"), TRANSPORT)),
        engine=EngineSettings(**reader.settings("engine", reader.table(data, "engine"), ENGINE)),
        expose=reader.expose(reader.table(data, "expose")),
        scenes=reader.scenes(reader.table(data, "scenes")),
        midi=read_midi(reader.table(data, "midi"), reader.add),
        meta=reader.table(data, "meta"),
        extra={key: value for key, value in data.items() if free(key)},
    )
    reader.root_keys(data)
    return patch, reader.problems


def free(key: str) -> bool:
    """Whether the key is the writer's own: nothing reads it."""
    return key.startswith("x-")


class _Reader:
    """Collects the problems while the parts of a file are read."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(self, where: str, message: str) -> None:
        self.problems.append(Problem(where, message))

    def migrated(self, data: dict[str, Any]) -> dict[str, Any]:
        written = data.get("format")
        if written is None:
            self.add("format", f" is missing; write format = {FORMAT} as the first line")
        elif isinstance(written, bool) or not isinstance(written, int) or written < 1:
            self.add("format", f" is {shown(written)}; expected {FORMAT}")
        elif written > FORMAT:
            self.add("format", f" is {written}; this graphflow reads up to {FORMAT}: get a newer graphflow")
        else:
            return migrated(data, written, MIGRATIONS)
        return data

    def root_keys(self, data: dict[str, Any]) -> None:
        for key, value in data.items():
            if key in ROOT or free(key):
                continue
            if isinstance(value, dict) and "kind" in value:
                self.add(place(key), f"a node's table is [nodes.{key}]")
            else:
                self.add(place(key), f"a patch has no {key!r}{instead(key, ROOT)}")
        self.misplaced_wires("meta", data.get("meta"), "wires" not in data)

    def misplaced_wires(self, where: str, table: Any, lost: bool = True) -> bool:
        """TOML gives a list that stands below a table's header to that table."""
        found = lost and isinstance(table, dict) and isinstance(table.get("wires"), list)
        if found:
            self.add(f"{where}.wires", f" stands below [{where}]; move wires above the first table")
        return found

    def text(self, data: dict[str, Any], key: str) -> str:
        value = data.get(key, "")
        if isinstance(value, str):
            return value
        self.add(key, f" is {shown(value)}; expected text")
        return ""

    def table(self, data: dict[str, Any], key: str) -> dict[str, Any]:
        value = data.get(key, {})
        if isinstance(value, dict):
            return value
        self.add(key, f" is {shown(value)}; expected a table, [{key}]")
        return {}

    def wires(self, value: Any) -> tuple[str, ...]:
        if not isinstance(value, list):
            self.add("wires", f' is {shown(value)}; expected a list, wires = ["node -> node"]')
            return ()
        kept = []
        for number, wire in enumerate(value, 1):
            if not isinstance(wire, str):
                self.add("wires", f'number {number} is {shown(wire)}; expected text, "node -> node"')
                continue
            try:
                ends(wire)
            except ValueError as error:
                self.add("wires", f'"{wire}" {error}')
                continue
            kept.append(wire)
        return tuple(kept)

    def nodes(self, table: dict[str, Any]) -> dict[str, PatchNode]:
        nodes: dict[str, PatchNode] = {}
        lost = self.misplaced_wires("nodes", table)
        for name, values in table.items():
            where = place("nodes", name)
            if lost and name == "wires":
                continue
            if fault := name_fault(name):
                self.add(where, f" {fault}")
            if not isinstance(values, dict):
                self.add(where, f" is {shown(values)}; expected a table, [{where}]")
                continue
            if "kind" not in values:
                self.add(where, ' has no kind; write one, like kind = "sine"')
            elif not isinstance(values["kind"], str):
                self.add(f"{where}.kind", f' is {shown(values["kind"])}; expected text, like kind = "sine"')
            taken = ("kind", "wires") if self.misplaced_wires(where, values) else ("kind",)
            kind = values.get("kind", "")
            nodes[name] = PatchNode(
                kind if isinstance(kind, str) else "", {k: v for k, v in values.items() if k not in taken}
            )
        return nodes

    def known(self, where: str, table: dict[str, Any], known: Iterable[str]) -> dict[str, Any]:
        """The keys that exist."""
        lost = self.misplaced_wires(where, table)
        for key in table:
            if key not in known and not free(key) and not (lost and key == "wires"):
                self.add(place(*where.split("."), key), f"[{where}] has no {key!r}{instead(key, known)}")
        return {key: value for key, value in table.items() if key in known}

    def settings(self, where: str, table: dict[str, Any], declared: dict[str, Setting]) -> dict[str, Any]:
        values = {}
        for key, value in self.known(where, table, declared).items():
            try:
                values[key] = parsed(declared[key], value)
            except ValueError as error:
                self.add(f"{where}.{key}", f" {error}")
        return values

    def expose(self, table: dict[str, Any]) -> dict[str, Expose]:
        macros = {}
        for name, written in table.items():
            where = place("expose", name)
            if fault := name_fault(name):
                self.add(where, f" {fault}")
            elif not isinstance(written, dict):
                self.add(where, f" is {shown(written)}; expected a table, [{where}]")
            else:
                macro = self.macro(where, self.known(where, written, EXPOSE))
                if macro.params:
                    macros[name] = macro
        return macros

    def macro(self, where: str, values: dict[str, Any]) -> Expose:
        params = values.get("params")
        if not isinstance(params, list) or not params or not all(isinstance(p, str) for p in params):
            self.add(f"{where}.params", f' {_is(params)}; expected a list of params, like ["hall.mix"]')
            params = []
        given: dict[str, Any] = {}
        for limit in [key for key in LIMITS if key in values]:
            try:
                given[limit] = parsed(LIMITS[limit], values[limit])
            except ValueError as error:
                self.add(f"{where}.{limit}", f" {error}")
        for key, choices in (("warp", ("lin", "exp")), ("unit", UNITS)):
            if key in values and values[key] not in choices:
                expected = f"expected one of {', '.join(filter(None, choices))}"
                self.add(f"{where}.{key}", f" is {shown(values[key])}; {expected}")
            elif key in values:
                given[key] = values[key]
        return Expose(tuple(params), **given)

    def scenes(self, table: dict[str, Any]) -> dict[str, dict[str, Any]]:
        scenes: dict[str, dict[str, Any]] = {}
        for name, written in table.items():
            where = place("scenes", name)
            if fault := name_fault(name):
                self.add(where, f" {fault}")
                continue
            if not isinstance(written, dict):
                self.add(where, f" is {shown(written)}; expected a table, [{where}]")
                continue
            lost = self.misplaced_wires(where, written)
            scenes[name] = {}
            for param, value in written.items():
                if isinstance(value, dict) and not free(param):
                    inner = next(iter(value), "param")
                    self.add(where, f' has {param}.{inner} without quotes; write "{param}.{inner}" = value')
                elif not free(param) and not (lost and param == "wires"):
                    scenes[name][param] = value
        return scenes


def migrated(
    data: dict[str, Any], written: int, migrations: tuple[Callable[[dict[str, Any]], dict[str, Any]], ...]
) -> dict[str, Any]:
    """A file's data brought from the format it was written in to the newest."""
    for migration in migrations[written - 1 :]:
        data = migration(data)
    return data


def _is(value: Any) -> str:
    return "is missing" if value is None else f"is {shown(value)}"
