"""From a plan to memory: buffers, contexts and the table of addresses the callback walks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphflow.audio.compile import row_of
from graphflow.audio.instance import Instance
from graphflow.audio.layout import PLAN, STEPS, layout_of
from graphflow.audio.steps import COMING, GOING, STEADY, step_address
from graphflow.core.declare import uint32
from graphflow.core.plan import SILENCE, Plan, Step, Use
from graphflow.core.routing import ROW

MODES = {"": STEADY, "in": COMING, "out": GOING}
ALIGN = 16  # float32 per 64 bytes: a cache line, and the widest SIMD register
STAGGER = 1
"""Cache lines between buffers: frames of equal number that lie 4096 bytes apart look like one address to the
processor, which then waits (four svf at once: 1559 ns a block without, 332 with)."""


Late = tuple[str, str, int]
"""A port and how many frames late it is read."""


def alike(one: NDArray[Any] | None, other: NDArray[Any]) -> bool:
    """Do two memories, [channels, numbers], hold the same in each channel? For one copied into the other."""
    return one is not None and one.dtype == other.dtype and one.shape[1:] == other.shape[1:]


class Line:
    """What a delay for alignment remembers; it belongs to a port and outlives plans."""

    def __init__(self, channels: int, length: int) -> None:
        self.samples = np.zeros((channels, length), np.float32)
        self.position = np.zeros(1, np.int64)


class Bound:
    """A plan in memory. Keeps everything alive that its addresses point to."""

    def __init__(
        self,
        plan: Plan,
        instances: Mapping[str, Instance],
        lines: dict[Late, Line],
        *,
        rate: float,
        max_block: int,
        fade_frames: int = 0,
    ) -> None:
        self.plan, self.max_block = plan, max_block
        self.header = np.zeros(PLAN.COUNT, np.int64)
        self.instances = {step.key: instances[step.key] for step in plan.steps if step.key in instances}
        self.preroll = 0
        self._rate, self._lines, self._kept = rate, lines, []  # type: tuple[float, dict[Late, Line], list[Any]]
        self._offsets, size = [], 0
        for channels in plan.buffers:
            self._offsets.append(size)
            size += (-(-channels * max_block // ALIGN) + STAGGER) * ALIGN
        raw = np.empty(size + ALIGN, np.float32)
        raw.fill(0.0)  # touches every page, so that the audio thread never waits for one
        skip = (-raw.ctypes.data // 4) % ALIGN
        self.buffers: NDArray[np.float32] = raw[skip : skip + size]
        self._silence = SILENCE
        self._base = int(self.buffers.ctypes.data)
        ramps = max(
            [len(layout_of(i.spec).ramps) for i in self.instances.values() if i.spec.room == "audio"], default=0
        )
        self.scratch = np.zeros(max(1, ramps) * max_block, np.float32)
        table = np.zeros(max(1, len(plan.steps)) * STEPS.WORDS, np.int64)
        for n, step in enumerate(plan.steps):
            table[n * STEPS.WORDS : (n + 1) * STEPS.WORDS] = self._step(step, instances)
        self._rows(table)
        self._keep(table)
        head = self.header
        head[PLAN.STEPS], head[PLAN.STEP_COUNT] = table.ctypes.data, len(plan.steps)
        if plan.device_in:
            head[PLAN.DEVICE_IN], head[PLAN.DEVICE_IN_CHANNELS] = (
                self.at(plan.device_in.buffer),
                plan.device_in.channels,
            )
        head[PLAN.DEVICE_OUT] = self.at(plan.out.buffer) if plan.out else 0
        head[PLAN.FADE_FRAMES] = fade_frames
        head[PLAN.FADED] = -self.preroll if fade_frames else 0

    @property
    def address(self) -> int:
        return int(self.header.ctypes.data)

    @property
    def faded(self) -> bool:
        """Has the fade been played to its end?"""
        return bool(self.header[PLAN.FADED] >= self.header[PLAN.FADE_FRAMES])

    def at(self, buffer: int) -> int:
        """The address of a buffer."""
        return self._base + 4 * self._offsets[buffer]

    def view(self, use: Use, frames: int) -> NDArray[np.float32]:
        """A buffer as [channels, frames] for a block of that many frames."""
        start = self._offsets[use.buffer]
        return self.buffers[start : start + use.channels * frames].reshape(use.channels, frames)

    def _keep(self, array: NDArray[Any]) -> int:
        self._kept.append(array)
        return int(array.ctypes.data)

    def _step(self, step: Step, instances: Mapping[str, Instance]) -> list[int]:
        guards = np.array([w for use in step.writes for w in (self.at(use.buffer), use.channels)] or [0], np.int64)
        instance = instances.get(step.key)
        kernel, context = self._context(step, instances)
        fault = int(instance.fault.ctypes.data) if instance is not None else 0
        meter = int(instance.meter.ctypes.data) if instance is not None and step.writes else 0
        return [kernel, self._keep(context), fault, self._keep(guards), len(step.writes), meter, 0, 0]

    def _rows(self, table: NDArray[np.int64]) -> None:
        """Let four steps in a row of one kind, one channel wide, be played by one kernel, where there is such."""
        steps, n = self.plan.steps, 0
        while n + ROW <= len(steps):
            row = steps[n : n + ROW]
            specs = [self.instances[s.key].spec if s.op == "play" and s.width == 1 else None for s in row]
            kernel = row_of(specs[0]) if specs[0] is not None and all(s is specs[0] for s in specs) else None
            if kernel is None or any(self.instances[s.key].foreign for s in row):
                n += 1
                continue
            contexts = table[n * STEPS.WORDS + STEPS.CONTEXT : (n + ROW) * STEPS.WORDS : STEPS.WORDS].copy()
            self._kept.append(kernel)
            table[n * STEPS.WORDS + STEPS.ROW] = kernel.address
            table[n * STEPS.WORDS + STEPS.ROW_CONTEXT] = self._keep(contexts)
            n += ROW

    def _context(self, step: Step, instances: Mapping[str, Instance]) -> tuple[int, NDArray[np.int64]]:
        """The kernel's address and its context."""
        if step.op in ("play", "receive", "send"):
            return self._node(step, instances[step.key])
        words: list[int]
        if step.op == "mix":
            out = step.writes[0]
            words = [len(step.reads), self.at(out.buffer), out.channels, self.address]
            for use in step.reads:
                words += [self.at(use.buffer), use.channels, MODES[use.fade]]
        elif step.op == "python":
            words = self._heard(step, instances[step.key])
        elif step.op == "copy":
            words = self._copies(step, instances)
        elif step.op == "delay":
            source, out = step.reads[0], step.writes[0]
            key, outlet = step.key.rsplit(".", 1)
            line = self._line((key, outlet, step.delay), out.channels)
            words = [self.at(source.buffer), self.at(out.buffer), out.channels, line.samples.ctypes.data]
            words += [step.delay, line.position.ctypes.data]
        elif step.op == "own":
            key, param = step.key.rsplit(".", 1)
            words = [instances[key].record(param), self.at(step.writes[0].buffer)]
        elif step.op == "signal":
            words = [instances[step.key].record(step.writes[0].port), self.at(step.writes[0].buffer)]
        elif step.op == "tap":
            key, param = step.key.rsplit(".", 1)
            source = step.reads[0]
            words = [self.at(source.buffer), source.channels, instances[key].taps[param].ctypes.data]
        else:
            instance = instances[step.key]
            ring = instance.heard if step.op == "hear" else instance.ring
            if ring is None:
                raise ValueError(f"{step}: no ring is open")
            self._kept.append(ring)
            address = int(ring.ctypes.data)
            if step.op in ("tape", "hear"):
                words = [self.at(step.reads[0].buffer), step.reads[0].channels, address]
            else:
                words, first = [address, len(step.writes)], 0
                for use in step.writes:
                    words += [self.at(use.buffer), use.channels, first]
                    first += use.channels
        return step_address(step.op), np.array(words, np.int64)

    def _heard(self, step: Step, instance: Instance) -> list[int]:
        """What a python step writes to the ring of a node's thread, in the order of `heard_channels`."""
        if instance.heard is None:
            raise ValueError(f"{step}: no ring is open")
        self._kept.append(instance.heard)
        wired = {use.port: use for use in step.reads}
        names = [*instance.spec.audio_ins, *instance.spec.device_ins, *instance.spec.numeric]
        words = [int(instance.heard.ctypes.data), self.scratch.ctypes.data, len(names)]
        for name in names:
            address = self.at(wired[name].buffer) if name in wired else 0
            if name in instance.spec.numeric:
                words += [instance.record(name), address, 0]
            else:
                words += [0, address, wired[name].channels]
        return words

    def _line(self, late: Late, channels: int) -> Line:
        line = self._lines.get(late)
        if line is None or line.samples.shape[0] != channels:
            line = self._lines[late] = Line(channels, late[2])
            self.preroll = max(self.preroll, late[2])  # until it is full, there is nothing to fade in
        self._kept.append(line)
        return line

    def _copies(self, copy: Step, instances: Mapping[str, Instance]) -> list[int]:
        """What a copy step copies: the state that both declare alike, and what the delays of its ports hold."""
        key, old, new = copy.key, instances[copy.source], instances[copy.key]
        names = [n for n, memory in new.states.items() if alike(old.states.get(n), memory)]
        words = [0, len(names)]
        for name in names:
            before, memory = old.states[name], new.states[name]
            self._kept += [before, memory]
            spread = new.spec.states[name].dtype is not uint32  # every channel has its own chance
            length = memory.itemsize * memory.shape[1] // 4
            had = min(old.played or old.channels, old.channels) if spread else old.channels
            words += [before.ctypes.data, memory.ctypes.data, length, had, memory.shape[0], int(spread)]
        for step in self.plan.steps:
            source, outlet = step.key.rsplit(".", 1) if step.op == "delay" else ("", "")
            late = self._lines.get((copy.source, outlet, step.delay))
            if source == key and late is not None:
                line = self._lines[key, outlet, step.delay] = Line(step.writes[0].channels, step.delay)
                self._kept += [late, line]
                channels = late.samples.shape[0], line.samples.shape[0]
                words += [late.samples.ctypes.data, line.samples.ctypes.data, step.delay, *channels, 1]
                words += [late.position.ctypes.data, line.position.ctypes.data, 2, 1, 1, 1]
                words[1] += 2
        return words

    def _node(self, step: Step, instance: Instance) -> tuple[int, NDArray[np.int64]]:
        layout = layout_of(instance.spec)
        context = np.zeros(layout.size, np.int64)
        context[0], context[2] = step.width, instance.params.ctypes.data
        context[layout.glides] = 0 if instance.shadow else 1
        context.view(np.float64)[1] = self._rate
        if step.width > instance.channels:
            raise ValueError(f"{instance.key} is {step.width} channels wide; its memory is for {instance.channels}")
        instance.played = step.width
        self._kept.append(instance.states)  # the instance may get others while this plan still plays
        for at in (*layout.ins.values(), *layout.outs.values()):
            context[at], context[at + 1] = self.at(self._silence), 1
        for i, at in enumerate(layout.ramps.values()):
            context[at + 1] = self.scratch.ctypes.data + 4 * i * self.max_block
        for use in (*step.reads, *step.writes):
            if use.port in layout.ramps:
                context[layout.ramps[use.port]] = self.at(use.buffer)
            elif use.port in layout.helds:
                context[layout.helds[use.port]] = self.at(use.buffer)
            else:
                at = layout.ins[use.port] if use.port in layout.ins else layout.outs[use.port]
                context[at], context[at + 1] = self.at(use.buffer), use.channels
        for name, at in layout.states.items():
            context[at], context[at + 1] = instance.states[name].ctypes.data, instance.states[name].shape[1]
        for name, at in layout.files.items():
            samples = instance.files[name]
            context[at : at + 3] = samples.ctypes.data, samples.shape[1], samples.shape[0]
        form = {"receive": "receive", "send": "send"}.get(step.op) or next(iter(instance.kernels))
        return instance.kernels[form].address, context
