"""svf: its response is the analogue one, bent by the trapezoidal rule."""

import numpy as np
import pytest
from uncompiled import run


def response(out: str, freq: float, cutoff: float, q: float) -> float:
    """The gain at a frequency, from an impulse."""
    impulse = np.zeros(8192)
    impulse[0] = 1.0
    answer = run("svf", 8192, {"input": impulse}, params={"cutoff": cutoff, "q": q})[out][0]
    return float(abs(np.sum(answer * np.exp(-2j * np.pi * freq / 48_000 * np.arange(8192)))))


@pytest.mark.parametrize("q", [0.707, 5.0])
def test_gains_at_the_cutoff(q: float) -> None:
    assert response("low", 1000.0, 1000.0, q) == pytest.approx(q, rel=1e-3)
    assert response("band", 1000.0, 1000.0, q) == pytest.approx(1.0, rel=1e-3)
    assert response("high", 1000.0, 1000.0, q) == pytest.approx(q, rel=1e-3)


def test_low_passes_lows_and_falls_by_12_db_per_octave() -> None:
    assert response("low", 0.0, 1000.0, 0.707) == pytest.approx(1.0, rel=1e-3)
    assert 20 * np.log10(response("low", 4000.0, 500.0, 0.707) / response("low", 2000.0, 500.0, 0.707)) < -12.0
    assert response("high", 23_999.0, 1000.0, 0.707) == pytest.approx(1.0, rel=1e-3)


def test_low_band_and_high_add_up_to_the_input() -> None:
    sound = np.random.default_rng(1).uniform(-1, 1, 200)
    outs = run("svf", 200, {"input": sound}, params={"q": 3.0})
    np.testing.assert_allclose(outs["low"] + outs["band"] + outs["high"], [sound], atol=1e-6)


def test_stays_calm_while_its_cutoff_leaps_about() -> None:
    rng = np.random.default_rng(2)
    sound = rng.uniform(-1, 1, 5000)
    cutoff = np.exp(rng.uniform(np.log(20), np.log(20_000), 5000))
    out = run("svf", 5000, {"input": sound}, params={"cutoff": cutoff, "q": 10.0})["low"]
    assert np.abs(out).max() < 20.0
