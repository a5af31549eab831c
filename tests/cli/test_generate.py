"""graphflow generate: which files it makes, what they say of themselves, and what it says."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

import graphflow
from graphflow.cli import generate, main, provenance
from graphflow.cli.arguments import weighted
from graphflow.core.errors import UserError
from graphflow.models.magenta import api
from graphflow.models.magenta.api import MagentaRT
from tests.models.magenta.tiny_build import TINY, encoder_tensors, write_saved

CREDIT = (
    "Magenta RealTime 2 by the Magenta team of Google DeepMind "
    "(https://huggingface.co/google/magenta-realtime-2); weights CC-BY-4.0, code Apache-2.0"
)
SETTINGS = {
    "temperature": 1.1,
    "top_k": 50,
    "guidance_style": 1.6,
    "guidance_notes": 2.4,
    "guidance_drums": 4.0,
    "drums": "auto",
    "onsets": "free",
    "unmask": 0,
}


load_once = cache(api.load_files)


@pytest.fixture(autouse=True)
def loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api, "load_files", load_once)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny one that calls itself by an official name."""
    folder = tmp_path_factory.mktemp("generate") / "tiny"
    return write_saved(folder, encoder=encoder_tensors(), config=TINY.renamed("mrt2-small"))


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "takes" / "one"


@pytest.fixture
def run(model: Path, out: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*words: str, expected: int = 0) -> str:
        """Stdout, or stderr where it fails."""
        command = ["generate", "--model", str(model), "--device", "cpu", "--precision", "float32"]
        command += ["--duration", "0.05", "-o", str(out), *words]
        code = main(command)
        told = capsys.readouterr()
        assert code == expected, told.err
        return told.out if code == 0 else told.err

    return run


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("kind", ["wav", "flac"])
def test_a_file_holds_the_music_and_how_it_was_made(run: Any, out: Path, model: Path, kind: str) -> None:
    told = run("--style-tokens", "5,4,3", "--seed", "7", "--temperature", "0.9", "--format", kind)
    path = out / f"tokens-seed7.{kind}"
    assert names(out) == [path.name]
    assert told.startswith(f"{path}: 0.05 s in ") and " s, peak -" in told
    rt = MagentaRT.from_pretrained(model, "cpu", "float32")
    with soundfile.SoundFile(path) as file:
        assert (file.samplerate, file.channels, file.frames, file.subtype) == (48000, 2, 2400, "PCM_24")
        assert file.title == "tokens"
        assert file.software.startswith(f"graphflow-live {graphflow.__version__}")
        about = json.loads(file.comment)
        sound = file.read(dtype="float32")
    expected = rt.generate("musiccoca:5,4,3", 0.05, seed=7, temperature=0.9)[0]
    np.testing.assert_allclose(sound, expected, atol=2**-22)
    assert about.pop("id")
    assert about == {
        "seed": 7,
        "graphflow": graphflow.__version__,
        "model": "mrt2-small",
        "fingerprint": rt.fingerprint,
        "precision": "float32 on cpu",
        "licence": "CC-BY-4.0",
        "attribution": CREDIT,
        "seconds": 0.05,
        "settings": {**SETTINGS, "temperature": 0.9},
        "prefill": None,
        "prompt": [{"text": "musiccoca:5,4,3", "weight": 1.0}],
    }


