"""Nodes small enough to know every sample of, and a rig that plays them on the manual clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphflow import (
    AudioIn,
    AudioNode,
    AudioOut,
    Choice,
    DeviceIn,
    Held,
    Ramp,
    Setting,
    State,
    float64,
    random_bipolar,
    random_next,
    uint32,
)
from graphflow.audio.edits import FadeMode
from graphflow.audio.engine import Engine
from graphflow.audio.instance import Instance
from graphflow.core.plan import DEVICE, Link

Sound = NDArray[np.float32]  # [channels, frames]


class Tone(AudioNode):
    """A triangle from -1 to 1."""

    freq = Ramp(100.0, "Pitch.", "Hz", min=1.0, max=10_000.0)
    phase = State(float64)
    out = AudioOut()

    @staticmethod
    def tick(freq: float, phase: float, rate: float) -> tuple[float, float]:
        # a triangle that begins at 0 has no step of its own
        return 1.0 - 2.0 * abs(2.0 * ((float(phase) + 0.25) % 1.0) - 1.0), (phase + freq / rate) % 1.0


class Level(AudioNode):
    """The same value all the time."""

    value = Ramp(0.5, min=-10.0, max=10.0)
    out = AudioOut()

    @staticmethod
    def tick(value: float) -> float:
        return value


class Wide(AudioNode):
    """Two channels of different height."""

    left = Ramp(0.25, min=-1.0, max=1.0)
    out = AudioOut(channels=2)

    @staticmethod
    def process(left: NDArray[np.float32], out: NDArray[np.float32], block: int) -> None:
        for i in range(block):
            out[0, i] = left[i]
            out[1, i] = -left[i]


class Scale(AudioNode):
    """Times a factor."""

    input = AudioIn()
    factor = Ramp(1.0, min=-4.0, max=4.0)
    out = AudioOut()

    @staticmethod
    def tick(input: float, factor: float) -> float:
        return input * factor


class Smooth(AudioNode):
    """A slow low-pass."""

    input = AudioIn()
    keep = Held(0.99, min=0.0, max=0.9999)
    memory = State()
    out = AudioOut()

    @staticmethod
    def tick(input: float, keep: float, memory: float) -> tuple[float, float]:
        memory = keep * memory + (1.0 - keep) * input
        return memory, memory


class Impulse(AudioNode):
    """One frame of 1."""

    at = Setting(0, min=0)
    out = AudioOut()

    @staticmethod
    def tick(at: int, frame: int) -> float:
        return 1.0 if frame == at else 0.0


class Late(AudioNode):
    """What went in, 100 frames later."""

    latency = 100
    input = AudioIn()
    line = State(size=100)
    out = AudioOut()

    @staticmethod
    def process(
        input: NDArray[np.float32], out: NDArray[np.float32], line: NDArray[np.float32], frame: int, block: int
    ) -> None:
        for c in range(len(input)):
            for i in range(block):
                at = (frame + i) % 100
                out[c, i] = line[c, at]
                line[c, at] = input[c, i]


class Ringing(AudioNode):
    """A line of 4800 frames that repeats what it holds, at half the height each time."""

    tail = 0.5
    input = AudioIn()
    line = State(size=4800)
    out = AudioOut()

    @staticmethod
    def process(
        input: NDArray[np.float32], out: NDArray[np.float32], line: NDArray[np.float32], frame: int, block: int
    ) -> None:
        for c in range(len(input)):
            for i in range(block):
                at = (frame + i) % 4800
                out[c, i] = line[c, at]
                line[c, at] = 0.5 * line[c, at] + input[c, i]


class Loop(AudioNode):
    """The way back in a loop, 1024 frames late."""

    breaks_loop = True
    input = AudioIn()
    keep = Ramp(0.5, min=0.0, max=1.0)
    line = State(size=1024)
    out = AudioOut()

    @staticmethod
    def receive(out: NDArray[np.float32], line: NDArray[np.float32], frame: int, block: int) -> None:
        for c in range(len(out)):
            for i in range(block):
                out[c, i] = line[c, (frame + i) % 1024]

    @staticmethod
    def send(
        input: NDArray[np.float32], keep: NDArray[np.float32], line: NDArray[np.float32], frame: int, block: int
    ) -> None:
        for c in range(len(input)):
            for i in range(block):
                line[c, (frame + i) % 1024] = input[c, i] * keep[i]


class Hiss(AudioNode):
    """Chance."""

    color = Choice("full", choices=("full", "half"))
    seed = State(uint32)
    out = AudioOut()

    @staticmethod
    def tick(color: int, seed: int) -> tuple[float, int]:
        return random_bipolar(seed) * (1.0 if color == 0 else 0.5), random_next(seed)


class Ear(AudioNode):
    """What the device hears."""

    device = DeviceIn()
    out = AudioOut(channels=2)

    @staticmethod
    def process(device: Sound, out: Sound, block: int) -> None:
        for c in range(2):
            for i in range(block):
                out[c, i] = device[c, i]


class InPython(AudioNode):
    """Not compiled: may allocate, and raise."""

    native = False
    latency = 2048
    input = AudioIn()
    factor = Ramp(2.0, max=10.0)
    word = Setting("half", choices=("half", "full"))
    total = State(float64)
    out = AudioOut()

    @staticmethod
    def process(
        input: Sound,
        factor: NDArray[np.float32],
        word: str,
        total: NDArray[np.float64],
        out: Sound,
        frame: int,
        block: int,
    ) -> None:
        out[:] = input * factor * {"half": 0.5, "full": 1.0}[word]
        total[0] += block
        if total[0] > 96_000:
            raise ValueError("two seconds are enough")


class TooSoon(AudioNode):
    """Leaves its thread no time."""

    native = False
    latency = 64
    out = AudioOut()

    @staticmethod
    def process(out: Sound, block: int) -> None: ...


class Rig:
    """An engine on the manual clock. `nodes` of a patch are name: class, or (class, values)."""

    def __init__(self, rate: float = 48_000.0, *, block: int = 128, seed: int = 0) -> None:
        self.engine = Engine(rate, seed=seed)
        self.block = block
        self.instances: dict[str, Instance] = {}

    def play(
        self,
        nodes: Mapping[str, Any],
        wires: Sequence[str],
        *,
        fade: int = 0,
        at: int = 0,
        mode: FadeMode = "cross",
        foreign: bool = False,
    ) -> None:
        """Wires are `a.out -> b.input`; device.out is the sound card."""
        kept: dict[str, Instance] = {}
        for name, given in nodes.items():
            cls, values = given if isinstance(given, tuple) else (given, {})
            old = self.instances.get(name)
            same = old is not None and old.spec is cls.spec
            kept[name] = old if same and old else self.engine.make(name, cls.spec, values, foreign=foreign)
        self.instances = kept
        self.engine.play(kept.values(), [self.link(w) for w in wires], fade_frames=fade, at_frame=at, mode=mode)

    def link(self, wire: str) -> Link:
        source, dest = (end.split(".") for end in wire.split(" -> "))
        key = DEVICE if dest[0] == DEVICE else self.instances[dest[0]].key
        return Link(self.instances[source[0]].key, source[1], key, dest[1])

    def run(self, frames: int, *, block: int = 0) -> Sound:
        """The next frames as the device hears them, [channels, frames]; edits go on after each block."""
        parts, left = [], frames
        while left:
            count = min(block or self.block, left)
            parts.append(self.engine.run(count))
            self.engine.poll()
            left -= count
        return np.concatenate(parts).T.copy()

    def settle(self) -> Sound:
        """Play until no edit is under way."""
        parts = [self.run(self.block)]
        while not self.engine.settled:
            parts.append(self.run(self.block))
            assert len(parts) < 1000
        return np.concatenate(parts, axis=1)


def largest_step(sound: Sound) -> float:
    return float(np.abs(np.diff(sound, axis=1)).max())
