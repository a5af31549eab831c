"""What a set of wires asks of the nodes: in which order they play, how wide they are, how long each wire waits."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import replace

import networkx as nx

from graphflow.core.node import Spec
from graphflow.core.plan import DEVICE, Link, Unit

ROW = 4
"""Nodes of one kind that may be played in one go, so that none waits for its own last frame's arithmetic."""
Part = tuple[str, str]
"""(key, play), or for a node that breaks loops (key, receive) and (key, send)."""


def breaks_loop(unit: Unit) -> bool:
    return bool(unit.spec.cls.breaks_loop)  # type: ignore[attr-defined]


def native(unit: Unit) -> bool:
    return bool(getattr(unit.spec.cls, "native", True))


def in_rows(unit: Unit) -> bool:
    """Does it pay to play four at once? Where a frame needs the one before; loops without state are SIMD already."""
    return bool(unit.spec.states) and hasattr(unit.spec.cls, "tick")


def followers(
    units: Mapping[str, Unit], links: Iterable[Link], before: Iterable[tuple[str, str]] = ()
) -> dict[Part, dict[Part, None]]:
    """What must play after each part. `before` adds pairs of instances of which the first plays earlier."""
    after: dict[Part, dict[Part, None]] = {}
    gives: dict[str, Part] = {}
    takes: dict[str, Part] = {}
    for key, unit in units.items():
        gives[key], takes[key] = (
            ((key, "receive"), (key, "send")) if breaks_loop(unit) else ((key, "play"), (key, "play"))
        )
        after[gives[key]] = {}
        if gives[key] != takes[key]:
            after[takes[key]] = {}
            after[gives[key]][takes[key]] = None
    for link in links:
        if link.dest != DEVICE:
            after[gives[link.source]][takes[link.dest]] = None
    for first, second in before:
        after[takes[first]][takes[second]] = None
    return after


def _waits(after: Mapping[Part, Iterable[Part]]) -> dict[Part, int]:
    """For how many parts each has to wait."""
    waits = dict.fromkeys(after, 0)
    for parts in after.values():
        for part in parts:
            waits[part] += 1
    return waits


def order(units: Mapping[str, Unit], links: Iterable[Link], before: Iterable[tuple[str, str]] = ()) -> list[Part]:
    """Playing order; parts that do not depend on each other as given, a `receive` as early as it can.

    Nodes of one kind whose turn it is play in rows of four. Raises ValueError where a loop leaves no order.
    """
    followed = followers(units, links, before)
    position = {key: i for i, key in enumerate(units)}
    waiting = _waits(followed)
    ready: list[tuple[int, str, Part]] = []
    alike: dict[type, list[tuple[int, str, Part]]] = {}
    done: dict[Part, None] = {}

    def add(part: Part) -> None:
        rank = (position[part[0]], part[1], part)
        heapq.heappush(ready, rank)
        if part[1] == "play":
            heapq.heappush(alike.setdefault(units[part[0]].spec.cls, []), rank)

    for part in [part for part, count in waiting.items() if not count]:
        add(part)
    while ready:
        part = heapq.heappop(ready)[2]
        if part in done:
            continue
        row = [part]
        kin = alike.get(units[part[0]].spec.cls, [])
        while kin and len(row) < ROW:
            other = heapq.heappop(kin)[2]
            if other not in done and other != part:
                row.append(other)
        done.update(dict.fromkeys(row))
        for played in row:
            for after in followed[played]:
                waiting[after] -= 1
                if not waiting[after]:
                    add(after)
    if len(done) < len(waiting):
        left = {key for key, _ in waiting} - {key for key, _ in done}
        raise ValueError(f"{', '.join(sorted(left))} cannot be ordered")
    return list(done)


def in_loops(units: Mapping[str, Unit], links: Iterable[Link]) -> set[str]:
    """Instances that cannot be ordered with these links: each reaches itself without a node that breaks loops."""
    after = followers(units, links)
    waits = _waits(after)
    ready = [part for part, count in waits.items() if not count]
    done = 0
    while ready:
        done += 1
        for part in after[ready.pop()]:
            waits[part] -= 1
            if not waits[part]:
                ready.append(part)
    if done == len(after):  # as nearly always: all can be ordered
        return set()
    graph: nx.DiGraph[Part] = nx.DiGraph(after)
    rings = (ring for ring in nx.strongly_connected_components(graph) if len(ring) > 1)
    return {key for ring in rings for key, _ in ring}


def audio_links(units: Mapping[str, Unit], links: Iterable[Link]) -> list[Link]:
    """Links that carry sound into audio ins or the device, not into params."""
    return [k for k in links if k.dest == DEVICE or k.inlet in units[k.dest].spec.audio_ins]


def aligned(units: Mapping[str, Unit], links: Iterable[Link]) -> tuple[tuple[Link, ...], int]:
    """The links with their delays, and the latency of the whole at the device, in frames."""
    links = list(links)
    into: dict[str, list[Link]] = {}
    for link in audio_links(units, links):
        into.setdefault(link.dest, []).append(link)
    arrival: dict[str, int] = {}
    delays: dict[Link, int] = {}

    def level(dest: str) -> int:
        wires = into.get(dest, ())
        latest = max((arrival.get(k.source, 0) for k in wires), default=0)
        delays.update({k: latest - arrival.get(k.source, 0) for k in wires})
        return latest

    for key, part in order(units, links):
        if part == "receive":  # a way back is meant to be late: nothing waits for it
            arrival[key] = 0
        elif part == "play":
            arrival[key] = level(key) + units[key].spec.cls.latency  # type: ignore[attr-defined]
    total = level(DEVICE)
    late = [delays.get(k, 0) for k in links]
    return tuple(k if k.delay == n else replace(k, delay=n) for k, n in zip(links, late, strict=True)), total


def widths(units: Mapping[str, Unit], links: Iterable[Link]) -> dict[str, int]:
    """Channels of every instance: what it declares, else the widest wire into it."""
    width: dict[str, int] = {}
    for key, unit in units.items():
        declared = [d.channels for d in (*unit.spec.audio_ins.values(), *unit.spec.device_ins.values())]
        if not unit.spec.audio_ins:
            declared += [d.channels for d in unit.spec.audio_outs.values()]
        # a node in Python has rings, whose width is settled when it is made
        width[key] = max([1 if native(unit) else 2, *declared])
    flexible = [
        k
        for k in audio_links(units, links)
        if k.dest != DEVICE and native(units[k.dest]) and not units[k.dest].spec.audio_ins[k.inlet].channels
    ]
    by_source: dict[str, list[Link]] = {}
    for link in flexible:
        by_source.setdefault(link.source, []).append(link)
    waiting = list(by_source)
    while waiting:  # a width only grows, so that a loop settles
        key = waiting.pop()
        for link in by_source.get(key, ()):
            wide = out_channels(units[key], link.outlet, width[key])
            if wide > width[link.dest]:
                width[link.dest] = wide
                waiting.append(link.dest)
    return width


def worker_hears(spec: Spec) -> int:
    """Channels of the sound a worker node takes in; 0 where it takes none."""
    return max((d.channels or 2 for d in spec.audio_ins.values()), default=0)


def out_channels(unit: Unit, outlet: str, width: int) -> int:
    """Channels of an outlet of a node that is so wide; a control node's signal has one."""
    declared = unit.spec.audio_outs.get(outlet)
    if declared is None:
        return 1
    if unit.spec.room == "worker":
        return declared.channels or 2
    return declared.channels or width
