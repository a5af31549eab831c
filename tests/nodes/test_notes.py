"""mono and poly: which key sounds, when the gate opens, and that nothing stays held."""

from __future__ import annotations

from typing import Any

import pytest
from control_host import Host

from graphflow import Notes

C, E, G = 60, 64, 67


def strokes(*keys: int) -> list[dict[str, Any]]:
    """Messages as a keyboard sends them: a key is struck, a negative one let go of."""
    notes, script = Notes(), [{}]
    for key in keys:
        notes = notes.struck(key, 0.5) if key > 0 else notes.released(-key)
        script.append({"notes": notes})
    return script


def mono(script: list[dict[str, Any]]) -> list[tuple[str, float]]:
    """What it sends after its start, without times."""
    return [(outlet, round(value, 2)) for _, outlet, value in Host("mono", script).run()[3:]]


def opening(hertz: float | None = None, velocity: float = 0.5) -> list[tuple[str, float]]:
    pitch = [] if hertz is None else [("pitch", hertz)]
    return [("velocity", velocity), *pitch, ("gate", 0.0), ("gate", 1.0)]


def test_it_starts_closed() -> None:
    assert Host("mono", [{}]).run() == [(0, "pitch", 440.0), (0, "gate", 0.0), (0, "velocity", 0.0)]


def test_a_key_opens_the_gate_and_its_end_closes_it() -> None:
    assert mono(strokes(69, -69)) == [*opening(), ("gate", 0.0)]
    assert mono(strokes(C, -C)) == [*opening(261.63), ("gate", 0.0)]


def test_the_last_key_counts_and_gives_way_to_the_one_before() -> None:
    assert mono(strokes(C, G, E, -G, -E, -C)) == [
        *opening(261.63),
        *opening(392.0),
        *opening(329.63),
        ("pitch", 261.63),  # G is let go of unheard; E gives way to C
        ("gate", 0.0),
    ]


def test_a_key_that_is_struck_again_opens_the_gate_again() -> None:
    assert mono(strokes(C, C)) == [*opening(261.63), *opening()]


def test_legato_keeps_the_gate_open() -> None:
    script = strokes(C, E, -C, -E, G)
    script[0] = {"legato": True}
    expected = [*opening(261.63), ("velocity", 0.5), ("pitch", 329.63), ("gate", 0.0), *opening(392.0)]
    assert mono(script) == expected


def test_glide_is_for_keys_that_overlap() -> None:
    script = strokes(C, E, -C, -E, G)
    script[0] = {"glide": 0.3}
    host = Host("mono", script)
    host.run()
    glides = [glide for (_, outlet, _), glide in zip(host.sent, host.glides, strict=True) if outlet == "pitch"]
    assert glides == [0.0, 0.0, 0.3, 0.0]
    gates = [glide for (_, outlet, _), glide in zip(host.sent, host.glides, strict=True) if outlet == "gate"]
    assert gates[1:3] == [0.0, 2.0 / host.rate]  # closed for a frame, then open


def test_each_message_keeps_its_frame_and_none_is_overtaken() -> None:
    script = strokes(C, -C, E)
    for message, frame in zip(script[1:], (24_000, 33_600, 0), strict=True):
        message["frame"] = frame
    sent = [(when, outlet) for when, outlet, _ in Host("mono", script).run()[3:]]
    assert sent == [
        *[(0.5, outlet) for outlet in ("velocity", "pitch", "gate", "gate")],
        (0.7, "gate"),
        *[(0.7, outlet) for outlet in ("velocity", "pitch", "gate", "gate")],
    ]


def test_a_wire_that_is_cut_lets_go() -> None:
    assert mono([*strokes(C), {"notes": None}])[-1] == ("gate", 0.0)


def test_bend_and_transpose_move_the_pitch() -> None:
    assert mono([*strokes(69), {"bend": 2.0}, {"transpose": -12.0}])[3:] == [("pitch", 493.88), ("pitch", 246.94)]


def poly(script: list[dict[str, Any]], voices: int = 4) -> list[tuple[int, ...]]:
    """Which key each voice holds in the end, 0: none."""
    script[0] = {**script[0], "voices": float(voices)}
    holds = [0] * 8
    for _, outlet, notes in Host("poly", script).run():
        assert len(notes.held) <= 1
        holds[int(outlet[1:]) - 1] = notes.held[0][0] if notes.held else 0
    return holds[:voices]


@pytest.mark.parametrize(
    "keys, expected",
    [
        ((C, E, G), [C, E, G, 0]),
        ((C, E, -C, G), [0, E, G, 0]),  # what was let go of last is taken last
        ((C, E, G, 70, 72), [72, E, G, 70]),  # the first that was struck is taken
        ((C, E, G, 70, 72, -72), [0, E, G, 70]),
        ((C, E, G, 70, 72, -72, -C), [0, E, G, 70]),
        ((C, -C, C, -C, E), [0, 0, E, 0]),
    ],
)
def test_keys_are_dealt_out(keys: tuple[int, ...], expected: list[int]) -> None:
    assert poly(strokes(*keys)) == expected


def test_a_stolen_voice_strikes_anew_and_one_that_is_struck_again_too() -> None:
    host = Host("poly", [{"voices": 1.0}, *strokes(C, E, E)[1:]])
    struck = [notes.strikes for _, outlet, notes in host.run() if outlet == "n1"]
    assert struck == [(), ((C, 1),), ((C, 1), (E, 1)), ((C, 1), (E, 2))]


def test_fewer_voices_let_go_and_all_end_silent() -> None:
    assert poly([*strokes(C, E, G), {"voices": 2.0}], 4) == [C, E, 0, 0]
    assert poly([*strokes(C, E, G), {"notes": None}]) == [0, 0, 0, 0]
