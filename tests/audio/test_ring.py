from __future__ import annotations

import ctypes

import numpy as np
import pytest

from graphflow.audio import steps
from graphflow.audio.ring import FADE, HEADER, Ring, RingReader, Word, capacity_for


def ones(frames: int) -> np.ndarray:
    return np.ones((1, frames), np.float32)


def counting(start: int, frames: int) -> np.ndarray:
    return (start + np.arange(frames, dtype=np.float32))[None]


def test_any_split_into_blocks_gives_the_same_samples() -> None:
    heard, missed = [], []
    for sizes in ([2048], [1] * 2048, [127, 1, 640, 1280], [64] * 32):
        ring = Ring.local(1, 1024)
        ring.restart(100)
        ring.write(ones(700))
        reader = RingReader(ring)
        frame, blocks = 0, []
        for size in sizes:
            blocks.append(reader.read(frame, size))
            frame += size
        heard.append(np.concatenate(blocks, axis=1))
        missed.append(ring.underruns)
    for other in heard[1:]:
        np.testing.assert_array_equal(other, heard[0])
    assert missed == [2048 - 800] * 4


def test_sound_fades_in_at_its_start_and_out_just_where_it_ends() -> None:
    ring = Ring.local(1, 1024)
    ring.restart(100)
    ring.write(ones(400))
    sound = RingReader(ring).read(0, 600)[0]
    assert not sound[:100].any()
    np.testing.assert_allclose(sound[100:164], np.arange(1, FADE + 1) / FADE)
    np.testing.assert_array_equal(sound[164:436], np.ones(272))
    np.testing.assert_allclose(sound[436:500], np.arange(FADE - 1, -1, -1) / FADE)
    assert not sound[500:].any()


def test_frames_keep_their_positions_round_the_ring() -> None:
    ring = Ring.local(1, 1024)
    reader = RingReader(ring)
    ring.restart(0)
    for start in range(0, 10_000, 500):
        ring.write(counting(start, 500))
        if start:
            np.testing.assert_array_equal(reader.read(start - 400, 400)[0, FADE:], counting(start - 400, 400)[0, FADE:])
    assert ring.written == ring.committed == 10_000
    assert ring.underruns == 0


def test_nothing_is_missed_before_the_first_stream_or_before_its_start() -> None:
    ring = Ring.local(2, 1024)
    reader = RingReader(ring)
    assert not reader.read(5000, 100).any()
    ring.restart(5200)
    assert not reader.read(5100, 100).any()
    assert (ring.epoch, ring.underruns, ring.read) == (1, 0, 5200)
    reader.read(5200, 30)
    assert ring.underruns == 30


def test_a_new_stream_begins_only_when_the_old_one_has_faded() -> None:
    ring = Ring.local(1, 1024)
    reader = RingReader(ring)
    ring.restart(0)
    ring.write(ones(512))
    reader.read(0, 128)
    ring.restart(150)
    ring.write(np.full((1, 400), 0.5, np.float32))
    sound = reader.read(128, 256)[0]
    fading = np.arange(FADE - 1, -1, -1) / FADE
    old = np.where(np.arange(128, 192) < 150, 1.0, 0.5)
    np.testing.assert_allclose(sound[:FADE], old * fading)  # the new one's frames lie where the old ones were
    np.testing.assert_allclose(sound[FADE : 2 * FADE], 0.5 * np.arange(1, FADE + 1) / FADE)
    assert np.abs(np.diff(sound)).max() < 0.5 + 1 / FADE


def test_the_old_stream_fades_out_at_once_when_the_new_one_begins_later() -> None:
    ring = Ring.local(1, 1024)
    reader = RingReader(ring)
    ring.restart(0)
    ring.write(ones(512))
    reader.read(0, 128)
    ring.restart(400)
    ring.write(ones(300))
    sound = reader.read(128, 400)[0]
    np.testing.assert_allclose(sound[:FADE], np.arange(FADE - 1, -1, -1) / FADE)
    assert not sound[FADE : 400 - 128].any()
    assert sound[400 - 128 + FADE] == 1.0
    assert ring.underruns == 0


def test_native_code_finds_the_words_and_the_data_at_the_address() -> None:
    ring = Ring.local(2, 1024)
    ring.restart(7)
    ring.write(np.array([[1.0], [2.0]], np.float32))
    ring.target = 99
    words = (ctypes.c_int64 * 16).from_address(ring.address)
    data = (ctypes.c_float * 2048).from_address(ring.address + HEADER)
    assert words[1:8] == [1, 2, 1024, 1, 7, 8, 8]
    assert words[Word.TARGET] == 99
    assert (data[7], data[1024 + 7]) == (1.0, 2.0)


def native_read(ring: Ring, frame: int, frames: int) -> np.ndarray:
    out = np.full((ring.channels, frames), np.nan, np.float32)
    context = np.array([ring.address, 1, out.ctypes.data, ring.channels, 0], np.int64)  # one out, from channel 0
    assert steps.ring.ctypes(context.ctypes.data, frames, frame) == 0
    return out


@pytest.mark.parametrize("seed", range(20))
def test_the_native_reader_hears_what_the_reference_hears(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rings = [Ring.local(2, 1024), Ring.local(2, 1024)]
    frame = 0
    for _ in range(300):
        what = rng.integers(6)
        start = frame + int(rng.integers(-100, 300))
        block = rng.standard_normal((2, int(rng.integers(1, 200)))).astype(np.float32)
        frames = int(rng.integers(1, 150))
        for ring in rings:
            if what == 0:
                ring.restart(max(0, start))
            elif what < 4 and ring.written - frame < 600:
                ring.write(block)
        np.testing.assert_array_equal(native_read(rings[0], frame, frames), RingReader(rings[1]).read(frame, frames))
        frame += frames
        assert rings[0].words.tolist() == rings[1].words.tolist()
    assert rings[0].underruns > 0


def test_a_ring_reads_as_text() -> None:
    ring = Ring.local(2, 1024)
    ring.restart(48)
    assert str(ring) == "ring of 2 x 1024, epoch 1: frames 48 to 48, read to 0, target 0, 0 missed"


def test_what_is_no_ring_is_refused() -> None:
    with pytest.raises(ValueError, match="magic 0x0, layout 0; expected"):
        Ring(np.zeros(8192, np.uint8))
    with pytest.raises(ValueError, match="capacity is 1000 frames; expected a power of two, at least 256"):
        Ring.local(1, 1000)
    with pytest.raises(ValueError, match="1025 frames at once into a ring of 1024"):
        Ring.local(1, 1024).write(ones(1025))


@pytest.mark.parametrize("rate, frames", [(44_100, 262_144), (48_000, 262_144), (96_000, 524_288)])
def test_capacity_is_a_power_of_two_that_holds_the_seconds(rate: int, frames: int) -> None:
    assert capacity_for(5.0, rate) == frames
