"""From instances and links to a plan: an order of steps with a buffer for every port, reused by lifetime."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from graphflow.core.crossfade import was
from graphflow.core.plan import DEVICE, SILENCE, Fade, Link, Plan, Step, Unit, Use
from graphflow.core.routing import ROW, native, order, out_channels, widths, worker_hears


@dataclass
class _Draft:
    """A plan being written, with a buffer per port; lifetimes come after."""

    into: dict[tuple[str, str], list[tuple[Link, Fade]]] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    channels: list[int] = field(default_factory=lambda: [1])
    port: dict[tuple[str, str], Use] = field(default_factory=dict)
    late: dict[tuple[str, str, int], Use] = field(default_factory=dict)
    device_in: Use | None = None

    def new(self, port: str, channels: int) -> Use:
        self.channels.append(channels)
        return Use(port, len(self.channels) - 1, channels)

    def outs(self, key: str, uses: Iterable[Use]) -> tuple[Use, ...]:
        """The outs of an instance, known by their ports from here on."""
        made = tuple(uses)
        self.port.update({(key, use.port): use for use in made})
        return made

    def source(self, link: Link, fade: Fade) -> Use:
        """Where a link's sound lies, delayed if it must be; links that are equally late share one delay."""
        use = self.port[link.source, link.outlet]
        if link.delay:
            port = (link.source, link.outlet, link.delay)
            if port not in self.late:
                self.late[port] = self.new("out", use.channels)
                key = f"{link.source}.{link.outlet}"
                self.steps.append(Step("delay", key, (use,), (self.late[port],), use.channels, link.delay))
            use = self.late[port]
        return Use(use.port, use.buffer, use.channels, fade)

    def gathered(self, dest: str, inlet: str, need: int, broadcast: bool) -> Use:
        """One buffer with everything wired into an audio in. `need` 0: any width; else exactly so many channels."""
        uses = [self.source(k, f) for k, f in self.into.get((dest, inlet), ())]
        if not uses and (broadcast or need <= 1):
            return Use(inlet, SILENCE, 1)
        fits = bool(uses) and (uses[0].channels == need or (broadcast and uses[0].channels == 1))
        if len(uses) == 1 and not uses[0].fade and fits:
            return Use(inlet, uses[0].buffer, uses[0].channels)
        mixed = self.new(inlet, need)
        self.steps.append(Step("mix", f"{dest}.{inlet}", tuple(uses), (mixed,), need))
        return mixed

    def driven(self, key: str, unit: Unit) -> list[Use]:
        """One buffer per param that a signal drives."""
        return [use for name in unit.spec.numeric for use in self._driver(key, name)]

    def _driver(self, dest: str, param: str) -> list[Use]:
        links = self.into.get((dest, param))
        if not links:
            return []
        uses = [self.source(k, f) for k, f in links]
        fades = {f for _, f in links}
        if fades in ({"in"}, {"out"}):  # the other side is the param's own value
            own = self.new(param, 1)
            self.steps.append(Step("own", f"{dest}.{param}", (), (own,)))
            uses.append(replace(own, fade="out" if fades == {"in"} else "in"))
        if len(uses) == 1 and not uses[0].fade and uses[0].channels == 1:
            return [replace(uses[0], port=param)]
        mixed = self.new(param, 1)
        self.steps.append(Step("mix", f"{dest}.{param}", tuple(uses), (mixed,), 1))
        return [mixed]

    def audio(self, key: str, unit: Unit, part: str, width: int) -> None:
        """The steps of a node that makes or changes sound. What drives its params reaches `send`, not `receive`."""
        spec = unit.spec
        if part == "receive":
            made = self.outs(key, [self.new(n, out_channels(unit, n, width)) for n in spec.audio_outs])
            self.steps.append(Step("receive", key, (), made, width))
            return
        broadcast = hasattr(spec.cls, "tick")
        ins = [self.gathered(key, n, d.channels or width, broadcast) for n, d in spec.audio_ins.items()]
        for name, heard in spec.device_ins.items():
            self.device_in = self.device_in or self.new(name, heard.channels)
            ins.append(replace(self.device_in, port=name))
        ins += self.driven(key, unit)
        if part == "send":
            self.steps.append(Step("send", key, tuple(ins), (), width))
            return
        outs = [self.new(n, out_channels(unit, n, width)) for n in spec.audio_outs]
        outs += [self.new(n, d.channels) for n, d in {**spec.device_outs, **spec.tapes}.items()]
        if native(unit):
            self.steps.append(Step("play", key, tuple(ins), self.outs(key, outs), width))
        else:  # what its thread hears, and what it has made of what it heard before
            self.steps.append(Step("python", key, tuple(ins), (), width))
            self.steps.append(Step("ring", key, (), self.outs(key, outs), width))
        self.steps += [Step("tape", key, (self.port[key, name],), (), width) for name in spec.tapes]


