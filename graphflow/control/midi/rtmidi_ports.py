"""The system's MIDI by way of python-rtmidi: CoreMIDI, Windows, ALSA's sequencer, or JACK where that is not there.

Messages are fetched, never called back with: RtMidi would call Python from JACK's own thread, which must not wait for
the GIL.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from graphflow.control.midi.extra import library
from graphflow.control.midi.ports import OURS
from graphflow.core.errors import UserError

WAITING = 4096
"""Messages that wait to be fetched; a second of a cable that is never silent is about 1000."""
ALSA = Path("/dev/snd/seq")


@contextmanager
def _as_os_error() -> Iterator[None]:
    """RtMidi has a family of errors of its own, all of them about the system."""
    try:
        yield
    except (library("rtmidi").RtMidiError, RuntimeError, ValueError) as error:
        # it names the function of its own in which it happened
        raise OSError(re.sub(r"^\w+::\w+: ", "", str(error).strip()) or type(error).__name__) from error


class RtMidi:
    """Every device of this computer. `api` names one of RtMidi's ways (alsa, jack); "": the first that works.

    Raises UserError where the extra is missing or the system has no MIDI.
    """

    def __init__(self, api: str = "") -> None:
        rtmidi = library("rtmidi")
        compiled = {rtmidi.get_api_name(number): number for number in rtmidi.get_compiled_api()}
        # ALSA complains on the terminal by itself where there is no sequencer, and JACK where there is no server
        names = [api] if api else [name for name in compiled if name != "alsa" or ALSA.exists()]
        faults = []
        for name in names:
            try:
                with _quiet(), _as_os_error():
                    self._api = compiled[name]
                    self._in = rtmidi.MidiIn(self._api, name=f"{OURS} looks")
                    self._out = rtmidi.MidiOut(self._api, name=f"{OURS} looks")
                self.name = rtmidi.get_api_display_name(self._api)
                return
            except (OSError, KeyError) as error:
                faults.append(f"{name}: {error}")
        linux = "; on Linux it takes ALSA's sequencer (modprobe snd-seq) or a JACK server"
        raise UserError(f"no MIDI here ({', '.join(faults) or 'no system'}){linux if sys.platform == 'linux' else ''}")

    def inputs(self) -> list[str]:
        with _as_os_error():
            return list(self._in.get_ports())

    def outputs(self) -> list[str]:
        with _as_os_error():
            return list(self._out.get_ports())

    def open_input(self, name: str) -> RtMidiInput:
        """Raises OSError."""
        with _as_os_error():
            made = library("rtmidi").MidiIn(self._api, name=OURS, queue_size_limit=WAITING)
            made.ignore_types(sysex=True, timing=False, active_sense=True)
            made.open_port(_index(made, name), name="in")
        return RtMidiInput(made)

    def open_output(self, name: str) -> RtMidiOutput:
        """Raises OSError."""
        with _as_os_error():
            made = library("rtmidi").MidiOut(self._api, name=OURS)
            made.open_port(_index(made, name), name="out")
        return RtMidiOutput(made)

    def close(self) -> None:
        self._in.delete()
        self._out.delete()


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep a library's own words off the terminal, as far as the system has the usual three files."""
    sys.stderr.flush()
    try:
        terminal, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    except OSError:  # started without a terminal
        yield
        return
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(terminal, 2)
        os.close(terminal)
        os.close(nowhere)


def _index(port: Any, name: str) -> int:
    names = list(port.get_ports())
    if name not in names:
        raise OSError(f"'{name}' is gone")
    return names.index(name)


class RtMidiInput:
    """One device that plays."""

    def __init__(self, port: Any) -> None:
        self._port = port

    def read(self) -> list[tuple[float, bytes]]:
        found = []
        with _as_os_error():
            while (message := self._port.get_message()) is not None:
                found.append((float(message[1]), bytes(message[0])))
        return found

    def close(self) -> None:
        with _as_os_error():
            self._port.close_port()
            self._port.delete()


class RtMidiOutput:
    """One device that is played."""

    def __init__(self, port: Any) -> None:
        self._port = port

    def send(self, data: bytes) -> None:
        with _as_os_error():
            self._port.send_message(data)

    def close(self) -> None:
        with _as_os_error():
            self._port.close_port()
            self._port.delete()
