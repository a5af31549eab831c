"""What goes wrong in a node stays in that node, has a name, and the rest plays on."""

from __future__ import annotations

import broken_nodes
import numpy as np
import pytest
from small_nodes import Level, Rig, Scale

from graphflow.audio.layout import ENGINE, NOT_FINITE, RAISED
from graphflow.core.node import AudioNode


@pytest.mark.parametrize(
    "cls, fault, lasts",
    [
        (broken_nodes.OutOfBounds, RAISED, 1000),
        (broken_nodes.TurnsBad, NOT_FINITE, 1000),
        (broken_nodes.Endless, RAISED, 0),
    ],
)
def test_a_fault_mutes_its_node_only(cls: type[AudioNode], fault: int, lasts: int) -> None:
    rig = Rig()
    nodes = {"level": (Level, {"value": 0.125}), "bad": cls, "scale": Scale}
    wires = ["level.out -> device.out", "bad.out -> scale.input", "scale.out -> device.out"]
    rig.play(nodes, wires, foreign=True)
    sound = rig.run(2048)[0]
    assert rig.engine.statistics().faults == (("bad", fault),)
    assert np.all(sound[(lasts // 128 + 1) * 128 :] == 0.125)
    assert np.all(sound[: lasts // 128 * 128] != 0.125)
    assert np.isfinite(sound).all()
    assert rig.engine.statistics().bad_samples == 0
    assert rig.engine._words[ENGINE.RAISED] == 0


def test_a_node_that_comes_in_anothers_place_is_well() -> None:
    rig = Rig()
    rig.play({"bad": broken_nodes.TurnsBad}, ["bad.out -> device.out"], foreign=True)
    rig.run(2048)
    rig.play({"bad": Level}, ["bad.out -> device.out"], fade=480)
    rig.settle()
    assert rig.engine.statistics().faults == ()
    assert np.all(rig.run(128) == 0.5)


def test_a_sum_that_is_too_large_is_silent_while_it_lasts_and_blames_nobody() -> None:
    rig = Rig()
    nodes = {"a": (Level, {"value": 3.0e38}), "b": (Level, {"value": 3.0e38}), "c": (Level, {"value": 0.25})}
    rig.play(
        {**nodes, "s": Scale}, ["a.out -> s.input", "b.out -> s.input", "s.out -> device.out", "c.out -> device.out"]
    )
    assert np.all(rig.run(256) == 0.25)
    assert rig.engine.statistics().faults == ()
    for name in "ab":
        rig.engine.set(rig.instances[name], "value", 0.125, glide=0)
    assert np.all(rig.run(256) == 0.5)


def test_denormals_are_flushed_and_the_threads_own_mode_comes_back() -> None:
    rig = Rig()
    rig.play({"small": (Level, {"value": 1e-39}), "scale": (Scale, {"factor": 4.0})},
             ["small.out -> scale.input", "scale.out -> device.out"])  # fmt: skip
    assert np.all(rig.run(64) == 0.0)
    tiny = np.array([1e-39], np.float32)
    assert (tiny * np.float32(0.5))[0] > 0.0


def test_in_a_row_only_the_node_that_went_wrong_is_blamed() -> None:
    rig = Rig()
    nodes = {f"n{i}": (broken_nodes.HalfHeard, {"value": 1.0 if i == 2 else 0.0}) for i in range(4)}
    rig.play(nodes, [f"n{i}.heard -> device.out" for i in range(4)])
    assert np.all(rig.run(1024) == 0.375)
    assert rig.engine.statistics().faults == (("n2", NOT_FINITE),)
