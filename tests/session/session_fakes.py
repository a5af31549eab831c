"""A small generator for sessions: its left channel counts frames, its right one is the param `value`."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt


class Counter:
    """Frame k of its music is k * 2**-20 on the left."""

    rate = 48_000
    channels = 2

    def __init__(self) -> None:
        self.made = 0
        self.value = 0.0
        self.words = ""

    def set(self, state: dict[str, Any]) -> None:
        self.value = float(state["params"].get("value", 0.0))
        self.words = " ".join(part["text"] for part in state.get("style", {"parts": ()})["parts"])
        if self.words == "crack":
            self.value = np.nan
        if self.words == "choir":  # heard as a negative right channel
            self.value = -self.value

    def step(self, frame: int) -> npt.NDArray[np.float32]:
        left = (self.made + np.arange(1024)) * 2.0**-20
        self.made += 1024
        return np.stack([left, np.full(1024, self.value)]).astype(np.float32)

    def snapshot(self) -> bytes:
        return str(self.made).encode()

    def restore(self, data: bytes) -> None:
        self.made = int(data)


class Parrot(Counter):
    """Its right channel is what it heard last, its left one the frame of that in units of 2**-20."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = np.zeros(1024, np.float32)
        self.frame = 0

    def hear(self, block: npt.NDArray[np.float32], frame: int) -> None:
        self.heard = np.concatenate([self.heard, block[0]])[-1024:]
        self.frame = frame + block.shape[1]

    def step(self, frame: int) -> npt.NDArray[np.float32]:
        return np.stack([np.full(1024, self.frame * 2.0**-20), self.heard]).astype(np.float32)


def open(settings: dict[str, Any]) -> Counter:
    return Parrot() if settings.get("hears") else Counter()
