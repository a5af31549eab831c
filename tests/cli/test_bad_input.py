"""What a user gets wrong, on the real commands: one line each that says where, what and how to mend it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from graphflow.cli import main

TONE = 'format = 1\nwires = ["tone -> out"]\n[nodes.tone]\nkind = "sine"\n[nodes.out]\nkind = "output"\nlevel = -12.0\n'
TWO_PICTURES = """format = 1
wires = ["i -> eye", "j -> eye", "eye -> band.style", "band -> out"]
nodes = {i = {kind = "image"}, j = {kind = "image"}, eye = {kind = "image_mood"}, band = {kind = "first_light"}, out = {kind = "output"}}
"""
LOOP = """format = 1
wires = ["d -> e -> d", "d -> out"]
nodes = {d = {kind = "delay"}, e = {kind = "svf"}, out = {kind = "output"}}
"""
PATCHES = {
    "empty": (b"", "file is empty; expected a patch: format, wires and nodes"),
    "not text": (b"\xff\xfe\x00", "line 1 has the byte 0xff, which is not UTF-8; save it as UTF-8"),
    "not TOML": ("this is [not", "line 1, column 6: not TOML: expected '=' after a key in a key/value pair"),
    "no format": (TONE.replace("format = 1\n", ""), "format is missing; write format = 1 as the first line"),
    "unknown key": (TONE + "colour = 3", "nodes.out.colour: output has no 'colour'; expected level"),
    "unknown table": (TONE + "[scene.x]", "scene: a patch has no 'scene'; did you mean 'scenes'?"),
    "wrong type": (
        TONE.replace('"sine"', '"sine"\nfreq = "high"'),
        "nodes.tone.freq is 'high'; expected a number, 0.1 to 20000 Hz",
    ),
    "out of range": (TONE.replace("-12.0", "-120"), "nodes.out.level is -120 dB; expected -60 to 12 dB"),
    "NaN": (TONE.replace("-12.0", "nan"), "nodes.out.level is nan dB; expected -60 to 12 dB"),
    "duplicate wire": (
        TONE.replace('"tone -> out"', '"tone -> out", "tone -> out"'),
        "wires: tone.out -> out.input is there twice; take one out",
    ),
    "no such node": (
        TONE.replace("tone ->", "tne ->"),
        "wires: \"tne -> out\": no node is called 'tne'; did you mean 'tone'?",
    ),
    "wrong types": (
        TONE.replace('"sine"', '"prompt"'),
        'wires: "tone -> out": prompt.style (style) cannot feed output, which takes audio',
    ),
    "two into one": (
        TWO_PICTURES,
        "wires: eye.image is fed by i.image and j.image; image takes one wire: take one out",
    ),
    "loop": (LOOP, "wires: d -> e -> d is a loop; put a feedback node in it"),
    "misplaced wires": (
        "\n".join(sorted(TONE.splitlines(), key=lambda line: line.startswith("wires"))),
        "nodes.out.wires stands below [nodes.out]; move wires above the first table",
    ),
    "no output": (
        'format = 1\n[nodes.tone]\nkind = "sine"\n',
        "nodes: none is an output, so nothing would be heard; add one and wire the sound to it",
    ),
    "no wire": (
        TONE.replace('"tone -> out"', ""),
        'nodes.out has no wire, so nothing would be heard; add one, like "node -> out"',
    ),
    "keyword": (TONE.replace("tone", "for"), "nodes.for is a word of Python; choose another name"),
    "rate": (TONE + "[engine]\nrate = 7", "engine.rate is 7 Hz; expected 8000 to 192000 Hz"),
}


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


def ended(*arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    """A command in a process of its own, to its end."""
    command = [sys.executable, "-m", "graphflow", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=90, check=False, **options)  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize("fault", PATCHES)
def test_a_bad_patch_is_one_line_and_nothing_is_begun(fault: str, capsys: pytest.CaptureFixture[str]):
    text, line = PATCHES[fault]
    Path("bad.toml").write_bytes(text if isinstance(text, bytes) else text.encode())
    assert main(["check", "bad.toml"]) == 2
    assert capsys.readouterr().err == f"bad.toml: {line}\n"
    for command in (["play", "bad.toml", "--device", "x.wav"], ["render", "bad.toml", "-o", "x.wav", "--seconds", "1"]):
        assert main(command) == 2
        assert capsys.readouterr() == ("", f"{line}\n")
    assert not Path("x.wav").exists()


def test_an_unknown_kind_stays_silent_and_the_rest_plays():
    Path("odd.toml").write_text(
        TONE.replace('"tone -> out"', '"tone -> out", "theremin -> out"') + '[nodes.theremin]\nkind = "theremin"\n'
    )
    played = ended("play", "odd.toml", "--device", "x.wav", "--seconds", "0.5")
    assert played.returncode == 0
    assert "nodes.theremin.kind is 'theremin'; no node is of that kind" in played.stderr
    assert np.abs(soundfile.read("x.wav")[0]).max() == pytest.approx(10 ** (-12 / 20), rel=0.02)


def test_a_sound_file_that_is_not_there(capsys: pytest.CaptureFixture[str]):
    Path("p.toml").write_text(TONE.replace('"sine"', '"player"\nfile = "gone.wav"'))
    line = f"nodes.tone.file is 'gone.wav'; no such file in {Path.cwd()}\n"
    assert main(["check", "p.toml"]) == 2
    assert capsys.readouterr().err == f"p.toml: {line}"
    assert main(["render", "p.toml", "-o", "x.wav", "--seconds", "1"]) == 2
    assert capsys.readouterr().err.endswith(line)


NODES = '''
from graphflow import AudioNode, AudioOut, State, sqrt


class Later(AudioNode):
    """Makes no number after a quarter of a second."""

    out = AudioOut("Out.")
    seen = State()

    @staticmethod
    def tick(seen: float) -> tuple[float, float]:
        return 0.1 * sqrt(12000.0 - seen), seen + 1.0


class Endless(AudioNode):
    """Never comes back."""

    out = AudioOut("Out.")

    @staticmethod
    def tick() -> float:
        x = 1.0
        while x > 0.0:
            x = 1.0 + 0.5 * x
        return x
'''


def test_a_users_bad_nodes_are_muted_and_named_while_a_good_one_plays():
    Path("own").mkdir()
    Path("own/bad.py").write_text(NODES)
    Path("own/broken.py").write_text("import nothing_like_this")
    Path("bad.toml").write_text(
        TONE.replace('"tone -> out"', '"tone -> out", "l -> out", "e -> out"').replace('"sine"', '"sine"\nfreq = 1000')
        + '[nodes.l]\nkind = "later"\n[nodes.e]\nkind = "endless"\n'
    )
    played = ended("play", "bad.toml", "--nodes", "own", "--device", "x.wav", "--seconds", "1.5")
    assert played.returncode == 0, played.stderr
    assert "own/broken.py:1: ModuleNotFoundError" in played.stderr
    for name in ("l", "e"):
        (line,) = [line for line in played.stderr.splitlines() if line.startswith(f"nodes.{name}: ")]
        assert "bad.py:" in line
    sound, rate = soundfile.read("x.wav")
    heard = sound[rate // 2 : rate, 0]  # neither of the bad ones, nor a fade
    spectrum = np.abs(np.fft.rfft(heard * np.hanning(len(heard))))
    assert abs(int(np.argmax(spectrum)) * rate / len(heard) - 1000.0) < 3.0
    assert np.abs(heard).max() == pytest.approx(10 ** (-12 / 20), rel=0.05)


def test_a_place_that_cannot_be_written(capsys: pytest.CaptureFixture[str]):
    Path("t.toml").write_text(TONE)
    for command in (["render", "t.toml", "--seconds", "1", "-o"], ["play", "t.toml", "--device"]):
        assert main([*command, "/proc/x.wav"]) == 2  # where not even root can write
        said = capsys.readouterr().err
        assert said.startswith(f"{command[-1]} /proc/x.wav: it cannot be written there (")
        assert said.count("\n") == 1


def test_a_full_disk_ends_the_recording_and_not_the_music():
    Path("r.toml").write_text(TONE.replace('out"]', 'out", "tone -> tape"]') + '[nodes.tape]\nkind = "recorder"\n')

    resource = pytest.importorskip("resource")

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))

    played = ended("play", "r.toml", "--device", "null", "--seconds", "2", preexec_fn=little_room)
    assert played.returncode == 0, played.stderr
    said = [line for line in played.stderr.splitlines() if "recording has ended after 0." in line]
    assert len(said) == 1
    assert "played 2.0 s" in played.stderr
    rendered = ended("render", "r.toml", "-o", "x.wav", "--seconds", "3", preexec_fn=little_room)
    assert rendered.returncode == 2
    assert "-o x.wav: writing has ended after 1." in rendered.stderr


def test_a_thousand_nodes():
    wires = ", ".join(f'"s{i} -> g{i} -> out"' for i in range(500))
    nodes = "".join(
        f'[nodes.s{i}]\nkind = "sine"\nfreq = {100 + 2 * i}\n[nodes.g{i}]\nkind = "gain"\nlevel = -58\n'
        for i in range(500)
    )
    Path("many.toml").write_text(f'format = 1\nwires = [{wires}]\n{nodes}[nodes.out]\nkind = "output"\n')
    assert main(["check", "many.toml"]) == 0
    assert main(["render", "many.toml", "-o", "x.wav", "--seconds", "0.5"]) == 0
    spectrum = np.abs(np.fft.rfft(soundfile.read("x.wav")[0][:, 0])) / 12000.0  # bins of 2 Hz: one for each sine
    assert spectrum[50:550] == pytest.approx(10 ** (-58 / 20), rel=0.1)
    assert spectrum[600:].max() < 1e-4


def test_a_port_that_is_taken():
    Path("t.toml").write_text(TONE)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.1", 0))
        port = str(other.getsockname()[1])
        played = ended("play", "t.toml", "--device", "null", "--seconds", "1", "--osc", port)
    assert played.returncode == 2
    assert played.stderr.startswith(f"--osc {port}: 127.0.0.1:{port} cannot be had (")
    assert played.stderr.count("\n") == 1


def test_a_reader_that_goes_does_not_end_the_music():
    Path("t.toml").write_text(TONE)
    command = f"{sys.executable} -m graphflow play t.toml --device x.wav --seconds 1.5 2>&1 | head -1"
    piped = subprocess.run(["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, timeout=60)
    assert (piped.returncode, piped.stdout) == (0, "t: to x.wav\n")
    assert soundfile.info("x.wav").duration == pytest.approx(1.5, abs=0.2)


def test_folders_that_cannot_be_written_are_told_with_a_repair():
    Path("t.toml").write_text(TONE)
    nowhere = {**os.environ, "GRAPHFLOW_CACHE": "/proc/cache", "XDG_CONFIG_HOME": "/proc/config"}
    rendered = ended("render", "t.toml", "-o", "x.wav", "--seconds", "0.1", env=nowhere)
    assert rendered.returncode == 0
    assert (
        "not kept, as /proc/cache cannot be written: set GRAPHFLOW_CACHE to a folder you can write" in rendered.stderr
    )
    trusted = ended("trust", ".", env=nowhere)
    assert trusted.returncode == 2
    assert trusted.stderr.startswith("/proc/config/graphflow cannot be written (")
