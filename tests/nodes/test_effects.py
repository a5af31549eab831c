"""Delay, reverb, limiter, feedback: where an impulse goes, and what is guaranteed."""

import numpy as np
import pytest
from uncompiled import Sound, run


def impulse(frames: int, at: int = 0) -> Sound:
    sound = np.zeros((1, frames), np.float32)
    sound[0, at] = 1.0
    return sound


# --- delay ---------------------------------------------------------------------------------------------------------


def test_delay_repeats_after_its_time() -> None:
    settings = {"time": 0.1, "mix": 1.0, "feedback": 0.0}
    out = run("delay", 25, {"input": impulse(25)}, rate=100.0, params=settings)["out"][0]
    np.testing.assert_allclose(out, [0.0] * 10 + [1.0] + [0.0] * 14, atol=1e-6)


def test_delay_mixes_dry_and_wet_with_equal_power() -> None:
    out = run("delay", 25, {"input": impulse(25)}, rate=100.0, params={"time": 0.2, "mix": 0.5, "feedback": 0.0})["out"]
    np.testing.assert_allclose(out[0, [0, 20]], np.sqrt([0.5, 0.5]), rtol=1e-6)


def test_echoes_grow_softer_by_the_feedback() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(960) / 48_000)
    sound = np.concatenate([tone, np.zeros(9040)])
    out = run("delay", 10_000, {"input": sound}, params={"time": 0.05, "feedback": 0.5, "mix": 1.0})["out"][0]
    loud = [np.abs(out[2400 * k : 2400 * k + 960]).max() for k in (1, 2, 3)]
    assert loud[0] == pytest.approx(1.0, abs=0.01)
    assert loud[1] / loud[0] == pytest.approx(0.5, abs=0.03)
    assert loud[2] / loud[1] == pytest.approx(0.5, abs=0.04)


def test_a_new_time_bends_the_pitch_within_an_octave_and_arrives() -> None:
    frames, rate = 6000, 8000.0
    tone = np.sin(2 * np.pi * 200 * np.arange(frames) / rate)
    time = np.where(np.arange(frames) < 1000, 0.05, 0.1)
    out = run("delay", frames, {"input": tone}, rate=rate, params={"time": time, "feedback": 0.0, "mix": 1.0})["out"][0]
    assert np.abs(np.diff(out[401:])).max() < 2 * np.pi * 200 / rate * 1.01  # slower while it lengthens: no click
    np.testing.assert_allclose(out[5000:], tone[5000 - 800 : -800], atol=1e-5)


def test_full_feedback_does_not_run_away() -> None:
    sound = np.random.default_rng(1).uniform(-1, 1, 20_000)
    out = run("delay", 20_000, {"input": sound}, params={"time": 0.001, "feedback": 0.95, "mix": 1.0})["out"]
    assert np.abs(out).max() < 20.0


# --- limiter -------------------------------------------------------------------------------------------------------


def test_a_soft_sound_passes_untouched_but_127_frames_late() -> None:
    sound = np.random.default_rng(1).uniform(-0.8, 0.8, (2, 1000)).astype(np.float32)
    out = run("limiter", 1000, {"input": sound})["out"]
    np.testing.assert_array_equal(out[:, 127:], sound[:, :-127])
    np.testing.assert_array_equal(out[:, :127], 0.0)


@pytest.mark.parametrize("ceiling", [-1.0, -12.0, 0.0])
def test_nothing_passes_the_ceiling(ceiling: float) -> None:
    rng = np.random.default_rng(2)
    sound = rng.normal(size=(2, 4000)) * np.exp(rng.uniform(-3, 5, 4000))
    out = run("limiter", 4000, {"input": sound}, params={"ceiling": ceiling, "release": 0.005})["out"]
    assert np.abs(out).max() <= np.float32(10 ** (ceiling / 20)) * (1 + 1e-6)
    assert np.abs(out).max() > 0.5 * 10 ** (ceiling / 20)


