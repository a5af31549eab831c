"""Standard MIDI files, held against mido's reading of what mido wrote, and what is wrong with broken ones."""

from __future__ import annotations

import io
import random
from pathlib import Path

import mido
import pytest

from graphflow.core.midi_song import MidiNote, MidiSong


def written(*tracks: list[mido.Message | mido.MetaMessage], kind: int = 1, division: int = 96) -> bytes:
    file = mido.MidiFile(type=kind, ticks_per_beat=division)
    for messages in tracks:
        file.tracks.append(mido.MidiTrack(messages))
    buffer = io.BytesIO()
    file.save(file=buffer)
    return buffer.getvalue()


def note(key: int, velocity: int, time: int, channel: int = 0) -> mido.Message:
    return mido.Message("note_on", note=key, velocity=velocity, time=time, channel=channel)


def test_tracks_are_brought_together_on_their_beats() -> None:
    one = [mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(90), time=0), note(60, 127, 0), note(60, 0, 96)]
    two = [note(40, 127, 96, 3), mido.Message("note_off", note=40, channel=3, time=48)]
    song = MidiSong.read(written(one, two))
    assert song.notes == (
        MidiNote(0.0, 60, 1.0, 1),
        MidiNote(1.0, 60, 0.0, 1),
        MidiNote(1.0, 40, 1.0, 4),
        MidiNote(1.5, 40, 0.0, 4),
    )
    assert song.length == 1.5
    assert song.tempo == pytest.approx(90.0)


def test_what_is_between_the_notes_is_passed_over() -> None:
    track = [
        mido.MetaMessage("track_name", name="x" * 300, time=3),
        mido.Message("sysex", data=range(100), time=1),
        mido.Message("control_change", control=1, value=2, time=0),
        mido.Message("pitchwheel", pitch=-5, time=0),
        mido.Message("program_change", program=5, time=0),
        note(60, 1, 92),
    ]
    song = MidiSong.read(written(track, kind=0))
    assert [n.beat for n in song.notes] == [1.0]
    assert song.tempo == 120.0


def test_running_status_and_unknown_chunks() -> None:
    track = bytes([0, 0x90, 60, 100, 0x60, 60, 0, 0, 0xFF, 0x2F, 0])
    data = b"MThd\0\0\0\6\0\0\0\1\0\x60" + b"XYZW\0\0\0\2ab" + b"MTrk" + len(track).to_bytes(4, "big") + track
    assert [(n.beat, n.velocity > 0.0) for n in MidiSong.read(data).notes] == [(0.0, True), (1.0, False)]


def test_it_reads_as_mido_does() -> None:
    chance = random.Random(11)
    for _ in range(50):
        tracks = [
            [
                note(chance.randrange(128), chance.randrange(128), chance.randrange(500), chance.randrange(16))
                for _ in range(chance.randrange(40))
            ]
            for _ in range(3)
        ]
        data = written(*tracks, division=chance.choice([24, 96, 480, 960]))
        file = mido.MidiFile(file=io.BytesIO(data))
        tick, expected = 0, []
        for message in mido.merge_tracks(file.tracks):
            tick += message.time
            if message.type == "note_on":
                expected.append(
                    (tick / file.ticks_per_beat, message.note, message.velocity / 127.0, message.channel + 1)
                )
        song = MidiSong.read(data)
        found = [(n.beat, n.pitch, n.velocity, n.channel) for n in song.notes]
        assert sorted(found) == sorted(expected)
        assert song.length == tick / file.ticks_per_beat


def test_broken_files_are_told_and_never_hang() -> None:
    whole = written([note(60, 100, 10), note(60, 0, 300), mido.Message("sysex", data=range(50))])
    chance = random.Random(5)
    for cut in range(len(whole)):
        with pytest.raises(ValueError, match=r"^(is no MIDI file|is cut off)$"):
            MidiSong.read(whole[:cut] if cut > 22 else whole[: min(cut, 13)])
    faults = set()
    for _ in range(3000):
        data = bytearray(whole)
        for _ in range(chance.randrange(1, 6)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        try:
            MidiSong.read(bytes(data))
        except ValueError as error:
            faults.add(str(error))
    assert faults == {"is no MIDI file", "is cut off", "is damaged", "counts in film frames, not in beats"}


def test_the_tune_that_comes_with_graphflow() -> None:
    song = MidiSong.read((Path(__file__).parents[2] / "patches" / "lantern-walk.mid").read_bytes())
    assert song.length == 32.0
    assert song.tempo == pytest.approx(92.0, abs=0.01)
    assert {n.channel for n in song.notes} == {1, 2}
