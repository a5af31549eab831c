"""MIDI beside a session: keys, clocks and devices that come and go, with real bytes on a clock wound by hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from devices import Keyboard, Stage, Synth

from graphflow.control.midi import desk
from graphflow.core.errors import UserError
from graphflow.core.midi import Midi

SYNTH = """
format = 1
wires = ["keys -> voice", "voice.gate -> out"]
[nodes.keys]
kind = "midi_in"
[nodes.voice]
kind = "mono"
[nodes.out]
kind = "output"
"""
THROUGH = """
format = 1
wires = ["keys -> far", "tone -> out"]
[nodes.keys]
kind = "midi_in"
[nodes.far]
kind = "midi_out"
channel = 2
[nodes.tone]
kind = "sine"
[nodes.out]
kind = "output"
[transport]
tempo = 120.0
"""
ON, OFF = (0x90, 60, 100), (0x80, 60, 0)


@pytest.fixture
def stages() -> Iterator[Any]:
    opened: list[Stage] = []

    def open(text: str = SYNTH, **options: Any) -> Stage:
        opened.append(Stage(text, **options))
        return opened[-1]

    yield open
    for stage in opened:
        stage.close()


def gate(stage: Stage) -> float:
    """What the voice's gate says."""
    return float(stage.session._flow._post._last["voice", "gate"])


def keyboard(stage: Stage, name: str = "keys 20:0") -> Keyboard:
    made = stage.rack.keyboard(name)
    stage.pass_by(2.1)
    return made


def synth(stage: Stage, name: str = "box 24:0") -> Synth:
    return stage.rack.synth(name)


def test_a_key_reaches_the_sound_and_its_end_too(stages: Any) -> None:
    stage = stages()
    keys = keyboard(stage)
    keys.play(*ON)
    stage.pass_by(0.02)
    assert gate(stage) == 1.0
    keys.play(*OFF)
    stage.pass_by(0.02)
    assert gate(stage) == 0.0
    assert str(stage.midi.statistics()) == "MIDI: hears keys, 2 in, 0 out"


def test_a_keyboard_that_is_pulled_out_lets_go_and_is_found_again(stages: Any) -> None:
    stage = stages()
    keys = keyboard(stage)
    keys.play(*ON)
    stage.pass_by(0.02)
    del stage.rack.keyboards["keys 20:0"]
    stage.pass_by(2.1)
    assert gate(stage) == 0.0
    assert stage.said[-1] == "MIDI device 'keys' is gone; its notes are let go of, looking for it again"
    again = keyboard(stage, "keys 28:0")
    assert stage.midi.ports.inputs == ["keys"]
    again.play(*ON)
    stage.pass_by(0.02)
    assert gate(stage) == 1.0
    again.broken = True  # it fails while it is read
    stage.pass_by(0.02)
    assert gate(stage) == 0.0


def test_panic_lets_go_inside_and_outside(stages: Any) -> None:
    stage = stages(
        THROUGH.replace('"keys -> far"', '"keys -> far", "keys -> voice"') + '[nodes.voice]\nkind = "mono"\n'
    )
    box = synth(stage)
    keyboard(stage).play(*ON)
    stage.pass_by(0.02)
    assert box.hex() == ["91 3c 64"]
    stage.session.panic()
    stage.pass_by(0.02)
    assert gate(stage) == 0.0
    assert box.hex()[1] == "81 3c 00"
    everything = {f"{0xB0 + channel:02x} {number:02x} 00" for channel in range(16) for number in (120, 123)}
    assert set(box.hex()[2:]) == {*everything, "81 3c 00"}  # the node lets go by itself too
    assert stage.midi.statistics().held == 0


