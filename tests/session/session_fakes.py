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
        self.value = float(state["params"]["value"])
        self.words = " ".join(part["text"] for part in state["style"]["parts"])
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


def open(settings: dict[str, Any]) -> Counter:
    return Counter()
