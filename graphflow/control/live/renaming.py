"""A node called otherwise: wherever its patch speaks of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from graphflow.core.patch import Patch
from graphflow.core.wires import End, ends, text


def renamed(patch: Patch, old: str, new: str) -> Patch:
    """The patch with a node called otherwise, in wires, scenes, macros and [midi] too."""

    def path(written: str) -> str:
        node, dot, param = written.partition(".")
        return f"{new}{dot}{param}" if node == old else written

    return replace(
        patch,
        nodes={new if name == old else name: node for name, node in patch.nodes.items()},
        wires=_wires(patch.wires, old, new),
        scenes={s: {path(p): value for p, value in values.items()} for s, values in patch.scenes.items()},
        expose={m: replace(e, params=tuple(map(path, e.params))) for m, e in patch.expose.items()},
        midi={
            section: {path(t) if section in ("params", "mutes") else t: control for t, control in table.items()}
            for section, table in patch.midi.items()
        },
    )


def _wires(wires: Iterable[str], old: str, new: str) -> tuple[str, ...]:
    changed: list[str] = []
    for wire in wires:
        along = ends(wire)
        there = any(end.node == old for end in along)
        changed.append(text(End(new, e.port) if e.node == old else e for e in along) if there else wire)
    return tuple(changed)
