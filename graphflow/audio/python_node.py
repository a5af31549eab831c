"""A node that is not native: its Python runs in a thread behind rings, so that the sound card never waits for it.

The audio thread writes what the node hears, with a value per frame of every live number, and reads what it has made
`latency` frames later. The thread works in pieces of a fixed length on the graph's own frames, so that blocks of any
length, and a render, which calls it directly after every block, give the same samples.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphflow.audio.instance import Instance
from graphflow.audio.layout import PARAM_WORDS, RAISED, TARGET
from graphflow.audio.ring import Ring, capacity_for
from graphflow.audio.source import CompileError
from graphflow.core.declare import Choice, Held, Ramp, Setting, SoundFile, Switch
from graphflow.core.node import Spec, argument_names

PIECE = 512
"""Frames the node's `process` is given at once."""
LEAST_LATENCY = 2048
"""Frames: a piece, the longest block, and time for the thread to be woken."""
CHANNELS = 2
"""How wide a node is whose ins do not say."""
LOOK_EVERY = 0.002
"""Seconds between looks at the ring; a piece lasts 10.7 ms at 48 kHz."""


class PythonNode:
    """One instance's thread and rings. `error` is what its code raised, or nothing."""

    def __init__(self, instance: Instance, rate: float) -> None:
        """Raises CompileError for a node that leaves its thread no time."""
        spec = instance.spec
        self.instance, self.latency = instance, int(spec.cls.latency)  # type: ignore[attr-defined]
        if self.latency < LEAST_LATENCY:
            raise CompileError(
                f"{spec.file}: {spec.kind} runs in Python with a latency of {self.latency} frames; "
                f"expected {LEAST_LATENCY} or more, which parallel branches are delayed by too"
            )
        self._rate = rate
        self._process: Callable[..., Any] = spec.cls.process  # type: ignore[attr-defined]
        heard = sum(heard_channels(spec).values())
        capacity = capacity_for(1.0 + 4 * self.latency / rate, int(rate))
        self.heard = Ring.local(max(heard, 1), capacity)
        self.made = Ring.local(max(sum(made_channels(spec).values()), 1), capacity)
        self.error = ""
        self._done = -1
        self._lock = threading.Lock()
        self._stop = threading.Event()
        instance.ring, instance.heard = self.made.words, self.heard.words
        threading.Thread(target=self._run, name=f"node {instance.name}", daemon=True).start()

    def work(self) -> None:
        """Make whatever can be made of what has been heard."""
        with self._lock:
            while not self.error and self.heard.epoch:
                behind = self.heard.written - self._done > self.heard.capacity - PIECE
                if self._done < 0 or behind:  # at the start, or overrun: go on with the newest, after a gap
                    self._done = self.heard.start if self._done < 0 else self.heard.written
                    self.made.restart(self._done + self.latency)
                if self._done + PIECE > self.heard.written:
                    return
                self._piece(self._done)
                self._done += PIECE

    def stop(self) -> None:
        """End the thread."""
        self._stop.set()

    def _run(self) -> None:
        while not self._stop.wait(LOOK_EVERY):
            self.work()

    def _piece(self, frame: int) -> None:
        spec, instance = self.instance.spec, self.instance
        heard = self.heard.frames(frame, frame + PIECE)
        values: dict[str, Any] = {"rate": self._rate, "engine_rate": self._rate, "frame": frame, "block": PIECE}
        at = 0
        for name, channels in heard_channels(spec).items():
            sound = heard[at : at + channels]
            at += channels
            declared = spec.declarations[name]
            values[name] = sound[0] if isinstance(declared, Ramp) else sound
            if isinstance(declared, Held):
                values[name] = float(sound[0, 0])
        for name, d in spec.declarations.items():
            if isinstance(d, SoundFile):
                values[name] = instance.files[name]
            elif isinstance(d, (Choice, Switch)):
                values[name] = int(instance.params[instance.records[name] * PARAM_WORDS + TARGET])
            elif isinstance(d, Setting):
                values[name] = instance.values.get(name, d.default)
        values |= {n: s if spec.states[n].is_line else s[:, 0] for n, s in instance.states.items()}
        out = np.zeros((self.made.channels, PIECE), np.float32)
        at = 0
        for name, channels in made_channels(spec).items():
            values[name] = out[at : at + channels]
            at += channels
        try:
            self._process(**{name: values[name] for name in argument_names(self._process)})
        except Exception as error:  # noqa: BLE001 - whatever an author's code raises mutes the node
            self.error = f"{type(error).__name__}: {' '.join(str(error).split())}"
            instance.fault[0] = RAISED
            return
        self._bypass(values, heard, out)
        self.made.write(out)

    def _bypass(self, values: dict[str, Any], heard: NDArray[np.float32], out: NDArray[np.float32]) -> None:
        """Blend in what was heard, as late as what was made."""
        if "bypass" in values and np.any(values["bypass"] > 0.0):
            dry = heard[: heard_channels(self.instance.spec)[next(iter(self.instance.spec.audio_ins))]]
            for channel in range(len(out)):
                out[channel] += values["bypass"] * (dry[min(channel, len(dry) - 1)] - out[channel])


def heard_channels(spec: Spec) -> dict[str, int]:
    """What the ring to the thread carries, in its order: the ins, then one channel per live number."""
    ins = {n: d.channels or CHANNELS for n, d in {**spec.audio_ins, **spec.device_ins}.items()}
    return ins | dict.fromkeys(spec.numeric, 1)


def made_channels(spec: Spec) -> dict[str, int]:
    """What the ring from the thread carries, in its order."""
    return {n: d.channels or CHANNELS for n, d in {**spec.audio_outs, **spec.device_outs, **spec.tapes}.items()}