@pytest.mark.parametrize(
    "happens",
    [
        lambda stage: stage.edit(THROUGH.replace('"keys -> far", ', "")),
        lambda stage: stage.edit(THROUGH.replace('"keys -> far", ', "").replace('[nodes.far]\nkind = "midi_out"\nchannel = 2\n', "")),
        lambda stage: stage.edit(THROUGH.replace('[nodes.keys]\nkind = "midi_in"', '[nodes.keys]\nkind = "chord"\nhold = false')),
        lambda stage: stage.session.mute("keys"),
        lambda stage: stage.session.mute("far"),
        lambda stage: stage.session.set("far", "channel", 5.0) and None,
        lambda stage: stage.rack.keyboards.clear(),
        lambda stage: stage.close(),
    ],
    ids=["unwired", "deleted", "replaced", "source muted", "out muted", "another channel", "unplugged", "ended"],
)  # fmt: skip
def test_nothing_stays_held_outside(stages: Any, happens: Any) -> None:
    stage = stages(THROUGH)
    box = synth(stage)
    keyboard(stage).play(*ON)
    stage.pass_by(0.02)
    assert box.hex() == ["91 3c 64"]
    happens(stage)
    if not stage.session.loop.is_closed():
        stage.pass_by(2.1)
    assert box.hex()[1] == "81 3c 00"
    if stage.session.loop.is_closed():
        assert not box.open
        stage.close = lambda: None


def test_notes_leave_on_their_frame(stages: Any) -> None:
    stage = stages(THROUGH)
    box = synth(stage)
    stage.pass_by(0.1)
    stage.midi.take("far", Midi("on", 1, 64, 1), stage.session.engine.frame + 4800)
    stage.pass_by(0.08)
    assert box.hex() == []
    stage.pass_by(0.05)
    assert box.hex() == ["90 40 01"]


def test_an_out_that_is_unplugged_forgets_what_it_held(stages: Any) -> None:
    stage = stages(THROUGH)
    box = synth(stage)
    keys = keyboard(stage)
    keys.play(*ON)
    stage.pass_by(0.02)
    box.broken = True
    keys.play(*OFF)
    stage.pass_by(0.02)
    assert stage.midi.statistics().held == 0
    assert stage.said[-2].startswith("MIDI device 'box' cannot be played")
    stage.rack.synths.clear()
    box = synth(stage, "box 28:0")
    stage.pass_by(2.1)
    keys.play(*ON)
    stage.pass_by(0.02)
    assert box.hex() == ["91 3c 64"]


# --- clocks --------------------------------------------------------------------------------------------------------

FOLLOWS = THROUGH + 'follow = "midi"\n'


def ticks(stage: Stage, keys: Keyboard, tempo: float, beats: float) -> None:
    for _ in range(round(beats * 24)):
        stage.pass_by(60.0 / tempo / 24)
        keys.play(0xF8, after=60.0 / tempo / 24)


def test_a_patch_that_follows_takes_tempo_and_place(stages: Any) -> None:
    stage = stages(FOLLOWS)
    keys = keyboard(stage)
    keys.play(0xFA)
    ticks(stage, keys, 96.0, 8.0)
    stage.pass_by(0.0107)
    assert stage.session.transport.tempo == pytest.approx(96.0, abs=0.2)
    assert stage.session.transport.beat_at(stage.session.engine.frame) == pytest.approx(8.0, abs=0.06)
    keys.play(0xFC)
    stage.pass_by(0.5)
    assert not stage.session.transport.running
    keys.play(0xF2, 16, 0)
    keys.play(0xFB)
    ticks(stage, keys, 96.0, 1.0)
    assert stage.session.transport.beat_at(stage.session.engine.frame) == pytest.approx(5.0, abs=0.06)


def test_a_clock_that_is_followed_has_the_word_over_start_and_stop(stages: Any) -> None:
    stage = stages(FOLLOWS)
    desk.roll(stage.session, False)
    assert not stage.session.transport.running  # nobody gives a clock yet
    keys = keyboard(stage, "one")
    ticks(stage, keys, 96.0, 2.0)
    assert stage.session.transport.running
    with pytest.raises(
        UserError, match=r"^transport: the beats follow the MIDI clock of 'one'; start and stop it there$"
    ):
        desk.roll(stage.session, False)
    stage.pass_by(1.5)
    desk.roll(stage.session, False)
    assert not stage.session.transport.running


