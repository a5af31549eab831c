"""Recording and replaying as a user types it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from graphflow.cli import main

PATCH = """
format = 1
wires = ["hiss -> soft -> out"]
[nodes.hiss]
kind = "noise"
[nodes.soft]
kind = "svf"
[nodes.out]
kind = "output"
level = -12.0
"""
NODE = '''
from graphflow import AudioIn, AudioNode, AudioOut, State
class Mine(AudioNode):
    """A slow low-pass."""
    input = AudioIn("What to smooth.")
    memory = State()
    out = AudioOut("It.")
    @staticmethod
    def tick(input: float, memory: float) -> tuple[float, float]:
        memory = 0.9 * memory + 0.1 * input
        return memory, memory
'''
CELLS = """\
soft.cutoff = 300
tone = sine(freq=330.0)
tone >> soft
hush()
hush(False)
del tone
soft.q << lfo(rate=3.0, low=0.5, high=4.0)
"""


@pytest.fixture(autouse=True)
def _own_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def graphflow(*arguments: str, cwd: Path, typed: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "graphflow", *arguments],
        cwd=cwd, input=typed, capture_output=True, text=True, timeout=120.0, check=False, env={**os.environ},
    )  # fmt: skip


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a set that somebody typed, in `take`."""
    folder = tmp_path_factory.mktemp("set")
    (folder / "a.toml").write_text(PATCH)
    done = graphflow(
        "live", "a.toml", "--device", "null", "--record", "take", "--seconds", "2.5", "--no-attach", cwd=folder, typed=CELLS
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "take: 2.5 s recorded" in done.stderr
    return folder


@pytest.fixture
def take(recorded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(recorded / "take", tmp_path / "take"))


def test_what_was_typed_is_heard_again(take: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["replay", str(take)]) == 0
    said = capsys.readouterr().out
    assert f"{take}: 2.5 s again, " in said
    assert "the same as it was heard, in all " in said
    edits = [json.loads(line) for line in (take / "events.jsonl").read_text().splitlines()]
    assert sum("edit" in event for event in edits) >= 2  # those that come during a fade become one
    assert (take / "patch.toml").read_text() == PATCH


def test_it_is_written_to_a_file_sample_for_sample(take: Path, tmp_path: Path):
    wav = tmp_path / "again.wav"
    wav.write_text("an older one")
    assert main(["replay", str(take), "-o", str(wav)]) == 0
    assert wav.read_bytes() == (take / "audio.wav").read_bytes()
    assert main(["replay", str(take), "-o", str(tmp_path / "again.flac")]) == 0
    own = soundfile.read(take / "audio.wav")[0]
    np.testing.assert_allclose(soundfile.read(tmp_path / "again.flac")[0], own, atol=2.0**-15)


def test_it_is_heard(take: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["replay", str(take), "--play", "--device", str(tmp_path / "heard.wav")]) == 0
    captured = capsys.readouterr()
    assert f"{take}: to {tmp_path / 'heard.wav'}" in captured.err
    assert "the same as it was heard" in captured.out
    heard, own = (soundfile.read(file)[0] for file in (tmp_path / "heard.wav", take / "audio.wav"))
    np.testing.assert_allclose(heard[64 : len(own)], own[64 : len(heard)], atol=2.0**-14)


def test_one_that_is_not_the_same_says_from_where_on_and_exits_with_1(
    take: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    sound, rate = soundfile.read(take / "audio.wav", dtype="float32")
    sound[30_000:30_010] += 0.25
    soundfile.write(take / "audio.wav", sound, rate, subtype="FLOAT")
    assert main(["replay", str(take), "--check"]) == 1
    line = "not as it was heard from frame 30000 (0.625 s) on: 10 frames differ, by up to -12.0 dB"
    assert line in capsys.readouterr().out
    assert main(["replay", str(take)]) == 1
    assert main(["replay", str(take), "-o", str(tmp_path / "a.wav")]) == 0
    assert main(["replay", str(take), "-o", str(tmp_path / "a.wav"), "--check"]) == 1


@pytest.mark.parametrize(
    "arguments, line",
    [
        (["replay", "."], ". is no take; expected a folder that --record has made, with take.toml in it"),
        (["replay", "take", "-o", "a.doc"], "-o a.doc: expected a name ending in .wav, "),
        (["replay", "take", "-o", "take/audio.wav"], "-o take/audio.wav is a part of the take; name a file elsewhere"),
        (["replay", "take", "-o", "no/a.wav"], "-o no/a.wav: no such folder"),
        (["play", "a.toml", "--device", "null", "--record", "take"], "--record take is there already"),
        (["play", "a.toml", "--device", "null", "--record", "a.toml"], "--record a.toml: it cannot be written"),
    ],
)
def test_bad_input_is_one_line(
    recorded: Path, arguments: list[str], line: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(recorded)
    before = (recorded / "take" / "audio.wav").read_bytes()
    assert main(arguments) == 2
    assert [said for said in capsys.readouterr().err.splitlines() if said.startswith(line)]
    assert (recorded / "take" / "audio.wav").read_bytes() == before


def test_another_version_is_told(take: Path, capsys: pytest.CaptureFixture[str]):
    head = (take / "take.toml").read_text()
    (take / "take.toml").write_text(head.replace('engine = "', 'engine = "0'))
    assert main(["replay", str(take)]) == 0
    assert f"{take} was made by " in capsys.readouterr().err
    (take / "take.toml").write_text(head.replace("format = 1", "format = 2"))
    assert main(["replay", str(take)]) == 2
    assert f"{take} is a take of format 2; this graphflow reads up to 1" in capsys.readouterr().err
    events = take / "events.jsonl"
    events.write_text(events.read_text().replace('"hash":"', '"hash":"0', 1))
    (take / "take.toml").write_text(head)
    assert main(["replay", str(take)]) == 0
    assert "noise is another version than in the take, and may sound different" in capsys.readouterr().err


@pytest.mark.slow
def test_somebody_elses_nodes_have_to_be_trusted(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Recorded where its folder of nodes is trusted; replayed where only the take is."""
    place = tmp_path / "place"
    (place / "nodes").mkdir(parents=True)
    (place / "nodes" / "mine.py").write_text(NODE)
    (place / "b.toml").write_text(PATCH.replace('"svf"', '"mine"'))
    assert main(["trust", str(place)]) == 0
    done = graphflow("play", "b.toml", "--device", "null", "--seconds", "1", "--record", "take", cwd=place)
    assert "1.0 s recorded" in done.stderr, done.stderr
    take = place / "take"
    assert main(["replay", str(take)]) == 0  # by the file where it was
    shutil.rmtree(place / "nodes")
    assert main(["replay", str(take)]) == 0  # by its own copy, which played here
    assert main(["trust", "--remove", str(take / "nodes")]) == 0  # as on another computer
    capsys.readouterr()
    assert main(["replay", str(take)]) == 2
    said = capsys.readouterr().err
    assert said.endswith(f"is a program that came with the take; look at it, then: graphflow trust {take / 'nodes'}\n")
    assert main(["trust", str(take / "nodes")]) == 0
    assert main(["replay", str(take)]) == 0
    assert "the same as it was heard" in capsys.readouterr().out
