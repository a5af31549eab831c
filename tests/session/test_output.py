"""What becomes of the sound when a card is lost and found: on cards that are made up."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from graphflow.audio.devices import Device, DeviceError
from graphflow.audio.engine import Engine
from graphflow.session import output as output_module
from graphflow.session.output import Output

CARD = Device(index=0, name="card", host="none", inputs=0, outputs=2, rate=48000.0, latency=0.01)


class Stream:
    device = CARD
    latency = 0.01
    lost = ""

    def check(self, progress: int) -> str:
        return self.lost

    def close(self) -> None: ...


class Cards:
    """As `Devices`; `broken` is what opening a stream raises."""

    def __init__(self) -> None:
        self.streams: list[Stream] = []
        self.broken: Exception | None = None

    def find(self, name: str) -> Device:
        return CARD

    def refresh(self) -> None: ...

    def open(self, output: Device, **how: Any) -> Stream:
        if self.broken is not None:
            raise self.broken
        self.streams.append(Stream())
        return self.streams[-1]

    def close(self) -> None: ...


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> Cards:
    cards = Cards()
    monkeypatch.setattr(output_module, "Devices", lambda: cards)
    return cards


@pytest.fixture
def output(cards: Cards) -> Iterator[tuple[Output, list[str]]]:
    lines: list[str] = []
    output = Output(Engine(48000), 128, lines.append)
    output.prepare("", None)()
    yield output, lines
    output.close()


def looks(output: Output, *times: float) -> None:
    for now in times:
        asyncio.run(output.supervise(now))


def test_what_was_hushed_stays_hushed_when_a_card_is_back(cards: Cards, output: tuple[Output, list[str]]):
    out, lines = output
    out._engine.fade(0.0, 0.05)
    cards.streams[0].lost = "device 'card' has gone"
    looks(out, 0.0)
    assert (out.name, out.losses) == ("no sound card", 1)
    looks(out, 1.0)
    assert (out.name, out._engine.gain) == ("card", 0.0)
    assert lines[-1] == "device 'card' is back"


def test_without_its_card_the_graph_goes_on_whatever_a_driver_says(cards: Cards, output: tuple[Output, list[str]]):
    out, lines = output
    out._engine.fade(1.0, 0.05)
    cards.streams[0].lost = "device 'card' has gone"
    looks(out, 0.0)
    cards.broken = DeviceError("device 'card' runs at 44100 Hz")
    looks(out, 1.0, 20.0, 40.0)
    assert lines.count("device 'card' runs at 44100 Hz") == 1
    cards.broken = ValueError("a driver's own")
    with pytest.raises(ValueError, match="a driver's own"):
        looks(out, 60.0)
    assert (out.name, out._engine.gain) == ("no sound card", 1.0)
