"""Edits while it plays: what is not touched stays the same to the bit, what is fades, and nothing steps."""

from __future__ import annotations

import random

import numpy as np
import pytest
from small_nodes import Hiss, Late, Level, Loop, Rig, Ringing, Scale, Smooth, Tone, Wide, largest_step

FADE = 960
TONE = (Tone, {"freq": 50.0})  # its own largest step is 0.0042
OTHER = (Tone, {"freq": 75.0})


def test_an_untouched_path_is_the_same_to_the_bit() -> None:
    nodes = {"tone": TONE, "smooth": Smooth, "other": OTHER, "scale": Scale}
    wires = ["tone.out -> smooth.input", "smooth.out -> device.out"]
    plain, edited = Rig(), Rig()
    plain.play(nodes, wires)
    edited.play(nodes, wires)
    sounds = []
    for rig in (plain, edited):
        parts = [rig.run(512)]
        for turn in range(8):
            if rig is edited:
                added = ["other.out -> scale.input"] if turn % 2 else []
                rig.play(nodes, [*wires, *added], fade=300)
            parts.append(rig.run(700))
        sounds.append(np.concatenate(parts, axis=1))
    np.testing.assert_array_equal(*sounds)


def test_a_new_wire_fades_in_along_a_line() -> None:
    rig = Rig()
    nodes = {"level": (Level, {"value": 0.5}), "other": (Level, {"value": 0.25})}
    rig.play(nodes, ["level.out -> device.out"])
    rig.run(128)
    rig.play(nodes, ["level.out -> device.out", "other.out -> device.out"], fade=FADE)
    sound = rig.run(1200)[0]
    np.testing.assert_allclose(sound[:FADE], 0.5 + 0.25 * np.arange(1, FADE + 1) / FADE, atol=1e-6)
    assert np.all(sound[FADE:] == 0.75)


def test_one_sound_takes_anothers_place_without_a_dip_in_gain() -> None:
    rig = Rig()
    nodes = {"level": (Level, {"value": 0.5}), "other": (Level, {"value": 0.5})}
    rig.play(nodes, ["level.out -> device.out"])
    rig.run(128)
    rig.play(nodes, ["other.out -> device.out"], fade=FADE)
    np.testing.assert_allclose(rig.run(1200), 0.5, atol=1e-6)


def test_an_edit_sounds_the_same_whatever_the_block() -> None:
    sounds = []
    for block in (32, 128, 333, 1024):
        rig = Rig(block=block)
        rig.play({"tone": TONE, "smooth": Smooth}, ["tone.out -> smooth.input", "smooth.out -> device.out"])
        rig.engine.run(1000)
        rig.engine.poll()
        rig.play({"tone": TONE, "smooth": Smooth, "late": Late},
                 ["tone.out -> smooth.input", "smooth.out -> late.input", "late.out -> device.out"],
                 fade=FADE, at=1500)  # fmt: skip
        sounds.append(rig.run(6000))
    for sound in sounds[1:]:
        np.testing.assert_array_equal(sound, sounds[0])


def test_an_edit_begins_on_its_frame() -> None:
    rig = Rig()
    nodes = {"level": (Level, {"value": 0.5}), "other": (Level, {"value": 0.25})}
    rig.play(nodes, ["level.out -> device.out"])
    rig.run(128)
    rig.play(nodes, ["other.out -> device.out"], at=1001)
    sound = rig.run(2000)[0]
    assert np.all(sound[: 1001 - 128] == 0.5)
    assert np.all(sound[1001 - 128 :] == 0.25)


def test_edits_that_wait_for_a_frame_become_one() -> None:
    rig = Rig()
    levels = {f"level{i}": (Level, {"value": i / 16}) for i in range(1, 5)}
    rig.play(levels, ["level1.out -> device.out"])
    rig.run(128)
    rig.play(levels, ["level2.out -> device.out"], at=2000)
    rig.run(128)
    rig.play(levels, ["level3.out -> device.out"], at=1500)
    rig.run(128)
    rig.play(levels, ["level4.out -> device.out"])
    sound = rig.run(3000)[0]
    assert np.all(sound[: 2000 - 384] == 1 / 16)
    assert np.all(sound[2000 - 384 :] == 4 / 16)
    assert rig.engine.settled


