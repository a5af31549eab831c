"""What the audio thread runs, as plain data: instances, links, and the steps and buffers made of them.

A plan may hold the old and the new side of an edit at once: a link that comes fades in, one that goes fades out,
and a link that stays is read where it lies, so that what did not change keeps its samples to the bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

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


Op = Literal[
    "copy", "play", "receive", "send", "ring", "signal", "own", "mix", "delay", "tap", "tape", "hear", "python"
]


@dataclass(frozen=True)
class Step:
    """One kernel call. `key` is the instance, or the port that a mix, a delay, an own value or a tap serves.

    A copy brings the state of the instance `source` to `key`.
    """

    op: Op
    key: str
    reads: tuple[Use, ...] = ()
    writes: tuple[Use, ...] = ()
    width: int = 1
    delay: int = 0
    source: str = ""

    def __str__(self) -> str:
        if self.source:
            return f"{self.op} {self.source} -> {self.key}"
        ports = " ".join(map(str, self.reads)) + (" -> " if self.writes else "") + " ".join(map(str, self.writes))
        late = f" {self.delay} frames" if self.delay else ""
        return f"{self.op} {self.key}{late} {ports}".rstrip()


@dataclass(frozen=True)
class Plan:
    """Steps in playing order; `buffers` are channel counts, reused by lifetime; `out` is what the device plays."""

    steps: tuple[Step, ...]
    buffers: tuple[int, ...]
    out: Use | None = None
    device_in: Use | None = None

    def __str__(self) -> str:
        lines = [str(step) for step in self.steps]
        lines.append(f"out {self.out}" if self.out else "out silence")
        return "\n".join(lines)
