"""A held tone on the left while all is changed on the right: the left is the same to the sample, the right never steps.

Then many edits in a row, good and bad, as a long night brings them.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import psutil
import pytest

from graphflow import AudioIn, AudioNode, AudioOut
from graphflow.core.check import silent
from graphflow.core.errors import PatchError
from graphflow.core.graph import build
from graphflow.core.library import Library
from graphflow.core.patch import Patch
from graphflow.core.patch_text import read
from graphflow.core.patch_write import write
from graphflow.session import Session
from graphflow.session.offline import render

RATE, FADE = 48_000, 20.0
Sound = npt.NDArray[np.float32]


class Side(AudioNode):
    """Sends a sound to one side only."""

    left = AudioIn("For the left.", channels=1)
    right = AudioIn("For the right.", channels=1)
    out = AudioOut("Both.", channels=2)

    @staticmethod
    def process(left: Sound, right: Sound, out: Sound, block: int) -> None:
        for i in range(block):
            out[0, i], out[1, i] = left[0, i], right[0, i]


LIBRARY = Library(*Library.builtin().values(), Side)
HELD = """
format = 1
wires = [
  "held -> sides.left",
  "tone -> soft -> sides.right",
  "sides -> out",
]
[nodes.held]
kind = "sine"
freq = 220.0
[nodes.tone]
kind = "sine"
freq = 110.0
[nodes.soft]
kind = "gain"
level = -6.0
[nodes.sides]
kind = "side"
[nodes.out]
kind = "output"
"""


def opened(patch: Patch) -> Session:
    session = Session(LIBRARY, rate=RATE, lockstep=True, folder=Path(__file__).parent)
    session.play(patch, fade=0.0)
    return session


def heard(session: Session, frames: int) -> Sound:
    blocks: Iterator[Sound] = render(session, frames)
    return np.concatenate(list(blocks))


def patch_of(text: str) -> Patch:
    patch, problems = read(text)
    assert problems == []
    return patch


def inserted(patch: Patch) -> Patch:
    longer = tuple(wire.replace("tone -> soft", "tone -> bend -> soft") for wire in patch.wires)
    return Patch(**{**vars(patch.with_node("bend", "svf", cutoff=400.0)), "wires": longer})


def bypassed(patch: Patch) -> Patch:
    return patch.without_node("soft").with_wires("tone -> sides.right")


def silenced(patch: Patch) -> Patch:
    return patch.without_node("tone")


def rewired(patch: Patch) -> Patch:
    return patch.with_node("other", "saw", freq=55.0).with_wires("other -> soft")


def replaced(patch: Patch) -> Patch:
    return patch.with_node("tone", "saw", freq=55.0)


def wobbling(patch: Patch) -> Patch:
    return patch.with_node("sway", "lfo", rate=2.0, low=-12.0, high=0.0).with_wires("sway -> soft.level")


def echoing(patch: Patch) -> Patch:
    return patch.with_node("echo", "delay").with_wires("soft -> echo -> sides.right")


def louder(patch: Patch) -> Patch:
    return patch.with_value("soft", "level", 0.0)


EDITS: list[Callable[[Patch], Patch]] = [
    inserted, bypassed, silenced, rewired, replaced, wobbling, echoing, louder,
]  # fmt: skip
STEP = 0.08
"""What a sample may differ from the one before: the steepest of these sounds, an inner saw of 55 Hz at its jump apart."""


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_what_is_not_edited_is_the_same_to_the_sample(edit: Callable[[Patch], Patch]) -> None:
    patch = patch_of(HELD)
    session, plain = opened(patch), opened(patch)
    before, expected = heard(session, 5_003), heard(plain, 20_003)
    session.edit(patch, edit(patch), fade=FADE)
    during = heard(session, 5_000)
    session.play(session.history.back(session.patch), step="back", fade=FADE)
    after = heard(session, 10_000)
    sound = np.concatenate([before, during, after])
    assert np.array_equal(sound[:, 0], expected[:, 0])
    assert np.array_equal(sound[:5_003], expected[:5_003])
    assert not np.array_equal(during[:, 1], expected[5_003:10_003, 1])
    if edit not in (rewired, replaced):  # a saw steps by itself
        assert np.abs(np.diff(sound[:, 1])).max() < STEP
    session.close()
    plain.close()


@pytest.mark.parametrize("edit", EDITS, ids=lambda edit: edit.__name__)
def test_an_edit_that_is_taken_back_at_once_is_not_heard_at_all_in_the_end(edit: Callable[[Patch], Patch]) -> None:
    patch = patch_of(HELD)
    session = opened(patch)
    heard(session, 3_000)
    session.edit(patch, edit(patch), fade=FADE)
    heard(session, 256)  # in the middle of the fade
    session.play(session.history.back(session.patch), step="back", fade=FADE)
    heard(session, 200_000)  # the echo's tail as well
    assert session.engine.settled
    assert session.patch == patch
    assert str(session.graph) == str(build(patch, LIBRARY)[0])
    session.close()


# --- a long night -----------------------------------------------------------------------------------------------------

SOURCES = ("sine", "saw", "pulse", "noise")
EFFECTS = ("svf", "gain", "delay", "reverb", "pan")  # without latency: the left would wait for it


class Night:
    """Edits by chance: nodes come and go, wires are drawn and cut, values move; some are wrong."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.made = 0

    def edit(self, patch: Patch) -> Patch:
        moves = (
            self.add,
            self.add,
            self.drop,
            self.wire,
            self.wire,
            self.cut,
            self.turn,
            self.turn,
            self.swap,
            self.err,
        )
        return self.chance.choice(moves)(patch)

    def one(self, patch: Patch) -> str:
        return self.chance.choice(list(patch.nodes))

    def other(self, patch: Patch) -> str:
        """One that is not on the held tone's way."""
        return self.chance.choice(
            [name for name in patch.nodes if name not in ("held", "sides", "out")] or ["sides.right"]
        )

    def add(self, patch: Patch) -> Patch:
        self.made += 1
        name = f"n{self.made}"
        if len(patch.nodes) > 24:
            return self.drop(patch)
        if self.chance.random() < 0.4:
            return patch.with_node(name, self.chance.choice(SOURCES)).with_wires(f"{name} -> {self.other(patch)}")
        return patch.with_node(name, self.chance.choice(EFFECTS)).with_wires(
            f"{self.one(patch)} -> {name} -> sides.right"
        )

    def drop(self, patch: Patch) -> Patch:
        return patch.without_node(self.one(patch))

    def wire(self, patch: Patch) -> Patch:
        return patch.with_wires(f"{self.other(patch)} -> {self.other(patch)}")

    def cut(self, patch: Patch) -> Patch:
        wires = list(patch.wires)
        wires.remove(self.chance.choice(wires))
        return Patch(**{**vars(patch), "wires": tuple(wires)})

    def turn(self, patch: Patch) -> Patch:
        name = self.one(patch)
        params = LIBRARY[patch.nodes[name].kind].spec.numeric
        if not params:
            return patch
        param = self.chance.choice(list(params))
        return patch.with_value(name, param, params[param].value_at(self.chance.random()))

    def swap(self, patch: Patch) -> Patch:
        name = self.one(patch)
        return patch if name in ("held", "sides", "out") else patch.with_node(name, self.chance.choice(EFFECTS))

    def err(self, patch: Patch) -> Patch:
        """What nobody should hear."""
        return self.chance.choice(
            [
                lambda: patch.with_node("bad", "sine", freq=1e6),
                lambda: patch.with_wires(f"{self.one(patch)} -> nowhere"),
                lambda: patch.without_node("out"),
                lambda: patch.with_value(self.one(patch), "colour", "red"),
            ]
        )()


