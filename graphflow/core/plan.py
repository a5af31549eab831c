"""From nodes and wires to an order of steps with buffers: what the audio thread runs, as plain data.

A plan may hold the old and the new side of an edit at once: a link that comes fades in, one that goes fades out,
and a link that stays is read where it lies, so that what did not change keeps its samples to the bit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import networkx as nx

from graphflow.core.declare import Held, Ramp
from graphflow.core.node import Spec

Fade = Literal["", "in", "out"]
DEVICE = "device"
SILENCE = 0
"""Buffer 0 is one channel of zeros that nobody writes."""


@dataclass(frozen=True)
class Unit:
    """One instance of a node in a plan. `key` is its name and generation, `hall#2`."""

    key: str
    spec: Spec


@dataclass(frozen=True)
class Link:
    """A wire between instances; `delay` frames bring it level with its neighbours."""

    source: str
    outlet: str
    dest: str
    inlet: str
    delay: int = 0

    def __str__(self) -> str:
        late = f" +{self.delay}" if self.delay else ""
        return f"{self.source}.{self.outlet} -> {self.dest}.{self.inlet}{late}"


@dataclass(frozen=True)
class Use:
    """A port's buffer: float32 [channels, frames]."""

    port: str
    buffer: int
    channels: int
    fade: Fade = ""

    def __str__(self) -> str:
        sign = {"": "", "in": "/", "out": "\\"}[self.fade]
        return f"{self.port}={sign}b{self.buffer}x{self.channels}"


Op = Literal["play", "receive", "send", "ring", "signal", "own", "mix", "delay", "tap", "tape"]


@dataclass(frozen=True)
class Step:
    """One kernel call. `key` is the instance (or for mix and delay, what they serve)."""

    op: Op
    key: str
    reads: tuple[Use, ...] = ()
    writes: tuple[Use, ...] = ()
    width: int = 1
    delay: int = 0
    link: Link | None = None

    def __str__(self) -> str:
        ports = " ".join(map(str, self.reads)) + (" -> " if self.writes else "") + " ".join(map(str, self.writes))
        late = f" {self.delay} frames" if self.delay else ""
        return f"{self.op} {self.key}{late} {ports}".rstrip()


@dataclass(frozen=True)
class Plan:
    """Steps in playing order; `buffers` are channel counts, reused by lifetime; `out` is what the device plays."""

    steps: tuple[Step, ...]
    buffers: tuple[int, ...]
    out: Use | None
    device_in: Use | None
    latency: int
    fading: bool = False

    def __str__(self) -> str:
        lines = [str(step) for step in self.steps]
        lines.append(f"out {self.out}" if self.out else "out silence")
        return "\n".join(lines)


def audio_links(links: Iterable[Link], units: Mapping[str, Unit]) -> list[Link]:
    """Links that carry audio into audio ins or the device (not into params)."""
    return [k for k in links if k.dest == DEVICE or k.inlet in units[k.dest].spec.audio_ins]


def order(units: Mapping[str, Unit], links: Iterable[Link]) -> list[tuple[str, str]]:
    """Playing order as (key, part); a node that breaks loops appears as `receive` first and `send` after its ins."""
    graph: nx.DiGraph[tuple[str, str]] = nx.DiGraph()

    def source(key: str) -> tuple[str, str]:
        return (key, "receive") if units[key].spec.cls.breaks_loop else (key, "play")  # type: ignore[attr-defined]

    def dest(key: str) -> tuple[str, str]:
        return (key, "send") if units[key].spec.cls.breaks_loop else (key, "play")  # type: ignore[attr-defined]

    position = {key: i for i, key in enumerate(units)}
    for key in units:
        graph.add_node(source(key))
        graph.add_node(dest(key))
        if source(key) != dest(key):
            graph.add_edge(source(key), dest(key))
    for link in links:
        if link.dest != DEVICE:
            graph.add_edge(source(link.source), dest(link.dest))
    return list(nx.lexicographical_topological_sort(graph, key=lambda part: (position[part[0]], part[1])))


def aligned(units: Mapping[str, Unit], links: Iterable[Link]) -> tuple[tuple[Link, ...], int]:
    """The links with their delays, and the latency of the whole at the device, in frames."""
    links = list(links)
    into: dict[str, list[Link]] = {}
    for link in audio_links(links, units):
        into.setdefault(link.dest, []).append(link)
    arrival: dict[str, int] = {}
    delays: dict[Link, int] = {}

    def level(dest: str) -> int:
        latest = max((arrival.get(k.source, 0) for k in into.get(dest, ())), default=0)
        for k in into.get(dest, ()):
            delays[k] = latest - arrival.get(k.source, 0)
        return latest

    for key, part in order(units, links):
        cls = units[key].spec.cls
        if part == "receive":
            arrival[key] = 0
        elif part == "play":
            arrival[key] = level(key) + cls.latency  # type: ignore[attr-defined]
    total = level(DEVICE)
    return tuple(replace(k, delay=delays.get(k, 0)) for k in links), total


