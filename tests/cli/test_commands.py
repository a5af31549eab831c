"""The commands as a user types them, in processes of their own where it matters."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from graphflow.cli import main

PATCH = """
format = 1
title = "A tone"
wires = ["tone -> out"]
[nodes.tone]
kind = "sine"
[nodes.out]
kind = "output"
level = -12.0
"""


@pytest.fixture
def tone(tmp_path: Path) -> Path:
    file = tmp_path / "tone.toml"
    file.write_text(PATCH)
    return file


@pytest.fixture(autouse=True)
def _own_config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))


def graphflow(*arguments: str, cwd: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "graphflow", *arguments],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_render_writes_what_the_patch_promises(tone: Path, capsys: pytest.CaptureFixture[str]):
    wav = tone.with_suffix(".wav")
    assert main(["render", str(tone), "-o", str(wav), "--seconds", "1", "--set", "tone.freq=1000"]) == 0
    sound, rate = soundfile.read(wav)
    assert (rate, len(sound)) == (48000, 48000)
    spectrum = np.abs(np.fft.rfft(sound[:, 0]))
    assert np.argmax(spectrum) == 1000
    assert np.abs(sound).max() == pytest.approx(10 ** (-12 / 20), rel=0.01)
    assert "peak -12.0 dB" in capsys.readouterr().out


def test_render_is_the_same_twice_and_another_seed_is_not(tmp_path: Path):
    patch = tmp_path / "noise.toml"
    patch.write_text(PATCH.replace('"sine"', '"noise"'))
    takes = []
    for number, seed in enumerate(("1", "1", "2")):
        wav = tmp_path / f"{number}.wav"
        assert main(["render", str(patch), "-o", str(wav), "--seconds", "0.2", "--seed", seed]) == 0
        takes.append(wav.read_bytes())
    assert takes[0] == takes[1] != takes[2]


def test_render_at_another_rate(tone: Path):
    wav = tone.with_suffix(".wav")
    assert main(["render", str(tone), "-o", str(wav), "--seconds", "1", "--rate", "44100"]) == 0
    sound, rate = soundfile.read(wav)
    assert rate == 44100
    assert np.argmax(np.abs(np.fft.rfft(sound[:, 0]))) == 440


def test_check_shows_every_fault_and_exits_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    bad = tmp_path / "bad.toml"
    bad.write_text(PATCH.replace('"sine"', '"sinus"').replace("-12.0", "-120.0"))
    assert main(["check", str(bad)]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        f"{bad}: nodes.tone.kind is 'sinus'; no node is of that kind; did you mean 'sine'?",
        f"{bad}: nodes.out.level is -120 dB; expected -60 to 12 dB",
    ]


def test_check_is_content_with_a_good_patch(tone: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["check", str(tone)]) == 0
    assert capsys.readouterr().out == f"{tone}: well\n"


@pytest.mark.parametrize(
    "arguments, line",
    [
        (["play", "nothing-there"], "nothing-there: no such patch; expected a file, or one of 01-first-light"),
        (["nodes", "sne"], "sne: no node is of that kind; did you mean 'sine'?"),
        (["play", "TONE", "--set", "tone.freq=loud"], "--set tone.freq is 'loud'; expected a number, 0.1 to 20000 Hz"),
        (["play", "TONE", "--set", "tone"], "--set tone: expected node.param=value, like hall.mix=0.5"),
        (["render", "TONE", "--seconds", "1", "-o", "/nowhere/x.wav"], "-o /nowhere/x.wav: no such folder /nowhere"),
        (["render", "TONE", "--seconds", "1", "-o", "x.xyz"], "-o x.xyz: expected a name ending in .wav, .flac"),
        (["render", "TONE", "-o", "x.wav"], "graphflow render: --seconds is missing; graphflow render --help shows"),
        (["play", "TONE", "--rate", "7"], "--rate is 7 Hz; expected 8000 to 192000 Hz"),
        (["play", "TONE", "--block", "many"], "--block is 'many'; expected 16 to 1024"),
        (["play", "TONE", "--seconds", "-1"], "--seconds is '-1'; expected seconds, above 0 and below 1e+09"),
        (["play", "--osc", "TONE"], "--osc is "),
        (["play", "TONE", "--nodes", "nowhere"], "--nodes nowhere: no such folder; expected one that holds node files"),
        (
            ["plya"],
            "graphflow has no command 'plya'; did you mean 'play'?; expected play, live, attach, replay, render",
        ),
    ],
)
def test_mistakes_are_one_line_and_exit_2(
    tone: Path, arguments: list[str], line: str, capsys: pytest.CaptureFixture[str]
):
    assert main([str(tone) if a == "TONE" else a for a in arguments]) == 2
    said = capsys.readouterr().err
    assert said.startswith(line)
    assert said.count("\n") == 1


def test_nodes_lists_by_family_and_as_json(capsys: pytest.CaptureFixture[str]):
    assert main(["nodes"]) == 0
    table = capsys.readouterr().out
    assert "\noscillators\n" in table
    assert main(["nodes", "svf", "--json"]) == 0
    svf = json.loads(capsys.readouterr().out)
    assert svf["kind"] == "svf"
    assert main(["nodes", "svf"]) == 0
    assert "cutoff" in capsys.readouterr().out


def test_nodes_beside_a_patch_need_trust(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "nodes").mkdir()
    (tmp_path / "nodes" / "half.py").write_text(
        "from graphflow import AudioIn, AudioNode, AudioOut\n\n\n"
        'class Half(AudioNode):\n    """Half as loud."""\n\n    input = AudioIn("In.")\n    out = AudioOut("Out.")\n\n'
        "    @staticmethod\n    def tick(input):\n        return 0.5 * input\n"
    )
    patch = tmp_path / "half.toml"
    patch.write_text(PATCH.replace("tone -> out", "tone -> h -> out") + '[nodes.h]\nkind = "half"\n')
    assert main(["check", str(patch)]) == 2
    assert f"then: graphflow trust {tmp_path / 'nodes'}" in capsys.readouterr().err
    assert main(["trust", str(tmp_path)]) == 0
    assert main(["check", str(patch)]) == 0
    wav = tmp_path / "half.wav"
    assert main(["render", str(patch), "-o", str(wav), "--seconds", "0.5"]) == 0
    assert np.abs(soundfile.read(wav)[0]).max() == pytest.approx(0.5 * 10 ** (-12 / 20), rel=0.01)
    assert main(["trust", "--remove", str(tmp_path)]) == 0
    assert main(["check", str(patch)]) == 2


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_signals_fade_out_and_end_cleanly(tone: Path, how: signal.Signals):
    wav = tone.with_suffix(".wav")
    playing = graphflow("play", str(tone), "--device", str(wav), cwd=tone.parent)
    assert playing.stderr is not None
    assert "A tone" in playing.stderr.readline()
    assert any(" load " in line for line in iter(playing.stderr.readline, ""))  # the status line: the clock runs
    os.kill(playing.pid, how)
    _, rest = playing.communicate(timeout=30)
    assert playing.returncode == 0, rest
    assert "played" in rest
    sound, _ = soundfile.read(wav)
    assert np.abs(sound[-48:]).max() < 0.01  # the last millisecond is silent: it faded


def test_without_a_sound_card_a_file_is_written_in_real_time(tone: Path):
    environment = {**os.environ, "JACK_DEFAULT_SERVER": "nobody", "JACK_NO_START_SERVER": "1"}
    playing = subprocess.run(
        [sys.executable, "-m", "graphflow", "play", str(tone), "--seconds", "1"],
        cwd=tone.parent,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    if "writing tone.wav" not in playing.stderr:
        pytest.skip("this machine has a sound card")
    assert playing.returncode == 0
    assert soundfile.info(tone.parent / "tone.wav").duration == pytest.approx(1.0, abs=0.3)


def test_a_file_that_cannot_be_written_is_one_line(tone: Path):
    ended = graphflow("play", str(tone), "--device", "/nowhere/x.wav", cwd=tone.parent)
    _, said = ended.communicate(timeout=30)
    assert ended.returncode == 2
    assert said == "--device /nowhere/x.wav: no such folder /nowhere; make it first\n"
