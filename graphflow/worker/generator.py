"""What a model's `open(settings)` returns, and what a generator may offer besides."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from graphflow.core.errors import UserError

Figures = dict[str, float | int | str]
FIGURES_MOST = 32
TEXT_MOST = 200


class Generator(Protocol):
    """What every generator has. `rate` in Hz; a chunk is [channels, frames] float32 at it.

    Its model's `open(settings)` gets the node's settings by name, and `_folder`, the patch's, where file names begin,
    and `_lockstep`: whether it plays in a render, where time does not count; in a replay, a render of what was played
    live, `_repeats` is true as well.

    `set` takes the whole state, of which only the latest counts; `step(frame)` makes the next chunk, whose first
    frame is `frame` (absolute, its own rate).

    What it may have besides; each is looked up by name, and a generator without it is treated as ever:

    - `chunk: int`: frames of every chunk. Just-in-time generators then begin at a multiple of it, and all of one
      process at the same moment, so that their model can make several chunks at once.
    - `just_in_time: bool`: keep as little sound ready as its computing time allows, in place of the adaptive lead.
    - `latency: int`: frames (its own rate) from the first frame of the chunk made last to the first sound that the
      state set for that chunk can have changed. May change; read after each step.
    - `rollback: bool` and `rewind() -> bool`: take the last `step` back, so that the next one makes the same chunk
      again, with the newest state and the same chance; False where it cannot. Asked at most once per step. What it
      has heard stays heard.
    - `hear(block, frame)`: sound [channels, frames] from the node's audio in, at its own rate, `frame` the absolute
      place of its first frame; called before a step, in order. A jump of `frame` is a gap; nothing wired, no call.
    - `told() -> dict | None` and `repeat(told)`: what the step made last went by and its state does not say, such as
      words that were understood by then; as plain data. In a replay it is given back before the same step.
    - `figures() -> dict`: a few numbers and words to show; called some times a second between steps.
    - `news() -> list[str]`: lines that the user should know of, each told once; called after every step.
    - `close()`: called once when the generator ends, also after it has raised.

    All are called from one thread, the slot's own; other slots of the process call theirs at the same time.
    """

    rate: int
    channels: int

    def set(self, state: dict[str, Any]) -> None: ...
    def step(self, frame: int) -> npt.NDArray[np.float32]: ...
    def snapshot(self) -> bytes: ...
    def restore(self, data: bytes) -> None: ...


def find_model(name: str) -> Any:
    """The module of one of our models, or any module by its full name."""
    for full in (f"graphflow.models.{name}", name):
        try:
            return importlib.import_module(full)
        except ModuleNotFoundError as missing:
            if not f"{full}.".startswith(f"{missing.name}."):  # it is there, but something that it needs is not
                raise
    raise UserError(f"model {name} is unknown; expected a folder of graphflow/models, or a module's full name")


def chunk_of(generator: Generator) -> int:
    """Frames of every chunk; 0 where it does not say."""
    return int(getattr(generator, "chunk", 0))


def just_in_time(generator: Generator) -> bool:
    return bool(getattr(generator, "just_in_time", False))


def rolls_back(generator: Generator) -> bool:
    return bool(getattr(generator, "rollback", False)) and hasattr(generator, "rewind")


def latency_of(generator: Generator) -> int:
    """Frames at its own rate."""
    return int(getattr(generator, "latency", 0))


def plain(figures: Mapping[str, Any]) -> Figures:
    """A generator's figures as JSON can carry them: numbers of numpy's as Python's, the rest as short text."""
    made: Figures = {}
    for name, value in list(figures.items())[:FIGURES_MOST]:
        value = value.item() if isinstance(value, np.generic) else value
        made[str(name)] = value if isinstance(value, (int, float)) else str(value)[:TEXT_MOST]
    return made