def test_an_edit_during_a_fade_waits_and_several_that_wait_become_one() -> None:
    rig = Rig()
    nodes = {f"level{i}": (Level, {"value": i / 16}) for i in range(1, 5)}
    rig.play(nodes, ["level1.out -> device.out"])
    rig.run(128)
    rig.play(nodes, ["level2.out -> device.out"], fade=FADE)
    rig.run(128)
    rig.play(nodes, ["level3.out -> device.out"], fade=FADE)
    rig.play(nodes, ["level4.out -> device.out"], fade=FADE)
    sound = rig.run(3000)[0]
    assert largest_step(sound[None, :]) < 2.1 * (4 - 2) / 16 / FADE
    assert np.any(sound == 2 / 16)  # the first fade came to its end
    assert sound[-1] == 4 / 16
    assert np.all(np.diff(sound) >= 0.0)  # and 3 was never on the way


def test_what_stays_keeps_its_state() -> None:
    rig = Rig()
    rig.play({"tone": TONE, "hiss": Hiss}, ["tone.out -> device.out"])
    rig.run(1000)
    rig.play({"tone": TONE}, ["tone.out -> device.out"], fade=FADE)
    after = rig.run(3000)
    plain = Rig()
    plain.play({"tone": TONE}, ["tone.out -> device.out"])
    np.testing.assert_array_equal(after, plain.run(4000)[:, 1000:])


def test_a_param_that_gets_and_loses_a_driver_glides() -> None:
    rig = Rig()
    nodes = {"level": (Level, {"value": 0.5}), "driver": (Level, {"value": 0.1}), "scale": (Scale, {"factor": 1.0})}
    wires = ["level.out -> scale.input", "scale.out -> device.out"]
    rig.play(nodes, wires)
    rig.run(128)
    rig.play(nodes, [*wires, "driver.out -> scale.factor"], fade=FADE)
    down = rig.settle()
    rig.play(nodes, wires, fade=FADE)
    up = rig.settle()
    assert down[0, -1] == pytest.approx(0.05)
    assert up[0, -1] == 0.5
    assert largest_step(np.concatenate((down, up), axis=1)) < 1.1 * 0.45 / FADE


def test_a_latent_node_is_put_in_without_a_step() -> None:
    rig = Rig()
    wires = ["tone.out -> device.out", "other.out -> device.out"]
    rig.play({"tone": TONE, "other": OTHER}, wires)
    rig.run(2000)
    rig.play({"tone": TONE, "other": OTHER, "late": Late},
             ["tone.out -> late.input", "late.out -> device.out", "other.out -> device.out"], fade=FADE)  # fmt: skip
    sound = rig.run(4000)
    assert rig.engine.statistics().latency == 100
    assert largest_step(sound) < 0.013  # both tones 0.0105, and the ramp
    rig.play({"tone": TONE, "other": OTHER}, wires, fade=FADE)
    assert largest_step(np.concatenate((sound[:, -1:], rig.run(4000)), axis=1)) < 0.013


def test_two_nodes_change_places() -> None:
    rig = Rig()
    nodes = {"tone": TONE, "late": Late, "ring": Ringing, "smooth": (Smooth, {"keep": 0.9})}
    one = ["tone.out -> late.input", "late.out -> ring.input", "ring.out -> smooth.input", "smooth.out -> device.out"]
    two = ["tone.out -> ring.input", "ring.out -> late.input", "late.out -> smooth.input", "smooth.out -> device.out"]
    rig.play(nodes, one)
    before = rig.run(9600)
    rig.play(nodes, two, fade=FADE)
    after = rig.run(9600)
    plain = Rig()
    plain.play(nodes, one)
    own = largest_step(plain.run(19_200))
    assert largest_step(np.concatenate((before[:, -1:], after), axis=1)) < own + 2.0 / FADE
    # the line kept what it held: an echo of what was played before the edit is heard after it
    assert np.abs(after).max() > 0.9 * np.abs(before).max()
    fresh = Rig()
    fresh.play(nodes, two)
    assert fresh.run(128) is not None
    assert shape_of(rig) == shape_of(fresh)