def widths(units: Mapping[str, Unit], links: Iterable[Link]) -> dict[str, int]:
    """Channels of every instance: what it declares, else the widest wire into it."""
    links = audio_links(links, units)
    width: dict[str, int] = {}
    for key, unit in units.items():
        declared = [d.channels for d in (*unit.spec.audio_ins.values(), *unit.spec.device_ins.values())]
        if not unit.spec.audio_ins:
            declared += [d.channels for d in unit.spec.audio_outs.values()]
        width[key] = max([1, *declared])
    for _ in range(len(units) + 1):  # a loop settles after at most one pass per instance
        changed = False
        for link in links:
            if link.dest == DEVICE:
                continue
            unit = units[link.dest]
            if unit.spec.audio_ins[link.inlet].channels:
                continue
            wide = max(width[link.dest], out_channels(units[link.source], link.outlet, width[link.source]))
            changed, width[link.dest] = changed or wide != width[link.dest], wide
        if not changed:
            break
    return width


def out_channels(unit: Unit, outlet: str, width: int) -> int:
    declared = unit.spec.audio_outs.get(outlet)
    if declared is None:  # a control node's signal
        return 1
    return declared.channels or width


@dataclass
class _Draft:
    """A plan being written, with a buffer per port; lifetimes come after."""

    units: Mapping[str, Unit]
    width: dict[str, int]
    links: list[tuple[Link, Fade]]
    steps: list[Step] = field(default_factory=list)
    channels: list[int] = field(default_factory=lambda: [1])
    port: dict[tuple[str, str], Use] = field(default_factory=dict)

    def new(self, port: str, channels: int) -> Use:
        self.channels.append(channels)
        return Use(port, len(self.channels) - 1, channels)

    def into(self, dest: str, inlet: str) -> list[tuple[Link, Fade]]:
        return [(k, f) for k, f in self.links if k.dest == dest and k.inlet == inlet]

    def source(self, link: Link, fade: Fade) -> Use:
        """Where a link's sound lies, delayed if it must be."""
        use = self.port[link.source, link.outlet]
        if link.delay:
            late = self.new("out", use.channels)
            self.steps.append(Step("delay", str(link), (use,), (late,), use.channels, link.delay, link))
            use = late
        return replace(use, fade=fade)

    def gathered(self, dest: str, inlet: str, need: int, broadcast: bool) -> Use:
        """One buffer with everything wired into an audio in. `need` 0: any width; else exactly so many channels."""
        uses = [self.source(k, f) for k, f in self.into(dest, inlet)]
        if not uses and (broadcast or need <= 1):
            return Use(inlet, SILENCE, 1)
        if len(uses) == 1 and not uses[0].fade and (uses[0].channels == need or (broadcast and uses[0].channels == 1)):
            return replace(uses[0], port=inlet)
        mixed = self.new(inlet, need)
        self.steps.append(Step("mix", f"{dest}.{inlet}", tuple(uses), (mixed,), need))
        return mixed

    def driven(self, dest: str, param: str) -> Use | None:
        """One buffer with the signal that drives a param, or None when it stands by itself."""
        links = self.into(dest, param)
        if not links:
            return None
        uses = [self.source(k, f) for k, f in links]
        fades = {f for _, f in links}
        if fades == {"in"} or fades == {"out"}:
            own = self.new(param, 1)
            self.steps.append(Step("own", f"{dest}.{param}", (), (own,)))
            uses.append(replace(own, fade="out" if fades == {"in"} else "in"))
        if len(uses) == 1 and not uses[0].fade and uses[0].channels == 1:
            return replace(uses[0], port=param)
        mixed = self.new(param, 1)
        self.steps.append(Step("mix", f"{dest}.{param}", tuple(uses), (mixed,), 1))
        return mixed


