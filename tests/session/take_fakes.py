"""A generator whose every sample depends on all it was told, and when: for takes and their replays."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import numpy.typing as npt

from graphflow import AudioIn, AudioNode, AudioOut, Held, Inlet, Setting, State, Style, WorkerNode

CHUNK = 1920


class Teeth(AudioNode):
    """Counts frames up to 777, again and again; shows whether state lives on."""

    seen = State()
    out = AudioOut("The count, up to a tenth.")

    @staticmethod
    def tick(seen: float) -> tuple[float, float]:
        return seen * 0.0001, (seen + 1.0) % 777.0


class Wanderer(WorkerNode):
    """A random walk."""

    generator = "take_fakes"
    style = Inlet(Style, "Its words move it.")
    value = Held(0.1, "How far it walks.", min=0.0, max=1.0)
    how = Setting("plain", "What it can.", choices=("plain", "slow_rate", "just_in_time", "hears"))
    input = AudioIn("What it hears.", channels=1)
    out = AudioOut("It.", channels=2)


class Walk:
    """`set` counts too: a state that comes a chunk later gives another walk."""

    channels = 2
    chunk = CHUNK

    def __init__(self, how: str) -> None:
        self.rate = 32_000 if how == "slow_rate" else 48_000
        self.just_in_time = self.rollback = how == "just_in_time"
        self.dice = np.random.default_rng(1)
        self.place, self.value, self.words = 0.0, 0.0, 0
        self.before: bytes = b""

    def set(self, state: dict[str, Any]) -> None:
        self.value = float(state["params"]["value"])
        self.words = sum(map(ord, "".join(part["text"] for part in state["style"]["parts"])))

    def hear(self, block: npt.NDArray[np.float32], frame: int) -> None:
        self.place += float(np.abs(block).sum()) * 1e-4 + frame * 1e-9

    def step(self, frame: int) -> npt.NDArray[np.float32]:
        self.before = self.snapshot()
        steps = self.dice.uniform(-1.0, 1.0, CHUNK) * self.value
        walk = self.place + np.cumsum(steps) * 0.05
        self.place = float(walk[-1]) * 0.5 + self.words * 1e-5
        return np.stack([np.sin(walk), np.cos(walk)]).astype(np.float32) * np.float32(0.3)

    def rewind(self) -> bool:
        if self.before:
            self.restore(self.before)
        return bool(self.before)

    def snapshot(self) -> bytes:
        return json.dumps([self.dice.bit_generator.state, self.place, self.value, self.words]).encode()

    def restore(self, data: bytes) -> None:
        self.dice.bit_generator.state, self.place, self.value, self.words = json.loads(data)


def open(settings: dict[str, Any]) -> Walk:
    return Walk(settings["how"])