def test_what_is_there_is_not_made_again(run: Any, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("--num", "2")
    assert names(out) == ["mrt2-small-seed1.wav", "mrt2-small-seed2.wav"]
    before = (out / "mrt2-small-seed2.wav").read_bytes()
    (out / "mrt2-small-seed1.wav").unlink()
    (out / "mrt2-small-seed2.wav").touch()
    told = run("--num", "3").splitlines()
    again = f"{out}/mrt2-small-seed2.wav: is there, made in this way; --overwrite makes it again"
    assert told[0] == again
    assert [line.split(":")[0] for line in told[1:]] == [f"{out}/mrt2-small-seed{seed}.wav" for seed in (1, 3)]
    assert (out / "mrt2-small-seed2.wav").read_bytes() == before
    monkeypatch.setattr(provenance, "BITS", "PCM_16")
    assert again not in run("--num", "3", "--overwrite")
    assert {soundfile.info(path).subtype for path in out.iterdir()} == {"PCM_16"}
    assert len(names(out)) == 3


def test_what_was_made_otherwise_stays(run: Any, out: Path) -> None:
    out.mkdir(parents=True)
    (out / "mrt2-small-seed1.wav").write_text("a song of mine")
    soundfile.write(out / "mrt2-small-seed1-2.wav", np.zeros(9), 48000)
    for _ in range(2):
        run("--temperature", "0.5")
    run("--temperature", "0.6", "--overwrite")
    assert names(out) == [f"mrt2-small-seed1{number}.wav" for number in ("-2", "-3", "-4", "")]
    assert (out / "mrt2-small-seed1.wav").read_text() == "a song of mine"
    told = [provenance.read(out / f"mrt2-small-seed1{number}.wav") for number in ("", "-2", "-3", "-4")]
    assert [about.get("settings", {}).get("temperature") for about in told] == [None, None, 0.5, 0.6]


def test_some_are_made_in_one_go(run: Any, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[int, int]] = []
    real = MagentaRT.generate

    def spied(self: MagentaRT, *positional: Any, **named: Any) -> api.F32:
        asked.append((named["seed"], named["num_samples"]))
        return real(self, *positional, **named)

    monkeypatch.setattr(MagentaRT, "generate", spied)
    run("--seed", "12")
    run("--seed", "10", "--num", "6", "--together", "2")
    assert asked == [(12, 1), (10, 2), (13, 2), (15, 1)]
    assert len(names(out)) == 6
    run("--seed", "20", "--num", "2")
    assert asked[4:] == [(20, 1), (21, 1)]  # as it is on a CPU


def test_ended_by_hand_it_keeps_what_is_finished(run: Any, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = MagentaRT.generate

    def ended(self: MagentaRT, *positional: Any, **named: Any) -> api.F32:
        if named["seed"] == 2:
            named["progress"] = lambda *_: (_ for _ in ()).throw(KeyboardInterrupt)
        return real(self, *positional, **named)

    with monkeypatch.context() as patched:
        patched.setattr(MagentaRT, "generate", ended)
        told = run("--num", "3", expected=130)
    assert told.splitlines()[-1] == (
        "tiny: ended by hand; finished files are kept, and the same command makes the rest"
    )
    assert names(out) == ["mrt2-small-seed1.wav"]
    assert run("--num", "3").startswith(f"{out}/mrt2-small-seed1.wav: is there")
    assert len(names(out)) == 3


def test_words_are_weighed_and_name_the_file(run: Any, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ai_edge_litert")
    pytest.importorskip("sentencepiece")
    from tests.models.magenta.style.spaces import WordSpace

    space = WordSpace()
    monkeypatch.setattr(api, "MusicCoCa", lambda folder: space)
    run("--prompt", "Wärm, Rhodes!", "--prompt", "disco:0.5", "--style-audio", "a/dogs.wav:2")
    assert names(out) == ["wärm-rhodes-disco-dogs-seed1.wav"]
    path = out / "wärm-rhodes-disco-dogs-seed1.wav"
    assert soundfile.SoundFile(path).title == "wärm rhodes disco dogs"
    assert provenance.read(path)["prompt"] == [
        {"text": "Wärm, Rhodes!", "weight": 1.0},
        {"text": "disco", "weight": 0.5},
        {"audio": "a/dogs.wav", "weight": 2.0},
    ]
    assert {text for text, _ in space.known} == {"Wärm, Rhodes!", "disco", "sound of a/dogs.wav"}


def test_a_recording_is_known_by_what_is_in_it(
    run: Any, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ai_edge_litert")
    pytest.importorskip("sentencepiece")
    from tests.models.magenta.style.spaces import WordSpace

    monkeypatch.setattr(api, "MusicCoCa", lambda folder: WordSpace())
    recording = tmp_path / "dogs.wav"
    recording.write_bytes(b"barking")
    run("--style-audio", str(recording))
    assert run("--style-audio", str(recording)).endswith(": is there, made in this way; --overwrite makes it again\n")
    recording.write_bytes(b"howling")
    run("--style-audio", str(recording))
    assert names(out) == ["dogs-seed1-2.wav", "dogs-seed1.wav"]
    (part,) = provenance.read(out / "dogs-seed1.wav")["prompt"]
    assert part["audio"] == str(recording)
    assert part["sha256"] == hashlib.sha256(b"barking").hexdigest()


def test_a_long_prompt_is_cut_and_told_from_another(run: Any, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers of WAV give up on long comments."""
    pytest.importorskip("ai_edge_litert")
    pytest.importorskip("sentencepiece")
    from tests.models.magenta.style.spaces import WordSpace

    monkeypatch.setattr(api, "MusicCoCa", lambda folder: WordSpace())
    long = "ü" * 5000
    run("--prompt", f"{long}a")
    run("--prompt", f"{long}b")
    assert run("--prompt", f"{long}b").endswith("-2.wav: is there, made in this way; --overwrite makes it again\n")
    stem = "ü" * generate.LONGEST_NAME
    assert names(out) == [f"{stem}-seed1-2.wav", f"{stem}-seed1.wav"]
    about = provenance.read(out / f"{stem}-seed1.wav")
    assert about["prompt"][0]["text"].endswith("ü...")
    assert about["attribution"] == CREDIT


def test_a_recording_is_gone_on_from(run: Any, out: Path, tmp_path: Path) -> None:
    soundfile.write(tmp_path / "riff.wav", 0.5 * np.sin(np.arange(9600) / 9), 48000)
    run("--prefill", str(tmp_path / "riff.wav"))
    run()
    first, second = (soundfile.read(out / f"mrt2-small-seed1{n}.wav")[0] for n in ("", "-2"))
    assert np.abs(first - second).max() > 1e-3
    about = provenance.read(out / "mrt2-small-seed1.wav")["prefill"]
    assert about["file"] == "riff.wav" and len(about["sha256"]) == 64


def test_missing_weights_are_told_with_the_command_that_gets_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("GRAPHFLOW_HOME", "MAGENTA_HOME", "XDG_DATA_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main(["generate", "--prompt", "disco", "-o", str(tmp_path / "out")]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert told[0].startswith("mrt2-small: no checkpoints/mrt2_small.safetensors in ")
    assert told[0].endswith("; graphflow models download mrt2-small")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "words, said",
    [
        (["--format", "mp3"], "--format is 'mp3'; expected wav or flac"),
        (["--num", "0"], "--num is '0'; expected a whole number, 1 or more"),
        (["--num", "1000000000"], "--num is 1000000000; expected 1 to 100000; begin the next ones with --seed"),
        (["--duration", "1e9"], "--duration is '1e9'; expected seconds, above 0 and below 1e+09"),
        (["--temperature", "9"], "temperature is 9; expected 0 to 3"),
        (["--temperature", "hot"], "--temperature is 'hot'; expected a number"),
        (["--drums", "loud"], "drums is 'loud'; expected off, auto or on"),
        (["--prefill", "none.wav"], "--prefill none.wav: no such file; expected one of sound (wav, flac, ogg, mp3)"),
        (["--device", "tpu"], "device is 'tpu'; expected auto, cpu, mps or cuda:N: graphflow runs Magenta RealTime"),
        (["--style-tokens", "1,x"], "style tokens: code 2 is 'x'; expected 0 to 1023, or -1 for masked"),
        (["--prompt", "\udcff"], "prompt has '\\udcff', which is no text; expected characters of Unicode (UTF-8)"),
        (["--prompt", "disco"], "style: MusicCoCa's files are not there; run `graphflow models download mrt2-small`"),
    ],
    ids=lambda words: " ".join(words) if isinstance(words, list) else "",
)
def test_what_is_wrong_is_told_in_a_line(run: Any, words: list[str], said: str) -> None:
    told = [line for line in run(*words, expected=2).splitlines() if line != "tiny: loading"]
    assert len(told) == 1
    assert told[0].startswith(said)


def test_a_folder_that_cannot_be_made(run: Any, tmp_path: Path) -> None:
    (tmp_path / "takes").touch()
    assert run(expected=2) == (
        f"-o {tmp_path}/takes/one: no folder can be made there (Not a directory); name another\n"
    )


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="only Linux has a folder where nobody can write")
def test_a_folder_that_cannot_be_written_is_told_before_anything_is_made(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "make", None)
    told = run("-o", "/proc/self", expected=2)
    assert re.fullmatch(r"-o /proc/self: nothing can be written there \(.*\); name another\n", told)


def test_what_cannot_be_written_is_told_where_nothing_can_be_deleted_either(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"^.*/file/a\.wav: it cannot be written \(.*\); make room, or choose another"):
        provenance.write(tmp_path / "file" / "a.wav", np.zeros((9, 2), np.float32), 48000, "a", {"graphflow": "1"})


def test_a_name_from_a_system_with_another_encoding_is_written_out(tmp_path: Path) -> None:
    about = provenance.identified({"graphflow": "1", "prompt": [{"audio": "dogs\udcff.wav"}]})
    provenance.write(tmp_path / "a.wav", np.zeros((9, 2), np.float32), 48000, "a", about)
    assert provenance.read(tmp_path / "a.wav") == about
    assert about["prompt"] == [{"audio": "dogs\\udcff.wav"}]


def test_a_full_disk_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: soundfile.SoundFile, data: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(soundfile.SoundFile, "write", full)
    with pytest.raises(UserError) as caught:
        provenance.write(tmp_path / "a.wav", np.zeros((9, 2), np.float32), 48000, "a", {"graphflow": "1"})
    assert str(caught.value) == (
        f"{tmp_path}/a.wav: it cannot be written ([Errno 28] No space left on device); make room, or choose another "
        "folder with -o"
    )
    assert names(tmp_path) == []


@pytest.mark.parametrize(
    "typed, meant",
    [
        ("disco", ("disco", 1.0)),
        ("disco:0.5", ("disco", 0.5)),
        ("disco : .5", ("disco", 0.5)),
        ("ratio 3:4:1", ("ratio 3:4", 1.0)),
        ("warm: soft", ("warm: soft", 1.0)),
        (":3", (":3", 1.0)),
        ("musiccoca:5", ("musiccoca:5", 1.0)),
        ("musiccoca:5,6:0.5", ("musiccoca:5,6", 0.5)),
    ],
)
def test_a_weight_follows_the_last_colon(typed: str, meant: tuple[str, float]) -> None:
    assert weighted(typed) == meant
