"""Small generators that speak the real protocol; `settings["is"]` chooses one."""

from __future__ import annotations

import ctypes
import json
import os
import sys
import threading
import time
from typing import Any

import numpy as np
import numpy.typing as npt

from graphflow.core.errors import UserError

CHUNK = 1024
"""Frames."""


def say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


class Ramp:
    """Frame k of its music is k * 2**-20 (exact in float32 for 16 s), left; the state's `value`, right."""

    rate = 48_000
    channels = 2

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings
        self.made = 0
        self.value = 0.0
        self.restored = False
        self.frames = int(settings.get("chunk", CHUNK))

    def set(self, state: dict[str, Any]) -> None:
        self.value = float(state.get("value", state.get("params", {}).get("value", 0.0)))
        if state.get("say"):
            say(state["say"])
        if state.get("raise"):
            raise ArithmeticError("told to raise")
        if state.get("die"):
            os.kill(os.getpid(), 9)

    def step(self, frame: int) -> npt.NDArray[np.float32]:
        left = (self.made + np.arange(self.frames)) * 2.0**-20
        self.made += self.frames
        return np.stack([left, np.full(self.frames, self.value)]).astype(np.float32)

    def snapshot(self) -> bytes:
        return json.dumps([self.made, self.value]).encode()

    def restore(self, data: bytes) -> None:
        self.made, self.value = json.loads(data)
        self.restored = True


class Slow(Ramp):
    """Takes `seconds` for every chunk."""

    def step(self, frame: int) -> npt.NDArray[np.float32]:
        threading.Event().wait(float(self.settings["seconds"]))
        return super().step(frame)


class Hung(Ramp):
    """Hangs for ever once it has made `chunks`; a restored one goes on."""

    def step(self, frame: int) -> npt.NDArray[np.float32]:
        if self.made == int(self.settings["chunks"]) * self.frames and not self.restored:
            threading.Event().wait()
        return super().step(frame)


class Greedy(Ramp):
    """Holds the GIL for ever, as a native library may, from its third chunk on."""

    def step(self, frame: int) -> npt.NDArray[np.float32]:
        if self.made == 2 * self.frames:
            say("holding")
            ctypes.PyDLL(None).sleep(1000)
        return super().step(frame)


class Tone(Ramp):
    """A 1000 Hz sine at 32 kHz, its phase from the absolute frame."""

    rate = 32_000

    def step(self, frame: int) -> npt.NDArray[np.float32]:
        at = frame + np.arange(self.frames)
        tone = np.sin(2.0 * np.pi * 1000.0 * at / self.rate)
        return np.stack([tone, np.full(self.frames, self.value)]).astype(np.float32)


class Transport(Ramp):
    """Says on which of its own frames the state's transport began, right, in units of 2**-20."""

    rate = 32_000

    def set(self, state: dict[str, Any]) -> None:
        self.value = float(state["transport"]["frame"]) * 2.0**-20


class Forgetful(Ramp):
    """Has no snapshots."""

    def snapshot(self) -> bytes:
        raise NotImplementedError


class Stubborn(Ramp):
    """Takes no snapshot back."""

    def restore(self, data: bytes) -> None:
        raise ValueError("not mine")


BEGUN: dict[int, list[float]] = {}
"""By frame, when the generators of this process began their chunks."""


class Nimble(Ramp):
    """Made just in time, and takes its chunks back, unless it goes only `forward`; `seconds` for every chunk,
    `latency` as it is told, a bit of `noise` on the right."""

    just_in_time = True

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__(settings)
        self.frames = self.chunk = int(settings.get("chunk", 1920))
        self.latency = int(settings.get("latency", 0))
        self.rollback = True
        self.rewound = 0
        self.pause = 0.0

    def set(self, state: dict[str, Any]) -> None:
        super().set(state)
        self.frames = state.get("frames", self.frames)
        self.pause = float(state.get("pause", 0.0))

    def step(self, frame: int) -> npt.NDArray[np.float32]:
        assert frame % self.chunk == 0
        BEGUN.setdefault(frame, []).append(time.monotonic())
        threading.Event().wait(self.pause or float(self.settings.get("seconds", 0.0)))
        self.pause = 0.0
        block = super().step(frame)
        if self.settings.get("noise"):
            block[1] += np.random.default_rng(frame).standard_normal(block.shape[1]).astype(np.float32)
        return block

    def rewind(self) -> bool:
        if self.settings.get("forward"):
            return False
        self.made -= self.frames
        self.rewound += 1
        return True

    def figures(self) -> dict[str, Any]:
        """`apart`: the median time between two generators' beginnings of the same chunk, in ms."""
        apart = [1000 * (max(moments) - min(moments)) for moments in list(BEGUN.values())[10:] if len(moments) == 2]
        return {"rewound": np.int64(self.rewound), "apart": np.median(apart) if apart else -1.0, "words": "x" * 300}

    def close(self) -> None:
        say("closed")


class Cracked(Ramp):
    """Makes no numbers in the chunk after a `value` of 1; after one of 2 in all, until it is restored."""

    broken = False

    def set(self, state: dict[str, Any]) -> None:
        super().set(state)
        self.broken = self.broken or self.value == 2.0

    def step(self, frame: int) -> npt.NDArray[np.float32]:
        block = super().step(frame)
        if self.broken or self.value == 1.0:
            block[0, 7] = np.nan
            self.value = 0.25
        return block

    def restore(self, data: bytes) -> None:
        super().restore(data)
        self.broken = False


class Hearing(Ramp):
    """What it has heard last comes out on the right; on the left the first frame of it, in units of 2**-20."""

    def __init__(self, settings: dict[str, Any]) -> None:
        super().__init__(settings)
        self.heard = np.zeros((1, 0), np.float32)
        self.frame = 0

    def hear(self, block: npt.NDArray[np.float32], frame: int) -> None:
        self.heard = np.concatenate([self.heard, block[:1]], axis=1)[:, -self.frames :]
        self.frame = frame

    def step(self, frame: int) -> npt.NDArray[np.float32]:
        block = super().step(frame)
        block[0] = self.frame * 2.0**-20
        if count := self.heard.shape[1]:
            block[1, -count:] = self.heard[0]
        return block


class Mute(Ramp):
    """Raises where it should show figures or close."""

    def figures(self) -> dict[str, Any]:
        raise KeyError("figures")

    def close(self) -> None:
        raise OSError("still busy")


class Talkative(Ramp):
    """Has something to say after its second chunk."""

    def news(self) -> list[str]:
        return ["is halfway", "is tired"] if self.made == 2 * self.frames else []


KINDS = {kind.__name__.lower(): kind for kind in Ramp.__subclasses__()} | {"ramp": Ramp}


def open(settings: dict[str, Any]) -> Ramp:
    kind = settings.get("is", "ramp")
    if kind == "missing":
        raise UserError("weights of fake are not there; run graphflow models get fake")
    if kind == "broken":
        raise ValueError("no such thing")
    if kind == "large":
        raise RuntimeError("CUDA out of memory. Tried to allocate 9.00 GiB.\nGPU 0 has 7.79 GiB in all.")
    if kind == "mortal":
        say("out of paper")
        os._exit(3)
    if kind == "wild":
        ctypes.string_at(1)
    return KINDS[kind](settings)
