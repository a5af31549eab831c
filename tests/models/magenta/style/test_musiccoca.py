"""MusicCoCa on small files of random weights, by real LiteRT and SentencePiece."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
import soundfile

from graphflow.core.errors import UserError
from graphflow.models.magenta.style.log_mel import LogMel
from graphflow.models.magenta.style.mapper import fixed_noise
from graphflow.models.magenta.style.musiccoca import REMEMBERED, MusicCoCa

pytest.importorskip("ai_edge_litert")

from graphflow.models.magenta.style.litert import Network
from tests.models.magenta.style.musiccoca_build import (
    bands,
    build_music_encoder,
    build_text_encoder,
    music_weight,
    text_weight,
)


def pieces(folder: Path, text: str) -> list[int]:
    model = sentencepiece.SentencePieceProcessor(model_file=str(folder / "spm.model"))
    return [int(piece) for piece in model.encode(text)]


def expected(ids: list[int]) -> np.ndarray:
    return text_weight() @ np.array(ids + [0] * (128 - len(ids)), np.float32)


def test_words_are_lower_cased_begun_with_1_and_padded(musiccoca_folder: Path) -> None:
    found = MusicCoCa(musiccoca_folder).embed_text("Disco FUNK", mapped=False)
    assert found.dtype == np.float32
    assert np.allclose(found, expected([1, *pieces(musiccoca_folder, "disco funk")]), atol=1e-5)


@pytest.mark.parametrize("text", ["piano " * 2000, "🎹🥁 " * 300])
def test_long_texts_and_emoji_are_cut_to_127_pieces(text: str, musiccoca_folder: Path) -> None:
    ids = [1, *pieces(musiccoca_folder, text)]
    assert len(ids) > 128
    found = MusicCoCa(musiccoca_folder).embed_text(text, mapped=False)
    assert np.allclose(found, expected(ids[:128]), atol=1e-5)


def test_ids_and_paddings_are_told_apart_by_their_type(musiccoca_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(musiccoca_folder, tmp_path / "turned")
    build_text_encoder(folder / "text_encoder.tflite", ids_first=False)
    turned, plain = (MusicCoCa(at).embed_text("solo piano") for at in (folder, musiccoca_folder))
    assert np.array_equal(turned, plain)


def test_words_are_mapped_where_there_is_a_mapper(musiccoca_folder: Path, tmp_path: Path) -> None:
    musiccoca = MusicCoCa(musiccoca_folder)
    plain, mapped = musiccoca.embed_text("jazz", mapped=False), musiccoca.embed_text("jazz")
    moved = Network(musiccoca_folder / "mapper.tflite").run(plain, fixed_noise(768))
    assert np.allclose(mapped, moved / np.linalg.norm(moved), atol=1e-6)
    assert np.linalg.norm(mapped) == pytest.approx(1.0, abs=1e-5)
    folder = tmp_path / "plain"
    shutil.copytree(musiccoca_folder, folder, ignore=shutil.ignore_patterns("mapper.tflite"))
    assert np.array_equal(MusicCoCa(folder).embed_text("jazz"), plain)


def test_a_recording_is_the_mean_of_its_clips(musiccoca_folder: Path) -> None:
    """Stereo at 16 kHz, 12 s: two clips, the second one mostly silence."""
    samples = np.random.default_rng(9).standard_normal((2, 192000)).astype(np.float32) * 0.1
    found = MusicCoCa(musiccoca_folder).embed_audio(samples, 16000)
    mono, log_mel = samples.mean(0), LogMel(bands())
    clips = [music_weight() @ log_mel(clip).mean(0) for clip in (mono[:160000], mono[160000:])]
    assert np.allclose(found, np.mean(clips, axis=0), atol=1e-3)


def test_the_rate_of_a_recording_hardly_matters(musiccoca_folder: Path) -> None:
    def chord(rate: int) -> np.ndarray:
        time = np.arange(10 * rate) / rate
        return sum(np.sin(2 * np.pi * f * time) for f in (220.0, 277.2, 329.6))[None].astype(np.float32) * 0.2

    musiccoca = MusicCoCa(musiccoca_folder)
    a, b = musiccoca.embed_audio(chord(16000), 16000), musiccoca.embed_audio(chord(48000), 48000)
    assert a @ b / np.linalg.norm(a) / np.linalg.norm(b) > 0.999


def test_nothing_is_encoded_twice(musiccoca_folder: Path, tmp_path: Path) -> None:
    musiccoca = MusicCoCa(musiccoca_folder)
    first = musiccoca.embed_text("Warm Bass")
    assert musiccoca.embed_text("warm bass") is first
    samples = np.ones((1, 16000), np.float32)
    assert musiccoca.embed_audio(samples, 16000) is musiccoca.embed_audio(samples.copy(), 16000)
    name = str(tmp_path / "a.wav")
    soundfile.write(name, samples[0], 16000)
    assert musiccoca.embed_file(name) is musiccoca.embed_file(name)
    assert musiccoca.encoded == 3
    facts = musiccoca.statistics()
    assert (facts.texts, facts.recordings, facts.remembered) == (1, 2, 3)
    assert str(musiccoca) == (
        f"MusicCoCa in {musiccoca_folder}: 1 texts and 2 recordings encoded, "
        "loaded: spm, text_encoder, mapper, audio_preprocessor, music_encoder"
    )
    assert facts.mapper.startswith("LiteRT, because ")


def test_the_memory_is_bounded_and_forgets_what_was_not_used_for_longest(
    musiccoca_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graphflow.models.magenta.style.musiccoca.REMEMBERED", 2)
    musiccoca = MusicCoCa(musiccoca_folder)
    for text in ("piano", "jazz", "piano", "house", "piano"):  # house takes jazz's place
        musiccoca.embed_text(text)
    assert musiccoca.statistics().texts == 3
    musiccoca.embed_text("jazz")
    assert (musiccoca.statistics().texts, musiccoca.statistics().remembered) == (4, 2)
    assert REMEMBERED * 768 * 4 < 2_000_000


def test_files_are_loaded_only_when_needed(musiccoca_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "words"
    folder.mkdir()
    for name in ("text_encoder.tflite", "spm.model"):
        shutil.copy(musiccoca_folder / name, folder)
    musiccoca = MusicCoCa(folder)
    musiccoca.embed_text("piano")
    assert musiccoca.statistics().loaded == ("spm", "text_encoder")
    with pytest.raises(UserError) as told:
        musiccoca.embed_audio(np.ones((1, 100), np.float32), 16000)
    assert str(told.value) == f"music_encoder.tflite is not in {folder}; run `graphflow models download mrt2-small`"


def test_without_a_folder_the_way_to_one_is_said() -> None:
    with pytest.raises(UserError) as told:
        MusicCoCa(None).embed_text("piano")
    assert str(told.value) == "MusicCoCa's files are not there; run `graphflow models download mrt2-small`"


def test_files_that_are_none_are_told_in_one_line(musiccoca_folder: Path, tmp_path: Path) -> None:
    folder = shutil.copytree(musiccoca_folder, tmp_path / "damaged")
    (folder / "text_encoder.tflite").write_bytes(b"no model")
    with pytest.raises(UserError, match=r"text_encoder\.tflite does not load \(.*\); download it again$"):
        MusicCoCa(folder).embed_text("piano")
    build_music_encoder(folder / "text_encoder.tflite")
    with pytest.raises(UserError) as told:
        MusicCoCa(folder).embed_text("piano")
    assert str(told.value) == (
        f"{folder / 'text_encoder.tflite'} takes float32 [1, 992, 128]; expected one input of 128 int32; download it again"
    )
    (folder / "spm.model").write_bytes(b"no model")
    with pytest.raises(UserError, match=r"spm\.model is no SentencePiece model; download it again$"):
        MusicCoCa(folder).embed_text("piano")


def test_recordings_that_are_none_are_told_in_one_line(musiccoca_folder: Path, tmp_path: Path) -> None:
    musiccoca = MusicCoCa(musiccoca_folder)
    with pytest.raises(
        UserError, match=r"^recording nowhere\.wav cannot be read \(No such file or directory\); name a "
    ):
        musiccoca.embed_file("nowhere.wav")
    text = tmp_path / "text.wav"
    text.write_text("no sound")
    with pytest.raises(UserError, match=rf"^recording {text} cannot be read \(.*\); name a sound file \(wav, flac"):
        musiccoca.embed_file(str(text))
    soundfile.write(tmp_path / "empty.wav", np.zeros(0), 16000)
    with pytest.raises(UserError, match=r"empty\.wav is empty; name a sound file with sound in it$"):
        musiccoca.embed_file(str(tmp_path / "empty.wav"))
    with pytest.raises(
        UserError, match=r"^recording is \[100\] at 16000 Hz; expected \[channels, frames\] and a rate$"
    ):
        musiccoca.embed_audio(np.zeros(100, np.float32), 16000)


def test_what_is_remembered_does_not_wait_for_what_is_being_encoded(
    musiccoca_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    musiccoca = MusicCoCa(musiccoca_folder)
    piano = musiccoca.embed_text("piano")
    begun, gate = threading.Event(), threading.Event()

    def slow(text: str, mapped: bool) -> np.ndarray:
        begun.set()
        assert gate.wait(10.0)
        return np.zeros(768, np.float32)

    monkeypatch.setattr(musiccoca, "_encode_text", slow)
    thread = threading.Thread(target=musiccoca.embed_text, args=("jazz",))
    thread.start()
    assert begun.wait(10.0)
    assert musiccoca.embed_text("piano") is piano  # would hang here if it waited
    assert thread.is_alive()
    gate.set()
    thread.join(10.0)


def test_an_encoder_that_gives_no_embedding_is_told_in_one_line(
    musiccoca_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    musiccoca = MusicCoCa(musiccoca_folder)
    for answer in (np.zeros(512, np.float32), np.full(768, np.nan, np.float32)):
        monkeypatch.setattr(musiccoca, "_encode_text", lambda text, mapped, answer=answer: answer)
        with pytest.raises(UserError) as told:
            musiccoca.embed_text("piano")
        assert str(told.value) == f"MusicCoCa in {musiccoca_folder} gave no embedding of 768 numbers; download it again"