def test_the_gain_reaches_a_lone_peak_without_clipping_it() -> None:
    sound = np.full(600, 0.25)
    sound[300] = 4.0
    out = run("limiter", 600, {"input": sound}, width=1, params={"ceiling": 0.0})["out"][0]
    assert out[427] == pytest.approx(1.0, rel=1e-5)  # the peak, turned down to a quarter beforehand
    assert out[426] == pytest.approx(0.0625, rel=0.05)
    assert np.abs(np.diff(out[127:426])).max() < 0.01  # down without a step


def test_the_other_channel_is_turned_down_as_well() -> None:
    sound = np.full((2, 600), 0.25)
    sound[0, 300] = 4.0
    out = run("limiter", 600, {"input": sound}, params={"ceiling": 0.0})["out"]
    assert out[1, 427] == pytest.approx(0.0625, rel=0.05)


# --- feedback ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("blocks", [[1024], [128] * 10, [1, 1000, 24, 1024, 51]])
def test_feedback_is_1024_frames_late_whatever_the_block(blocks: list[int]) -> None:
    out = run("feedback", 2100, {"input": impulse(2100, 7)}, blocks=blocks, params={"level": -20.0})["out"][0]
    assert np.flatnonzero(out).tolist() == [1031]
    assert out[1031] == pytest.approx(0.1, rel=1e-5)


# --- reverb --------------------------------------------------------------------------------------------------------

RATE = 16_000.0


def tail(seconds: float, **params: float) -> Sound:
    frames = int(seconds * RATE)
    return run("reverb", frames, {"input": impulse(frames)}, rate=RATE, params={"mix": 1.0, **params})["out"]


def decay(sound: Sound) -> float:
    """Seconds to -60 dB, from the slope between -5 and -25 dB of the energy yet to come (Schroeder)."""
    energy = np.cumsum((sound[0].astype(float) ** 2)[::-1])[::-1]
    level = 10 * np.log10(energy / energy[0])
    first, last = np.flatnonzero(level < -5)[0], np.flatnonzero(level < -25)[0]
    return float((last - first) / RATE * 3)


@pytest.mark.parametrize("size, expected, seconds", [(0.0, 0.4, 0.6), (0.25, 0.9, 0.8)])
def test_size_sets_the_decay(size: float, expected: float, seconds: float) -> None:
    assert decay(tail(seconds, size=size, damp=0.0)) == pytest.approx(expected, rel=0.2)


def test_damp_shortens_the_treble() -> None:
    treble = {}
    for damp in (0.0, 1.0):
        power = np.abs(np.fft.rfft(tail(0.4, size=0.2, damp=damp)[0, 3200:])) ** 2
        treble[damp] = power[len(power) // 2 :].sum() / power.sum()
    assert treble[1.0] < 0.05 * treble[0.0]


def test_a_mono_sound_has_different_sides_and_no_side_is_louder() -> None:
    left, right = tail(0.5)[:, 1600:].astype(float)
    assert abs(np.corrcoef(left, right)[0, 1]) < 0.2
    assert 10 * np.log10((left**2).sum() / (right**2).sum()) == pytest.approx(0.0, abs=1.5)


def test_the_tail_is_dense_and_has_no_lone_tone() -> None:
    late = tail(0.6, size=0.5, damp=0.2)[0, 4800:]
    assert np.count_nonzero(np.abs(late) > 0.05 * np.abs(late).max()) > 0.4 * late.size
    level = np.abs(np.fft.rfft(late * np.hanning(late.size)))
    assert level.max() < 8 * np.sqrt((level**2).mean())


def test_dry_is_the_input_itself() -> None:
    sound = np.random.default_rng(1).uniform(-1, 1, (2, 100)).astype(np.float32)
    np.testing.assert_array_equal(run("reverb", 100, {"input": sound}, params={"mix": 0.0})["out"], sound)
