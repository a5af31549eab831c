from __future__ import annotations

import numpy as np
import pytest

from graphflow.worker.stream import Stream, fit


def tone(start: int, frames: int, rate: int) -> np.ndarray:
    return np.sin(2.0 * np.pi * 1000.0 * (start + np.arange(frames)) / rate).astype(np.float32)


def test_at_the_patch_rate_a_chunk_passes_untouched_from_the_frame_asked_for() -> None:
    stream = Stream(48_000, 48_000, 2, 12_345)
    chunk = np.random.default_rng(1).standard_normal((2, 100)).astype(np.float32)
    assert (stream.start, stream.position) == (12_345, 12_345)
    np.testing.assert_array_equal(stream.feed(chunk), chunk)
    assert (stream.position, stream.frame) == (12_445, 12_445)


@pytest.mark.parametrize(
    "generator_rate, rate, start, begins, position",
    [
        (32_000, 48_000, 1000, 1002, 668),
        (48_000, 44_100, 1000, 1029, 1120),
        (44_100, 48_000, 1000, 1120, 1029),
        (24_000, 48_000, 0, 0, 0),
        (48_000, 44_056, 1000, 1000, 1090),
    ],
)
def test_a_stream_begins_where_both_clocks_meet(
    generator_rate: int, rate: int, start: int, begins: int, position: int
) -> None:
    stream = Stream(generator_rate, rate, 1, start)
    assert (stream.start, stream.position, stream.frame) == (begins, position, begins)


@pytest.mark.parametrize(
    "generator_rate, rate, start, begins, position",
    [
        (48_000, 48_000, 1, 1920, 1920),
        (48_000, 48_000, 3840, 3840, 3840),
        (48_000, 44_100, 1, 1764, 1920),
        (48_000, 44_056, 1, 1762, 1920),  # the clocks meet every 5507 frames, never at a chunk's edge: the nearest
    ],
)
def test_with_a_chunk_it_begins_at_a_multiple_of_it(
    generator_rate: int, rate: int, start: int, begins: int, position: int
) -> None:
    stream = Stream(generator_rate, rate, 2, start, chunk=1920)
    assert (stream.start, stream.position) == (begins, position)


def test_a_chunk_can_be_taken_back() -> None:
    stream = Stream(48_000, 48_000, 1, 100)
    stream.feed(np.zeros((1, 50), np.float32))
    stream.back(50)
    assert (stream.position, stream.frame, stream.resamples) == (100, 100, False)
    assert Stream(32_000, 48_000, 1, 100).resamples


@pytest.mark.parametrize(
    "generator_rate, rate", [(32_000, 48_000), (48_000, 44_100), (44_100, 48_000), (24_000, 96_000)]
)
def test_resampled_frames_stay_at_their_absolute_positions(generator_rate: int, rate: int) -> None:
    stream = Stream(generator_rate, rate, 1, 4321)
    blocks = []
    for frames in [1000, 1, 777, 4096] * 20:
        blocks.append(stream.feed(tone(stream.position, frames, generator_rate)[None]))
    sound = np.concatenate(blocks, axis=1)[0]
    expected = tone(stream.start, len(sound), rate)
    error = np.abs(sound - expected)[2000:].max()  # the first frames ring with the sudden start
    assert 20.0 * np.log10(error) < -80.0
    assert 0 <= stream.frame - (stream.start + len(sound)) < 0.05 * rate  # what the resampler still holds


def test_channels_are_fitted_to_the_nodes() -> None:
    stereo = np.array([[1.0, 2.0], [3.0, 4.0]], np.float32)
    assert fit(stereo[:1], 2).tolist() == [[1.0, 2.0], [1.0, 2.0]]
    assert fit(stereo, 1).tolist() == [[2.0, 3.0]]
    assert fit(stereo, 3).tolist() == [[1.0, 2.0], [3.0, 4.0], [0.0, 0.0]]
    assert fit(np.vstack([stereo, stereo]), 3).tolist() == [[1.0, 2.0], [3.0, 4.0], [1.0, 2.0]]


def test_what_is_no_chunk_is_refused() -> None:
    with pytest.raises(ValueError, match=r"a chunk has the shape \[5\]; expected \[channels, frames\]"):
        Stream(48_000, 48_000, 1, 0).feed(np.zeros(5, np.float32))
