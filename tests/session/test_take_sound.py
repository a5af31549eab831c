"""The WAV file of a take."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from graphflow.session.take_sound import HEADER, TakeSound

NOISE = np.random.default_rng(1).uniform(-1.0, 1.0, (1000, 2)).astype(np.float32)


def test_what_is_written_is_read_to_the_bit_and_at_any_time(tmp_path: Path):
    sound = TakeSound(tmp_path / "a.wav", 44_100)
    for at in range(0, 1000, 250):
        sound.write(NOISE[at : at + 250])
        read, rate = soundfile.read(sound.path, dtype="float32", always_2d=True)  # not closed: as after kill -9
        assert rate == 44_100
        assert read.tobytes() == NOISE[: at + 250].tobytes()
    sound.close()
    assert sound.path.stat().st_size == HEADER + NOISE.nbytes


def test_one_that_outgrows_a_wav_becomes_an_rf64(tmp_path: Path):
    sound = TakeSound(tmp_path / "a.wav", 48_000, largest=6000)
    sound.write(NOISE[:500])
    assert soundfile.info(sound.path).format == "WAV"
    sound.write(NOISE[500:])
    sound.close()
    assert soundfile.info(sound.path).format == "RF64"
    assert np.array_equal(soundfile.read(sound.path, dtype="float32")[0], NOISE)


def test_an_empty_one_is_a_sound_file_too(tmp_path: Path):
    TakeSound(tmp_path / "a.wav", 48_000).close()
    assert soundfile.info(tmp_path / "a.wav").frames == 0


def test_none_is_overwritten(tmp_path: Path):
    (tmp_path / "a.wav").touch()
    with pytest.raises(FileExistsError):
        TakeSound(tmp_path / "a.wav", 48_000)
