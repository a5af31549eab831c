"""Values as TOML 1.0 writes them."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Any

import tomlkit
from tomlkit.items import Array

Keys = tuple[str, ...]
"""Keys from the root."""


def edit_list(array: Array, items: list[str]) -> None:
    """Bring a list to these texts by as few changes as can be."""
    matcher = SequenceMatcher(a=[str(item) for item in array], b=items, autojunk=False)
    for what, a0, a1, b0, b1 in reversed(matcher.get_opcodes()):
        if what == "equal":
            continue
        common = min(a1 - a0, b1 - b0)
        for number in range(common):
            array[a0 + number] = items[b0 + number]
        for number in reversed(range(a0 + common, a1)):
            del array[number]
        for number in range(common, b1 - b0):
            array.insert(a0 + number, items[b0 + number])


def written(value: Any, *, spread: bool = False) -> str:
    """A value as TOML 1.0 writes it; `spread` puts each item of a list on a line of its own."""
    if hasattr(value, "item") and not isinstance(value, (str, bytes)):  # numpy's numbers
        value = value.item()
    if isinstance(value, dict):
        inside = ", ".join(f"{dotted((key,))} = {written(item)}" for key, item in value.items())
        return f"{{ {inside} }}" if inside else "{}"
    if isinstance(value, (list, tuple)):
        items = [written(item) for item in value]
        if items and spread:
            return "[\n" + "".join(f"  {item},\n" for item in items) + "]"
        return f"[{', '.join(items)}]"
    text: str = tomlkit.item(value).as_string()
    return text


def dotted(path: Keys) -> str:
    return ".".join(tomlkit.key(key).as_string() for key in path)
