"""Devices that are plugged in and pulled out."""

from __future__ import annotations

from devices import Rack

from graphflow.control.midi.ports import Ports, plain


class Watched:
    def __init__(self, wanted: str = "") -> None:
        self.rack, self.seen, self.said = Rack(), [], []
        self.ports = Ports(
            self.rack,
            wanted,
            came=lambda name, plays: self.seen.append(f"+ {name} {'in' if plays else 'out'}"),
            went=lambda name, plays: self.seen.append(f"- {name} {'in' if plays else 'out'}"),
            report=self.said.append,
        )


def test_devices_come_and_go() -> None:
    watched = Watched()
    keys = watched.rack.keyboard("nano:nano CTRL 20:0")
    watched.ports.look(0.0)
    assert watched.seen == ["+ nano:nano CTRL in"]
    keys.play(0x90, 60, 1)
    assert watched.ports.read(1.0) == [("nano:nano CTRL", 1.0, b"\x90\x3c\x01")]
    del watched.rack.keyboards["nano:nano CTRL 20:0"]
    watched.ports.look(1.0)
    assert len(watched.seen) == 1  # it is looked for every 2 s
    watched.ports.look(2.0)
    assert watched.seen[1:] == ["- nano:nano CTRL in"]
    assert not keys.open
    watched.rack.keyboard("nano:nano CTRL 24:0")  # plugged in again, ALSA counts on
    watched.ports.look(4.0)
    assert watched.seen[2:] == ["+ nano:nano CTRL in"]


def test_only_those_that_are_wanted_and_never_our_own() -> None:
    watched = Watched("NANO")
    for name in ("nanoKEY 1:0", "pads 2:0", "Midi Through:Midi Through Port-0 14:0", "graphflow nano:out"):
        watched.rack.keyboard(name)
        watched.rack.synth(name)
    watched.ports.playing = True
    watched.ports.refresh()
    assert str(watched.ports) == "hears nanoKEY; plays nanoKEY"


def test_outputs_are_opened_when_there_is_something_to_play() -> None:
    watched = Watched()
    one, two = watched.rack.synth("one"), watched.rack.synth("two")
    watched.ports.refresh()
    assert str(watched.ports) == "hears none"
    assert watched.ports.send(b"\xf8") == ["one", "two"]
    assert watched.ports.send(b"\xfa", "TWO") == ["two"]
    assert (one.hex(), two.hex()) == (["f8"], ["f8", "fa"])
    one.broken = True
    assert watched.ports.send(b"\xfc") == ["two"]
    assert watched.said == ["MIDI device 'one' cannot be played (no such device)"]
    assert watched.seen == ["+ one out", "+ two out", "- one out"]


def test_a_device_that_fails_is_let_go_of_and_tried_again() -> None:
    watched = Watched()
    keys = watched.rack.keyboard("keys")
    watched.ports.look(0.0)
    keys.broken = True
    assert watched.ports.read(0.1) == []
    assert watched.seen == ["+ keys in", "- keys in"]
    keys.broken = False
    watched.ports.look(2.0)
    assert watched.seen[2:] == ["+ keys in"]


def test_a_device_that_is_busy_is_told_once_and_the_others_are_heard() -> None:
    watched = Watched()
    watched.rack.keyboard("keys")
    watched.rack.keyboard("pads")
    watched.rack.busy.add("keys")
    for now in (0.0, 2.0, 4.0):
        watched.ports.look(now)
    assert watched.said == ["MIDI device 'keys' cannot be heard (busy); is another program using it?"]
    assert watched.ports.inputs == ["pads"]
    watched.rack.broken = True
    watched.ports.look(6.0)
    assert watched.said[1:] == ["MIDI devices cannot be listed (server is down)"]
    assert watched.ports.inputs == ["pads"]


def test_messages_have_the_times_of_the_driver() -> None:
    watched = Watched()
    keys = watched.rack.keyboard("keys")
    watched.ports.look(0.0)
    keys.play(0xF8)
    assert [when for _, when, _ in watched.ports.read(10.004)] == [10.004]
    keys.play(0xF8, after=0.02)
    keys.play(0xF8, after=0.02)
    assert [round(when, 6) for _, when, _ in watched.ports.read(10.05)] == [10.024, 10.044]
    keys.play(0xF8, after=0.02)  # read 4 ms sooner than the first: that one was read late
    assert [when for _, when, _ in watched.ports.read(10.06)] == [10.06]


def test_names_are_plain() -> None:
    assert plain("nanoKONTROL2:nanoKONTROL2 _ CTR 20:0") == "nanoKONTROL2:nanoKONTROL2 _ CTR"
    assert plain("keys:out") == "keys:out"