def test_a_node_that_becomes_wider_and_narrower_does_not_step() -> None:
    rig = Rig()
    soft = (Scale, {"factor": 0.2})
    nodes = {"tone": TONE, "soft": soft, "wide": (Wide, {"left": 0.3}), "smooth": Smooth, "ring": Ringing}
    mono = [
        "tone.out -> soft.input",
        "soft.out -> smooth.input",
        "smooth.out -> ring.input",
        "ring.out -> device.out",
        "smooth.out -> device.out",
    ]
    rig.play(nodes, mono)
    parts = [rig.run(9600)]
    rig.play(nodes, [*mono, "wide.out -> smooth.input"], fade=FADE)
    parts.append(rig.run(9600))
    rig.play(nodes, mono, fade=FADE)
    parts.append(rig.run(9600))
    plain = Rig()
    plain.play(nodes, mono)
    own = largest_step(plain.run(28_800))
    sound = np.concatenate(parts, axis=1)
    assert largest_step(sound) < own + 2.0 / FADE
    assert np.abs(sound[0] - sound[1])[:9600].max() == 0.0
    assert np.abs(sound[0] - sound[1])[9600 + FADE : 19200].max() > 0.2
    # what the line held is heard on the new side too
    echoes = np.diff(sound[:, 9600 + FADE : 14_000], axis=1)
    assert np.corrcoef(*echoes)[0, 1] > 0.99


def test_a_removed_node_rings_for_its_tail_and_then_goes() -> None:
    rig = Rig()
    wires = ["tone.out -> ring.input", "ring.out -> scale.input", "scale.out -> device.out", "level.out -> device.out"]
    quiet = (Level, {"value": 0.0})
    rig.play({"tone": TONE, "ring": Ringing, "scale": Scale, "level": quiet}, wires)
    rig.run(9600)
    rig.play({"tone": TONE, "level": quiet}, ["level.out -> device.out"], fade=FADE)
    rung = rig.run(23_000)
    assert len(rig.engine.rings) == 2  # the line, and the scale that carries it
    assert rig.engine.settled  # nobody waits for a tail
    assert np.abs(rung[:, 9600:14_400]).max() > 0.1
    assert np.abs(rung[:, 14_400:19_200]).max() == pytest.approx(np.abs(rung[:, 9600:14_400]).max() / 2, rel=0.05)
    rig.run(3000)
    assert rig.engine.rings == ()
    assert rig.engine.settled
    assert np.all(rig.run(4800) == 0.0)
    assert rig.engine.statistics().steps == 3  # the tone, the level and the device's mix


def test_an_edit_while_a_tail_rings_is_not_delayed_and_does_not_cut_it() -> None:
    def play(edit: bool) -> np.ndarray:
        rig = Rig()
        rig.play({"low": (Level, {"value": 0.1}), "ring": Ringing}, ["low.out -> ring.input", "ring.out -> device.out"])
        rig.run(9600)
        rig.play({"level": (Level, {"value": 0.0})}, ["level.out -> device.out"], fade=FADE)
        rig.run(2400)
        if edit:
            nodes = {"level": Level, "more": (Level, {"value": 0.25})}
            rig.play(nodes, ["level.out -> device.out", "more.out -> device.out"], fade=FADE)
        return rig.run(4800)[0]

    np.testing.assert_allclose((play(True) - play(False))[FADE:], 0.25, atol=1e-6)


