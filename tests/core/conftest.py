"""A small library of kinds, one for each thing a node can declare."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from graphflow import (
    AudioIn,
    AudioNode,
    AudioOut,
    Choice,
    ControlNode,
    DeviceOut,
    Held,
    Image,
    Inlet,
    Notes,
    Outlet,
    Ramp,
    Setting,
    Signal,
    SoundFile,
    State,
    Style,
    Switch,
    Tape,
    Text,
    WorkerNode,
)
from graphflow.core.check import check
from graphflow.core.graph import Graph, build
from graphflow.core.library import Library
from graphflow.core.patch_text import read


class Tone(AudioNode):
    """A tone."""

    freq = Ramp(440.0, "Pitch.", "Hz", min=0.1, max=20_000.0, warp="exp")
    out = AudioOut("The tone.")

    @staticmethod
    def tick(freq: float) -> float:
        return freq


class Split(AudioNode):
    """A filter with two outs.

    It is told in two paragraphs.
    """

    input = AudioIn("What to split.")
    cutoff = Ramp(1000.0, "Where.", "Hz", min=20.0, max=20_000.0, warp="exp")
    low, high = AudioOut("Below."), AudioOut("Above.")

    @staticmethod
    def tick(input: float) -> tuple[float, float]:
        return input, input


class Hall(AudioNode):
    """A room."""

    input = AudioIn()
    mix = Ramp(0.3, "How much.")
    steps = Held(4.0, "Steps.", min=1.0, max=8.0, step=1.0)
    out = AudioOut()

    @staticmethod
    def tick(input: float) -> float:
        return input


class Lag(AudioNode):
    """Breaks a loop."""

    breaks_loop = True
    latency = 64
    input = AudioIn()
    level = Ramp(-6.0, "How much.", "dB", min=-60.0, max=0.0)
    line = State(size=64)
    out = AudioOut()

    @staticmethod
    def send(block: int, input: object, line: object) -> None: ...

    @staticmethod
    def receive(block: int, out: object, line: object) -> None: ...


class Out(AudioNode):
    """The end."""

    input = AudioIn()
    device = DeviceOut()

    @staticmethod
    def tick(input: float) -> float:
        return input


class Deck(AudioNode):
    """Plays a file."""

    file = SoundFile("", "What to play.")
    loop = Switch(True, "Whether it begins again.")
    channels = Setting(2, "Channels.", min=1, max=8)
    out = AudioOut(channels=2)

    @staticmethod
    def process(block: int, file: object, out: object) -> None: ...


class Taper(AudioNode):
    """Writes a file."""

    input = AudioIn()
    file = Setting("take.wav", "What to write.")
    tape = Tape()

    @staticmethod
    def tick(input: float) -> float:
        return input


class Words(ControlNode):
    """Words."""

    style = Outlet(Style, "The words.")
    text = Text("piano", "What to play.")
    weight = Held(1.0, "How much.", min=0.0, max=2.0)


class Blend(ControlNode):
    """From one style to another."""

    a = Inlet(Style)
    b = Inlet(Style)
    position = Held(0.0, "How far.")
    style = Outlet(Style)


class Speech(ControlNode):
    """Words that are heard."""

    text = Outlet(Text)


class Screen(ControlNode):
    """Shows words."""

    words = Inlet(Text)


class Camera(ControlNode):
    """Pictures."""

    image = Outlet(Image)


class Eye(ControlNode):
    """Looks at pictures."""

    picture = Inlet(Image)
    style = Outlet(Style)
    light, warmth = Outlet(Signal), Outlet(Signal)
    gaze = Held(0.5, "Where.")


class Keys(ControlNode):
    """Notes."""

    notes = Outlet(Notes)


class Band(WorkerNode):
    """A generator."""

    generator = "band"
    style = Inlet(Style)
    notes = Inlet(Notes)
    heat = Held(1.0, "How daring.", min=0.0, max=2.0)
    drums = Switch(True, "Whether drums play.")
    key = Choice("auto", "The key.", choices=("auto", "C", "D"))
    device = Setting("auto", "Where it runs.")
    out = AudioOut(channels=2)


KINDS = (Tone, Split, Hall, Lag, Out, Deck, Taper, Words, Blend, Speech, Screen, Camera, Eye, Keys, Band)


@pytest.fixture(scope="session")
def library() -> Library:
    return Library(*KINDS)


@pytest.fixture
def faults(library: Library) -> Callable[[str], list[str]]:
    """All that `check` says about a text."""
    return lambda text: [str(problem) for problem in check(text, library)]


def text_of(wires: list[str], **kinds: str) -> str:
    """A patch of a few nodes: hall="hall" or tone="tone, freq = 220.0"."""
    tables = []
    for name, words in kinds.items():
        kind, _, rest = words.partition(",")
        tables.append(f'[nodes.{name}]\nkind = "{kind}"\n{rest.strip()}\n')
    lines = "".join(f'  "{wire}",\n' for wire in wires)
    return f"format = 1\nwires = [\n{lines}]\n\n" + "\n".join(tables)


@pytest.fixture
def wired(library: Library) -> Callable[..., tuple[Graph, list[str]]]:
    """The graph of a few nodes, and what is wrong with it: wired(["a -> b"], a="tone", b="hall, mix = 0.1")."""

    def graph(wires: list[str], **kinds: str) -> tuple[Graph, list[str]]:
        patch, problems = read(text_of(wires, **kinds))
        built, more = build(patch, library)
        return built, [str(problem) for problem in (*problems, *more)]

    return graph
