"""osc_in and osc_out in a session: from a socket through the graph to a socket."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
from desk import Desk, Watch, until
from kinds import rendered

from graphflow.control.osc import OscServer
from graphflow.control.osc.packet import message
from graphflow.control.osc.sender import OscSender
from graphflow.core.library import Library
from graphflow.core.messages import Osc
from graphflow.core.patch_text import read
from graphflow.session import Session

PATCH = """
format = 1
wires = ["hand.value -> lights.value", "hand.text -> lights.text", "hand -> tone.freq", "tone -> out"]
[nodes.hand]
kind = "osc_in"
address = "/1/fader"
low = 100
high = 500
glide = 0
[nodes.lights]
kind = "osc_out"
to = "127.0.0.1:{port}"
address = "/dmx/1"
[nodes.tone]
kind = "sine"
[nodes.out]
kind = "output"
"""


class Lights:
    """What is told."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.setblocking(False)
        self.port = self.socket.getsockname()[1]

    def told(self) -> list[tuple[str, tuple[Any, ...]]]:
        found = []
        while True:
            try:
                one = message(self.socket.recv(2000))
            except BlockingIOError:
                return found
            found.append((one.address, one.arguments))


@pytest.fixture
def lights() -> Iterator[Lights]:
    lights = Lights()
    yield lights
    lights.socket.close()


@pytest.fixture
def session(lines: list[str], lights: Lights) -> Iterator[Session]:
    session = Session(Library.builtin(), report=lines.append, lockstep=True)
    patch, problems = read(PATCH.replace("{port}", str(lights.port)))
    assert not problems
    session.play(patch, fade=0.0)
    yield session
    session.close()


@pytest.fixture
def sender(session: Session, watch: Watch) -> Iterator[OscSender]:
    sender = OscSender(session, watch)
    sender.start()
    yield sender
    sender.close()


@pytest.fixture
def desk(session: Session, watch: Watch) -> Iterator[Desk]:
    server = OscServer(session, port=0, steady=watch)
    session.loop.run_until_complete(server.start())
    desk = Desk(session, server)
    yield desk
    desk.close()
    server.close()


def test_a_controllers_own_address_reaches_the_sound_and_the_lights(
    session: Session, sender: OscSender, desk: Desk, lights: Lights, watch: Watch
):
    rendered(session, 512)
    until(session, lambda: sender.statistics().sent == 1)
    assert lights.told() == [("/dmx/1", (100.0,))]
    assert "/1/fader" in desk.server.space.entries
    watch.now += 1.0
    assert desk.send("/1/fader", 0.5) == []
    sound = rendered(session, 48000)[:, 0]
    assert lights.told() == [("/dmx/1", (300.0,))]
    assert 295 <= ((sound[:-1] < 0) & (sound[1:] >= 0)).sum() <= 301
    desk.send("/1/fader", "blue")
    rendered(session, 512)
    assert lights.told() == [("/dmx/1", ("blue",))]
    assert desk.send("/1/fader2", 1.0)[0][0] == "/gf/sys/error"


def test_numbers_are_thinned_and_the_last_one_is_sent(
    session: Session, sender: OscSender, lights: Lights, watch: Watch
):
    to = f"127.0.0.1:{lights.port}"
    rendered(session, 512)
    until(session, lambda: sender.statistics().sent == 1)
    lights.told()
    watch.now += 1.0
    for k in range(100):  # half a second
        sender.take("x", Osc("/a", (k,), to, hz=20.0), 0)
        watch.now += 0.005
        sender.look(session.engine.frame)
    watch.now += 0.05
    sender.look(session.engine.frame)
    told = lights.told()
    assert 10 <= len(told) <= 12 and told[-1] == ("/a", (99,))


def test_a_message_leaves_on_its_frame(session: Session, sender: OscSender, lights: Lights):
    rendered(session, 512)
    until(session, lambda: sender.statistics().sent == 1)
    lights.told()
    sender.take("x", Osc("/late", (2,), f"127.0.0.1:{lights.port}"), 4000)
    sender.take("x", Osc("/soon", (1,), f"127.0.0.1:{lights.port}"), 2000)
    rendered(session, 3000)
    assert lights.told() == [("/soon", (1,))]
    rendered(session, 2000)
    assert lights.told() == [("/late", (2,))]


def test_a_host_that_is_not_there_is_told_once(session: Session, sender: OscSender, lines: list[str]):
    for _ in range(3):
        sender.take("x", Osc("/a", (1,), "no such host:9000"), 0)
    until(session, lambda: sender.statistics().lost == 3)
    assert lines == ["osc: no such host:9000: no such host; nothing is sent there"]
    sender.take("x", Osc("/a", ("\ud800",), "127.0.0.1:9"), 0)
    until(session, lambda: len(lines) == 2)
    assert lines[1].startswith("osc: /a cannot be sent (")


def test_without_a_sender_nothing_is_sent_and_nothing_is_wrong(session: Session, lines: list[str], lights: Lights):
    rendered(session, 4800)
    assert lights.told() == [] and lines == []
