"""A class takes another's place while it plays: a state that both declare alike goes on to the sample."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from small_nodes import Late, Level, Loop, Rig, Ringing, Scale, Smooth, Sound, Tone, Wide

from graphflow import AudioIn, AudioNode, AudioOut, State, float64

FADE = 960


class Count(AudioNode):
    """0, 1, 2 and so on, in units of 2**-20."""

    seen = State(float64)
    out = AudioOut()

    @staticmethod
    def tick(seen: float) -> tuple[float, float]:
        return float(seen * 2.0**-20), seen + 1.0


class CountAgain(AudioNode):
    """The same, and one more state."""

    added = State()
    seen = State(float64)
    out = AudioOut()

    @staticmethod
    def tick(added: float, seen: float) -> tuple[float, float, float]:
        return float(seen * 2.0**-20), added + 1.0, seen + 1.0


class CountNarrow(AudioNode):
    """The same with a count of another dtype."""

    seen = State()
    out = AudioOut()

    @staticmethod
    def tick(seen: float) -> tuple[float, float]:
        return seen * 2.0**-20, seen + 1.0


class ToneAgain(Tone):
    """A tone of another class."""


class RingingAgain(Ringing):
    """A line of another class."""


class ShortRinging(AudioNode):
    """A line of another length, and a count that is as before."""

    input = AudioIn()
    line = State(size=100)
    out = AudioOut()

    @staticmethod
    def process(input: Sound, out: Sound, line: Sound, block: int) -> None:
        for c in range(len(input)):
            for i in range(block):
                out[c, i] = line[c, i % 100]


class ScaleAgain(Scale):
    """A factor of another class."""


class SmoothBoth(AudioNode):
    """A slow low-pass that is always in stereo."""

    input = AudioIn(channels=2)
    memory = State()
    out = AudioOut(channels=2)

    @staticmethod
    def tick(input: float, memory: float) -> tuple[float, float]:
        memory = 0.99 * memory + 0.01 * input
        return memory, memory


def swap(rig: Rig, name: str, cls: type[AudioNode], wires: list[str], **how: Any) -> None:
    """Go over to another class under a node's name."""
    swaps(rig, {name: cls}, wires, **how)


def swaps(rig: Rig, classes: dict[str, type[AudioNode]], wires: list[str], **how: Any) -> None:
    old = rig.instances
    made = {name: rig.engine.make(name, cls.spec, {}) for name, cls in classes.items()}
    rig.instances = {**old, **made}
    links = [rig.link(wire) for wire in wires]
    rig.engine.play(
        rig.instances.values(),
        links,
        fade_frames=how.get("fade", 0),
        at_frame=how.get("at", 0),
        mode=how.get("mode", "cross"),
        inherits={made[name].key: old[name].key for name in made},
    )


OUT = ["n.out -> device.out"]


def counting(**rig: Any) -> Rig:
    made = Rig(**rig)
    made.play({"n": Count}, OUT)
    made.run(1000)
    return made


def counted(first: int, frames: int) -> np.ndarray:
    return (np.arange(first, first + frames) * 2.0**-20).astype(np.float32)


@pytest.mark.parametrize("at", [0, 1357])
def test_a_count_goes_on_to_the_sample(at: int) -> None:
    rig = counting()
    swap(rig, "n", CountAgain, OUT, at=at)
    np.testing.assert_array_equal(rig.run(2000)[0], counted(1000, 2000))
    assert rig.instances["n"].states["added"][0, 0] == 3000 - max(at, 1000)


@pytest.mark.parametrize("block", [32, 128, 333])
def test_a_count_goes_on_through_a_fade(block: int) -> None:
    rig = counting(block=block)
    swap(rig, "n", CountAgain, OUT, fade=FADE, at=1500)
    sound = rig.run(4000)[0]
    np.testing.assert_allclose(sound, counted(1000, 4000), rtol=1e-6)
    np.testing.assert_array_equal(sound[500 + FADE :], counted(1500 + FADE, 3500 - FADE))


def test_a_phase_goes_on() -> None:
    plain, rig = Rig(), Rig()
    for one in (plain, rig):
        one.play({"n": (Tone, {"freq": 100.0})}, OUT)
        one.run(777)
    swap(rig, "n", ToneAgain, OUT, fade=FADE)
    np.testing.assert_array_equal(rig.run(4000)[:, FADE:], plain.run(4000)[:, FADE:])


