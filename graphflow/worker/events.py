"""What the session hears from its workers, and the figures they show."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from graphflow.core.errors import UserError

Kind = Literal["ready", "echo", "snapshot", "log", "died", "restarted", "failed"]
State = Literal["starting", "playing", "restarting", "failed"]


class WorkerError(UserError):
    """A generator that cannot go on."""


@dataclass(frozen=True)
class WorkerEvent:
    """Something that happened in a worker. `text` is one line; the numbers are set where they mean something.

    An echo says that state `seq` took effect in chunk `chunk`, from `frame` on (absolute, the patch's rate): where the
    chunk begins, or, where it was made again while it played, where the new one replaces it.
    """

    node: str
    kind: Kind
    text: str
    seq: int = 0
    chunk: int = 0
    frame: int = 0
    epoch: int = 0

    def __str__(self) -> str:
        return f"nodes.{self.node}: {self.text}"


@dataclass(frozen=True)
class GeneratorStatistics:
    """One generator's figures. Times in seconds; latency is from a change to its sound, nan before the first.

    RTF > 1 is faster than real time; `rtf_p95` is what 95 % of the chunks reach. `underruns` counts missed frames,
    `misses` chunks done after their first frame was due, `bad_chunks` those that were no numbers and became silence,
    `rollbacks` chunks made again for a newer state, `late_rollbacks` those of them that came too late to be heard at
    once. `figures` are the model's own.
    """

    node: str
    state: State
    lead: float
    latency_p50: float
    latency_p95: float
    rtf: float
    rtf_p50: float
    rtf_p95: float
    rtf_p99: float
    underruns: int
    misses: int
    skips: int
    rollbacks: int
    late_rollbacks: int
    bad_chunks: int
    epoch: int
    restarts: int
    chunk: int
    applied_seq: int
    figures: Mapping[str, float | int | str] = field(default_factory=dict)

    def __str__(self) -> str:
        back = f", {self.rollbacks} rollbacks ({self.late_rollbacks} late)" if self.rollbacks else ""
        bad = f", {self.bad_chunks} bad chunks" if self.bad_chunks else ""
        own = "".join(f", {name} {shown(value)}" for name, value in self.figures.items())
        return (
            f"{self.node} {self.state}: lead {seconds(self.lead)}, latency {seconds(self.latency_p50)} "
            f"(95 %: {seconds(self.latency_p95)}), RTF {self.rtf:.1f} (95 %: {self.rtf_p95:.1f}, "
            f"99 %: {self.rtf_p99:.1f}), {self.underruns} frames missed, {self.misses} late chunks, "
            f"{self.skips} skips{back}{bad}, epoch {self.epoch}, {self.restarts} restarts, chunk {self.chunk}, "
            f"state {self.applied_seq}{own}"
        )


def seconds(value: float) -> str:
    """A time as short as it is exact: `0.30 s`, `19 ms`; `-` where there is none yet."""
    if math.isnan(value):
        return "-"
    return f"{1000.0 * value:.0f} ms" if abs(value) < 0.1 else f"{value:.2f} s"


def shown(value: float | int | str) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


@dataclass(frozen=True)
class WorkerStatistics:
    """One worker process: what it runs, for how long (s), and how many lines it has logged."""

    model: str
    device: str
    pid: int
    nodes: tuple[str, ...]
    age: float
    lines: int

    def __str__(self) -> str:
        return f"{self.model} on {self.device}, process {self.pid}, {self.age:.0f} s: {', '.join(self.nodes)}"
