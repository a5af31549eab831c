from __future__ import annotations

import numpy as np
import pytest

from graphflow.audio.ring import Ring, Word
from graphflow.worker.ear import LOCKSTEP_LATE, SPARE, Ear

RATE = 48_000


def counting(start: int, end: int) -> np.ndarray:
    return np.arange(start, end, dtype=np.float32)[None]


def put(ring: Ring, start: int, frames: int) -> None:
    """As the audio thread does: at absolute frames, a new epoch where they do not follow on."""
    ring.data[:, np.arange(start, start + frames) % ring.capacity] = counting(start, start + frames)
    if ring.epoch == 0 or ring.written != start:
        ring.words[Word.START] = start
        ring.words[Word.EPOCH] += 1
    ring.words[Word.WRITTEN] = start + frames


def test_all_that_is_new_is_heard_once_and_in_order() -> None:
    ring = Ring.local(1, 8192)
    ear = Ear(ring, RATE, RATE, lockstep=False)
    assert ear.listen(0) is None
    put(ring, 100, 50)
    put(ring, 150, 50)
    block, frame = ear.listen(0) or (None, 0)
    assert frame == 100
    np.testing.assert_array_equal(block, counting(100, 200))
    assert ear.listen(0) is None
    put(ring, 200, 7)
    block, frame = ear.listen(0) or (None, 0)
    assert frame == 200
    np.testing.assert_array_equal(block, counting(200, 207))


def test_a_gap_shows_in_the_frame() -> None:
    ring = Ring.local(1, 8192)
    ear = Ear(ring, RATE, RATE, lockstep=False)
    put(ring, 0, 100)
    assert ear.listen(0) is not None
    put(ring, 5000, 10)  # nothing was wired in for a while
    block, frame = ear.listen(0) or (None, 0)
    assert frame == 5000
    np.testing.assert_array_equal(block, counting(5000, 5010))
    assert ring.underruns == 0


def test_what_came_before_it_began_to_listen_is_past() -> None:
    ring = Ring.local(1, 8192)
    put(ring, 0, 100)
    ear = Ear(ring, RATE, RATE, lockstep=False)
    assert ear.listen(0) is None
    put(ring, 100, 10)
    assert (ear.listen(0) or (None, 0))[1] == 100


def test_who_listens_too_seldom_misses_the_oldest_and_it_is_counted() -> None:
    ring = Ring.local(1, 8192)
    ear = Ear(ring, RATE, RATE, lockstep=False)
    put(ring, 0, 1000)
    ear.listen(0)
    for start in range(1000, 21_000, 1000):
        put(ring, start, 1000)
    oldest = 21_000 - (8192 - SPARE)
    block, frame = ear.listen(0) or (None, 0)
    assert frame == oldest
    np.testing.assert_array_equal(block, counting(oldest, 21_000))
    assert ring.underruns == oldest - 1000


def test_in_lockstep_a_chunk_hears_what_came_a_fixed_time_before_it() -> None:
    ring = Ring.local(1, 8192)
    put(ring, 0, 3000)
    ear = Ear(ring, RATE, RATE, lockstep=True)
    assert ear.listen(LOCKSTEP_LATE) is None
    assert (ear.listen(LOCKSTEP_LATE + 10) or (np.empty(0), 0))[0].tolist() == [list(range(10))]
    put(ring, 3000, 1000)
    block, frame = ear.listen(LOCKSTEP_LATE + 2000) or (None, 0)
    assert frame == 10
    np.testing.assert_array_equal(block, counting(10, 2000))


@pytest.mark.parametrize("rate, generator_rate", [(44_100, 48_000), (48_000, 16_000), (48_000, 44_100)])
def test_it_is_heard_at_the_generators_rate_at_exact_frames(rate: int, generator_rate: int) -> None:
    ring = Ring.local(1, 1 << 16)
    ear = Ear(ring, rate, generator_rate, lockstep=False)
    blocks, first, following = [], -1, -1
    for start in range(1234, 1234 + 40_000, 1000):
        at = np.arange(start, start + 1000)
        tone = np.sin(2.0 * np.pi * 1000.0 * at / rate).astype(np.float32)
        put(ring, start, 1000)
        ring.data[0, at % ring.capacity] = tone
        if heard := ear.listen(0):
            block, frame = heard
            assert following in (-1, frame)
            first = frame if first < 0 else first
            following = frame + block.shape[1]
            blocks.append(block)
    sound = np.concatenate(blocks, axis=1)[0]
    assert first / generator_rate == pytest.approx(1234 / rate, abs=0.02)
    expected = np.sin(2.0 * np.pi * 1000.0 * (first + np.arange(len(sound))) / generator_rate)
    assert np.abs(sound - expected)[500:].max() < 1e-3
