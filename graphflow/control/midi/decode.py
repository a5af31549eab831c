"""MIDI's bytes as messages and back; mido is the codec."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphflow.control.midi.extra import library
from graphflow.core.midi import Midi

PLAIN = {"clock": "clock", "start": "start", "continue": "continue", "stop": "stop"}


REALTIME, SYSEX = 0xF8, 0xF0
LENGTHS = {0x80: 2, 0x90: 2, 0xA0: 2, 0xB0: 2, 0xC0: 1, 0xD0: 1, 0xE0: 2}
"""Bytes after the status of a channel's message."""
COMMON = {0xF1: 1, 0xF2: 2, 0xF3: 1}
"""The same of the system's."""


class Decoder:
    """Reads one device's bytes: running status, ticks in the middle of a message, and what is cut off does no harm.

    The bytes are put together here, as mido's parser loses a message in which a clock ticks.
    """

    def __init__(self, port: str) -> None:
        self.port = port
        self._from_bytes = library("mido").Message.from_bytes
        self._status, self._data = 0, bytearray()

    def messages(self, data: bytes) -> list[Midi]:
        """What these bytes complete; what no patch listens to (sysex, active sensing) is left out."""
        found = (decoded(self._from_bytes(whole), self.port) for whole in self._whole(data))
        return [message for message in found if message is not None]

    def _whole(self, data: bytes) -> Iterator[bytes]:
        for byte in data:
            if byte >= REALTIME:
                if byte in (0xF8, 0xFA, 0xFB, 0xFC):
                    yield bytes([byte])
            elif byte >= SYSEX:  # no running status goes on after these
                self._status = byte if byte in COMMON else 0
                self._data.clear()
            elif byte >= 0x80:
                self._status = byte
                self._data.clear()
            elif self._status:
                self._data.append(byte)
                length = COMMON[self._status] if self._status >= SYSEX else LENGTHS[self._status & 0xF0]
                if len(self._data) == length:
                    yield bytes([self._status, *self._data])
                    self._data.clear()
                    if self._status >= SYSEX:
                        self._status = 0


def decoded(message: Any, port: str) -> Midi | None:
    """A message of mido's as ours, or None."""
    what = message.type
    if what in PLAIN:
        return Midi(PLAIN[what], port=port)  # type: ignore[arg-type]
    if what == "songpos":
        return Midi("position", value=message.pos, port=port)
    if not hasattr(message, "channel"):
        return None
    channel = message.channel + 1
    if what == "note_on" and message.velocity:
        return Midi("on", channel, message.note, message.velocity, port)
    if what in ("note_on", "note_off"):
        return Midi("off", channel, message.note, 0, port)
    if what == "control_change":
        return Midi("cc", channel, message.control, message.value, port)
    if what == "polytouch":
        return Midi("key_pressure", channel, message.note, message.value, port)
    if what == "aftertouch":
        return Midi("pressure", channel, 0, message.value, port)
    if what == "program_change":
        return Midi("program", channel, message.program, 0, port)
    return Midi("bend", channel, 0, message.pitch, port) if what == "pitchwheel" else None


def encoded(message: Midi) -> bytes:
    """A message as bytes. Raises ValueError where a number does not fit."""
    make = library("mido").Message
    channel = {"channel": message.channel - 1}
    if message.what in PLAIN:
        made = make(message.what)
    elif message.what == "position":
        made = make("songpos", pos=message.value)
    elif message.what == "on":
        made = make("note_on", note=message.number, velocity=message.value, **channel)
    elif message.what == "off":
        made = make("note_off", note=message.number, velocity=message.value, **channel)
    elif message.what == "cc":
        made = make("control_change", control=message.number, value=message.value, **channel)
    elif message.what == "program":
        made = make("program_change", program=message.number, **channel)
    elif message.what == "pressure":
        made = make("aftertouch", value=message.value, **channel)
    elif message.what == "key_pressure":
        made = make("polytouch", note=message.number, value=message.value, **channel)
    elif message.what == "bend":
        made = make("pitchwheel", pitch=message.value, **channel)
    else:
        raise ValueError(f"{message.what} is no message that can be sent")
    return bytes(made.bytes())
