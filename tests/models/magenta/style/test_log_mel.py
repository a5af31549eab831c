"""Log-mel against plain numpy in double precision."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphflow.core.errors import UserError
from graphflow.models.magenta.style.log_mel import LogMel, read_bands

pytest.importorskip("ai_edge_litert")

from tests.models.magenta.style.mapper_build import build_mapper
from tests.models.magenta.style.musiccoca_build import bands, build_preprocessor


def test_992_moments_of_128_bands_as_written_out_by_hand() -> None:
    clip = np.random.default_rng(7).standard_normal(160000).astype(np.float32) * 0.1
    found = LogMel(bands())(clip)
    assert found.shape == (992, 128)
    x = clip.astype(np.float64)
    x = x - 0.97 * np.concatenate([[0.0], x[:-1]])
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400) / 400)
    for moment in (0, 1, 500, 991):
        spectrum = np.fft.rfft(x[160 * moment : 160 * moment + 400] * window, 2048)
        power = np.abs(spectrum[1:]) ** 2
        assert np.allclose(found[moment], np.log(power @ bands() + 0.001), atol=1e-4)


def test_silence_lies_at_the_floor_and_a_short_clip_ends_in_it() -> None:
    floor = np.log(np.float32(0.001))
    assert np.allclose(LogMel(bands())(np.zeros(100, np.float32)), floor)
    found = LogMel(bands())(np.random.default_rng(8).standard_normal(16000).astype(np.float32))
    assert found[:100].mean() > floor + 3
    assert np.allclose(found[101:], floor)


def test_a_sine_sounds_in_its_own_band() -> None:
    """1000 Hz is bin 128 of 2048 at 16 kHz, that is the 128th without DC, row 127: band 15."""
    sine = np.sin(2 * np.pi * 1000 * np.arange(160000) / 16000).astype(np.float32)
    loud = LogMel(bands())(sine)[500]
    assert set(np.argsort(loud)[-2:]) == {15, 16}  # the bin lies at the border of two


def test_bands_are_found_in_the_preprocessor_by_their_shape(tmp_path: Path) -> None:
    assert np.array_equal(read_bands(build_preprocessor(tmp_path / "a.tflite")), bands())
    other = build_mapper(tmp_path / "b.tflite")
    with pytest.raises(UserError) as told:
        read_bands(other)
    assert str(told.value) == f"{other} holds 0 sets of mel bands [1024, 128]; expected one; download it again"
