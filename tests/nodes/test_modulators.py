"""lfo and adsr, by head."""

import numpy as np
import pytest
from uncompiled import run


@pytest.mark.parametrize(
    "shape, expected",
    [
        ("sine", [0, 0.5, 1, 0.5]),
        ("triangle", [0, 0.5, 1, 0.5]),
        ("saw", [0, 0.25, 0.5, 0.75]),
        ("square", [0, 0, 1, 1]),
    ],
)
def test_shapes_begin_low(shape: str, expected: list[float]) -> None:
    out = run("lfo", 8, rate=4.0, params={"shape": shape, "low": 100.0, "high": 300.0})["out"][0]
    np.testing.assert_allclose(out, [100 + 200 * e for e in expected] * 2, atol=1e-4)


def test_low_may_lie_above_high() -> None:
    out = run("lfo", 4, rate=4.0, params={"shape": "saw", "low": 1.0, "high": 0.0})["out"][0]
    np.testing.assert_allclose(out, [1, 0.75, 0.5, 0.25])


def test_random_has_one_value_per_cycle() -> None:
    out = run("lfo", 40, rate=8.0, params={"shape": "random", "low": 5.0, "high": 6.0})["out"][0].reshape(5, 8)
    assert (out == out[:, :1]).all()
    assert len(set(out[:, 0])) == 5
    assert 5.0 <= out.min() <= out.max() <= 6.0


def test_envelope_reaches_its_stations_in_the_times_given() -> None:
    gate = np.concatenate([np.ones(3000), np.zeros(2000)])
    times = {"attack": 0.1, "decay": 0.5, "sustain": 0.4, "release": 0.2}
    out = run("adsr", 5000, {"gate": gate}, rate=1000.0, params=times)["out"][0]
    assert np.flatnonzero(out >= 1.0)[0] == pytest.approx(100, abs=1)
    assert out[600] == pytest.approx(0.4, abs=0.001)
    assert out[2999] == pytest.approx(0.4, abs=1e-4)
    # from 0.4 the rest of the fall takes ln(0.401 / 0.001) of the ln(1001) constants a full one has
    silent = 3000 + 200 * np.log(401) / np.log(1001)
    assert np.flatnonzero(out[3000:] == 0.0)[0] + 3000 == pytest.approx(silent, abs=2)


def test_a_gate_that_opens_again_does_not_click() -> None:
    gate = np.concatenate([np.ones(200), np.zeros(20), np.ones(200)])
    out = run("adsr", 420, {"gate": gate}, rate=1000.0, params={"attack": 0.05, "release": 0.5})["out"][0]
    assert out[219] > 0.3
    assert np.abs(np.diff(out)).max() < 0.05
    assert out[220:].max() == 1.0