def test_out_in_never_plays_both() -> None:
    rig = Rig()
    nodes = {"level": (Level, {"value": 0.5}), "other": (Level, {"value": 0.5})}
    rig.play(nodes, ["level.out -> device.out"])
    rig.run(128)
    rig.play({"other": nodes["other"]}, ["other.out -> device.out"], fade=FADE, mode="out-in")
    sound = rig.run(3000)[0]
    assert sound.min() == 0.0
    assert sound[-1] == 0.5
    assert largest_step(sound[None, :]) < 1.1 * 0.5 / FADE
    first, last = np.flatnonzero(sound == 0.0)[[0, -1]]
    assert FADE - 2 <= first <= last <= FADE + 128


def test_without_a_fade_an_edit_is_at_once_and_nothing_rings() -> None:
    rig = Rig()
    rig.play({"tone": TONE, "ring": Ringing}, ["tone.out -> ring.input", "ring.out -> device.out"])
    rig.run(9600)
    rig.play({"level": (Level, {"value": 0.125})}, ["level.out -> device.out"])
    assert np.all(rig.run(64) == 0.125)


def test_the_first_patch_does_not_fade() -> None:
    rig = Rig()
    rig.play({"level": Level}, ["level.out -> device.out"], fade=FADE)
    assert np.all(rig.run(64) == 0.5)


def test_old_plans_are_kept_until_the_audio_thread_has_left_them_and_then_freed() -> None:
    rig = Rig()
    rig.play({"level": Level}, ["level.out -> device.out"])
    for _ in range(30):
        rig.play({"level": Level}, ["level.out -> device.out"])
        rig.settle()
    rig.run(512)
    assert rig.engine._edits._leaving == []


def shape_of(rig: Rig) -> list[str]:
    """The plan, without generations."""
    text = str(rig.engine)
    for name, instance in rig.instances.items():
        text = text.replace(instance.key, name)
    return text.splitlines()


def random_patch(chance: random.Random) -> tuple[dict[str, object], list[str]]:
    """Nodes and wires of a patch without loops but through the one node that may close them."""
    kinds = {"a": TONE, "b": OTHER, "w": Wide, "s": Scale, "m": Smooth, "l": Late, "r": Ringing, "n": Smooth}
    names = [n for n in kinds if n in "ab" or chance.random() < 0.7]
    makers, takers = [n for n in names if n in "abw"], [n for n in names if n not in "abw"]
    chance.shuffle(takers)
    wires = []
    for i, name in enumerate(takers):
        for source in chance.sample([*makers, *takers[:i]], k=min(2, len(makers) + i)):
            wires.append(f"{source}.out -> {name}.input")
    nodes = {name: kinds[name] for name in names}
    if takers and chance.random() < 0.5:
        nodes["loop"] = (Loop, {"keep": 0.3})
        wires += [f"{takers[-1]}.out -> loop.input", f"loop.out -> {takers[0]}.input"]
    if "s" in names and chance.random() < 0.3:
        wires.append("b.out -> s.factor")
    ends = [n for n in (*makers, *takers) if chance.random() < 0.5] or ["a"]
    return nodes, [*wires, *(f"{n}.out -> device.out" for n in ends)]


@pytest.mark.parametrize("edits", [40, pytest.param(300, marks=pytest.mark.slow)])
def test_many_random_edits_end_where_a_fresh_start_would(edits: int) -> None:
    chance = random.Random(11)
    rig = Rig()
    rig.play(*random_patch(chance))
    rig.run(128)
    for turn in range(edits):
        nodes, wires = random_patch(chance)
        at = rig.engine.frame + chance.choice((0, 0, 500))
        rig.play(nodes, wires, fade=chance.choice((100, 960)), at=at, mode=chance.choice(("cross", "cross", "out-in")))
        sound = rig.run(chance.choice((64, 640, 1280)))
        assert np.isfinite(sound).all(), turn
    rig.run(48_000)
    said = rig.engine.statistics()
    assert rig.engine.settled
    assert rig.engine.rings == ()
    assert (said.faults, said.bad_samples, said.commands_lost) == ((), 0, 0)
    fresh = Rig()
    fresh.play(nodes, wires)
    fresh.run(128)
    assert sorted(shape_of(rig)) == sorted(shape_of(fresh))
    assert len(rig.engine._free_slots) == len(fresh.engine._free_slots)
