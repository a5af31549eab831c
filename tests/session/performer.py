"""Somebody who plays: random edits and controls of every kind, and a stage on the manual clock to do it on."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from kinds import LIBRARY as SMALL
from take_fakes import Teeth, Wanderer

from graphflow.core.library import Library
from graphflow.core.patch_text import read
from graphflow.session import Session
from graphflow.session.replay import Replay
from graphflow.session.take_writer import TakeWriter, record
from tests.conftest import wait_until as wait_until

LIBRARY = Library.builtin()
for kind in ("steady", "words", "level", "beat", "later"):
    LIBRARY.add(SMALL[kind])
LIBRARY.add(Wanderer)
LIBRARY.add(Teeth)

PATCH = """
format = 1
wires = ["hiss -> bend -> echo -> hall -> out", "sway -> bend.cutoff", "tick -> quiet -> hall", "knob -> bend.q"]
[nodes.hiss]
kind = "noise"
[nodes.sway]
kind = "lfo"
rate = 3.0
low = 200.0
high = 2000.0
[nodes.bend]
kind = "svf"
[nodes.echo]
kind = "delay"
time = 0.03
[nodes.hall]
kind = "reverb"
[nodes.tick]
kind = "teeth"
[nodes.quiet]
kind = "gain"
level = -24.0
[nodes.knob]
kind = "level"
value = 0.7
[nodes.out]
kind = "output"
level = -20.0
[transport]
tempo = 400.0
"""
Sound = npt.NDArray[np.float32]  # [frames, 2]


class Stage:
    """A session on the manual clock that is recorded, or not."""

    def __init__(self, folder: Path | None, text: str = PATCH, *, seed: int = 3, library: Library = LIBRARY) -> None:
        self.lines: list[str] = []
        self.session = Session(library, report=self.lines.append, seed=seed)
        self.writer: TakeWriter | None = record(self.session, folder, text) if folder is not None else None
        self.block = 128
        self._heard: list[Sound] = []
        patch, problems = read(text)
        assert not problems
        self.session.play(patch, fade=0.0)

    def run(self, frames: int, look: bool = True) -> None:
        """The next frames, in blocks; the session looks after each, or not."""
        end = self.session.engine.frame + frames
        while self.session.engine.frame < end:
            self._heard.append(self.session.engine.run(min(self.block, end - self.session.engine.frame)))
            if look:
                self.session.pump()
                self.session.loop.run_until_complete(self.session.settle())

    def close(self) -> Sound:
        """End it; what was heard."""
        self.session.close()
        return np.concatenate(self._heard)


class Performer:
    """Does something every time it is asked."""

    def __init__(self, session: Session, seed: int) -> None:
        self.session, self.dice = session, random.Random(seed)
        self.number = 0
        self.done: dict[str, int] = {}

    def act(self) -> None:
        acts = (
            self.add, self.add, self.take_out, self.turn, self.turn, self.turn_later, self.value, self.swap,
            self.rewire, self.hush, self.mute, self.solo, self.knob, self.loop, self.out_in, self.many, self.panic,
            self.widen, self.undo, self.silent_edit, self.morph,
        )  # fmt: skip
        act = self.dice.choice(acts)
        self.done[act.__name__] = self.done.get(act.__name__, 0) + 1
        act()

    def _play(self, patch: Any, **how: Any) -> None:
        dice = self.dice
        how.setdefault("fade", dice.choice((0.0, 5.0, 20.0, 60.0)))
        how.setdefault("quant", dice.choice(("now", "now", "beat")))
        self.session.play(patch, **how)

    def _own(self) -> list[str]:
        return [name for name in self.session.patch.nodes if name.startswith("x")]

    def add(self) -> None:
        self.number += 1
        name, dice = f"x{self.number}", self.dice
        kind = dice.choice(("sine", "noise", "teeth", "saw"))
        patch = self.session.patch.with_node(name, kind).with_node(f"{name}y", "gain", level=-18.0)
        self._play(patch.with_wires(f"{name} -> {name}y -> {dice.choice(('hall', 'echo', 'bend', 'out'))}"))

    def take_out(self) -> None:
        if own := self._own():
            self._play(self.session.patch.without_node(self.dice.choice(own)))

    def turn(self) -> None:
        self.session.set("hall", "mix", self.dice.random())

    def turn_later(self) -> None:
        at = self.session.engine.frame + self.dice.randrange(2000)
        echo = self.session.patch.nodes["echo"].kind
        self.session.set("echo", "feedback" if echo == "delay" else "size", self.dice.random() * 0.8, frame=at)

    def value(self) -> None:
        self._play(self.session.patch.with_value("hall", "damp", self.dice.random()))

    def swap(self) -> None:
        """Another delay, whose echoes ring on where there is a fade."""
        kind = "reverb" if self.session.patch.nodes["echo"].kind == "delay" else "delay"
        self._play(self.session.patch.with_node("echo", kind))

    def rewire(self) -> None:
        wire = self.dice.choice(("tick -> bend", "hiss -> hall", "sway -> hall.mix", "hiss -> out"))
        patch = self.session.patch
        wires = [w for w in patch.wires if w != wire] if wire in patch.wires else [*patch.wires, wire]
        self._play(replace(patch, wires=tuple(wires)))

    def hush(self) -> None:
        self.session.hush(self.dice.random() < 0.4)

    def panic(self) -> None:
        self.session.panic()
        self.session.engine.fade(1.0, self.dice.random() * 0.05)

    def mute(self) -> None:
        self.session.mute("tick", on=self.dice.random() < 0.5)

    def solo(self) -> None:
        self.session.solo(*self.dice.choice(((), ("hiss",), ("tick",))))

    def knob(self) -> None:
        self.session.set("knob", "value", self.dice.random())

    def loop(self) -> None:
        """A way back, so that nodes have to be played twice for a while."""
        patch = self.session.patch
        if "back" in patch.nodes:
            self._play(patch.without_node("back"))
        else:
            self._play(patch.with_node("back", "feedback").with_wires("hall -> back -> bend"))

    def out_in(self) -> None:
        session = self.session
        links = session._parts.links(session.graph)
        self.dice.shuffle(links)
        fade = self.dice.choice((240, 960))
        session.engine.play(session._parts.instances.values(), links[1:], fade_frames=fade, mode="out-in")

    def many(self) -> None:
        """Edits that are withdrawn or merged: they come faster than they can be taken."""
        for _ in range(self.dice.randrange(2, 5)):
            self.dice.choice((self.add, self.take_out, self.rewire, self.value))()

    def widen(self) -> None:
        """A wide node before a narrow one, whose state gets more channels."""
        patch = self.session.patch
        if "wide" in patch.nodes:
            self._play(patch.without_node("wide"))
        else:
            self._play(patch.with_node("wide", "pan").with_wires("tick -> wide -> bend"))

    def undo(self) -> None:
        if self.session.history.past:
            self._play(self.session.history.back(self.session.patch), step="back")

    def silent_edit(self) -> None:
        self._play(self.session.patch, quant="beat")

    def morph(self) -> None:
        self.session.morph({"hall.mix": self.dice.random(), "hall.size": self.dice.random()}, 0.05)


def played_again(
    folder: Path, *, library: Library = LIBRARY, report: Callable[[str], None] = lambda line: None, **how: Any
) -> Sound:
    """A take's replay, whole."""
    replay = Replay(folder, library, report=report, **how)
    try:
        return np.concatenate([*replay.blocks(), np.zeros((0, 2), np.float32)])
    finally:
        replay.close()


def same(one: Sound, other: Sound) -> str:
    """Nothing where both are the same to the bit, else where they part."""
    if one.shape != other.shape:
        return f"{one.shape} and {other.shape}"
    parts = np.flatnonzero((one.view(np.int32) != other.view(np.int32)).any(axis=1))
    return f"differ from frame {parts[0]} on, {len(parts)} frames" if len(parts) else ""
