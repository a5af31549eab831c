"""What a control node may ask of whoever runs it, besides its own values: each change by itself, and the time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class Arrival:
    """One change of a param or an inlet, or one message from outside the graph.

    `what` is the param's, the inlet's or the outside's name; `frame` is when it counts (0: at once).
    """

    what: str
    value: Any
    frame: int = 0


class Beats(Protocol):
    """The transport as a node reads it. `tempo` in bpm, None: there are no beats; frames are the graph's."""

    @property
    def tempo(self) -> float | None: ...
    @property
    def beats_per_bar(self) -> int: ...
    @property
    def running(self) -> bool:
        """Whether the beats move on; a clock that is followed may stop."""

    def beat_at(self, frame: int) -> float: ...
    def frame_of(self, beat: float) -> int: ...
    def grid(self, quant: str | float, frame: int) -> int: ...


__all__ = ["Arrival", "Beats"]