def plan(units: Mapping[str, Unit], links: Iterable[tuple[Link, Fade]]) -> Plan:
    """The plan of instances and links, each link steady, fading in or fading out."""
    links = list(links)
    steady = [k for k, _ in links]
    draft = _Draft(units, widths(units, steady), links)
    device_in: Use | None = None
    for key, part in order(units, steady):
        unit, width = units[key], draft.width[key]
        spec = unit.spec
        room = spec.room
        if room == "control":
            outs = [
                draft.new(name, 1) for name in spec.outlets if any(k.source == key and k.outlet == name for k in steady)
            ]
            for use in outs:
                draft.port[key, use.port] = use
                draft.steps.append(Step("signal", key, (), (use,)))
        elif room == "worker":
            outs = [draft.new(name, d.channels or 2) for name, d in spec.audio_outs.items()]
            draft.port.update({(key, use.port): use for use in outs})
            draft.steps.append(Step("ring", key, (), tuple(outs), max((u.channels for u in outs), default=1)))
        elif part == "receive":
            outs = [draft.new(n, out_channels(unit, n, width)) for n in spec.audio_outs]
            draft.port.update({(key, use.port): use for use in outs})
            draft.steps.append(Step("receive", key, _params(draft, key, spec), tuple(outs), width))
        else:
            broadcast = hasattr(spec.cls, "tick")
            ins = [draft.gathered(key, n, d.channels or width, broadcast) for n, d in spec.audio_ins.items()]
            if spec.device_ins:
                name, heard = next(iter(spec.device_ins.items()))
                device_in = device_in or draft.new(name, heard.channels)
                ins.append(replace(device_in, port=name))
            ins += [] if part == "send" else _params(draft, key, spec)
            outs = []
            if part != "send":
                outs = [draft.new(n, out_channels(unit, n, width)) for n in spec.audio_outs]
                outs += [draft.new(n, d.channels) for n, d in {**spec.device_outs, **spec.tapes}.items()]
                draft.port.update({(key, use.port): use for use in outs})
            draft.steps.append(Step("send" if part == "send" else "play", key, tuple(ins), tuple(outs), width))
            for name in spec.tapes:
                draft.steps.append(Step("tape", key, (draft.port[key, name],), (), width))
        if room != "audio":
            for name in spec.numeric:
                for link, fade in draft.into(key, name):
                    if fade != "out":
                        draft.steps.append(Step("tap", f"{key}.{name}", (draft.source(link, ""),), ()))
    out: Use | None = None
    if draft.into(DEVICE, "out"):
        out = draft.gathered(DEVICE, "out", 2, False)
    steps, buffers, moved = _reused(draft.steps, draft.channels, out, device_in)
    latency = max((k.delay for k in steady if k.dest == DEVICE), default=0)
    return Plan(
        steps,
        buffers,
        replace(out, buffer=moved[out.buffer]) if out else None,
        replace(device_in, buffer=moved[device_in.buffer]) if device_in else None,
        latency,
        any(f for _, f in links),
    )


def _params(draft: _Draft, key: str, spec: Spec) -> tuple[Use, ...]:
    driven = [draft.driven(key, n) for n, d in spec.numeric.items() if isinstance(d, (Ramp, Held))]
    return tuple(use for use in driven if use is not None)


def _reused(
    steps: list[Step], channels: list[int], out: Use | None, device_in: Use | None
) -> tuple[tuple[Step, ...], tuple[int, ...], dict[int, int]]:
    """Give buffers of one width to several ports whose lifetimes do not overlap."""
    last: dict[int, int] = {}
    for i, step in enumerate(steps):
        for use in (*step.reads, *step.writes):
            last[use.buffer] = i
    for kept in (out, device_in):
        if kept:
            last[kept.buffer] = len(steps)
    sizes, moved = [1], {SILENCE: SILENCE}
    free: dict[int, list[int]] = {}
    if device_in:  # filled before the first step
        moved[device_in.buffer] = len(sizes)
        sizes.append(device_in.channels)
    done: list[Step] = []
    for i, step in enumerate(steps):
        for use in step.writes:
            waiting = free.get(use.channels)
            if waiting:
                moved[use.buffer] = waiting.pop()
            else:
                moved[use.buffer] = len(sizes)
                sizes.append(use.channels)
        done.append(
            replace(
                step,
                reads=tuple(replace(u, buffer=moved[u.buffer]) for u in step.reads),
                writes=tuple(replace(u, buffer=moved[u.buffer]) for u in step.writes),
            )
        )
        for buffer in {u.buffer for u in (*step.reads, *step.writes)} - {SILENCE}:
            if last[buffer] == i and not (device_in and buffer == device_in.buffer):
                free.setdefault(channels[buffer], []).append(moved[buffer])
    return tuple(done), tuple(sizes), moved
