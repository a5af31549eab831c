"""What a prompt fixes exactly is read to the letter."""

import pytest

from graphflow.models.first_light.words import Demands, demands


@pytest.mark.parametrize(
    "prompt,tempo",
    [
        ("techno 120 bpm", 120.0),
        ("at 87.5bpm, dusty", 87.5),
        ("bpm: 90", 90.0),
        ("tempo 140 trap", 140.0),
        ("174-bpm jungle", 174.0),
        ("808 bass", 0.0),
        ("80s synths and a 303", 0.0),
        ("3 bpm", 0.0),
        ("900 bpm", 0.0),
    ],
)
def test_tempo(prompt, tempo):
    assert demands(prompt).tempo == tempo


@pytest.mark.parametrize(
    "prompt,key,mode",
    [
        ("in c minor", "C", "minor"),
        ("F# dorian jazz", "F#", "dorian"),
        ("Bb major waltz", "A#", "major"),
        ("in e flat minor", "D#", "minor"),
        ("house in a minor", "A", "minor"),
        ("c# min, 90 bpm", "C#", "minor"),
        ("key of g", "G", ""),
        ("slow, in d", "D", ""),
        ("lydian pads", "", "lydian"),
        ("something in minor", "", "minor"),
        ("a minor key song", "", "minor"),
        ("music for a minor inconvenience", "", ""),
        ("in a dream", "", ""),
        ("e piano chords", "", ""),
        ("harmonic minor in b", "B", "harmonic_minor"),
    ],
)
def test_key_and_mode(prompt, key, mode):
    found = demands(prompt)
    assert (found.key, found.mode) == (key, mode)


@pytest.mark.parametrize(
    "prompt,off",
    [
        ("ambient, no drums", {"drums"}),
        ("no drums and no bass", {"drums", "bass"}),
        ("without drums, bass or melody", {"drums", "bass", "lead"}),
        ("drumless ambient", {"drums"}),
        ("only bass", {"drums", "harmony", "lead"}),
        ("just the drums", {"bass", "harmony", "lead"}),
        ("drums and bass only", {"harmony", "lead"}),
        ("drum and bass", set()),
        ("no drum machine", set()),
        ("just piano", set()),
        ("big drums", set()),
    ],
)
def test_parts_left_out(prompt, off):
    assert demands(prompt).off == off


def test_what_is_left_is_about_style():
    found = demands("Dusty techno at 128 bpm in F# minor, no drums, not dark")
    assert found == Demands(128.0, "F#", "minor", frozenset({"drums"}), ("dark",), "dusty techno , ,")
