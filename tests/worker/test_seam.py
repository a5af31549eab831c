from __future__ import annotations

import numpy as np
import pytest

from graphflow.worker.seam import Seam, joined

FADE = 4


def steady(value: float, frames: int = 8) -> np.ndarray:
    return np.full((2, frames), value, np.float32)


def test_a_chunk_that_joins_is_not_touched() -> None:
    chunk = np.random.default_rng(1).standard_normal((2, 8)).astype(np.float32)
    block, seam = joined(chunk, Seam(), FADE)
    assert block is chunk
    assert joined(chunk, seam, FADE)[0] is chunk
    assert seam.last is not None
    assert seam.last.tolist() == chunk[:, -1].tolist()
    assert (seam.silent, seam.gap) == (False, None)


@pytest.mark.parametrize("wrong", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_becomes_silence_with_a_fade_on_both_sides(wrong: float) -> None:
    _, seam = joined(steady(0.5), Seam(), FADE)
    bad = steady(0.5)
    bad[1, 5] = wrong
    silence, seam = joined(bad, seam, FADE)
    assert silence[1].tolist() == [0.375, 0.25, 0.125, 0.0, 0.0, 0.0, 0.0, 0.0]
    again, seam = joined(bad, seam, FADE)
    assert not again.any()
    back, seam = joined(steady(0.5), seam, FADE)
    assert back[0].tolist() == [0.125, 0.25, 0.375, 0.5, 0.5, 0.5, 0.5, 0.5]
    after = steady(0.5)
    assert joined(after, seam, FADE)[0] is after


def test_a_stream_that_begins_with_no_numbers_begins_with_silence() -> None:
    silence, seam = joined(steady(np.nan), Seam(), FADE)
    assert not silence.any()
    assert seam.silent


def test_a_gap_is_bridged() -> None:
    """0.5 was played last, but the generator goes on from -0.25."""
    seam = Seam(np.full(2, 0.5, np.float32), False, np.full(2, 0.75, np.float32))
    chunk = steady(-0.25)
    block, seam = joined(chunk, seam, FADE)
    assert block[0].tolist() == [0.3125, 0.125, -0.0625, -0.25, -0.25, -0.25, -0.25, -0.25]
    assert chunk[0, 0] == -0.25  # the generator's own memory is left alone
    assert seam.gap is None


def test_a_chunk_shorter_than_the_fade_fades_faster() -> None:
    silence, _ = joined(steady(np.nan, 2), Seam(np.ones(2, np.float32)), FADE)
    assert silence[0].tolist() == [0.5, 0.0]
