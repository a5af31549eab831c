"""Oscillators, with numbers that can be checked by head, and spectra where it takes more than a head."""

import numpy as np
import pytest
from uncompiled import Sound, run


def spectrum(sound: Sound) -> np.ndarray:
    """Amplitude per bin; a sine of 1 is 1."""
    window = np.kaiser(sound.shape[-1], 20.0)
    return np.abs(np.fft.rfft(sound[0] * window)) * 2.0 / window.sum()


def test_sine_at_a_quarter_of_the_rate_goes_0_1_0_minus_1() -> None:
    out = run("sine", 8, rate=4.0, params={"freq": 1.0})["out"]
    np.testing.assert_allclose(out, [[0, 1, 0, -1, 0, 1, 0, -1]], atol=1e-6)


def test_sine_keeps_its_phase_when_the_pitch_jumps() -> None:
    freq = np.array([10.0] * 5 + [20.0] * 5)
    out = run("sine", 10, rate=100.0, params={"freq": freq})["out"][0]
    phase = np.cumsum(np.concatenate([[0.0], freq[:-1]])) / 100.0
    np.testing.assert_allclose(out, np.sin(2 * np.pi * phase), atol=1e-6)


def test_saw_falls_once_per_cycle_and_rises_between() -> None:
    out = run("saw", 1000, rate=1000.0, params={"freq": 10.0})["out"][0]
    falls = np.flatnonzero(np.diff(out) < -0.5)
    assert sorted({round(fall, -1) for fall in falls}) == list(range(0, 1000, 100))
    assert out[150] == pytest.approx(0.0, abs=0.01)  # halfway through the second cycle, which rises from -1 to 1
    assert out[125] == pytest.approx(-0.5, abs=0.01)


@pytest.mark.parametrize("freq", [441.0, 1234.5, 5001.0, 19000.0])
@pytest.mark.parametrize("kind", ["saw", "pulse"])
def test_edges_make_no_false_tones(kind: str, freq: float) -> None:
    frames = 8192
    level = spectrum(run(kind, frames + 100, params={"freq": freq})["out"][:, 100:])
    hz = np.fft.rfftfreq(frames, 1 / 48_000)
    partial = np.abs(hz / freq - np.round(hz / freq)) * freq < 60.0
    assert 20 * np.log10(level[~partial & (hz < 15_000)].max()) < -48.0
    assert level[partial & (hz < 20_000)].max() == pytest.approx((2 if kind == "saw" else 4) / np.pi, rel=0.45)


def test_partials_of_a_saw_fall_as_one_over_n_within_2_db_up_to_15_khz() -> None:
    freq, frames = 48_000 / 64, 4096
    sound = run("saw", frames + 64, params={"freq": freq})["out"][0, 64:]
    level = np.abs(np.fft.rfft(sound)) * 2.0 / frames  # a whole number of cycles needs no window
    for n in range(1, 21):
        off = 20 * np.log10(level[n * frames // 64] / (2 / np.pi / n))
        assert -2.0 < off < 0.1, f"partial {n} is off by {off:.2f} dB"


@pytest.mark.parametrize("width", [0.1, 0.5, 0.8])
def test_pulse_is_up_for_its_width_and_has_no_mean(width: float) -> None:
    out = run("pulse", 1000, rate=1000.0, params={"freq": 10.0, "width": width})["out"][0]
    cycle = out[500:600]
    assert np.count_nonzero(cycle > 1.0 - 2.0 * width) == pytest.approx(100 * width, abs=2)
    assert cycle.mean() == pytest.approx(0.0, abs=2e-3)
    assert cycle[int(50 * width)] == pytest.approx(2.0 - 2.0 * width, abs=0.01)


def test_white_noise_is_flat_and_pink_falls_by_3_db_per_octave() -> None:
    frames = 1 << 15
    slope = {}
    for color in ("white", "pink", "brown"):
        power = np.abs(np.fft.rfft(run("noise", frames, params={"color": color})["out"][0])) ** 2
        bands = [power[frames * low // 48_000 : frames * 2 * low // 48_000].mean() for low in (500, 4000)]
        slope[color] = 10 * np.log10(bands[1] / bands[0]) / 3
    assert slope["white"] == pytest.approx(0.0, abs=0.5)
    assert slope["pink"] == pytest.approx(-3.0, abs=0.5)
    assert slope["brown"] == pytest.approx(-6.0, abs=0.5)


def test_noise_has_its_own_chance_per_channel_and_peaks_near_1() -> None:
    for color in ("white", "pink", "brown"):
        out = run("noise", 20_000, width=2, params={"color": color})["out"]
        assert abs(np.corrcoef(out)[0, 1]) < 0.1
        assert 0.5 < np.abs(out).max() < 1.2
