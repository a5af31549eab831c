"""Small kinds of node whose samples can be checked by head, and a session that plays them on the manual clock."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from graphflow import (
    AudioIn,
    AudioNode,
    AudioOut,
    Choice,
    ControlNode,
    DeviceOut,
    Held,
    Inlet,
    Outlet,
    Ramp,
    Setting,
    Signal,
    SoundFile,
    State,
    Style,
    Tape,
    Text,
    WorkerNode,
)
from graphflow.core.library import Library
from graphflow.core.patch_text import read
from graphflow.session import Session
from graphflow.session.offline import render


class Steady(AudioNode):
    """The same number in every frame."""

    value = Ramp(0.25, "The number.", min=-1.0, max=1.0)
    out = AudioOut("It.")

    @staticmethod
    def tick(value: float) -> float:
        return value


class Count(AudioNode):
    """Counts frames: 0, 0.001, 0.002 and so on; shows whether state lives on."""

    seen = State()
    out = AudioOut("The count.")

    @staticmethod
    def tick(seen: float) -> tuple[float, float]:
        return seen * 0.001, seen + 1.0


class Cracked(AudioNode):
    """Makes no number of 1."""

    value = Ramp(0.0, "The number.", min=0.0, max=1.0)
    out = AudioOut("Nothing, or no number.")

    @staticmethod
    def tick(value: float) -> float:
        return 1.0 / (1.0 - value) - 1.0 / (1.0 - value)


class Out(AudioNode):
    """What you hear."""

    input = AudioIn("The sound.", channels=2)
    device = DeviceOut("The sound card.")

    @staticmethod
    def tick(input: float) -> float:
        return input


class Words(ControlNode):
    """Words for a generator."""

    text = Text("dust", "The words.")
    weight = Held(1.0, "How much.", min=0.0, max=2.0)
    style = Outlet(Style, "The words as a style.")
    words = Outlet(Text, "The words as they are.")

    async def run(self) -> None:
        async for _ in self.changes():
            self.style.send(Style.of(self.text, self.weight))
            self.words.send(self.text)


class Level(ControlNode):
    """Sends a number that is its param."""

    value = Held(0.5, "The number.", min=0.0, max=1.0)
    level = Outlet(Signal, "It.")

    async def run(self) -> None:
        async for _ in self.changes():
            self.level.send(self.value)


class Later(ControlNode):
    """Sends 1 after a tenth of a second of the graph's time."""

    level = Outlet(Signal, "Nothing, then 1.")

    async def run(self) -> None:
        self.level.send(0.0)
        await self.sleep(0.1)
        self.level.send(1.0)


class Shouts(Words):
    """Words of another kind."""


class Beat(ControlNode):
    """Sends its param every 50 ms, and never asks what has changed."""

    value = Held(0.25, "The number.", min=0.0, max=1.0)
    level = Outlet(Signal, "It.")

    async def run(self) -> None:
        while True:
            self.level.send(self.value)
            await self.sleep(0.05)


class Stuck(ControlNode):
    """Waits for a folder that does not answer."""

    level = Outlet(Signal, "Nothing.")

    async def run(self) -> None:
        await self.blocking(threading.Event().wait, 60.0)


class Mood(ControlNode):
    """Has a choice."""

    mode = Choice("off", "One of three.", choices=("off", "low", "high"))
    level = Outlet(Signal, "Nothing.")

    async def run(self) -> None:
        return


class Broken(ControlNode):
    """Raises as soon as it is changed."""

    value = Held(0.0, "Anything.")
    level = Outlet(Signal, "Nothing.")

    async def run(self) -> None:
        async for names in self.changes():
            if names == {"value"}:
                raise ArithmeticError("told to break")


class Keep(AudioNode):
    """Writes what it hears to a file."""

    input = AudioIn("What to keep.", channels=2)
    file = Setting("take.wav", "Where.")
    tape = Tape("The take.")

    @staticmethod
    def tick(input: float) -> float:
        return input


class Take(AudioNode):
    """Holds a sound file and stays silent."""

    file = SoundFile("", "Which.")
    out = AudioOut("Nothing.")

    @staticmethod
    def process(out: npt.NDArray[np.float32]) -> None:
        out[:] = 0.0


class Band(WorkerNode):
    """A generator of the tests."""

    generator = "session_fakes"
    style = Inlet(Style, "What to play.")
    value = Held(0.0, "Its right channel.", min=-1.0, max=1.0)
    out = AudioOut("Its sound.", channels=2)


class Parrot(WorkerNode):
    """A generator that hears."""

    generator = "session_fakes"
    hears = Setting(True, "It does.")
    input = AudioIn("What to say again.", channels=1)
    out = AudioOut("It, later.", channels=2)


LIBRARY = Library(
    Steady, Count, Cracked, Out, Words, Shouts, Level, Later, Beat, Stuck, Mood, Broken, Keep, Take, Band, Parrot
)


def opened(text: str, lines: list[str] | None = None, folder: Path = Path()) -> Session:
    """A session in lockstep that plays a patch; what it reports is added to `lines`."""
    said = [] if lines is None else lines

    def report(line: str) -> None:
        if not line.startswith(("compiled ", "compiling ")):  # said once, where the kernel cache is cold
            said.append(line)

    session = Session(LIBRARY, folder=folder, report=report, lockstep=True)
    try:
        change(session, text)
    except BaseException:
        session.close()
        raise
    return session


def change(session: Session, text: str, fade: float = 0.0) -> None:
    patch, problems = read(text)
    assert not problems
    session.play(patch, fade=fade)


def rendered(session: Session, frames: int) -> npt.NDArray[np.float32]:
    """The next frames, [frames, 2]."""
    blocks: Iterator[npt.NDArray[np.float32]] = render(session, frames)
    return np.concatenate(list(blocks))
