"""Two changes of one patch brought together: what a file, an undo or another hand has changed, onto what plays."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any, TypeVar

from graphflow.core.names import place, shown
from graphflow.core.patch import Expose, Patch, PatchNode
from graphflow.core.wires import hops, text, without

V = TypeVar("V")
MISSING: Any = object()
"""What a key that is not there holds."""


def merge(
    base: Patch, ours: Patch, theirs: Patch, *, who: str = "the file", we: str = "live"
) -> tuple[Patch, list[str]]:
    """What `theirs` changed since `base`, done to `ours`; and a line for each place that both changed differently.

    There `theirs` counts. What only `ours` changed stays. `who` and `we` name the two in the lines.
    """
    if ours == base:
        return theirs, []
    merging = _Merge(who, we)
    nodes = merging.nodes(base, ours, theirs)
    merged = replace(
        ours,
        title=merging.value("title", base.title, ours.title, theirs.title),
        nodes=nodes,
        wires=merging.wires(base, ours, theirs, nodes),
        transport=replace(
            ours.transport, **merging.records("transport", base.transport, ours.transport, theirs.transport)
        ),
        engine=replace(ours.engine, **merging.records("engine", base.engine, ours.engine, theirs.engine)),
        expose=merging.table("expose", base.expose, ours.expose, theirs.expose),
        scenes=merging.scenes(base, ours, theirs),
        meta=merging.table("meta", base.meta, ours.meta, theirs.meta),
        extra=merging.table("", base.extra, ours.extra, theirs.extra),
    )
    return merging.whole(merged), merging.lines


class _Merge:
    def __init__(self, who: str, we: str) -> None:
        self.who, self.we = who, we
        self.lines: list[str] = []

    def value(self, where: str, base: V, ours: V, theirs: V) -> V:
        """One value three ways."""
        if theirs in (base, ours):
            return ours
        if ours != base:
            self.lines.append(
                f"{where}: {self.who} has {_said(theirs)}, {self.we} it was {_said(ours)}; {self.who} counts"
            )
        return theirs

    def table(self, where: str, base: dict[str, V], ours: dict[str, V], theirs: dict[str, V]) -> dict[str, V]:
        """A table three ways, key by key; in our order, what is new after it in theirs."""
        merged: dict[str, V] = {}
        for key in dict.fromkeys([*ours, *theirs]):
            inside = f"{where}.{place(key)}" if where else place(key)
            value = self.value(inside, base.get(key, MISSING), ours.get(key, MISSING), theirs.get(key, MISSING))
            if value is not MISSING:
                merged[key] = value
        return merged

    def records(self, where: str, base: Any, ours: Any, theirs: Any) -> dict[str, Any]:
        return self.table(where, asdict(base), asdict(ours), asdict(theirs))

    def nodes(self, base: Patch, ours: Patch, theirs: Patch) -> dict[str, PatchNode]:
        merged: dict[str, PatchNode] = {}
        for name in dict.fromkeys([*ours.nodes, *theirs.nodes]):
            was, mine, other = base.nodes.get(name), ours.nodes.get(name), theirs.nodes.get(name)
            where = place("nodes", name)
            if mine is None:
                if was is None and other is not None:
                    merged[name] = other
                elif other != was and other is not None:
                    self.lines.append(f"{where}: {self.who} has changed it, {self.we} it is gone; it stays away")
            elif other is None:
                if was is None:
                    merged[name] = mine
                elif mine != was:
                    self.lines.append(f"{where}: {self.who} has taken it out, {self.we} it was changed; it is gone")
            else:
                kind = self.value(f"{where}.kind", was.kind if was else MISSING, mine.kind, other.kind)
                values = self.table(where, was.values if was else {}, mine.values, other.values)
                merged[name] = PatchNode(kind, values)
        return merged

    def wires(self, base: Patch, ours: Patch, theirs: Patch, nodes: dict[str, PatchNode]) -> tuple[str, ...]:
        """Hop by hop; our texts stay as they are where nothing of them is cut."""
        if ours.wires == base.wires:
            kept = theirs.wires
        else:
            was, now = _hops(base.wires), _hops(theirs.wires)
            cut = {hop for hop in was if hop not in now}
            kept = without(ours.wires, lambda hop: str(hop) in cut)
            have = _hops(kept)
            kept = (*kept, *(hop for hop in now if hop not in was and hop not in have))
        return without(kept, lambda hop: hop.source.node not in nodes or hop.dest.node not in nodes)

    def scenes(self, base: Patch, ours: Patch, theirs: Patch) -> dict[str, dict[str, Any]]:
        merged: dict[str, dict[str, Any]] = {}
        for name in dict.fromkeys([*ours.scenes, *theirs.scenes]):
            gone = name in base.scenes and (name not in ours.scenes or name not in theirs.scenes)
            if not gone:
                tables = (patch.scenes.get(name, {}) for patch in (base, ours, theirs))
                merged[name] = self.table(place("scenes", name), *tables)
        return merged

    def whole(self, patch: Patch) -> Patch:
        """Without places in scenes and macros of nodes that are gone."""
        scenes = {
            scene: {path: value for path, value in values.items() if path.partition(".")[0] in patch.nodes}
            for scene, values in patch.scenes.items()
        }
        expose: dict[str, Expose] = {}
        for name, macro in patch.expose.items():
            if params := tuple(p for p in macro.params if p.partition(".")[0] in patch.nodes):
                expose[name] = replace(macro, params=params)
        return replace(patch, scenes=scenes, expose=expose)


def _hops(wires: tuple[str, ...]) -> dict[str, None]:
    found: dict[str, None] = {}
    for wire in wires:
        try:
            found.update({text((hop.source, hop.dest)): None for hop in hops(wire)})
        except ValueError:  # it cannot be read, and is told where the patch is built
            found[wire] = None
    return found


def _said(value: Any) -> str:
    if value is MISSING:
        return "nothing"
    return "another" if hasattr(value, "__dataclass_fields__") else shown(value)


__all__ = ["merge"]
