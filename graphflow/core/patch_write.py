"""A patch written back into its text: what changed is changed there, all else stays as it was typed."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from graphflow.core.errors import PatchError, Problem
from graphflow.core.patch import FORMAT, EngineSettings, Expose, Patch, Transport
from graphflow.core.patch_pieces import Pieces
from graphflow.core.patch_text import read
from graphflow.core.toml_values import Keys

DEPTHS = {"nodes": 2, "expose": 2, "scenes": 2, "midi": 2, "transport": 1, "engine": 1, "meta": 1}
"""How many keys name a table, by the first of them."""

_BOM = "\ufeff"


def write(text: str, patch: Patch) -> str:
    """The text, changed so that it says what the patch says; byte for byte the same where nothing has changed.

    `text` is what the patch was read from, or "" for a new file. Raises PatchError for a text whose form cannot be
    edited (its data is then safe with `write("", patch)`).
    """
    old, _ = read(text) if text.strip() else (Patch(format=0), [])
    before, after = data(old), data(patch)
    if same(before, after):
        return text
    pieces = Pieces(text.removeprefix(_BOM))
    _change(pieces, before, after)
    result = (_BOM if text.startswith(_BOM) else "") + str(pieces)
    again, _ = read(result)
    if not same(data(again), after):
        raise PatchError([Problem("file", "its form cannot be edited in place; save under another name")])
    return result


def data(patch: Patch) -> dict[str, Any]:
    """A patch as plain data, as its text has it: without what is as it would be anyway."""
    whole: dict[str, Any] = {
        "format": FORMAT if patch.format else None,
        "title": patch.title or None,
        **patch.extra,
        "wires": list(patch.wires) or None,
        "nodes": {name: {"kind": node.kind or None, **node.values} for name, node in patch.nodes.items()},
        "transport": _unlike(patch.transport, Transport()),
        "engine": _unlike(patch.engine, EngineSettings()),
        "expose": {
            name: {**_unlike(macro, Expose(())), "params": list(macro.params)} for name, macro in patch.expose.items()
        },
        "scenes": patch.scenes,
        "midi": {
            section: {target: control.written() for target, control in table.items()}
            for section, table in patch.midi.items()
        },
        "meta": patch.meta,
    }
    return {key: value for key, value in whole.items() if value is not None}


def _unlike(value: Any, default: Any) -> dict[str, Any]:
    usual = asdict(default)
    return {key: item for key, item in asdict(value).items() if item != usual.get(key)}


def same(one: Any, other: Any) -> bool:
    """Equal, true not being 1, and nan being nan."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, (list, tuple)) and isinstance(other, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, bool) != isinstance(other, bool):
        return False
    return bool(one == other) or (one != one and other != other)


def _change(pieces: Pieces, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Bring the text from saying `before` to saying `after`."""
    for root in dict.fromkeys([*before, *after]):
        depth = DEPTHS.get(root, 0)
        old = _at_depth(before, root, depth)
        new = _at_depth(after, root, depth)
        if depth:
            _change_tables(pieces, old, new)
        elif root not in after:
            pieces.remove((root,))
        elif root not in before or not same(before[root], after[root]):
            _set(pieces, (root,), after[root])


def _at_depth(data: dict[str, Any], root: str, depth: int) -> dict[Keys, dict[str, Any]]:
    """The tables below a root key by their paths."""
    inside = data.get(root, {})
    if depth == 1:
        return {(root,): inside}
    return {(root, name): table for name, table in inside.items()} if depth else {}


def _change_tables(pieces: Pieces, old: dict[Keys, dict[str, Any]], new: dict[Keys, dict[str, Any]]) -> None:
    if removed := old.keys() - new.keys():
        pieces.remove_tables(removed)
    for path in filter(old.__contains__, new):
        for key in old[path]:
            if key not in new[path]:
                pieces.remove((*path, key))
        for key, value in new[path].items():
            if key not in old[path] or not same(old[path][key], value):
                pieces.put((*path, key), value)
    if added := {path: table for path, table in new.items() if path not in old}:
        pieces.add_tables(added)


def _set(pieces: Pieces, path: Keys, value: Any) -> None:
    if path == ("wires",):
        pieces.put_list(path, value)
    else:
        pieces.put(path, value)
