"""midi_in, midi_out and midi_file: what they make of messages, and that every key is let go of."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import mido
import pytest
from control_host import Host

from graphflow import Midi, Notes


def heard(*messages: Midi | dict[str, Any], **values: Any) -> list[tuple[str, Any]]:
    """What midi_in sends after its start: held pitches, or numbers."""
    script = [values, *({"midi": m} if isinstance(m, Midi) else m for m in messages)]
    sent = Host("midi_in", script).run()[4:]
    return [(outlet, [p for p, _ in v.held] if isinstance(v, Notes) else round(v, 3)) for _, outlet, v in sent]


def on(key: int, channel: int = 1, port: str = "keys", value: int = 127) -> Midi:
    return Midi("on", channel, key, value, port)


def off(key: int, channel: int = 1, port: str = "keys") -> Midi:
    return Midi("off", channel, key, 0, port)


def cc(number: int, value: int, channel: int = 1) -> Midi:
    return Midi("cc", channel, number, value, "keys")


def test_keys_go_down_and_up() -> None:
    assert heard(on(60), on(64), off(60), off(64), off(64)) == [
        ("notes", [60]),
        ("notes", [60, 64]),
        ("notes", [64]),
        ("notes", []),
    ]
    (struck,) = [n for _, o, n in Host("midi_in", [{}, {"midi": on(60, value=64)}]).run()[4:]]
    assert struck == Notes(((60, 64 / 127.0),), ((60, 1),))


def test_one_key_on_two_keyboards_sounds_until_both_are_up() -> None:
    assert heard(on(60), on(60, port="pads"), off(60), off(60, port="pads"))[-2:] == [("notes", [60]), ("notes", [])]


def test_the_pedal_keeps_keys() -> None:
    assert heard(cc(64, 127), on(60), off(60), on(62), cc(64, 0)) == [
        ("notes", [60]),
        ("notes", [60, 62]),
        ("notes", [62]),
    ]
    assert heard(cc(64, 127), on(60), off(60), pedal=False)[-1] == ("notes", [])
    assert heard(cc(64, 127), on(60), off(60), {"pedal": False})[-1] == ("notes", [])


def test_what_is_no_longer_heard_is_let_go_of() -> None:
    assert heard(on(60, 1), on(62, 2), {"channel": 2.0})[-1] == ("notes", [62])
    assert heard(on(60), on(62, port="pads"), {"port": "Pads"})[-1] == ("notes", [62])
    assert heard(on(60, 1), on(62, 2), channel=2.0) == [("notes", [62])]


@pytest.mark.parametrize(
    "message, left",
    [
        (Midi("all_off"), []),
        (Midi("all_off", port="keys"), [64]),
        (Midi("all_off", channel=2, port="keys"), [60, 64]),
        (cc(123, 0), [62, 64]),
        (cc(120, 0, 2), [60, 64]),
    ],
)
def test_all_off_lets_go_of_what_it_names_even_under_the_pedal(message: Midi, left: list[int]) -> None:
    keys = [cc(64, 127), on(60), off(60), on(62, 2), on(64, port="pads")]
    assert heard(*keys, message)[-1] == ("notes", left)


def test_wheels_and_pressure_are_numbers() -> None:
    messages = (
        Midi("bend", 1, 0, 8191, "keys"),
        Midi("bend", 1, 0, -8192, "keys"),
        {"bend_range": 12.0},
        cc(1, 127),
        Midi("pressure", 1, 0, 127, "keys"),
        cc(121, 0),
    )
    assert heard(*messages) == [
        ("bend", 2.0),
        ("bend", -2.0),
        ("bend", -12.0),
        ("mod", 1.0),
        ("pressure", 1.0),
        ("bend", 0.0),
        ("mod", 0.0),
        ("pressure", 0.0),
    ]


# --- midi_out ------------------------------------------------------------------------------------------------------


def told(*script: dict[str, Any]) -> list[str]:
    host = Host("midi_out", [{}, *script])
    host.run()
    return [f"{message} {message.port}".strip() for _, outside, message in host.told if outside == "midi"]


def test_notes_go_out_and_are_let_go_of_when_the_node_ends() -> None:
    notes = Notes().struck(60, 1.0)
    assert told({"notes": notes}, {"notes": notes.struck(64, 0.0)}) == [
        "on 60 = 127 on channel 1",
        "on 64 = 1 on channel 1",  # velocity 0 would be its end
        "off 60 on channel 1",
        "off 64 on channel 1",
    ]


def test_a_key_that_is_struck_again_is_let_go_of_first() -> None:
    notes = Notes().struck(60)
    assert told({"notes": notes}, {"notes": notes.struck(60)})[:3] == [
        "on 60 = 127 on channel 1",
        "off 60 on channel 1",
        "on 60 = 127 on channel 1",
    ]


def test_another_channel_or_device_takes_the_keys_over() -> None:
    assert told({"notes": Notes().struck(60)}, {"channel": 3.0}, {"port": "synth"}) == [
        "on 60 = 127 on channel 1",
        "off 60 on channel 1",
        "on 60 = 127 on channel 3",
        "off 60 on channel 3",
        "on 60 = 127 on channel 3 synth",
        "off 60 on channel 3 synth",
    ]


def test_its_controller_moves() -> None:
    assert told({"value": 0.5}, {"cc": 74.0}, {"value": 1.0}) == ["cc 1 = 64 on channel 1", "cc 74 = 127 on channel 1"]


def test_a_node_that_is_stopped_lets_go() -> None:
    class Forever(Host):
        async def arrivals(self, node: Any, outside: tuple[str, ...]) -> Any:
            async for batch in super().arrivals(node, outside):
                yield batch
            await asyncio.Event().wait()

    host = Forever("midi_out", [{}, {"notes": Notes().struck(60)}])

    async def life() -> None:
        task = asyncio.create_task(host.node.run())
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(life())
    assert [str(message) for _, _, message in host.told] == ["on 60 = 127 on channel 1", "off 60 on channel 1"]


# --- midi_file -----------------------------------------------------------------------------------------------------


def written(
    path: Path, *events: tuple[float, int, int], tempo: float = 0.0, end: float = 4.0, channel: int = 0
) -> Path:
    """A file of one track: beat, pitch, velocity (0: its end)."""
    file = mido.MidiFile(ticks_per_beat=480)
    track = mido.MidiTrack()
    file.tracks.append(track)
    if tempo:
        track.append(mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(tempo)))
    last = 0
    for beat, pitch, velocity in events:
        tick = round(beat * 480)
        track.append(mido.Message("note_on", note=pitch, velocity=velocity, channel=channel, time=tick - last))
        last = tick
    track.append(mido.MetaMessage("end_of_track", time=round(end * 480) - last))
    file.save(path)
    return path


TUNE = ((0.0, 60, 127), (1.0, 60, 0), (1.0, 64, 64), (2.5, 64, 0))


def played(path: Path, seconds: float, tempo: float | None = 60.0, **values: Any) -> list[tuple[float, list[int]]]:
    """When which pitches are held, in seconds."""
    host = Host("midi_file", [{"file": path.name, **values}], seconds)
    host.folder = path.parent
    host.transport = host.transport.with_tempo(tempo, 0)
    host.run()
    assert host.reports == []
    sent = [(when, [pitch for pitch, _ in notes.held]) for when, _, notes in host.sent[1:]]
    return [(when, keys) for when, keys in sent if when < seconds]  # what comes after is sent ahead


def test_each_note_comes_on_its_frame_again_and_again(tmp_path: Path) -> None:
    tune = written(tmp_path / "tune.mid", *TUNE)
    expected = [(0.0, [60]), (1.0, []), (1.0, [64]), (2.5, [])]
    twice = expected + [(when + 4.0, keys) for when, keys in expected]
    assert played(tune, 7.0) == twice
    assert played(tune, 3.5, tempo=120.0) == [(when / 2.0, keys) for when, keys in twice]


def test_without_a_tempo_it_keeps_its_own(tmp_path: Path) -> None:
    assert played(written(tmp_path / "a.mid", *TUNE, tempo=240.0), 0.5, tempo=None) == [
        (0.0, [60]),
        (0.25, []),
        (0.25, [64]),
    ]


def test_what_is_held_at_the_end_of_a_round_is_let_go_of(tmp_path: Path) -> None:
    tune = written(tmp_path / "held.mid", (3.0, 60, 100), end=3.9)
    assert played(tune, 6.0) == [(3.0, [60]), (4.0, [])]


def test_once_it_begins_at_the_next_bar_and_ends(tmp_path: Path) -> None:
    tune = written(tmp_path / "tune.mid", *TUNE)
    assert [when for when, _ in played(tune, 12.0, loop=False)] == [0.0, 1.0, 1.0, 2.5]


def test_channel_transpose_and_velocity(tmp_path: Path) -> None:
    tune = written(tmp_path / "tune.mid", *TUNE, channel=4)
    assert played(tune, 3.0, channel=4.0) == []
    assert played(tune, 1.5, channel=5.0, transpose=12.0)[0] == (0.0, [72])
    assert played(tune, 1.5, velocity=0.0) == []


@pytest.mark.parametrize(
    "content, problem",
    [
        (None, "cannot be read (No such file or directory)"),
        (b"", "is no MIDI file"),
        (b"RIFF....", "is no MIDI file"),
        (b"MThd\x00\x00\x00\x06\x00\x01\x00\x01\xe7\x28MTrk\x00\x00\x00\x04\x00\xff\x2f\x00", "counts in film frames"),
    ],
)
def test_a_bad_file_is_told_in_one_line(tmp_path: Path, content: bytes | None, problem: str) -> None:
    if content is not None:
        (tmp_path / "bad.mid").write_bytes(content)
    host = Host("midi_file", [{"file": "bad.mid"}], 1.0)
    host.folder = tmp_path
    host.run()
    (line,) = host.reports
    assert line.startswith(f"nodes.tested.file is 'bad.mid', which {problem}")
    assert "\n" not in line


def test_the_transport_may_stop_jump_and_go_on(tmp_path: Path) -> None:
    tune = written(tmp_path / "tune.mid", (0.0, 60, 100), (3.5, 60, 0))
    host = Host("midi_file", [{"file": tune.name}], 4.0)
    host.folder = tmp_path
    host.transport = host.transport.with_tempo(60.0, 0)
    sleep, moved = host.sleep, []

    async def steered(node: Any, seconds: float) -> None:
        from dataclasses import replace

        at = round(host.now, 2)
        if at in (1.0, 2.0, 3.0) and at not in moved:
            moved.append(at)
            clock = replace(host.transport, frame=host.frame, beat=host.transport.beat_at(host.frame))
            stopped, back = replace(clock, running=False), replace(clock, running=True, beat=0.0)
            host.transport = {1.0: stopped, 2.0: replace(clock, running=True), 3.0: back}[at]
        await sleep(node, seconds)

    host.sleep = steered  # type: ignore[method-assign]
    host.run()
    held = [(round(when, 1), [pitch for pitch, _ in notes.held]) for when, _, notes in host.sent[1:]]
    # stopped after a second; where it goes on the key is down already, and is not struck; back at beat 0 it is
    assert held == [(0.0, [60]), (1.0, []), (3.0, [60])]


def test_where_the_beats_stop_and_go_on_is_kept_to_the_frame(tmp_path: Path) -> None:
    tune = written(tmp_path / "tune.mid", *TUNE)
    host = Host("midi_file", [{"file": tune.name}], 4.0)
    host.folder = tmp_path
    # a beat is a second; it stands still from 1.3 beats on, for a second and a frame
    host.transport = host.transport.with_tempo(60.0, 0).rolling(False, 62_400).rolling(True, 110_401)
    host.run()
    held = [(round(when * 48_000), [pitch for pitch, _ in notes.held]) for when, _, notes in host.sent[1:]]
    assert held[:4] == [(0, [60]), (48_000, []), (48_000, [64]), (62_400, [])]
    waiting = Host("midi_file", [{"file": tune.name}], 3.0)
    waiting.folder = tmp_path
    waiting.transport = waiting.transport.with_tempo(60.0, 0).rolling(False, 0).rolling(True, 48_123)
    waiting.run()
    assert [round(when * 48_000) for when, _, _ in waiting.sent[1:3]] == [48_123, 96_123]
