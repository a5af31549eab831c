"""Nodes that are not native: the same samples whatever the block, late by what they say, muted when they raise."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from small_nodes import InPython, Level, Rig, Scale, Tone, TooSoon

from graphflow.audio.autopsy import explain
from graphflow.audio.compile import CompileError

WIRES = ["tone.out -> slow.input", "slow.out -> device.out"]
NODES = {"tone": (Tone, {"freq": 100.0}), "slow": InPython}


@pytest.mark.parametrize("block", [1, 128, 1000, 4096])
def test_what_it_makes_is_as_late_as_it_says_and_the_same_in_any_block(block: int) -> None:
    rig = Rig(block=block)
    rig.play(NODES, WIRES)
    sound = rig.run(8192)[0]
    plain = Rig()
    plain.play({"tone": NODES["tone"]}, ["tone.out -> device.out"])
    np.testing.assert_array_equal(sound[2048 + 64 :], plain.run(8192 - 2048)[0][64:])
    assert np.all(sound[:2048] == 0.0)
    assert rig.engine.statistics().latency == 2048


def test_a_parallel_branch_waits_for_it() -> None:
    rig = Rig()
    rig.play({**NODES, "minus": (Scale, {"factor": -1.0})},
             [*WIRES, "tone.out -> minus.input", "minus.out -> device.out"])  # fmt: skip
    assert np.abs(rig.run(8192)[0][2048 + 64 :]).max() == 0.0


def test_a_glide_and_a_wire_reach_it_by_the_frame() -> None:
    rig = Rig()
    nodes = {"level": (Level, {"value": 0.25}), "slow": (InPython, {"word": "full"}), "driver": (Level, {"value": 3.0})}
    rig.play(nodes, ["level.out -> slow.input", "slow.out -> device.out"])
    rig.engine.set(rig.instances["slow"], "factor", 1.0, frame=3000, glide=1000)
    sound = rig.run(8192)[0]
    assert np.all(sound[2048 + 64 : 3000 + 2048] == 0.5)
    np.testing.assert_allclose(sound[5048:6048], 0.5 - 0.25 * np.arange(1, 1001) / 1000, atol=1e-6)
    rig.play(nodes, ["level.out -> slow.input", "driver.out -> slow.factor", "slow.out -> device.out"], fade=960)
    assert rig.run(8192)[0][-1] == 0.75


def test_bypass_gives_what_was_heard_as_late_as_what_is_made() -> None:
    rig = Rig()
    rig.play({"level": (Level, {"value": 0.25}), "slow": (InPython, {"factor": 3.0, "word": "full", "bypass": 1.0})},
             ["level.out -> slow.input", "slow.out -> device.out"])  # fmt: skip
    assert np.all(rig.run(4096)[0][2048 + 64 :] == 0.25)


def test_what_it_raises_mutes_it_and_the_rest_plays_on() -> None:
    rig = Rig()
    rig.play({**NODES, "level": (Level, {"value": 0.125})}, [*WIRES, "level.out -> device.out"])
    rig.run(100_000)
    assert rig.engine.statistics().faults == (("slow", 1),)
    assert np.all(rig.run(128) == 0.125)
    assert explain(rig.instances["slow"], 48_000.0).endswith(
        "in_python.process raised ValueError: two seconds are enough"
    )
    assert rig.engine.python_errors() == {"slow": "ValueError: two seconds are enough"}


def test_its_thread_ends_with_it() -> None:
    rig = Rig()
    before = {thread.name for thread in threading.enumerate()}
    rig.play({"tone": NODES["tone"], "slowest": InPython}, ["tone.out -> slowest.input", "slowest.out -> device.out"])
    rig.run(128)
    mine = next(thread for thread in threading.enumerate() if thread.name == "node slowest")
    rig.play({"tone": Tone}, ["tone.out -> device.out"])
    rig.settle()
    mine.join(5.0)
    assert not mine.is_alive()
    assert "node slowest" not in before


def test_a_latency_that_cannot_be_kept_is_refused() -> None:
    rig = Rig()
    free = len(rig.engine._free_slots)
    with pytest.raises(
        CompileError, match="too_soon runs in Python with a latency of 64 frames; expected 2048 or more"
    ):
        rig.play({"soon": TooSoon}, ["soon.out -> device.out"])
    assert len(rig.engine._free_slots) == free
