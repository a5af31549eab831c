"""What is wired into a generator."""

from __future__ import annotations

import re
from textwrap import dedent

import pytest

from graphflow.core.declare import AudioIn, AudioOut, DeviceIn, DeviceOut, Held
from graphflow.core.errors import DeclarationError
from graphflow.core.node import AudioNode, WorkerNode
from graphflow.core.plan import Link, Unit
from graphflow.core.planner import plan
from graphflow.core.routing import worker_hears


class Source(AudioNode):
    out = AudioOut()

    @staticmethod
    def tick() -> float:
        return 0.0


class Band(WorkerNode):
    generator = "band"
    density = Held(0.5)
    input = AudioIn()
    out = AudioOut(channels=2)


class Mono(Band):
    input = AudioIn(channels=1)


class Speaker(AudioNode):
    input = AudioIn(channels=2)
    device = DeviceOut()

    @staticmethod
    def tick(input: float) -> float:
        return input


def planned(band: type[WorkerNode], wires: str) -> str:
    kinds = {"band": band, "one": Source, "two": Source, "out": Speaker}
    links = []
    for wire in wires.split():
        source, dest = (end.split(".") for end in wire.split(">"))
        links.append((Link(*source, *dest), ""))
    return str(plan({name: Unit(name, cls.spec) for name, cls in kinds.items()}, links))


END = " band.out>out.input out.device>device.out"


def text(block: str) -> str:
    return dedent(block).strip()


def test_all_that_is_wired_in_is_mixed_to_its_width_and_heard() -> None:
    assert planned(Band, "one.out>band.input two.out>band.input" + END) == text("""
        play one  -> out=b1x1
        play two  -> out=b2x1
        ring band  -> out=b3x2
        mix band.input out=b1x1 out=b2x1 -> input=b4x2
        hear band input=b4x2
        play out input=b3x2 -> device=b4x2
        out out=b4x2
    """)


def test_what_fits_is_heard_where_it_lies() -> None:
    assert "hear band input=b1x1" in planned(Mono, "one.out>band.input" + END)


def test_with_nothing_wired_in_it_hears_nothing() -> None:
    assert "hear" not in planned(Band, END)


def test_how_wide_it_hears() -> None:
    assert [worker_hears(cls.spec) for cls in (Band, Mono, Speaker)] == [2, 1, 2]


def test_a_generator_has_one_audio_in_and_no_device() -> None:
    with pytest.raises(
        DeclarationError,
        match=re.escape("Two: has the audio ins first and second; expected one: sounds wired into one in add"),
    ):

        class Two(WorkerNode):
            generator = "band"
            first, second = AudioIn(), AudioIn()

    with pytest.raises(
        DeclarationError, match=re.escape("Mic: has the device in ear; declare an AudioIn and wire an input node there")
    ):

        class Mic(WorkerNode):
            generator = "band"
            ear = DeviceIn()


def test_it_has_no_bypass_but_its_own() -> None:
    assert "bypass" not in Band.spec.declarations
