"""The engine on the manual clock: blocks of any length, commands on their frame, glides, faults, meters."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from small_nodes import Ear, Hiss, Impulse, Late, Level, Loop, Rig, Ringing, Scale, Smooth, Tone, Wide, largest_step

CHAIN = {"tone": (Tone, {"freq": 311.0}), "smooth": Smooth, "scale": Scale}
WIRES = ["tone.out -> smooth.input", "smooth.out -> scale.input", "scale.out -> device.out"]


def split(rig: Rig, blocks: list[int]) -> np.ndarray:
    return np.concatenate([rig.run(count, block=count) for count in blocks], axis=1)


def test_any_split_into_blocks_gives_the_same_samples() -> None:
    sounds = []
    for blocks in ([4096], [1] * 100 + [3996], [128] * 32, [37, 991, 1024, 2044]):
        rig = Rig()
        rig.play({**CHAIN, "hiss": Hiss, "loop": Loop}, [*WIRES, "hiss.out -> loop.input", "loop.out -> smooth.input"])
        rig.engine.set(rig.instances["scale"], "factor", 0.25, frame=1000)
        rig.engine.set(rig.instances["tone"], "freq", 800.0, frame=1333, glide=777)
        rig.engine.set(rig.instances["smooth"], "keep", 0.5, frame=2047)
        sounds.append(split(rig, blocks))
    for sound in sounds[1:]:
        np.testing.assert_array_equal(sound, sounds[0])
    assert np.abs(sounds[0]).max() > 0.1


def test_nodes_played_in_a_row_make_what_each_makes_alone() -> None:
    """Four of a kind share one kernel; glides, bypass and a fifth of the kind are part of it."""

    def play(names: str) -> np.ndarray:
        rig = Rig(block=100)
        nodes = {f"tone{n}": (Tone, {"freq": 100.0 + 30.0 * int(n)}) for n in names}
        nodes |= {f"smooth{n}": (Smooth, {"keep": 0.5 + 0.1 * int(n)}) for n in names}
        wires = [f"tone{n}.out -> smooth{n}.input" for n in names] + [f"smooth{n}.out -> device.out" for n in names]
        rig.play({**nodes, "quiet": (Level, {"value": 0.0})}, [*wires, "quiet.out -> device.out"])
        rows = [k for k in rig.engine._edits._next._kept if getattr(k, "form", "") == "row"]  # type: ignore[union-attr]
        assert len(rows) == 2 * (len(names) // 4)
        rig.engine.fade(0.125, 0.0)
        rig.run(1)
        if "2" in names:
            rig.engine.set(rig.instances["tone2"], "freq", 500.0, frame=700)
            rig.engine.set(rig.instances["smooth2"], "bypass", 1.0, frame=1500)
        return rig.run(4096)[0]

    together = play("01234")
    np.testing.assert_allclose(together, sum(play(n) for n in "01234"), atol=1e-6)


def test_a_row_with_a_muted_node_is_played_one_by_one() -> None:
    rig = Rig()
    nodes = {f"smooth{n}": (Smooth, {"keep": 0.5}) for n in range(4)}
    level = (Level, {"value": 0.125})
    wires = [w for n in range(4) for w in (f"level.out -> smooth{n}.input", f"smooth{n}.out -> device.out")]
    rig.play({"level": level, **nodes}, wires)
    assert rig.run(2048)[0, -1] == pytest.approx(0.5)
    rig.instances["smooth2"].fault[0] = 1
    assert np.all(rig.run(2048) == pytest.approx(0.375))


def test_a_command_lands_on_its_frame() -> None:
    rig = Rig()
    rig.play({"level": (Level, {"value": 0.0})}, ["level.out -> device.out"])
    rig.engine.set(rig.instances["level"], "value", 0.5, frame=301, glide=0)
    sound = rig.run(512)[0]
    assert np.all(sound[:301] == 0.0)
    assert np.all(sound[301:] == 0.5)


def test_commands_are_carried_out_by_frame_and_then_in_the_order_given() -> None:
    rig = Rig()
    rig.play({"level": (Level, {"value": 0.0})}, ["level.out -> device.out"])
    for frame, value in ((300, 0.3), (100, 0.1), (200, 0.2), (200, 0.25), (100, 0.15)):
        rig.engine.set(rig.instances["level"], "value", value, frame=frame, glide=0)
    sound = rig.run(400)[0]
    np.testing.assert_array_equal(
        sound[[0, 99, 100, 199, 200, 299, 300]], np.float32([0, 0, 0.15, 0.15, 0.25, 0.25, 0.3])
    )


def test_a_thousand_commands_in_any_order_end_sorted() -> None:
    rig = Rig()
    rig.play({"level": (Level, {"value": 0.0})}, ["level.out -> device.out"])
    frames = np.random.default_rng(7).permutation(1000)
    for frame in frames:
        rig.engine.set(rig.instances["level"], "value", float(frame) / 1000.0, frame=int(frame), glide=0)
    np.testing.assert_allclose(rig.run(1000)[0], np.arange(1000) / 1000.0, atol=1e-7)


def test_a_glide_is_straight_and_ends_on_its_value() -> None:
    rig = Rig()
    rig.play({"level": (Level, {"value": 0.0})}, ["level.out -> device.out"])
    rig.engine.set(rig.instances["level"], "value", 0.8, frame=64)
    sound = rig.run(1200)[0]
    np.testing.assert_allclose(sound[64:1024], 0.8 * np.arange(1, 961) / 960.0, atol=1e-6)
    assert np.all(sound[1024:] == np.float32(0.8))


def test_a_new_glide_starts_from_where_the_old_one_is() -> None:
    rig = Rig()
    rig.play({"level": (Level, {"value": 0.0})}, ["level.out -> device.out"])
    rig.engine.set(rig.instances["level"], "value", 0.9, frame=10)
    rig.engine.set(rig.instances["level"], "value", -0.9, frame=500)
    sound = rig.run(2000)
    assert largest_step(sound) < 0.003
    assert sound[0, -1] == np.float32(-0.9)


def test_commands_for_a_node_that_is_gone_are_counted_and_hit_nobody() -> None:
    rig = Rig()
    rig.play({"level": Level, "other": (Level, {"value": 0.125})}, ["level.out -> device.out"])
    rig.run(128)
    gone = rig.instances["level"]
    rig.play({"other": Level}, ["other.out -> device.out"])
    rig.settle()
    rig.engine.set(gone, "value", 9.0, glide=0)
    sound = rig.run(128)
    assert rig.engine.statistics().commands_lost == 1
    assert np.all(sound == 0.125)


def test_a_late_command_is_counted_and_carried_out_at_once() -> None:
    rig = Rig()
    rig.play({"level": (Level, {"value": 0.0})}, ["level.out -> device.out"])
    rig.run(256)
    rig.engine.set(rig.instances["level"], "value", 0.5, frame=100, glide=0)
    assert np.all(rig.run(10) == 0.5)
    assert rig.engine.statistics().commands_late == 1


def test_a_full_queue_says_no() -> None:
    rig = Rig()
    rig.play({"level": Level}, ["level.out -> device.out"])
    taken = [rig.engine.set(rig.instances["level"], "value", 0.5, frame=10**9) for _ in range(8193)]
    assert taken.count(False) == 1
    rig.run(128)
    assert rig.engine.set(rig.instances["level"], "value", 0.25) is True


def test_a_signal_drives_a_param_within_its_range() -> None:
    rig = Rig()
    rig.play({"high": (Level, {"value": 9.0}), "one": (Level, {"value": 1.0}), "scale": Scale},
             ["high.out -> scale.factor", "one.out -> scale.input", "scale.out -> device.out"])  # fmt: skip
    rig.engine.set(rig.instances["one"], "value", 0.125, glide=0)
    assert np.all(rig.run(64) == 0.5)


def test_mono_goes_to_both_sides_and_stereo_into_mono_is_averaged() -> None:
    rig = Rig()
    rig.play({"wide": (Wide, {"left": 0.5}), "level": (Level, {"value": 0.125})},
             ["wide.out -> device.out", "level.out -> device.out"])  # fmt: skip
    sound = rig.run(16)
    assert np.all(sound[0] == 0.625)
    assert np.all(sound[1] == -0.375)


def test_a_node_is_as_wide_as_what_is_wired_into_it() -> None:
    rig = Rig()
    rig.play({"wide": (Wide, {"left": 0.5}), "smooth": (Smooth, {"keep": 0.0}), "level": (Level, {"value": 0.125})},
             ["wide.out -> smooth.input", "level.out -> smooth.input", "smooth.out -> device.out"])  # fmt: skip
    sound = rig.run(16)
    assert np.all(sound[0] == 0.625)
    assert np.all(sound[1] == -0.375)


def test_parallel_branches_arrive_together() -> None:
    rig = Rig()
    rig.play({"click": (Impulse, {"at": 10}), "late": Late, "again": Late, "scale": (Scale, {"factor": 0.5})},
             ["click.out -> late.input", "late.out -> again.input", "again.out -> device.out",
              "click.out -> scale.input", "scale.out -> device.out", "click.out -> device.out"])  # fmt: skip
    sound = rig.run(512)[0]
    assert rig.engine.statistics().latency == 200
    assert sound[210] == 1.0  # 2.5 at the guard
    assert np.count_nonzero(sound) == 1
    assert rig.engine.statistics().clipped == 1


def test_a_loop_comes_round_after_its_delay() -> None:
    rig = Rig()
    rig.play({"click": (Impulse, {"at": 3}), "loop": Loop, "scale": (Scale, {"factor": 0.5})},
             ["click.out -> scale.input", "loop.out -> scale.input", "scale.out -> loop.input",
              "scale.out -> device.out"])  # fmt: skip
    sound = rig.run(3072)[0]
    assert {i: float(sound[i]) for i in np.flatnonzero(sound)} == {3: 0.5, 1027: 0.125, 2051: 0.03125}


def test_a_wire_drives_the_param_of_a_node_that_breaks_loops() -> None:
    rig = Rig()
    rig.play({"one": (Level, {"value": 0.5}), "keep": (Level, {"value": 0.25}), "loop": Loop},
             ["one.out -> loop.input", "keep.out -> loop.keep", "loop.out -> device.out"])  # fmt: skip
    assert np.all(rig.run(2048)[0][1024:] == 0.125)


def test_bypass_gives_the_input_to_the_bit() -> None:
    rig = Rig()
    rig.play(CHAIN, WIRES)
    rig.engine.set(rig.instances["smooth"], "bypass", 1.0)
    bypassed = rig.run(2048)[:, 1024:]
    plain = Rig()
    plain.play({"tone": CHAIN["tone"]}, ["tone.out -> device.out"])
    np.testing.assert_array_equal(bypassed, plain.run(2048)[:, 1024:])
    assert largest_step(bypassed) < 0.1


def test_the_same_seed_gives_the_same_chance_and_every_channel_its_own() -> None:
    def hiss(seed: int) -> np.ndarray:
        rig = Rig(seed=seed)
        rig.play({"hiss": Hiss}, ["hiss.out -> device.out"])
        return rig.run(256)

    np.testing.assert_array_equal(hiss(1), hiss(1))
    assert not np.array_equal(hiss(1), hiss(2))


def test_the_output_fades_in_and_out_and_says_when_it_is_silent() -> None:
    rig = Rig()
    rig.play({"level": Level}, ["level.out -> device.out"])
    rig.engine.silence()
    rig.engine.fade(1.0, 0.01)
    sound = rig.run(960)[0]
    np.testing.assert_allclose(sound[:480], 0.5 * np.arange(1, 481) / 480, atol=1e-5)
    assert np.all(sound[480:] == 0.5)
    rig.engine.fade(0.0, 0.01)
    assert not rig.engine.silent
    ended = rig.run(960)
    assert rig.engine.silent
    assert largest_step(ended) < 0.002
    assert np.all(ended[:, 481:] == 0.0)


def test_what_passes_full_scale_is_cut_and_counted() -> None:
    rig = Rig()
    rig.play({"level": (Level, {"value": 3.0})}, ["level.out -> device.out"])
    assert np.all(rig.run(100) == 1.0)
    assert rig.engine.statistics().clipped == 100
    assert rig.engine.statistics().bad_samples == 0


def test_meters_say_how_loud_it_is() -> None:
    rig = Rig()
    rig.play({"wide": (Wide, {"left": 0.5})}, ["wide.out -> device.out"])
    rig.run(48_000)
    said = rig.engine.statistics()
    assert said.peak == (0.5, 0.5)
    assert said.rms == pytest.approx((0.5, 0.5), rel=0.02)
    assert said.frame == 48_000
    assert said.blocks == 375
    assert rig.instances["wide"].peak == 0.5
    assert len(rig.engine.durations()) == 375
    assert 0.0 < said.load < 1.0


def test_a_device_of_one_or_four_channels_is_served() -> None:
    rig = Rig()
    rig.engine.channels(0, 4)
    rig.play({"wide": (Wide, {"left": 0.5})}, ["wide.out -> device.out"])
    np.testing.assert_array_equal(rig.run(8)[:, 0], np.float32([0.5, -0.5, 0.0, 0.0]))
    rig.engine.channels(0, 1)
    assert rig.run(8).shape == (1, 8)


def test_a_microphone_is_heard_on_both_sides_and_no_microphone_is_silence() -> None:
    rig = Rig()
    rig.play({"ear": Ear}, ["ear.out -> device.out"])
    given = np.linspace(-0.5, 0.5, 64, dtype=np.float32)
    rig.engine.channels(1, 2)
    np.testing.assert_array_equal(rig.engine.run(64, given[:, None]).T, [given, given])
    assert np.all(rig.engine.run(64) == 0.0)
    rig.engine.channels(2, 2)
    np.testing.assert_array_equal(rig.engine.run(64, np.stack([given, -given], axis=1)).T, [given, -given])


def test_a_thousand_nodes_play() -> None:
    rig = Rig()
    nodes = {"level": (Level, {"value": 0.001})} | {f"scale{i}": Scale for i in range(1000)}
    wires = [f"level.out -> scale{i}.input" for i in range(1000)] + [f"scale{i}.out -> device.out" for i in range(1000)]
    rig.play(nodes, wires)
    np.testing.assert_allclose(rig.run(256), 1.0, atol=1e-3)
    assert rig.engine.statistics().steps == 1002


def test_a_thousand_nodes_in_a_row_share_few_buffers() -> None:
    rig = Rig()
    nodes = {"level": (Level, {"value": 0.5})} | {f"scale{i}": Scale for i in range(1000)}
    row = ["level", *(f"scale{i}" for i in range(1000))]
    wires = [f"{a}.out -> {b}.input" for a, b in pairwise(row)] + ["scale999.out -> device.out"]
    rig.play(nodes, wires)
    assert np.all(rig.run(256) == 0.5)


def test_a_removed_node_frees_its_place() -> None:
    rig = Rig()
    free = len(rig.engine._free_slots)
    for turn in range(20):
        rig.play({f"tone{turn}": Tone, f"ring{turn}": Ringing}, [f"tone{turn}.out -> device.out"])
        rig.settle()
    assert len(rig.engine._free_slots) == free - 2
    rig.run(256)
    rig.settle()
    assert not rig.engine._gone
