"""Real MIDI: virtual ports of python-rtmidi on a jackd of our own, and on ALSA's sequencer where there is one."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import rtmidi
from devices import Stage

from graphflow.control.midi.rtmidi_ports import ALSA, RtMidi
from graphflow.control.midi.service import MidiService
from graphflow.core.errors import UserError
from tests.conftest import JackServer, wait_until

NAME = f"peer{os.getpid()}"
PATCH = """
format = 1
wires = ["keys -> far", "keys -> voice", "voice.gate -> out"]
[nodes.keys]
kind = "midi_in"
[nodes.far]
kind = "midi_out"
channel = 2
[nodes.voice]
kind = "mono"
[nodes.out]
kind = "output"
[midi.params]
"voice.glide" = { cc = 1, bits = 14, takeover = "jump" }
"""


class Peer:
    """Somebody else's keyboard and synth."""

    def __init__(self, api: str) -> None:
        self._api = {rtmidi.get_api_name(number): number for number in rtmidi.get_compiled_api()}[api]
        self.got: list[list[int]] = []
        self.plug()

    def plug(self) -> None:
        self.keys = rtmidi.MidiOut(self._api, name=f"{NAME} keys")
        self.keys.open_virtual_port("out")
        self.box = rtmidi.MidiIn(self._api, name=f"{NAME} box")
        self.box.ignore_types(True, False, True)
        self.box.open_virtual_port("in")

    def unplug(self) -> None:
        for port in (self.keys, self.box):
            port.close_port()
            port.delete()

    def play(self, *data: int) -> None:
        self.keys.send_message(list(data))

    def hears(self, *data: int) -> bool:
        while (message := self.box.get_message()) is not None:
            self.got.append(message[0])
        return list(data) in self.got


class Live(Stage):
    """A patch with the system's own MIDI."""

    def __init__(self, api: str) -> None:
        super().__init__(PATCH)
        self.midi.close()
        self.midi = MidiService(self.session, RtMidi(api), wanted=NAME, now=lambda: self.now)

    def until(self, condition: Callable[[], bool], what: str) -> None:
        def look() -> bool:
            self.pass_by(0.01)
            return condition()

        wait_until(look, 20.0, what)

    @property
    def held(self) -> float:
        return float(self.session._flow._post._last["voice", "gate"])


@pytest.fixture(params=["jack", "alsa"])
def live(request: pytest.FixtureRequest) -> Iterator[tuple[Live, Peer]]:
    if request.param == "alsa" and not ALSA.exists():
        pytest.skip("no ALSA sequencer here (/dev/snd/seq)")
    if request.param == "jack":
        request.getfixturevalue("jack")
    peer = Peer(request.param)
    stage = Live(request.param)
    stage.until(lambda: len(stage.midi.ports.inputs) == 1, "the keyboard")
    yield stage, peer
    stage.close()
    peer.unplug()


@pytest.mark.audio
def test_keys_and_knobs_come_in_and_notes_go_out(live: Any) -> None:
    stage, peer = live
    peer.play(0x90, 60, 100)
    stage.until(lambda: stage.held == 1.0, "the key")
    stage.until(lambda: peer.hears(0x91, 60, 100), "the note outside")
    peer.play(0xB0, 1, 127)
    peer.play(0xB0, 33, 127)
    stage.until(lambda: stage.session.get("voice", "glide") == 5.0, "the knob")
    peer.play(0x80, 60, 0)
    stage.until(lambda: stage.held == 0.0, "the end of the key")
    stage.until(lambda: peer.hears(0x81, 60, 0), "its end outside")


@pytest.mark.slow
@pytest.mark.audio
def test_devices_that_are_pulled_out_let_go_and_are_found_again(live: Any) -> None:
    stage, peer = live
    peer.play(0x90, 60, 100)
    stage.until(lambda: stage.held == 1.0, "the key")
    peer.unplug()
    stage.until(lambda: stage.held == 0.0, "letting go")
    assert any(line.endswith("is gone; its notes are let go of, looking for it again") for line in stage.said)
    peer.plug()
    stage.until(lambda: any(line.endswith("is back") for line in stage.said), "the keyboard again")
    peer.play(0x90, 62, 100)
    stage.until(lambda: stage.held == 1.0, "the key")
    stage.until(lambda: peer.hears(0x91, 62, 100), "the note outside")


@pytest.mark.audio
def test_panic_reaches_the_device(live: Any) -> None:
    stage, peer = live
    peer.play(0x90, 60, 100)
    stage.until(lambda: peer.hears(0x91, 60, 100), "the note outside")
    stage.session.panic()
    stage.until(lambda: peer.hears(0x81, 60, 0) and peer.hears(0xBF, 123, 0), "all notes off")


@pytest.mark.audio
def test_a_real_clock_is_given_and_followed(live: Any) -> None:
    stage, peer = live
    for k in range(48):
        peer.play(0xF8)
        stage.pass_by(0.001)
        if k == 0:
            peer.play(0xFA)
    stage.until(lambda: stage.midi.statistics().received >= 49, "the ticks")
    assert stage.midi.clock_in.running
    # again and again: a cycle that JACK loses on a busy machine takes its messages with it
    stage.until(lambda: stage.midi.ports.send(b"\xfa", NAME) and peer.hears(0xFA), "a start")


@pytest.mark.audio
def test_a_server_that_goes_away_is_no_end(jack_session: JackServer, jack: JackServer) -> None:
    peer, stage = Peer("jack"), Live("jack")
    stage.until(lambda: len(stage.midi.ports.inputs) == 1, "the keyboard")
    jack_session.stop(kill=True)
    frame = stage.session.engine.frame
    stage.pass_by(5.0)
    assert stage.session.engine.frame > frame  # the patch plays on
    assert [line for line in stage.said if "report this line" in line] == []
    jack_session.start()
    stage.close()
    peer.unplug()


def test_an_api_that_is_not_there_is_told_in_one_line() -> None:
    with pytest.raises(UserError, match=r"^no MIDI here \(.*pigeon.*\)") as error:
        RtMidi("pigeon")
    assert "\n" not in str(error.value)
