"""Controls and scenes by OSC: what is learned, forgotten and stored."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "midi"))
from desk import Desk
from devices import Rack

from graphflow.control.midi.service import MidiService
from graphflow.session import Session


def test_without_midi_it_is_said(session: Session, desk: Desk):
    assert desk.send("/gf/midi/learn", "a.value")[0][1][1] == "MIDI is off; play with --midi"


def test_a_control_is_learned_and_forgotten(session: Session, desk: Desk):
    moments = iter((0.0, 0.1, 0.5))
    rack = Rack()
    box = rack.keyboard("box")
    midi = MidiService(session, rack, now=lambda: next(moments))
    assert desk.send("/gf/midi/learn", "a.value") == [("/gf/midi/learn", ["turn a control for a.value"])]
    assert desk.send("/gf/midi/learn", "a.valeu")[0][1][1].endswith("did you mean 'value'?")
    midi.look()
    box.play(0xB0, 21, 100)
    midi.look()
    midi.look()
    assert session.patch.midi["params"]["a.value"].number == 21
    (told,) = desk.send("/gf/midi/forget", "/gf/node/a/value")
    assert told == ("/gf/midi/forget", ["a.value is turned by CC 21 on channel 1 no more"])
    assert session.patch.midi == {}
    midi.close()


def test_what_plays_is_stored_as_a_scene(session: Session, desk: Desk):
    desk.send("/gf/node/a/value", 0.75)
    desk.send("/gf/patch/store", "high")
    assert session.patch.scenes["high"]["a.value"] == 0.75
    desk.send("/gf/node/a/value", 0.25)
    desk.send("/gf/scene/high")
    assert session.get("a", "value") == 0.75
    assert desk.send("/gf/patch/store", "High")[0][1][1].startswith("scenes.High is no name")
