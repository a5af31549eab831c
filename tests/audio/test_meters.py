"""How loud each node is, for who asks."""

from __future__ import annotations

import pytest
from small_nodes import Level, Rig, Tone


def test_a_meter_shows_peak_and_rms_once_it_is_asked_for() -> None:
    rig = Rig()
    rig.play(
        {"tone": (Tone, {"freq": 480.0}), "level": (Level, {"value": 0.5})},
        ["tone.out -> device.out", "level.out -> device.out"],
    )
    tone, level = rig.instances["tone"], rig.instances["level"]
    rig.run(48000)
    assert tone.levels() == level.levels() == (0.0, 0.0)  # nobody had asked
    rig.run(96000)
    assert level.levels() == pytest.approx((0.5, 0.5), rel=1e-3)
    assert tone.levels() == pytest.approx((1.0, 3.0**-0.5), rel=1e-2)  # a triangle


def test_a_meter_falls_when_the_sound_does() -> None:
    rig = Rig()
    rig.play({"level": (Level, {"value": 0.5})}, ["level.out -> device.out"])
    level = rig.instances["level"]
    level.levels()
    rig.run(48000)
    rig.engine.set(level, "value", 0.0, glide=0)
    rig.run(4800)
    peak, rms = level.levels()
    assert 0.3 < peak < 0.4 and 0.3 < rms < 0.5
    rig.run(480000)
    assert max(level.levels()) < 1e-5
