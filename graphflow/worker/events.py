"""What the session hears from its workers, and the figures they show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from graphflow.core.errors import UserError

Kind = Literal["ready", "echo", "snapshot", "log", "died", "restarted", "failed"]
State = Literal["starting", "playing", "restarting", "failed"]


class WorkerError(UserError):
    """A generator that cannot go on."""


@dataclass(frozen=True)
class WorkerEvent:
    """Something that happened in a worker. `text` is one line; the numbers are set where they mean something.

    An echo says that state `seq` took effect in chunk `chunk`, which begins at `frame` (absolute, the patch's rate).
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
    """One generator's figures. Seconds; latency is from a change to its sound, nan before the first; RTF > 1 is
    faster than real time; `underruns` counts missed frames."""

    node: str
    state: State
    lead: float
    latency_p50: float
    latency_p95: float
    rtf: float
    underruns: int
    skips: int
    epoch: int
    restarts: int
    chunk: int
    applied_seq: int

    def __str__(self) -> str:
        return (
            f"{self.node} {self.state}: lead {self.lead:.2f} s, latency {self.latency_p50:.2f} s "
            f"(95 %: {self.latency_p95:.2f} s), RTF {self.rtf:.1f}, {self.underruns} frames missed, "
            f"{self.skips} skips, epoch {self.epoch}, {self.restarts} restarts, chunk {self.chunk}, "
            f"state {self.applied_seq}"
        )


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