def test_a_patch_that_does_not_follow_keeps_its_own_unless_it_is_told(stages: Any) -> None:
    for options, tempo in (({}, 120.0), ({"clock": "in"}, 96.0)):
        stage = stages(THROUGH, **options)
        keys = keyboard(stage)
        ticks(stage, keys, 96.0, 4.0)
        assert stage.session.transport.tempo == pytest.approx(tempo, abs=0.2)


def test_the_first_clock_counts_until_it_is_gone(stages: Any) -> None:
    stage = stages(FOLLOWS)
    one, two = keyboard(stage, "one"), keyboard(stage, "two")
    for k in range(96):
        stage.pass_by(60.0 / 96.0 / 24)
        one.play(0xF8, after=60.0 / 96.0 / 24)
        if k % 2:
            two.play(0xF8, after=60.0 / 48.0 / 24)
    assert stage.session.transport.tempo == pytest.approx(96.0, abs=0.2)
    stage.pass_by(1.5)
    assert stage.said[-2:] == [
        "follows the MIDI clock of 'one', 96.0 bpm",
        "MIDI clock of 'one' is gone; going on at 96 bpm",
    ]
    ticks(stage, two, 70.0, 4.0)
    assert stage.session.transport.tempo == pytest.approx(70.0, abs=0.3)


def test_an_edit_elsewhere_leaves_a_followed_clock_alone(stages: Any) -> None:
    stage = stages(FOLLOWS)
    keys = keyboard(stage)
    ticks(stage, keys, 96.0, 4.0)
    stage.edit(FOLLOWS.replace('kind = "sine"', 'kind = "sine"\nfreq = 220.0'))
    assert stage.session.transport.tempo == pytest.approx(96.0, abs=0.2)


def test_a_clock_is_given_and_stops_at_the_end(stages: Any) -> None:
    stage = stages(THROUGH, clock="out")
    box = synth(stage)
    stage.pass_by(1.0)
    assert box.hex()[:2] == ["fa", "f8"]
    assert box.hex().count("f8") == pytest.approx(48, abs=1)  # 24 to each of two beats
    stage.close()
    assert box.hex()[-1] == "fc"
    stage.close = lambda: None


def test_a_clock_that_is_given_stops_and_goes_on_with_the_beats(stages: Any) -> None:
    stage = stages(THROUGH, clock="out")
    box = synth(stage)
    stage.pass_by(1.1)
    desk.roll(stage.session, False)
    stage.pass_by(0.5)
    assert box.hex()[-1] == "fc"
    heard = len(box.hex())
    desk.roll(stage.session, True)
    stage.pass_by(0.5)
    again = box.hex()[heard:]
    assert again[0].startswith("f2") and again[1:3] == ["fb", "f8"]


# --- how others reach it -------------------------------------------------------------------------------------------


def test_the_repl_and_osc_learn_through_the_session(stages: Any) -> None:
    stage = stages(THROUGH)
    keys = keyboard(stage)
    assert desk.learn(stage.session, "far.value") == "turn a control for far.value"
    keys.play(0xB0, 74, 3)
    stage.pass_by(0.4)
    assert stage.said[-1] == "far.value is turned by CC 74 on channel 1"
    assert desk.forget(stage.session, "far.value") == "far.value is turned by CC 74 on channel 1 no more"
    stage.close()
    with pytest.raises(UserError, match=r"^MIDI is off; play with --midi$"):
        desk.learn(stage.session, "far.value")
    stage.close = lambda: None


def test_garbage_is_no_harm(stages: Any) -> None:
    stage = stages()
    keys = keyboard(stage)
    for data in ((0xFF,), (1, 2, 3), (0xF0, 1, 2), (0x90,), (0xC0, 0xC0, 0x90, 60), (0xF4, 0xF5, 0xF7)):
        keys.play(*data)
    stage.midi.take("far", Midi("cc", 99, 300, 3), 0)
    stage.pass_by(0.02)
    keys.play(*ON)
    stage.pass_by(0.02)
    assert gate(stage) == 1.0
    assert stage.midi.statistics().lost == 1