def plan(
    units: Mapping[str, Unit],
    links: Iterable[tuple[Link, Fade]],
    *,
    width: Mapping[str, int] | None = None,
    copies: Mapping[str, str] | None = None,
) -> Plan:
    """The plan of instances and links, each link steady, fading in or fading out.

    `width` overrules what the links would make of each instance. `copies` maps an instance that begins with a copy
    of another's state to that other; an instance as it was plays before what it has become, whose glides it reads.
    """
    draft, copies, links = _Draft(), copies or {}, list(links)
    for link, fade in links:
        draft.into.setdefault((link.dest, link.inlet), []).append((link, fade))
    wired = {(link.source, link.outlet) for link, _ in links}
    steady = [link for link, _ in links]
    wide = {**widths(units, steady), **(width or {})}
    draft.steps += [Step("copy", key, width=wide[key], source=source) for key, source in copies.items()]
    for key, part in order(units, steady, [(was(key), key) for key in copies if was(key) in units]):
        unit = units[key]
        room = unit.spec.room
        if room == "audio":
            draft.audio(key, unit, part, wide[key])
            continue
        if room == "control":
            for use in draft.outs(key, [draft.new(name, 1) for name in unit.spec.outlets if (key, name) in wired]):
                draft.steps.append(Step("signal", key, (), (use,)))
        else:
            outs = draft.outs(key, [draft.new(n, out_channels(unit, n, 0)) for n in unit.spec.audio_outs])
            draft.steps.append(Step("ring", key, (), outs, max((u.channels for u in outs), default=1)))
            for name in unit.spec.audio_ins:
                if (key, name) in draft.into:  # with nothing wired in, its model is given no silence to think about
                    heard = draft.gathered(key, name, worker_hears(unit.spec), False)
                    draft.steps.append(Step("hear", key, (heard,), (), heard.channels))
        for name in unit.spec.numeric:
            for link, fade in draft.into.get((key, name), ()):
                if fade != "out":
                    draft.steps.append(Step("tap", f"{key}.{name}", (draft.source(link, ""),), ()))
    out = draft.gathered(DEVICE, "out", 2, False) if (DEVICE, "out") in draft.into else None
    return _reused(draft, out)


def _reused(draft: _Draft, out: Use | None) -> Plan:
    """Give buffers of one width to several ports whose lifetimes do not overlap."""
    last: dict[int, int] = {}
    for i, step in enumerate(draft.steps):
        for use in (*step.reads, *step.writes):
            last[use.buffer] = i
    kept = {use.buffer for use in (out, draft.device_in) if use} | {SILENCE}
    sizes, moved = [1], {SILENCE: SILENCE}
    free: dict[int, list[int]] = {}
    if draft.device_in:  # filled before the first step
        moved[draft.device_in.buffer] = len(sizes)
        sizes.append(draft.device_in.channels)

    def placed(use: Use) -> Use:
        return Use(use.port, moved[use.buffer], use.channels, use.fade)

    steps: list[Step] = []
    unread: deque[tuple[int, int]] = deque()
    for i, step in enumerate(draft.steps):
        while unread and unread[0][0] + ROW <= i:
            buffer = unread.popleft()[1]
            free.setdefault(draft.channels[buffer], []).append(moved[buffer])
        for use in step.writes:
            waiting = free.get(use.channels)
            if waiting:
                moved[use.buffer] = waiting.pop()
            else:
                moved[use.buffer] = len(sizes)
                sizes.append(use.channels)
        reads, writes = tuple(map(placed, step.reads)), tuple(map(placed, step.writes))
        steps.append(Step(step.op, step.key, reads, writes, step.width, step.delay, step.source))
        written = {use.buffer for use in step.writes}
        for buffer in sorted({u.buffer for u in (*step.reads, *step.writes)} - kept):
            if last[buffer] == i and buffer in written:
                unread.append((i, buffer))  # steps of a row are looked through for bad samples after all have played
            elif last[buffer] == i:
                free.setdefault(draft.channels[buffer], []).append(moved[buffer])
    return Plan(
        tuple(steps),
        tuple(sizes),
        placed(out) if out else None,
        placed(draft.device_in) if draft.device_in else None,
    )
