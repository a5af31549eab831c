"""gain, pan, crossfade, mix: levels one knows by heart."""

import numpy as np
import pytest
from uncompiled import run

ONES = np.ones(3)


@pytest.mark.parametrize("level, expected", [(0.0, 1.0), (-20.0, 0.1), (12.0, 3.981072), (-60.0, 0.0)])
def test_gain(level: float, expected: float) -> None:
    out = run("gain", 3, {"input": np.stack([ONES, -ONES])}, params={"level": level})["out"]
    np.testing.assert_allclose(out, [[expected] * 3, [-expected] * 3], rtol=1e-6)


@pytest.mark.parametrize("position, left, right", [(-1.0, 1.0, 0.0), (0.0, 0.70711, 0.70711), (1.0, 0.0, 1.0)])
def test_pan_of_a_mono_sound_keeps_its_power(position: float, left: float, right: float) -> None:
    out = run("pan", 3, {"input": ONES}, params={"position": position})["out"]
    np.testing.assert_allclose(out[:, 0], [left, right], atol=1e-5)


@pytest.mark.parametrize("position, left, right", [(0.0, 2.0, 4.0), (1.0, 0.0, 6.0), (-1.0, 6.0, 0.0)])
def test_pan_of_a_stereo_sound_loses_nothing(position: float, left: float, right: float) -> None:
    out = run("pan", 3, {"input": np.stack([2 * ONES, 4 * ONES])}, params={"position": position})["out"]
    np.testing.assert_allclose(out[:, 0], [left, right], atol=1e-5)


def test_crossfade_is_a_then_both_then_b() -> None:
    sounds = {"a": ONES, "b": 10 * ONES}
    out = run("crossfade", 3, sounds, params={"position": np.array([0.0, 0.5, 1.0])})["out"][0]
    np.testing.assert_allclose(out, [1.0, 11 * np.sqrt(0.5), 10.0], rtol=1e-5)


def test_crossfade_of_unrelated_sounds_keeps_the_power() -> None:
    rng = np.random.default_rng(3)
    sounds = {"a": rng.normal(size=4000), "b": rng.normal(size=4000)}
    for position in (0.0, 0.25, 0.5, 0.9):
        out = run("crossfade", 4000, sounds, params={"position": position})["out"]
        assert float((out**2).mean()) == pytest.approx(1.0, abs=0.06)


def test_mix_adds_with_levels() -> None:
    sounds = {"a": ONES, "b": 2 * ONES, "c": 3 * ONES, "d": 4 * ONES}
    levels = {"a_level": 0.0, "b_level": -20.0, "c_level": -60.0, "d_level": 0.0}
    np.testing.assert_allclose(run("mix", 3, sounds, params=levels)["out"], [[5.2] * 3], rtol=1e-6)
    np.testing.assert_allclose(run("mix", 3, {"c": ONES})["out"], [ONES], rtol=1e-6)
