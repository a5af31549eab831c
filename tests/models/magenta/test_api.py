"""The model alone: samples, streams that change, and copies of it."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import graphflow
from graphflow.core.errors import UserError
from graphflow.models.magenta import api, loading
from graphflow.models.magenta.api import MagentaRT
from graphflow.models.magenta.files import MUSICCOCA_FILES, Files
from graphflow.models.magenta.saving import save
from graphflow.models.magenta.streaming import StreamingGenerator
from tests.models.magenta.tiny_build import TINY, encoder_tensors, write_saved

STYLE = "musiccoca:5,4,3,2,1"
SECONDS = 0.2  # five chunks
CHUNK = 1920


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_saved(tmp_path_factory.mktemp("api") / "tiny", encoder=encoder_tensors())


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def rt(folder: Path) -> MagentaRT:
    return MagentaRT.from_pretrained(folder, "cpu", "float32")


@pytest.fixture(scope="module")
def plain(rt: MagentaRT) -> api.F32:
    return rt.generate(STYLE, SECONDS, seed=3)


def whole(stream: api.Stream) -> api.F32:
    return np.concatenate([sound for _, sound in stream])


def test_it_is_named_without_loading_torch() -> None:
    assert graphflow.MagentaRT is MagentaRT
    assert not hasattr(graphflow, "MagentaRTT")
    code = "import sys, graphflow; print(hasattr(graphflow, 'MagentaRTT'), 'torch' in sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert told.stdout == "False False\n"


def test_samples_are_the_streams_without_its_silent_first_chunk(rt: MagentaRT, plain: api.F32) -> None:
    session = StreamingGenerator(rt.model).open(seed=3)
    session.set("style", (5, 4, 3, 2, 1, *[-1] * 7))
    first, *rest = [session.generator.step().sound[0].numpy() for _ in range(6)]
    assert not first.any()
    assert (plain.dtype, plain.shape) == (np.float32, (1, 5 * CHUNK, 2))
    np.testing.assert_array_equal(plain[0], np.concatenate(rest))
    assert np.abs(plain[0, :CHUNK]).max() > 1e-3


def test_the_length_is_exact(rt: MagentaRT, plain: api.F32) -> None:
    sound = rt.generate(STYLE, 0.1234, seed=3)
    assert sound.shape == (1, 5923, 2)
    np.testing.assert_array_equal(sound, plain[:, :5923])


def test_the_same_call_gives_the_same_samples(rt: MagentaRT, plain: api.F32, folder: Path) -> None:
    np.testing.assert_array_equal(rt.generate(STYLE, SECONDS, seed=3), plain)
    with MagentaRT.from_pretrained(str(folder), "cpu", "float32") as again:
        np.testing.assert_array_equal(again.generate(STYLE, SECONDS, seed=3), plain)
    assert np.abs(rt.generate(STYLE, SECONDS, seed=4) - plain).max() > 0.01
    assert np.abs(rt.generate(None, SECONDS, seed=3) - plain).max() > 0.01
    assert np.abs(rt.generate(STYLE, SECONDS, seed=3, temperature=0.2) - plain).max() > 0.01


def test_samples_made_together_are_nearly_those_made_alone(rt: MagentaRT, plain: api.F32) -> None:
    """Sums are rounded otherwise in another batch; in so short a time no token falls otherwise."""
    together = rt.generate(STYLE, SECONDS, seed=2, num_samples=3)
    assert together.shape == (3, 5 * CHUNK, 2)
    np.testing.assert_allclose(together[1], plain[0], atol=1e-5)
    np.testing.assert_array_equal(rt.generate(STYLE, SECONDS, seed=2, num_samples=3), together)
    assert np.abs(together[0] - together[2]).max() > 0.01


def test_progress_is_told(rt: MagentaRT) -> None:
    told: list[tuple[float, float]] = []
    rt.generate(STYLE, 0.1, progress=lambda done, total: told.append((done, total)))
    assert told == [(0.04, 0.1), (0.08, 0.1), (0.1, 0.1)]


@pytest.mark.parametrize("piece", [0.01, 0.05, 2.0])
def test_a_stream_is_the_same_music_in_pieces(rt: MagentaRT, plain: api.F32, piece: float) -> None:
    stream = rt.generate_streaming(STYLE, SECONDS, piece, seed=3)
    pieces = list(stream)
    assert [number for number, _ in pieces] == list(range(len(pieces)))
    assert {len(sound) for _, sound in pieces[:-1]} <= {round(piece * 48000)}
    np.testing.assert_array_equal(np.concatenate([sound for _, sound in pieces]), plain[0])
    assert str(stream) == f"stream of 0.2 s: 0.2 s in {len(pieces)} pieces"
    assert rt.statistics().streams == 0


def test_a_stream_without_end_is_closed(rt: MagentaRT, plain: api.F32) -> None:
    with rt.generate_streaming(STYLE, None, 0.1, seed=3) as stream:
        sounds = [next(stream)[1] for _ in range(3)]
        assert rt.statistics().streams == 1
    np.testing.assert_array_equal(np.concatenate(sounds[:2]), plain[0])
    assert str(stream) == "stream without end: 0.3 s in 3 pieces"
    with pytest.raises(UserError, match="this stream is closed; begin another"):
        next(stream)


def test_streams_that_are_left_are_closed(rt: MagentaRT, plain: api.F32) -> None:
    for _ in range(3):
        for _, first in rt.generate_streaming(STYLE, None, 0.04, seed=3):
            np.testing.assert_array_equal(first, plain[0, :CHUNK])
            break
    gc.collect()
    assert rt.statistics().streams == 0


def test_what_streams_computed_with_is_given_back(
    rt: MagentaRT, plain: api.F32, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = (rt.generate_streaming(STYLE, None, 0.04, seed=3) for _ in range(2))
    assert rt.statistics().streams == 2
    closed: list[StreamingGenerator] = []
    monkeypatch.setattr(StreamingGenerator, "close", lambda generator: closed.append(generator))
    one.close()
    two.close()
    np.testing.assert_array_equal(rt.generate(STYLE, SECONDS, seed=3), plain)
    assert len(closed) == 1  # one of them is used again


@pytest.mark.parametrize(
    "control, value",
    [("prompt", "musiccoca:9"), ("temperature", 0.0), ("notes", range(128)), ("top_k", 1)],
)
def test_a_change_is_heard_from_the_next_chunk_but_one(rt: MagentaRT, plain: api.F32, control: str, value: Any) -> None:
    stream = rt.generate_streaming(STYLE, SECONDS, 0.08, seed=3)
    _, before = next(stream)
    # from another thread, as a panel does it
    thread = threading.Thread(target=stream.set if control != "top_k" else rt.set, args=(control, value))
    thread.start()
    thread.join(10.0)
    after = whole(stream)
    np.testing.assert_array_equal(before, plain[0, : 2 * CHUNK])
    assert np.abs(after - plain[0, 2 * CHUNK :]).max() > 1e-3


def test_a_change_that_is_refused_changes_nothing(rt: MagentaRT, plain: api.F32) -> None:
    with rt.generate_streaming(STYLE, SECONDS, 0.08, seed=3) as stream:
        for control, value, said in [
            ("temperature", 4, "temperature is 4; expected 0 to 3"),
            ("notes", [128], r"^notes is \[128\]; expected pitches 0 to 127"),
            ("notes", [(60, 0.0, 1.0)], r"^notes is \[\(60, 0\.0, 1\.0\)\]; expected a list of pitches"),
            (None, 4, "None is no control; expected one of style"),
            ("prompt", "warm", "MusicCoCa's files are not there"),
            ("tempo", 4, "tempo is no control"),
        ]:
            with pytest.raises(UserError, match=said):
                stream.set(control, value)
        np.testing.assert_array_equal(whole(stream), plain[0])
    with pytest.raises(UserError, match="this stream is closed; begin another"):
        stream.set("temperature", 1.0)
    with pytest.raises(UserError, match="temperature: no stream is open; set it while one is iterated"):
        rt.set("temperature", 1.0)


def test_notes_begin_and_end_in_time(rt: MagentaRT) -> None:
    sound = rt.generate(STYLE, SECONDS, seed=3, notes=[(p, 0.12, 0.16) for p in range(128)], unmask=127)
    free = rt.generate(STYLE, SECONDS, seed=3, unmask=127)
    # the codec looks a chunk ahead: chunk 2 knows of the note in chunk 3
    np.testing.assert_array_equal(sound[0, : 2 * CHUNK], free[0, : 2 * CHUNK])
    assert np.abs(sound[0, 3 * CHUNK :] - free[0, 3 * CHUNK :]).max() > 1e-3


def test_a_beginning_is_gone_on_from(rt: MagentaRT, plain: api.F32) -> None:
    codes = np.random.default_rng(0).integers(0, 1024, (8, 12))
    sound = rt.generate(STYLE, SECONDS, seed=3, prefill=codes, num_samples=2)
    assert sound.shape == (2, 5 * CHUNK, 2)
    session = StreamingGenerator(rt.model, 2).open(seed=3)
    session.set("style", (5, 4, 3, 2, 1, *[-1] * 7))
    session.prefill(tokens=torch.from_numpy(codes))
    _, *rest = [session.generator.step().sound[0].numpy() for _ in range(6)]
    np.testing.assert_allclose(sound[0], np.concatenate(rest), atol=1e-5)
    assert np.abs(sound[0] - plain[0]).max() > 1e-3


def test_a_recording_is_gone_on_from(rt: MagentaRT, plain: api.F32, tmp_path: Path) -> None:
    heard = rt.generate(STYLE, 0.08, seed=3, prefill=0.9 * plain[0])
    assert np.abs(heard - plain[:, : 2 * CHUNK]).max() > 1e-3
    import soundfile

    soundfile.write(tmp_path / "a.wav", 0.9 * plain[0], 48000, "FLOAT")
    np.testing.assert_array_equal(rt.generate(STYLE, 0.08, seed=3, prefill=tmp_path / "a.wav"), heard)


def test_without_an_encoder_no_recording_is_heard(folder: Path, rt: MagentaRT) -> None:
    deaf = MagentaRT(Files("tiny", rt.files.checkpoint, rt.files.config), "cpu", "float32")
    with pytest.raises(UserError, match=r"no encoder\.safetensors, which hears what a stream is to continue from"):
        deaf.generate(STYLE, 0.04, prefill=np.zeros((48000, 2)))


def test_words_need_musiccoca(rt: MagentaRT) -> None:
    with pytest.raises(UserError) as caught:
        rt.generate([("warm rhodes", 1.0), (STYLE, 0.5)], 0.04)
    assert str(caught.value) == ("style: MusicCoCa's files are not there; run `graphflow models download mrt2-small`")


def test_more_than_memory_holds(rt: MagentaRT, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError) as caught:
        rt.generate(STYLE, 9e8, num_samples=1000)
    assert str(caught.value) == (
        "duration is 9e+08 s and num_samples 1000; 345600000.00 GB do not fit into memory; make less at once, or use "
        "generate_streaming"
    )
    with pytest.raises(UserError, match=r"num_samples 1000000000000; .* do not fit into memory"):
        rt.generate(STYLE, 0.04, num_samples=10**12)

    with monkeypatch.context() as small:
        small.setattr(api, "memory_of_computer", lambda: 3e6)
        with pytest.raises(UserError) as caught:
            rt.generate(STYLE, 0.04, num_samples=1000)
    assert str(caught.value) == "num_samples is 1000, which do not fit into the memory of cpu; make fewer at once"

    def full(*arguments: object) -> StreamingGenerator:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 4 bytes.")

    monkeypatch.setattr(api, "StreamingGenerator", full)
    with pytest.raises(UserError) as caught:
        rt.generate(STYLE, 0.04, num_samples=77)
    assert str(caught.value) == "num_samples is 77, which do not fit into the memory of cpu; make fewer at once"


def test_a_device_may_be_torchs_own(rt: MagentaRT, folder: Path) -> None:
    before = rt.model
    assert rt.to(torch.device("cpu")).model is before
    for device in (None, 5):
        with pytest.raises(UserError, match=f"^device is {device}; expected auto, cpu, mps or cuda:N$"):
            rt.to(device)  # type: ignore[arg-type]
        with pytest.raises(UserError, match=f"^device is {device}; expected auto, cpu, mps or cuda:N$"):
            MagentaRT.from_pretrained(folder, device)  # type: ignore[arg-type]


@pytest.mark.slow
def test_another_device_loads_it_anew(folder: Path, rt: MagentaRT, monkeypatch: pytest.MonkeyPatch) -> None:
    moved = MagentaRT(rt.files, "cpu", "bfloat16")
    before = moved.model
    assert moved.to("cpu").model is before
    with pytest.raises(UserError, match="device is 'tpu'; expected auto, cpu, mps or cuda:N"):
        moved.to("tpu")
    assert moved.model is before
    stream = moved.generate_streaming(STYLE, 0.12, 0.04)
    next(stream)
    asked: list[tuple[Any, ...]] = []

    def load(files: Files, device: str, precision: str) -> loading.Model:
        asked.append((files, device, precision))
        return loading.load_files(files, "cpu", precision)

    monkeypatch.setattr(api, "load_files", load)
    assert moved.to("cuda:0") is moved
    assert asked == [(rt.files, "cuda:0", "bfloat16")]
    assert moved.model is not before
    assert len(list(stream)) == 2  # where it was
    assert moved.generate(STYLE, 0.04).shape == (1, CHUNK, 2)


def test_it_is_closed_once(folder: Path) -> None:
    with MagentaRT.from_pretrained(folder, "cpu", "float32") as closed:
        assert str(closed) == "tiny in float32 on cpu: 0.0 s made in 0.0 s, 0.00 times real time, 0 open"
        stream = closed.generate_streaming(STYLE, 0.12, 0.04)
        next(stream)
        assert closed.statistics().made == pytest.approx(0.04)
        assert closed.statistics().streams == 1
    assert str(closed) == "tiny: closed"
    with pytest.raises(UserError, match="tiny is closed; load it again"):
        closed.generate(STYLE, 0.04)
    with pytest.raises(UserError, match="this stream is closed"):
        next(stream)
    closed.close()


def test_a_copy_is_the_same_model(rt: MagentaRT, plain: api.F32, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    copy = rt.save_pretrained(tmp_path / "new" / "copy", lambda *done: told.append(done))
    assert sorted(path.name for path in copy.iterdir()) == ["config.json", "encoder.safetensors", "model.safetensors"]
    for path in copy.iterdir():
        assert path.read_bytes() == (rt.files.checkpoint.parent / path.name).read_bytes()
    assert [path.name for path in copy.parent.iterdir()] == ["copy"]
    size = rt.files.checkpoint.stat().st_size
    assert ("model.safetensors", size, size) in told and len(told) > 5
    again = MagentaRT.from_pretrained(copy, "cpu", "float32")
    assert again.fingerprint == rt.fingerprint
    np.testing.assert_array_equal(again.generate(STYLE, SECONDS, seed=3), plain)


def test_an_official_models_copy_says_whose_it_is(tmp_path: Path) -> None:
    for name in ("a.safetensors", *MUSICCOCA_FILES):
        (tmp_path / name).write_bytes(name.encode())
    files = Files("mrt2-small", tmp_path / "a.safetensors", musiccoca=tmp_path)
    copy = save(files, {**TINY.data(), "licence": "CC-BY-4.0"}, tmp_path / "copy")
    assert (copy / "model.safetensors").read_bytes() == b"a.safetensors"
    assert {path.name for path in (copy / "musiccoca").iterdir()} == set(MUSICCOCA_FILES)
    assert loading.Config.read(copy / "config.json") == TINY
    assert '"licence": "CC-BY-4.0"' in (copy / "config.json").read_text()


def test_a_copy_that_is_broken_off_leaves_nothing(rt: MagentaRT, tmp_path: Path) -> None:
    def interrupted(name: str, done: int, size: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        rt.save_pretrained(tmp_path / "copy", interrupted)
    assert list(tmp_path.iterdir()) == []


def test_a_copy_goes_into_a_new_folder_only(rt: MagentaRT, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "song.txt").touch()
    with pytest.raises(UserError) as caught:
        rt.save_pretrained(tmp_path / "mine")
    assert str(caught.value) == f"{tmp_path}/mine is there and not empty; expected a new folder"
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="the model cannot be saved"):
        rt.save_pretrained(tmp_path / "file" / "copy")
