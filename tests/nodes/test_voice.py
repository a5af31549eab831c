"""A voice of single parts, in a whole session: every note of a file on its frame, live edits leave nothing held."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mido
import numpy as np
import pytest

from graphflow import Midi
from graphflow.core.library import Library
from graphflow.core.patch_text import read
from graphflow.session import Session
from graphflow.session.offline import render

GATE = """
format = 1
wires = ["tune -> voice", "voice.gate -> out"]
[nodes.tune]
kind = "midi_file"
file = "tune.mid"
[nodes.voice]
kind = "mono"
[nodes.out]
kind = "output"
[transport]
tempo = 100.0
"""
SYNTH = """
format = 1
wires = ["tune -> voice", "voice.pitch -> tone.freq", "voice.gate -> shape -> amp.amount", "tone -> amp -> out"]
[nodes.tune]
kind = "{source}"
[nodes.voice]
kind = "mono"
[nodes.tone]
kind = "sine"
[nodes.shape]
kind = "adsr"
release = 0.01
[nodes.amp]
kind = "gain"
[nodes.out]
kind = "output"
"""
STROKES = (0.0, 0.37, 1.0, 1.003, 2.718, 3.9)
"""Beats on which the file strikes a key, each for a tenth of a beat at most."""


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[Any]:
    opened: list[Session] = []

    def open(text: str) -> Session:
        session = Session(Library.builtin(), folder=tmp_path, report=said.append, lockstep=True)
        opened.append(session)
        play(session, text)
        return session

    said: list[str] = []
    file = mido.MidiFile(ticks_per_beat=1000)
    track = mido.MidiTrack()
    file.tracks.append(track)
    ticks = [(round(beat * 1000), 64) for beat in STROKES] + [(round(beat * 1000) + 2, 0) for beat in STROKES]
    last = 0
    for tick, velocity in sorted(ticks):
        track.append(mido.Message("note_on", note=69, velocity=velocity, time=tick - last))
        last = tick
    file.save(tmp_path / "tune.mid")
    yield open
    for session in opened:
        session.close()
    assert [line for line in said if not line.startswith("compil")] == []


def play(session: Session, text: str) -> None:
    patch, problems = read(text)
    assert problems == []
    session.play(patch, fade=0.0)


def hear(session: Session, seconds: float) -> Any:
    return np.concatenate(list(render(session, round(seconds * session.rate))))[:, 0]


@pytest.mark.parametrize("block", [64, 128, 1000])
def test_every_note_of_a_file_falls_on_its_frame_twice_over(sessions: Any, block: int) -> None:
    session = sessions(GATE + f"[engine]\nblock = {block}\n")
    gate = hear(session, 4.8)
    opened = np.flatnonzero(np.diff((gate > 0.5).astype(int)) == 1) + 1
    closed = np.flatnonzero(np.diff((gate > 0.5).astype(int)) == -1) + 1
    beats = [*STROKES, *(4.0 + beat for beat in STROKES)]
    frames = [round(beat * 0.6 * 48_000) for beat in beats]
    assert list(opened) == [frame + 1 for frame in frames]  # a stroke closes the gate first, for an envelope
    assert list(closed) == [round((beat + 0.002) * 0.6 * 48_000) for beat in beats]
    assert session.engine.statistics().commands_late == 0


def test_keys_play_an_oscillator_and_an_envelope(sessions: Any) -> None:
    session = sessions(SYNTH.format(source="midi_in"))
    assert np.all(hear(session, 0.1) == 0.0)
    session.enter("midi", Midi("on", 1, 57, 100, "keys"))
    hear(session, 0.3)
    tone = hear(session, 1.0)
    power = np.abs(np.fft.rfft(tone))
    assert np.argmax(power) == 220
    session.enter("midi", Midi("on", 1, 69, 100, "keys"))
    hear(session, 0.3)
    assert np.argmax(np.abs(np.fft.rfft(hear(session, 1.0)))) == 440
    session.enter("midi", Midi("off", 1, 69, 0, "keys"))
    session.enter("midi", Midi("off", 1, 57, 0, "keys"))
    hear(session, 0.1)
    assert np.all(hear(session, 0.1) == 0.0)


def test_nothing_stays_held_whatever_happens_to_the_keyboard(sessions: Any) -> None:
    synth = SYNTH.format(source="midi_in")
    without = synth.replace('"tune -> voice", ', "")
    for happens in (
        lambda session: session.enter("midi", Midi("all_off", port="keys")),  # unplugged
        lambda session: play(session, without),  # unwired
        lambda session: play(session, without.replace('[nodes.tune]\nkind = "midi_in"\n', "")),  # deleted
        lambda session: play(session, synth.replace('"midi_in"', '"chord"\nhold = false')),  # something else
        lambda session: session.mute("tune"),
        lambda session: play(session, synth.replace('"midi_in"', '"midi_in"\nchannel = 2')),
        lambda session: play(session, synth.replace('"voice.gate -> shape', '"shape')),  # the envelope's own wire
    ):
        session = sessions(synth)
        session.enter("midi", Midi("on", 1, 57, 100, "keys"))
        assert np.abs(hear(session, 0.2)).max() > 0.3
        happens(session)
        hear(session, 0.2)
        assert np.all(hear(session, 0.1) == 0.0)


def test_a_file_that_is_taken_out_leaves_nothing_held(sessions: Any) -> None:
    session = sessions(GATE)
    hear(session, 0.59)  # the strokes at beat 1 are on their way
    play(session, GATE.replace('"tune -> voice", ', ""))
    hear(session, 0.2)
    assert np.all(hear(session, 3.0) == 0.0)


def test_a_render_is_the_same_from_run_to_run(sessions: Any) -> None:
    synth = SYNTH.format(source='midi_file"\nfile = "tune.mid')
    one, other = (hear(sessions(synth), 3.0) for _ in range(2))
    assert np.abs(one).max() > 0.1
    np.testing.assert_array_equal(one, other)
