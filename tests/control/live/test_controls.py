"""Knobs and scenes from the prompt: learn, forget, store."""

from __future__ import annotations

import sys
from pathlib import Path

from graphflow.control.midi.service import MidiService
from tests.control.live.stages import ONE, TEMPO

sys.path.insert(0, str(Path(__file__).parents[1] / "midi"))
from devices import Rack

MACRO = '[expose.warmth]\nparams = ["a.value"]\n[scenes.night]\n"a.value" = -0.5\n'


def test_a_knob_is_learned_and_forgotten(trial):
    t = trial(ONE + MACRO)
    moments = iter((0.0, 0.1, 0.5, 0.6, 0.7, 1.2))
    rack = Rack()
    box = rack.keyboard("box")
    midi = MidiService(t.session, rack, now=lambda: next(moments))
    assert t.does("learn(a.value)") == "turn a control for a.value"
    midi.look()
    box.play(0xB0, 21, 100)
    midi.look()
    midi.look()
    assert str(t.session.patch.midi["params"]["a.value"]) == "CC 21 on channel 1"
    assert t.does("forget(a.value)") == "a.value is turned by CC 21 on channel 1 no more"
    assert t.does("learn('warmth', takeover='jump')") == "turn a control for warmth"
    box.play(0xB0, 22, 100)
    midi.look()
    midi.look()
    midi.look()
    assert t.session.patch.midi["macros"]["warmth"].takeover == "jump"
    assert t.does("learn('night')") == "press or turn a control for night"
    midi.close()


def test_what_cannot_be_learned_is_told(trial):
    t = trial(ONE + MACRO)
    assert t.fails("learn(a.value)") == "cell 1: MIDI is off; play with --midi"
    midi = MidiService(t.session, Rack())
    assert t.fails("learn(a)") == "cell 2: a is a node; name one of its params: a.value; or a.mute"
    assert t.fails("learn('warmht')").endswith("did you mean 'warmth'?")
    assert t.fails("learn(a.value, relative='two')").endswith("relative is 'two'; expected one of twos, offset, sign")
    midi.close()


def test_what_pads_do_is_learned_by_its_word(trial):
    t = trial(ONE)
    midi = MidiService(t.session, Rack())
    for word, name in (("hush", "hush"), ("panic", "panic"), ("transport.play", "play"), ("'a.mute'", "a.mute")):
        assert t.does(f"learn({word})") == f"press or turn a control for {name}"
    midi.close()


def test_the_transport_may_follow_a_clock(trial):
    t = trial(TEMPO)
    t.does("transport.follow = 'midi'")
    assert t.session.patch.transport.follow == "midi"
    assert t.does("transport") == "120 bpm, 4 beats per bar, follows the MIDI clock, beat 0"
    assert t.fails("transport.follow = 'mid'").endswith("follow is 'mid'; expected one of own, midi")
    assert t.fails("transport.beat = 3").endswith("transport.beat cannot be set; tempo, beats_per_bar, follow can")


def test_what_plays_is_stored_as_a_scene(trial):
    t = trial(ONE + MACRO)
    t.session.set("a", "value", 0.75)
    assert t.does("store('day')") == "day holds a.value"
    t.does("scene('night')")
    t.does("scene('day')")
    assert t.session.get("a", "value") == 0.75
    assert t.does("store('night', a.value)") == "night holds a.value"
    t.does("undo(2)")
    assert t.session.patch.scenes == {"night": {"a.value": -0.5}}
