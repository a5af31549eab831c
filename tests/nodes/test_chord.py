"""chord: which notes it holds, and when it strikes them."""

from typing import Any

import pytest
from control_host import Host


def sent(*script: dict[str, Any]) -> list[list[list[float]]]:
    return [notes.data() for _, _, notes in Host("chord", script).run()]


def test_it_strikes_a_chord_at_once_and_the_next_one_when_it_changes() -> None:
    assert sent({"text": "C3 E3"}, {"text": "c3, Eb3"}, {"velocity": 0.5}) == [
        [[48, 0.8, 1], [52, 0.8, 1]],
        [[48, 0.8, 2], [51, 0.8, 1], [52, 0.0, 1]],
        [[48, 0.5, 2], [51, 0.5, 1], [52, 0.0, 1]],
    ]


def test_it_lets_go_and_strikes_again_when_asked() -> None:
    assert sent({"text": "60"}, {"strike": 1.0}, {"strike": 0.0}, {"hold": False}, {"hold": True}) == [
        [[60, 0.8, 1]],
        [[60, 0.8, 2]],
        [[60, 0.8, 2]],
        [[60, 0.0, 2]],
        [[60, 0.8, 3]],
    ]


@pytest.mark.parametrize(
    "text, pitches",
    [
        ("C4 c4 60", [60]),
        ("C-1 G9", [0, 127]),
        ("F#4 Gb4 F♯4 G♭4", [66]),
        ("Cb4 B#3 F##3", [55, 59, 60]),
        ("", []),
    ],
)
def test_pitches_by_any_usual_name(text: str, pitches: list[int]) -> None:
    assert [[pitch for pitch, *_ in notes] for notes in sent({"text": text})] == [pitches]


def test_a_word_that_is_no_note_is_told_once_and_the_others_are_played() -> None:
    host = Host("chord", [{"text": "C3 H3 E3"}, {"velocity": 0.1}, {"text": "C3 128"}, {"text": "🎹"}])
    assert [[pitch for pitch, *_ in notes.data()] for _, _, notes in host.run()] == [
        [48, 52],
        [48, 52],
        [48, 52],
        [48, 52],
    ]
    expected = "expected notes like C3, F#4 or Bb2, or MIDI pitches 0 to 127"
    assert host.reports == [f"nodes.tested.text has {word!r}; {expected}" for word in ("H3", "128", "🎹")]
