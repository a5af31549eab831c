"""A performance on jackd's dummy device for bench/osc.py, with a controller beside it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from graphflow import AudioNode, AudioOut, Ramp
from graphflow.control.osc import OscServer
from graphflow.core.library import Library
from graphflow.core.patch_text import read
from graphflow.session import Session
from graphflow.session.live import Live
from graphflow.session.output import Output

RATE, BLOCK = 48_000, 128
SENDERS = Path(__file__).parent / "osc_senders.py"


class Steady(AudioNode):
    """The same number in every frame: whatever moves in its sound was moved."""

    value = Ramp(0.25, "The number.", min=-1.0, max=1.0)
    out = AudioOut("It.")

    @staticmethod
    def tick(value: float) -> float:
        return value


def library() -> Library:
    found = Library.builtin()
    found.add(Steady)
    return found


def patch(nodes: int, file: str = "") -> str:
    """So many numbers, added; the first is written to a file."""
    wires = [f"'s{k} -> out'" for k in range(nodes)] + (["'s0 -> tape'"] if file else [])
    text = f"format = 1\nwires = [{', '.join(wires)}]\n[nodes.out]\nkind = 'output'\n"
    text += f"[nodes.tape]\nkind = 'recorder'\nfile = '{file}'\n" if file else ""
    return text + "".join(f"[nodes.s{k}]\nkind = 'steady'\nvalue = 0\n" for k in range(nodes))


def moved(sound: np.ndarray) -> np.ndarray:
    """The frames on which something that rested began to move."""
    still = np.diff(sound) == 0.0
    return np.flatnonzero(still[:-1] & ~still[1:]) + 2


class Stage:
    """Plays while a controller sends. A second passes before it begins, and some after it has ended."""

    def __init__(self, nodes: int, file: str = "") -> None:
        self.folder = Path(tempfile.mkdtemp())
        self.lines: list[str] = []
        self.session = Session(library(), rate=RATE, folder=self.folder, report=self.lines.append)
        self.server = OscServer(self.session, port=0)
        self.told: dict[str, Any] = {}
        self.begun: list[tuple[int, float]] = []
        self._patch, self._file = read(patch(nodes, file))[0], file
        self._sender: subprocess.Popen[bytes] | None = None

    def play(self, what: str, seconds: float, number: float, show: Callable[[float], None] = lambda s: None) -> None:
        """`show` is called with the seconds that have passed, at every look."""
        session, place = self.session, self.folder / "told.json"
        session.loop.run_until_complete(self.server.start())
        session.listeners.append(lambda frame: self.begun.append(session.engine.begun))
        output = Output(session.engine, BLOCK, self.lines.append)
        command = [sys.executable, SENDERS, what, str(self.server.port), str(seconds), str(number), str(place)]

        def look(live: Live) -> None:
            passed = time.monotonic() - live.begun if live.begun else 0.0
            if passed > 1.0 and self._sender is None:
                self._sender = subprocess.Popen(command)
            if self._sender is not None and place.exists() and not self.told and self._sender.poll() is not None:
                self.told = json.loads(place.read_text())
                self.ending = time.monotonic() + 1.0
            if self.told and time.monotonic() > self.ending:
                live.end()
            show(passed)

        try:
            start = output.prepare("system", None)
            Live(session, output).run(self._patch, start, seconds=seconds + 30.0, show=look)
        finally:
            self.server.close()
            output.close()

    def sound(self) -> np.ndarray:
        """What was written; the session is closed for it."""
        self.session.close()
        sound, _ = soundfile.read(self.folder / self._file, dtype="float32", always_2d=True)
        return sound[:, 0]

    def clean(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)

    def frame_of(self, seconds: float) -> float:
        """The frame that begins at a moment, by the blocks of the two seconds around it: known only afterwards."""
        starts = [when - frame / RATE for frame, when in self.begun if abs(when - seconds) < 1.0]
        return float((seconds - np.median(starts)) * RATE)

    def steady(self, seconds: float) -> bool:
        """Whether the device lost no time in the two seconds around a moment: its clock is the same on both sides."""
        sides = [[w - f / RATE for f, w in self.begun if 0.0 <= side * (w - seconds) < 1.0] for side in (-1, 1)]
        return all(sides) and bool(abs(np.median(sides[0]) - np.median(sides[1])) < 0.0005)
