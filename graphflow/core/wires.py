"""The grammar of wires: `dusk -> blend.a -> band`, as text and as hops from node to node."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

_END = re.compile(r"([a-z][a-z0-9_]*)(?:\.([a-z][a-z0-9_]*))?")


@dataclass(frozen=True)
class End:
    """One end of a wire as written: a node, and its port where it is named."""

    node: str
    port: str | None = None

    def __str__(self) -> str:
        return self.node if self.port is None else f"{self.node}.{self.port}"


@dataclass(frozen=True)
class Hop:
    """From one node to the next along a wire; in the middle of a wire the source's port is never named."""

    source: End
    dest: End

    def __str__(self) -> str:
        return f"{self.source} -> {self.dest}"


def ends(wire: str) -> list[End]:
    """The ends along a wire. Raises ValueError whose text continues `wires: "..." `."""
    return list(_ends(wire))


@lru_cache(maxsize=1 << 16)  # a patch of thousands of wires is read again at every edit
def _ends(wire: str) -> tuple[End, ...]:
    found = []
    for part in wire.split("->"):
        match = _END.fullmatch(part.strip())
        if match is None:
            raise ValueError(f"has {part.strip()!r} at an end; expected node or node.port, joined by ->")
        found.append(End(match[1], match[2]))
    if len(found) < 2:
        raise ValueError("leads nowhere; expected node.port -> node.port")
    return tuple(found)


def hops(wire: str) -> list[Hop]:
    """The wire taken apart. Raises ValueError whose text continues `wires: "..." `."""
    return list(_hops(wire))


@lru_cache(maxsize=1 << 16)
def _hops(wire: str) -> tuple[Hop, ...]:
    along = _ends(wire)
    sources = [along[0], *(End(end.node) for end in along[1:-1])]
    return tuple(Hop(source, dest) for source, dest in zip(sources, along[1:], strict=True))


def text(along: Iterable[End]) -> str:
    return " -> ".join(map(str, along))


def without(wires: Iterable[str], cut: Callable[[Hop], bool]) -> tuple[str, ...]:
    """The wires without the hops that `cut` names; what is left of a longer wire stays, in its place.

    A wire that cannot be read stays as it is.
    """
    kept = []
    for wire in wires:
        try:
            along = hops(wire)
        except ValueError:
            kept.append(wire)
            continue
        if not any(map(cut, along)):
            kept.append(wire)
            continue
        run: list[End] = []
        for hop in along:
            if cut(hop):
                kept += [text(run)] if run else []
                run = []
            else:
                run += [hop.dest] if run else [hop.source, hop.dest]
        kept += [text(run)] if run else []
    return tuple(kept)


def without_node(wires: Iterable[str], node: str) -> tuple[str, ...]:
    return without(wires, lambda hop: node in (hop.source.node, hop.dest.node))
