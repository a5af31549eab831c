"""One playing copy of a node: its params, state and kernels, which outlive the plans it appears in."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphflow.audio.compile import Kernel
from graphflow.audio.layout import HIGHEST, MAX, METER_WORDS, MIN, PARAM_WORDS, POWER, TARGET, WATCHED, layout_of
from graphflow.core.crossfade import was
from graphflow.core.declare import Choice, Numeric, Setting, State, float64, uint32
from graphflow.core.messages import Signal
from graphflow.core.node import Spec

CHANNELS_KEPT = 2
"""State is kept for at least so many channels, so that a node may turn from mono to stereo without a restart."""


class Instance:
    """A node as the audio thread knows it.

    `key` is `name#generation`. Live numbers are records of five float64 (see layout); a control node has one
    record per signal outlet in their place, and one tap per live number that a wire may drive.
    """

    def __init__(
        self,
        name: str,
        generation: int,
        slot: int,
        spec: Spec,
        values: Mapping[str, Any],
        *,
        rate: float,
        seed: int = 0,
        files: Mapping[str, NDArray[np.float32]] | None = None,
        kernels: Mapping[str, Kernel] | None = None,
        channels: int = CHANNELS_KEPT,
    ) -> None:
        self.name, self.generation, self.slot, self.spec = name, generation, slot, spec
        self.key = f"{name}#{generation}"
        self.kernels = dict(kernels or {})
        self.values = dict(values)  # as they were at the start
        self.foreign = False
        self.shadow = False
        self.played = 0  # channels wide in the plan that was made last
        self.heard: NDArray[np.int64] | None = None  # the ring to a worker, or to a thread of Python
        self._rate, self._seed = rate, seed
        self.fault = np.zeros(1, np.int64)
        self.meter = np.zeros(METER_WORDS, np.int32)
        self.files = {
            n: np.ascontiguousarray((files or {}).get(n, np.zeros((1, 0), np.float32))) for n in spec.sound_files
        }
        self.ring: NDArray[np.int64] | None = None  # a worker's ring, or a tape's, seen from its first word
        audio = spec.room == "audio"
        self.records = layout_of(spec).params if audio else {n: i for i, n in enumerate(signal_outlets(spec))}
        self.params = np.zeros(max(1, len(self.records)) * PARAM_WORDS, np.float64)
        self.taps = {} if audio else {n: np.full(1, np.nan) for n in spec.numeric}
        for param in self.records if audio else ():
            declaration = spec.declarations[param]
            at = self.records[param] * PARAM_WORDS
            self.params[at + TARGET] = number_of(declaration, values.get(param, declaration.default))  # type: ignore[attr-defined]
            if isinstance(declaration, Numeric):
                self.params[at + MIN], self.params[at + MAX] = declaration.min, declaration.max
        self.make_states(channels)

    def make_states(self, channels: int) -> None:
        """New state, as at the start, for so many channels."""
        self.channels = max(channels, CHANNELS_KEPT)
        self.states = {n: self._memory(n, d) for n, d in self.spec.states.items()}

    def before(self) -> Instance:
        """This instance as it is now, with its memory, to be played beside what it is about to become.

        Params are shared; the glides are left to the new side.
        """
        old = copy.copy(self)
        old.key, old.shadow = was(self.key), True
        return old

    def _memory(self, name: str, state: State) -> NDArray[Any]:
        length = state.length(self._rate)
        if state.dtype is uint32:
            words = [
                int.from_bytes(hashlib.sha256(f"{self._seed}/{self.name}/{name}/{i}".encode()).digest()[:4], "little")
                or 1
                for i in range(self.channels)
            ]
            return np.repeat(np.array(words, np.uint32)[:, None], length, axis=1)
        dtype = np.float64 if state.dtype is float64 else np.float32
        return np.full((self.channels, length), state.start, dtype)

    def record(self, param: str) -> int:
        """The address of a param's record."""
        return int(self.params.ctypes.data) + 8 * PARAM_WORDS * self.records[param]

    def value(self, param: str) -> float:
        """Where a param is, or is going."""
        return float(self.params[self.records[param] * PARAM_WORDS + TARGET])

    @property
    def peak(self) -> float:
        """The largest magnitude the node put out in its last block."""
        return float(self.meter.view(np.float32)[0])

    def levels(self) -> tuple[float, float]:
        """Peak and RMS of the loudest out as factors, kept up to date from the first time they are asked for."""
        self.meter[WATCHED] = 1
        meter = self.meter.view(np.float32)
        return float(meter[HIGHEST]), float(meter[POWER]) ** 0.5

    def __str__(self) -> str:
        return f"{self.key} {self.spec.kind}"


def number_of(declaration: Any, value: Any) -> float:
    """A param's or setting's value as the number a kernel reads."""
    if isinstance(declaration, Choice) or (isinstance(declaration, Setting) and declaration.choices):
        return float(declaration.choices.index(value))
    return float(value)


def signal_outlets(spec: Spec) -> list[str]:
    """Outlets of a control node that carry numbers."""
    return [name for name, outlet in spec.outlets.items() if outlet.type is Signal]
