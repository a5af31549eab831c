"""Lets the network write, one 16th note at a time, inside the limits it is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load_file

from graphflow.models.first_light import symbols as sy
from graphflow.models.first_light.chance import uniform
from graphflow.models.first_light.form import Moment

WEIGHTS = Path(__file__).parent / "weights.safetensors"
_PART_OF = {s: p for p, part in enumerate(sy.PARTS) for s in sy.PART_STREAMS[part]}
STRAY = 2.5  # nats off for leaving the mode when nobody demanded it: blue notes yes, wrong ones seldom
SLIP = 0.006  # what is far less likely than the best is a slip, not an idea

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]


class Engine(Protocol):
    """What computes the network; `base` is its own kind of array."""

    style: int

    @property
    def position(self) -> int: ...
    def listen(self, previous: I64, clock: I64, mode: int, told: F32, off: F32, chroma: F32) -> Any: ...
    def logits(self, base: Any, stream: int) -> F32: ...
    def chosen(self, base: Any, stream: int, symbol: int) -> Any: ...
    def arrays(self) -> dict[str, npt.NDArray[np.generic]]: ...
    def restore(self, arrays: Mapping[str, npt.NDArray[np.generic]], position: int) -> None: ...


@dataclass(frozen=True)
class Wish:
    """What the next step should be like."""

    moment: Moment
    mode: str
    score: F32  # genres and moods
    density: float  # 0 to 1
    off: tuple[bool, ...]  # per part of sy.PARTS
    strict: bool  # keep every pitch inside the mode
    temperature: float
    guidance: float
    seed: int
    count: int  # steps since the seed was set


def load_weights(path: Path = WEIGHTS) -> dict[str, npt.NDArray[np.generic]]:
    """The trained weights, or those of a training checkpoint."""
    try:
        arrays = load_file(path)
    except FileNotFoundError:
        raise FileNotFoundError(
            f"first_light: {path} is missing; expected the trained weights; reinstall graphflow or export some"
        ) from None
    if any(name.startswith("network.") for name in arrays):
        return {name[8:]: a for name, a in arrays.items() if name.startswith("network.")}
    return dict(arrays)


def engine(device: str, weights: Mapping[str, npt.NDArray[np.generic]]) -> Engine:
    """Compiled loops on the CPU; torch elsewhere, or as `torch` for comparing."""
    if device in ("auto", "cpu"):
        from graphflow.models.first_light.compiled import Compiled

        return Compiled(weights)
    from graphflow.models.first_light import accelerated

    return accelerated.Accelerated(weights, accelerated.device("cpu" if device == "torch" else device))


class Writer:
    """The network at work."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.previous = np.zeros(len(sy.STREAMS), dtype=np.uint8)
        self.allowed = {mode: sy.allowed_in(mode) for mode in sy.MODE_NAMES}

    def write(self, wish: Wish) -> npt.NDArray[np.uint8]:
        """The next step, [8]. Row 0 of the network follows the wish, row 1 plays freely: what to move away from."""
        m = wish.moment
        told = np.zeros((2, self.engine.style), dtype=np.float32)
        told[0] = (*wish.score, wish.density, 1.0)
        off = np.zeros((2, len(sy.PARTS)), dtype=np.float32)
        off[0] = wish.off
        clock = np.array([m.step, m.bar, m.section, m.fill], dtype=np.int64)
        base = self.engine.listen(
            self.previous.astype(np.int64),
            clock,
            sy.MODE_NAMES.index(wish.mode),
            told,
            off,
            np.zeros((2, 12), dtype=np.float32),
        )
        step = np.zeros(len(sy.STREAMS), dtype=np.uint8)
        for stream in range(len(sy.STREAMS)):
            part = _PART_OF.get(stream)
            if part is None or not wish.off[part]:
                logits = self.engine.logits(base, stream).astype(np.float64)
                step[stream] = self._choose(logits[1] + wish.guidance * (logits[0] - logits[1]), stream, wish)
            base = self.engine.chosen(base, stream, int(step[stream]))
        self.previous = step
        return step

    def _choose(self, logits: npt.NDArray[np.float64], stream: int, wish: Wish) -> int:
        if stream <= sy.LEAD:
            logits[0] -= 1.6 * (wish.density - 0.5)  # beyond what the network learnt: rests follow the knob
        logits = np.where(self.allowed[wish.mode][stream], logits, -np.inf if wish.strict else logits - STRAY)
        if wish.temperature < 0.02:
            return int(np.argmax(logits))
        chances = np.exp((logits - logits.max()) / wish.temperature)
        chances[chances < SLIP] = 0.0
        edges = np.cumsum(chances)
        draw = uniform(wish.seed, wish.count, stream) * edges[-1]
        return int(np.searchsorted(edges, draw, side="right"))

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        return {**self.engine.arrays(), "previous": self.previous.copy()}

    def restore(self, arrays: Mapping[str, npt.NDArray[np.generic]], position: int) -> None:
        self.engine.restore(arrays, position)
        self.previous = arrays["previous"].astype(np.uint8)