def test_an_echo_goes_on_and_is_heard_once() -> None:
    wires = ["tone.out -> n.input", *OUT]
    plain, rig = Rig(), Rig()
    for one in (plain, rig):
        one.play({"tone": Tone, "n": Ringing}, wires)
        one.run(9600)
    swap(rig, "n", RingingAgain, wires, fade=FADE)
    sound, as_before = rig.run(20_000), plain.run(20_000)
    np.testing.assert_allclose(sound, as_before, atol=1e-5)
    np.testing.assert_array_equal(sound[:, FADE:], as_before[:, FADE:])
    assert rig.engine.rings == ()


def test_heirs_that_feed_each_other_are_fed_in_full() -> None:
    wires = ["tone.out -> n.input", "n.out -> ring.input", "ring.out -> device.out", "level.out -> n.factor"]
    plain, rig = Rig(), Rig()
    for one in (plain, rig):
        one.play({"tone": Tone, "level": Level, "n": Scale, "ring": Ringing}, wires)
        one.run(9600)
    swaps(rig, {"n": ScaleAgain, "ring": RingingAgain}, wires, fade=FADE)
    np.testing.assert_allclose(rig.run(20_000), plain.run(20_000), atol=1e-5)


def test_what_waits_to_be_level_with_a_slower_branch_goes_on() -> None:
    wires = ["tone.out -> n.input", "n.out -> device.out", "tone.out -> late.input", "late.out -> device.out"]
    plain, rig = Rig(), Rig()
    for one in (plain, rig):
        one.play({"tone": Tone, "n": Scale, "late": Late}, wires)
        one.run(1000)
    swap(rig, "n", ScaleAgain, wires)
    np.testing.assert_array_equal(rig.run(2000), plain.run(2000))


def test_a_state_of_another_dtype_or_length_begins_anew() -> None:
    rig = counting()
    swap(rig, "n", CountNarrow, OUT)
    np.testing.assert_array_equal(rig.run(500)[0], counted(0, 500))
    rig = Rig()
    wires = ["tone.out -> n.input", *OUT]
    rig.play({"tone": Tone, "n": Ringing}, wires)
    rig.run(9600)
    swap(rig, "n", ShortRinging, wires)
    assert np.all(rig.run(500) == 0.0)


def test_without_an_heir_nothing_goes_on() -> None:
    rig = counting()
    rig.play({"n": CountAgain}, OUT)
    np.testing.assert_array_equal(rig.run(500)[0], counted(0, 500))


def test_a_wider_class_begins_with_the_first_channel_in_both() -> None:
    wires = ["tone.out -> n.input", *OUT]
    plain, rig = Rig(), Rig()
    for one in (plain, rig):
        one.play({"tone": Tone, "n": Smooth}, wires)
        one.run(1000)
    swap(rig, "n", SmoothBoth, wires)
    assert rig.instances["n"].spec is SmoothBoth.spec
    sound, as_before = rig.run(2000), plain.run(2000)
    np.testing.assert_array_equal(sound[0], sound[1])
    np.testing.assert_allclose(sound[0], as_before[0], atol=1e-6)


def test_a_narrower_class_keeps_the_first_channel() -> None:
    both = ["wide.out -> n.input", *OUT]
    rig = Rig()
    rig.play({"wide": Wide, "none": (Level, {"value": 0.0}), "n": SmoothBoth}, both)
    rig.run(1000)
    left = rig.run(1)[0, 0]
    swap(rig, "n", Smooth, ["none.out -> n.input", *OUT])
    assert rig.run(1)[0, 0] == pytest.approx(0.99 * left)


def test_one_that_turns_to_stereo_begins_with_the_first_channel_in_both() -> None:
    mono = ["level.out -> n.input", *OUT]
    rig = Rig()
    rig.play({"level": Wide, "n": Smooth, "tone": Tone}, ["tone.out -> n.input", *OUT])
    rig.run(10_000)
    before = rig.run(1)[:, 0]
    rig.play({"level": Wide, "n": Smooth, "tone": Tone}, mono)
    after = rig.run(1)[:, 0]
    np.testing.assert_allclose(after, before, atol=0.01)
    assert abs(before[0]) > 0.02


def test_an_edit_that_is_withdrawn_leaves_the_state_to_the_next() -> None:
    rig = counting()
    swap(rig, "n", CountAgain, OUT, at=1500)
    rig.run(128)
    never_played = rig.instances["n"]
    swap(rig, "n", Count, OUT, at=1500)
    rig.run(128)
    rig.play({"n": Count}, OUT)  # and once more, by an edit that changes nothing
    np.testing.assert_array_equal(rig.run(3000)[0], counted(1256, 3000))
    assert np.all(never_played.states["added"] == 0.0)
    assert rig.engine._edits._inherits == {}


