"""MIDI's bytes: running status, cut off, scrambled, and there and back."""

from __future__ import annotations

import random

import pytest

from graphflow.control.midi.decode import Decoder, encoded
from graphflow.core.midi import Midi


def decoded(*data: int) -> list[str]:
    return [str(message) for message in Decoder("keys").messages(bytes(data))]


def test_every_message_is_read() -> None:
    assert decoded(0x90, 60, 100, 0x83, 60, 64, 0x90, 60, 0) == [
        "on 60 = 100 on channel 1",
        "off 60 on channel 4",
        "off 60 on channel 1",
    ]
    assert decoded(0xB0, 21, 127, 0xC9, 5, 0xD0, 99, 0xA0, 60, 3) == [
        "cc 21 = 127 on channel 1",
        "program 5 on channel 10",
        "pressure = 99 on channel 1",
        "key_pressure 60 = 3 on channel 1",
    ]
    assert decoded(0xE0, 0, 0, 0xE0, 0x7F, 0x7F, 0xE0, 0, 0x40) == [
        "bend = -8192 on channel 1",
        "bend = 8191 on channel 1",
        "bend = 0 on channel 1",
    ]
    assert decoded(0xF8, 0xFA, 0xFB, 0xFC, 0xF2, 8, 1) == ["clock", "start", "continue", "stop", "position = 136"]


def test_what_no_patch_hears_is_left_out() -> None:
    assert decoded(0xFE, 0xF0, 1, 2, 3, 0xF7, 0xF6, 0xFF) == []


def test_a_clock_may_tick_inside_a_message_and_a_message_may_come_in_parts() -> None:
    assert decoded(0x90, 60, 0xF8, 100) == ["clock", "on 60 = 100 on channel 1"]
    assert decoded(0x90, 60, 100, 64, 0xFE, 100, 0xF8, 60, 0) == [
        "on 60 = 100 on channel 1",
        "on 64 = 100 on channel 1",
        "clock",
        "off 60 on channel 1",
    ]
    assert decoded(60, 100, 0xF0, 1, 2, 0xF7, 60, 100, 0x90, 60, 0x91, 60, 100) == ["on 60 = 100 on channel 2"]
    decoder = Decoder("keys")
    assert decoder.messages(bytes([0x90, 60])) == []
    assert decoder.messages(bytes([100])) == [Midi("on", 1, 60, 100, "keys")]


def test_any_bytes_are_taken() -> None:
    chance = random.Random(3)
    decoder = Decoder("keys")
    for _ in range(2000):
        decoder.messages(bytes(chance.randrange(256) for _ in range(chance.randrange(20))))
    decoder.messages(bytes([0xF7, 0x80, 1, 1]))
    assert decoder.messages(bytes([0x90, 60, 100]))[-1] == Midi("on", 1, 60, 100, "keys")


@pytest.mark.parametrize(
    "message",
    [
        Midi("on", 16, 127, 1),
        Midi("off", 1, 0, 0),
        Midi("cc", 3, 74, 64),
        Midi("program", 2, 9),
        Midi("pressure", 1, 0, 5),
        Midi("key_pressure", 1, 61, 5),
        Midi("bend", 1, 0, -8192),
        Midi("position", value=16_383),
        Midi("clock"),
        Midi("start"),
        Midi("continue"),
        Midi("stop"),
    ],
    ids=str,
)
def test_there_and_back(message: Midi) -> None:
    assert Decoder("").messages(encoded(message)) == [message]


@pytest.mark.parametrize(
    "message", [Midi("cc", 1, 128, 0), Midi("on", 17, 1, 1), Midi("bend", 1, 0, 8192), Midi("all_off")]
)
def test_what_no_message_can_say_is_refused(message: Midi) -> None:
    with pytest.raises(ValueError, match=r"."):
        encoded(message)
