"""Two changes of one patch brought together: what a file, an undo or another hand has changed, onto what plays."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any, TypeVar

from graphflow.core.names import place, shown
from graphflow.core.patch import Expose, Patch, PatchNode
from graphflow.core.wires import ends, hops, text, without

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
    merging.gone = {name for patch in (base, ours, theirs) for name in patch.nodes} - set(nodes)
    merged = replace(
        ours,
        title=merging.value("title", base.title, ours.title, theirs.title),
        nodes=nodes,
        wires=merging.wires(base, ours, theirs),
        transport=replace(
            ours.transport, **merging.records("transport", base.transport, ours.transport, theirs.transport)
        ),
        engine=replace(ours.engine, **merging.records("engine", base.engine, ours.engine, theirs.engine)),
        expose=merging.table("expose", base.expose, ours.expose, theirs.expose),
        scenes=merging.scenes(base, ours, theirs),
        midi={
            section: merging.table(place("midi", section), *(p.midi.get(section, {}) for p in (base, ours, theirs)))
            for section in dict.fromkeys([*ours.midi, *theirs.midi])
        },
        meta=merging.table("meta", base.meta, ours.meta, theirs.meta),
        extra=merging.table("", base.extra, ours.extra, theirs.extra),
    )
    return merging.whole(merged), merging.lines


class _Merge:
    def __init__(self, who: str, we: str) -> None:
        self.who, self.we = who, we
        self.lines: list[str] = []
        self.gone: set[str] = set()  # nodes that one of the two, or both, have taken out

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
            if mine is None or other is None:
                left = self.one_sided(where, was, mine, other)
            elif mine.kind == other.kind:
                values = self.table(where, was.values if was else {}, mine.values, other.values)
                left = PatchNode(mine.kind, values)
            else:
                left = self.of_another_kind(where, was, mine, other)
            if left is not None:
                merged[name] = left
        return merged

    def one_sided(self, where: str, was: V | None, mine: V | None, other: V | None) -> V | None:
        """A thing that one of the two does not have: it came, or was taken out."""
        if was is None:
            return mine or other
        if mine is None and other not in (None, was):
            self.lines.append(f"{where}: {self.who} has changed it, {self.we} it is gone; it stays away")
        if other is None and mine not in (None, was):
            self.lines.append(f"{where}: {self.who} has taken it out, {self.we} it was changed; it is gone")
        return None

    def of_another_kind(self, where: str, was: PatchNode | None, mine: PatchNode, other: PatchNode) -> PatchNode:
        """The two are of different kinds: the values of one say nothing to the other."""
        if was is not None and other.kind == was.kind:
            if other != was:
                self.lines.append(f"{where}: {self.who} has changed it, {self.we} it is a {mine.kind}; it stays one")
            return mine
        if mine != was:
            self.value(f"{where}.kind", was.kind if was else MISSING, mine.kind, other.kind)
            if was is not None and mine.kind == was.kind:
                self.lines.append(f"{where}: {self.we} it was changed, {self.who} has another kind; {self.who} counts")
        return other

    def wires(self, base: Patch, ours: Patch, theirs: Patch) -> tuple[str, ...]:
        """Hop by hop; our texts stay as they are where nothing of them is cut."""
        if ours.wires == base.wires:
            kept = theirs.wires
        else:
            was, now = _hops(base.wires), _hops(theirs.wires)
            cut = {hop for hop in was if hop not in now}
            kept = without(ours.wires, lambda hop: str(hop) in cut)
            have = _hops(kept)
            kept = (*kept, *(hop for hop in now if hop not in was and hop not in have))
        had, hanging = _hops(base.wires), {hop: lost for hop in _hops(kept) if (lost := self.gone & _names(hop))}
        for hop, lost in hanging.items():
            if hop not in had:
                self.lines.append(f'wires: "{hop}" is left out, as {" and ".join(sorted(lost))} is gone')
        return without(kept, lambda hop: str(hop) in hanging)

    def scenes(self, base: Patch, ours: Patch, theirs: Patch) -> dict[str, dict[str, Any]]:
        merged: dict[str, dict[str, Any]] = {}
        for name in dict.fromkeys([*ours.scenes, *theirs.scenes]):
            where, mine, other = place("scenes", name), ours.scenes.get(name), theirs.scenes.get(name)
            if mine is None or other is None:
                left = self.one_sided(where, base.scenes.get(name), mine, other)
            else:
                left = self.table(where, base.scenes.get(name, {}), mine, other)
            if left is not None:
                merged[name] = left
        return merged

    def whole(self, patch: Patch) -> Patch:
        """Without places in scenes, macros and [midi] of nodes that are gone."""
        scenes = {
            scene: {path: value for path, value in values.items() if path.partition(".")[0] not in self.gone}
            for scene, values in patch.scenes.items()
        }
        expose: dict[str, Expose] = {}
        for name, macro in patch.expose.items():
            if params := tuple(p for p in macro.params if p.partition(".")[0] not in self.gone):
                expose[name] = replace(macro, params=params)
        return replace(patch, scenes=scenes, expose=expose).with_whole_midi()


def _hops(wires: tuple[str, ...]) -> dict[str, None]:
    found: dict[str, None] = {}
    for wire in wires:
        try:
            found.update({text((hop.source, hop.dest)): None for hop in hops(wire)})
        except ValueError:  # it cannot be read, and is told where the patch is built
            found[wire] = None
    return found


def _names(hop: str) -> set[str]:
    """The nodes at a hop's ends; one that cannot be read has none."""
    try:
        return {end.node for end in ends(hop)}
    except ValueError:
        return set()


def _said(value: Any) -> str:
    if value is MISSING:
        return "nothing"
    return "another" if hasattr(value, "__dataclass_fields__") else shown(value)


__all__ = ["merge"]
