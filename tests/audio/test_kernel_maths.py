"""The native mathematics against Python's own, in the ranges and to the accuracy the comments state."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numba import njit, vectorize

from graphflow.audio.kernel_maths import NATIVE
from graphflow.core import maths

F = np.float32


def native(name: str, *columns: np.ndarray) -> np.ndarray:
    function = NATIVE[name]
    compiled: Any = vectorize(
        eval(f"lambda {'x, y, z'[: 3 * len(columns) - 2]}: f({'x, y, z'[: 3 * len(columns) - 2]})", {"f": function})
    )
    return np.asarray(compiled(*columns))


def exact(name: str, values: np.ndarray) -> np.ndarray:
    function: Callable[[float], float] = getattr(maths, name)
    return np.array([function(float(v)) for v in values])


RANDOM = np.random.default_rng(3)


@pytest.mark.parametrize(
    "name, low, high, relative, absolute",
    [
        ("sin", -10.0, 10.0, 0.0, 1e-6),
        ("cos", -10.0, 10.0, 0.0, 1.2e-6),
        ("tan", 0.0, 0.49 * math.pi, 1e-5, 0.0),
        ("exp", -60.0, 60.0, 5e-6, 0.0),
        ("expm1", -1.0, 1.0, 5e-6, 0.0),
        ("expm1", -1e-4, 0.0, 3e-7, 0.0),
        ("db", -60.0, 24.0, 1e-6, 0.0),
        ("log", 1e-6, 1e6, 1e-6, 1e-7),
        ("log2", 1e-6, 1e6, 1e-6, 1e-7),
        ("sqrt", 0.0, 1e6, 1e-7, 0.0),
        ("tanh", -12.0, 12.0, 0.0, 1e-6),
        ("floor", -1000.0, 1000.0, 0.0, 0.0),
        ("wrap", -1000.0, 1000.0, 0.0, 3e-8),
        ("random_bipolar", 1.0, 4e9, 0.0, 1.2e-7),
    ],
)
def test_accuracy(name: str, low: float, high: float, relative: float, absolute: float) -> None:
    values = RANDOM.uniform(low, high, 20_000).astype(np.uint32 if name == "random_bipolar" else F)
    given = native(name, values)
    if name == "random_bipolar":
        expected = np.array([maths.random_bipolar(int(v)) for v in values])
    else:
        expected = exact(name, values)
    assert given.dtype == F
    np.testing.assert_allclose(given, expected, rtol=relative, atol=absolute)


@pytest.mark.parametrize(
    "name, at, value",
    [
        ("sin", 0.0, 0.0),
        ("cos", 0.0, 1.0),
        ("sin", math.pi / 2, 1.0),
        ("tan", 0.0, 0.0),
        ("exp", 0.0, 1.0),
        ("db", 0.0, 1.0),
        ("tanh", 0.0, 0.0),
        ("sqrt", 0.0, 0.0),
        ("log", 1.0, 0.0),
        ("floor", -0.5, -1.0),
        ("wrap", 1.0, 0.0),
        ("wrap", -0.25, 0.75),
    ],
)
def test_exact_where_ears_and_filters_notice(name: str, at: float, value: float) -> None:
    assert native(name, np.array([at], F))[0] == value


def test_phases_are_reduced_in_their_own_precision() -> None:
    """A float64 phase of many cycles loses nothing by the float32 the answer is in."""
    phase = np.array([1e6 + 0.125, -3e5 + 0.75], np.float64)
    np.testing.assert_allclose(native("sin", math.tau * phase), np.sin(math.tau * phase), atol=2e-7 + 2e-9 * 1e3)
    np.testing.assert_array_equal(native("wrap", phase), [0.125, 0.75])


def test_far_from_home_nothing_breaks() -> None:
    far = np.array([-1e4, -200.0, 200.0, 1e4], F)
    assert np.isfinite(native("exp", far)).all()
    assert np.isfinite(native("db", far)).all()
    np.testing.assert_array_equal(native("tanh", far), [-1.0, -1.0, 1.0, 1.0])


def test_clamp() -> None:
    values = RANDOM.uniform(-2, 2, 100).astype(F)
    ends = np.full(100, -0.5, F), np.full(100, 0.25, F)
    np.testing.assert_array_equal(native("clamp", values, *ends), np.clip(values, -0.5, 0.25))


def test_random_numbers_are_the_same_in_both_worlds() -> None:
    function = NATIVE["random_next"]

    @njit
    def walk(seed: np.uint32, count: int) -> np.ndarray:
        out = np.empty(count, np.uint32)
        for i in range(count):
            seed = function(seed)
            out[i] = seed
        return out

    state, expected = 12345, []
    for _ in range(1000):
        state = maths.random_next(state)
        expected.append(state)
    np.testing.assert_array_equal(walk(np.uint32(12345), 1000), np.array(expected, np.uint32))


def test_there_is_a_native_twin_of_every_name() -> None:
    assert set(NATIVE) == set(maths.__all__)