def spare(patch: Patch) -> bool:
    """Whether the held tone's way is still there."""
    ways = ("held -> sides.left", "sides -> out")
    if not {"held", "sides", "out"} <= patch.nodes.keys():
        return False
    values = patch.nodes["held"].values, patch.nodes["out"].values
    return all(way in patch.wires for way in ways) and values == ({"freq": 220.0}, {})


@pytest.mark.parametrize(
    "edits", [pytest.param(250, id="an evening"), pytest.param(2_000, marks=pytest.mark.slow, id="a night")]
)
def test_many_edits_good_and_bad_leave_nothing_behind(edits: int) -> None:
    start = patch_of(HELD)
    session, plain, night = opened(start), opened(start), Night(seed=4)
    refused = frames = 0
    memory: list[int] = []
    for number in range(edits):
        base = session.patch
        wanted = night.edit(base)
        if "out" in wanted.nodes and not spare(wanted):
            continue  # the tone itself is left alone, or there would be nothing to compare
        try:
            session.prepare(wanted)
            session.edit(base, wanted, fade=night.chance.choice([0.0, 5.0, FADE]), step="none")
        except PatchError:
            refused += 1
            assert session.patch == base
        length = night.chance.choice([1, 64, 500, 1024, 2500])
        assert np.array_equal(heard(session, length)[:, 0], heard(plain, length)[:, 0]), f"edit {number}"
        frames += length
        if number >= edits // 2 and number % (edits // 10) == 0:
            memory.append(psutil.Process().memory_info().rss)
    assert refused > edits // 20
    heard(session, 20 * RATE)  # the longest tail
    assert session.engine.settled
    assert session.engine.rings == ()
    again = patch_of(write("", session.patch))
    fresh, problems = build(again, LIBRARY)
    assert problems + silent(fresh) == []
    assert fresh.nodes == session.graph.nodes
    assert fresh.wires == session.graph.wires
    assert sorted(i.name for i in session.engine.playing.instances.values()) == sorted(fresh.nodes)
    statistics = session.engine.statistics()
    assert (statistics.bad_samples, statistics.faults, statistics.commands_lost) == (0, (), 0)
    assert memory[-1] - memory[0] < 20e6, [m // 1_000_000 for m in memory]
    session.close()
    plain.close()
