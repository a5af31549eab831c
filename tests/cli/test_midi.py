"""MIDI from the command line: what is said without it, and a whole performance with a keyboard on a real server."""

from __future__ import annotations

import builtins
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import rtmidi

from graphflow import doctor
from graphflow.cli import main
from graphflow.cli.playing_midi import wants_midi
from graphflow.control.midi.extra import MISSING
from graphflow.core.patch_text import read
from tests.conftest import JackServer, wait_until

PATCH = """format = 1
wires = ["keys -> voice", "voice.pitch -> tone.freq", "voice.gate -> shape -> amp.amount", "tone -> amp -> out"]

[nodes.keys]
kind = "midi_in"

[nodes.voice]
kind = "mono"

[nodes.tone]
kind = "sine"

[nodes.shape]
kind = "adsr"

[nodes.amp]
kind = "gain"

[nodes.out]
kind = "output"
"""
STILL = 'format = 1\nwires = ["a -> out"]\n[nodes.a]\nkind = "sine"\n[nodes.out]\nkind = "output"\n'


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    """As it is for who has not installed the extra."""
    real = builtins.__import__

    def missing(name: str, *rest: Any, **options: Any) -> Any:
        if name.partition(".")[0] in ("mido", "rtmidi"):
            raise ImportError(name)
        return real(name, *rest, **options)

    monkeypatch.setattr("graphflow.control.midi.extra.import_module", missing)
    monkeypatch.setattr(builtins, "__import__", missing)
    for name in [name for name in sys.modules if name.partition(".")[0] in ("mido", "rtmidi")]:
        monkeypatch.delitem(sys.modules, name)


def test_without_the_extra_one_line_says_what_to_install(
    without: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    patch = tmp_path / "still.toml"
    patch.write_text(STILL)
    assert main(["play", str(patch), "--device", "null", "--midi"]) == 2
    assert capsys.readouterr().err.splitlines()[-1] == MISSING
    assert main(["devices"]) == 0
    assert MISSING in capsys.readouterr().out.splitlines()
    (finding,) = doctor.midi()
    assert str(finding).startswith("note  midi")


def test_a_patch_that_would_like_midi_plays_without_it(
    without: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    patch = tmp_path / "keys.toml"
    patch.write_text(PATCH)
    assert main(["play", str(patch), "--device", "null", "--seconds", "0.5", "--no-attach", "--no-reload"]) == 0
    assert f"keys: {MISSING}; playing without MIDI" in capsys.readouterr().err


def test_wrong_options_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["play", "01-first-light", "--midi-clock", "both"]) == 2
    assert (
        capsys.readouterr().err == "--midi-clock is 'both'; expected in, to follow a MIDI clock, or out, to give one\n"
    )


@pytest.mark.parametrize(
    "text, what",
    [
        (STILL, ""),
        (PATCH, "keys"),
        (STILL + '[transport]\nfollow = "midi"\n', "transport.follow"),
        (STILL + '[midi.params]\n"a.freq" = { cc = 1 }\n', "midi"),
    ],
)
def test_what_wants_midi(text: str, what: str) -> None:
    assert wants_midi(read(text)[0]) == what


@pytest.mark.slow
@pytest.mark.audio
def test_a_keyboard_is_played_on_a_real_server(jack: JackServer, tmp_path: Path) -> None:
    patch, wav = tmp_path / "keys.toml", tmp_path / "take.wav"
    patch.write_text(PATCH)
    name = f"keys{os.getpid()}"
    keys = rtmidi.MidiOut(rtmidi.API_UNIX_JACK, name=name)
    keys.open_virtual_port("out")
    said: list[str] = []
    command = [sys.executable, "-m", "graphflow", "play", str(patch), "--device", str(wav), "--midi", name]
    with subprocess.Popen([*command, "--seconds", "60"], stderr=subprocess.PIPE, stdin=subprocess.DEVNULL) as playing:
        assert playing.stderr is not None
        reader = threading.Thread(target=lambda: said.extend(line.decode() for line in playing.stderr))
        reader.start()
        try:
            wait_until(lambda: any(f"hears {name}:out" in line for line in said), 60.0, "the device")
            wait_until(lambda: wav.exists() and wav.stat().st_size > 100_000, 60.0, "the first sound")
            keys.send_message([0x90, 57, 127])
            threading.Event().wait(1.5)
            keys.close_port()  # pulled out while a key is down
            keys.delete()
            wait_until(lambda: any("is gone; its notes are let go of" in line for line in said), 20.0, "the loss")
            threading.Event().wait(1.0)
        finally:
            playing.terminate()
            playing.wait(20.0)
            reader.join(20.0)
    import numpy as np
    import soundfile

    sound, rate = soundfile.read(wav)
    loud = np.abs(sound[:, 0]).reshape(-1) > 0.2
    assert 1.0 < loud.sum() / rate < 6.0
    first, last = np.flatnonzero(loud)[[0, -1]]
    power = np.abs(np.fft.rfft(sound[first + rate // 4 : first + rate // 4 + rate, 0]))
    assert np.argmax(power) == 220
    assert np.abs(sound[last + rate // 2 :, 0]).max() < 1e-3
    listed = subprocess.run([sys.executable, "-m", "graphflow", "devices"], capture_output=True, text=True, check=True)
    assert "no MIDI device" in listed.stdout or "MIDI" in listed.stdout
