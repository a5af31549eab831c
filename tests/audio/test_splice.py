from __future__ import annotations

import re

import numpy as np
import pytest

from graphflow.audio.ring import FADE, Ring, RingReader
from graphflow.audio.splice import crossfaded, splice


def noise(frames: int, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((2, frames)).astype(np.float32)


def open_ring(written: int = 1000, start: int = 900) -> Ring:
    """A ring of 1024 frames with `written` in it, across its edge, none of which are final."""
    ring = Ring.local(2, 1024)
    ring.restart(start)
    ring.write(noise(written), final=False)
    return ring


def test_what_is_not_final_is_written_and_not_committed() -> None:
    ring = open_ring()
    assert (ring.start, ring.committed, ring.written) == (900, 900, 1900)
    ring.write(noise(10), final=False)
    assert (ring.committed, ring.written) == (1900, 1910)
    ring.write(noise(10))
    assert (ring.committed, ring.written) == (1920, 1920)


def test_frames_are_replaced_to_the_end_by_a_straight_crossfade() -> None:
    ring = open_ring()
    old, new = ring.frames(900, 1900), noise(900, 2)
    splice(ring, 1000, new, 192)
    made = ring.frames(900, 1900)
    np.testing.assert_array_equal(made[:, :100], old[:, :100])
    np.testing.assert_array_equal(made[:, 292:], new[:, 192:])
    gain = np.arange(1, 193) / 193
    np.testing.assert_allclose(made[:, 100:292], (1 - gain) * old[:, 100:292] + gain * new[:, :192], atol=1e-6)
    assert (ring.committed, ring.written) == (1000, 1900)


def test_without_a_fade_the_new_frames_stand_alone() -> None:
    ring = open_ring()
    splice(ring, 900, noise(1000, 2), 0)
    np.testing.assert_array_equal(ring.frames(900, 1900), noise(1000, 2))


def test_the_same_frames_again_leave_every_bit_as_it_was() -> None:
    ring = open_ring()
    old = noise(1000)
    old[:, 150:160] = -0.0
    old[:, 160:170] = np.float32(1e-45)  # a denormal
    splice(ring, 900, old, 0)
    before = ring.data.copy()
    splice(ring, 1000, old[:, 100:], 192)
    assert before.tobytes() == ring.data.tobytes()


def test_a_fade_longer_than_what_is_left_ends_where_the_frames_do() -> None:
    assert crossfaded(noise(100)[:, :5], noise(100, 2)[:, :5]).shape == (2, 5)
    ring = open_ring()
    splice(ring, 1895, noise(5, 2), 192)
    assert np.isfinite(ring.frames(1890, 1900)).all()


@pytest.mark.parametrize("start, frames", [(899, 10), (1800, 101), (1900, 1)])
def test_what_is_final_or_not_there_cannot_be_replaced(start: int, frames: int) -> None:
    ring = open_ring()
    message = (
        f"frames {start} to {start + frames} are to be replaced; expected some that are not committed, 900 to 1900"
    )
    with pytest.raises(ValueError, match=re.escape(message)):
        splice(ring, start, noise(frames), 0)
    splice(ring, 1000, noise(900, 2), 0)
    with pytest.raises(ValueError, match="not committed, 1000 to 1900"):
        splice(ring, 999, noise(1), 0)


def test_the_reader_plays_a_replaced_chunk_without_a_break() -> None:
    ring = Ring.local(1, 4096)
    ring.restart(0)
    ring.write(np.zeros((1, 2000), np.float32), final=False)
    reader = RingReader(ring)
    heard = [reader.read(frame, 100)[0] for frame in range(0, 1000, 100)]
    splice(ring, 1200, np.ones((1, 800), np.float32), 192)
    heard += [reader.read(frame, 100)[0] for frame in range(1000, 1900, 100)]
    sound = np.concatenate(heard)
    assert np.abs(np.diff(sound)).max() < 1 / 192
    np.testing.assert_array_equal(sound[1392 : 1900 - FADE], np.ones(1900 - FADE - 1392))
    assert ring.underruns == 0