def test_an_edit_that_waits_for_a_fade_inherits_what_plays_then() -> None:
    rig = counting()
    swap(rig, "n", CountAgain, OUT, fade=FADE)
    rig.run(256)
    swap(rig, "n", Count, OUT, fade=FADE)
    rig.run(128)
    swap(rig, "n", CountAgain, OUT, fade=FADE)
    sound = rig.run(4000)[0]
    np.testing.assert_allclose(sound, counted(1384, 4000), rtol=1e-6)
    np.testing.assert_array_equal(sound[3000:], counted(4384, 1000))


def test_out_in_hands_the_state_over_in_the_silence() -> None:
    rig = counting()
    swap(rig, "n", CountAgain, OUT, fade=FADE, mode="out-in")
    rig.run(3000)
    # it counts on from where the way out ended
    last = rig.run(100)[0] * 2.0**20
    assert np.all(np.diff(last) == 1.0)
    assert 4000 - 256 <= last[0] <= 4000


def test_an_untouched_path_is_the_same_to_the_bit() -> None:
    wires = ["tone.out -> smooth.input", "smooth.out -> device.out"]
    beside = [*wires, "n.out -> scale.input"]
    plain, edited = Rig(), Rig()
    sounds = []
    for rig in (plain, edited):
        rig.play({"tone": Tone, "smooth": Smooth, "n": Count, "scale": Scale}, beside)
        parts = [rig.run(512)]
        for turn in range(8):
            if rig is edited:
                swap(rig, "n", (CountAgain, Count)[turn % 2], beside, fade=300)
            parts.append(rig.run(700))
        sounds.append(np.concatenate(parts, axis=1))
    np.testing.assert_array_equal(*sounds)


def test_everything_is_given_back() -> None:
    rig = counting()
    for turn in range(20):
        swap(rig, "n", (CountAgain, Count)[turn % 2], OUT, fade=100)
        rig.run(512)
    rig.run(2048)
    assert len(rig.engine._free_slots) == 16384 - 1
    assert str(rig.engine).count("copy") == 0


class SmoothAgain(Smooth):
    """A low-pass of another class."""


class LateAgain(Late):
    """A delay of another class."""


class LoopAgain(Loop):
    """A way back of another class."""


TWINS = {
    Tone: ToneAgain,
    Ringing: RingingAgain,
    Scale: ScaleAgain,
    Smooth: SmoothAgain,
    Late: LateAgain,
    Loop: LoopAgain,
    Wide: Wide,
}


@pytest.mark.parametrize("edits", [40, pytest.param(400, marks=pytest.mark.slow)])
def test_many_random_edits_in_which_classes_change_end_where_a_fresh_start_would(edits: int) -> None:
    chance = random.Random(7)
    kinds = {"a": Tone, "w": Wide, "s": Scale, "m": Smooth, "l": Late, "r": Ringing, "n": Smooth, "loop": Loop}
    rig = Rig()
    for turn in range(edits):
        makers, takers = ["a", "w"], [n for n in "smlrn" if chance.random() < 0.7]
        chance.shuffle(takers)
        wires = [f"{chance.choice([*makers, *takers[:i]])}.out -> {name}.input" for i, name in enumerate(takers)]
        names = [*makers, *takers]
        if takers and chance.random() < 0.5:
            names.append("loop")
            wires += [f"{takers[-1]}.out -> loop.input", f"loop.out -> {takers[0]}.input"]
        if "s" in names and chance.random() < 0.5:
            wires.append("a.out -> s.factor")
        wires += [f"{name}.out -> device.out" for name in chance.sample(names, 2)]
        old, rig.instances = rig.instances, {}
        for name in names:
            if name in old and chance.random() < 0.7:
                rig.instances[name] = old[name]
            else:
                cls = kinds[name] if chance.random() < 0.5 else TWINS[kinds[name]]
                rig.instances[name] = rig.engine.make(name, cls.spec, {"keep": 0.3} if name == "loop" else {})
        rig.engine.play(
            rig.instances.values(),
            [rig.link(wire) for wire in wires],
            fade_frames=chance.choice((0, 100, 960)),
            at_frame=rig.engine.frame + chance.choice((0, 0, 500)),
            mode=chance.choice(("cross", "cross", "out-in")),
            inherits={rig.instances[n].key: old[n].key for n in names if n in old and rig.instances[n] is not old[n]},
        )
        sound = rig.run(chance.choice((64, 640, 1280)))
        assert np.isfinite(sound).all(), turn
    rig.run(48_000)
    said = rig.engine.statistics()
    assert rig.engine.settled
    assert (said.faults, said.bad_samples, said.commands_lost) == ((), 0, 0)
    assert rig.engine._edits._inherits == {}
    assert len(rig.engine._free_slots) == 16384 - len(names)
