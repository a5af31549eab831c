"""OSC over a real socket."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pythonosc.osc_bundle_builder import IMMEDIATELY, OscBundleBuilder
from pythonosc.osc_message_builder import OscMessageBuilder

sys.path.insert(0, str(Path(__file__).parents[2] / "session"))
from kinds import opened, rendered

from graphflow.control.osc import OscServer
from graphflow.control.osc.packet import read
from graphflow.core.errors import UserError
from graphflow.session import Session

PATCH = """
format = 1
wires = ["a -> out", "w -> silent.text"]
[nodes.a]
kind = "steady"
[nodes.w]
kind = "words"
[nodes.silent]
kind = "words"
[nodes.m]
kind = "mood"
[nodes.out]
kind = "out"
[scenes.night]
"a.value" = -0.5
[expose.warmth]
params = ["a.value"]
"""


class Desk:
    """A controller: sends, and hears what comes back."""

    def __init__(self, session: Session, server: OscServer) -> None:
        self._session, self._server = session, server
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(("127.0.0.1", 0))

    def send(self, address: str, *values: Any) -> list[tuple[str, list[Any]]]:
        builder = OscMessageBuilder(address)
        for value in values:
            builder.add_arg(value)
        return self.send_raw(builder.build().dgram)

    def send_raw(self, data: bytes) -> list[tuple[str, list[Any]]]:
        return self._session.loop.run_until_complete(self._exchange(data))

    async def _exchange(self, data: bytes) -> list[tuple[str, list[Any]]]:
        loop = asyncio.get_running_loop()
        before = self._server.statistics()
        await loop.sock_sendto(self._socket, data, ("127.0.0.1", self._server.port))
        async with asyncio.timeout(5.0):
            while self._server.statistics() == before:
                await asyncio.sleep(0)
        answers = []
        while True:
            try:
                answer = self._socket.recv(65536)
            except BlockingIOError:
                return answers
            answers += [(m.address, list(m.arguments)) for bundle in read(answer).bundles for m in bundle.messages]

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def session() -> Iterator[Session]:
    session = opened(PATCH)
    yield session
    session.close()


@pytest.fixture
def desk(session: Session) -> Iterator[Desk]:
    server = OscServer(session, port=0)
    session.loop.run_until_complete(server.start())
    desk = Desk(session, server)
    yield desk
    desk.close()
    server.close()
    assert server.statistics().messages >= 0


@pytest.mark.parametrize("value", [0.5, 1, True])
def test_a_number_sets_a_param_in_any_type(session: Session, desk: Desk, value: float):
    assert desk.send("/gf/node/a/value", value) == []
    assert session.get("a", "value") == float(value)
    assert rendered(session, 2048)[-1, 0] == float(value)


def test_no_argument_asks_and_the_answer_comes_to_the_sender(desk: Desk):
    assert desk.send("/gf/node/a/value") == [("/gf/node/a/value", [0.25])]
    assert desk.send("/gf/node/a/value/norm") == [("/gf/node/a/value/norm", [0.625])]
    assert desk.send("/gf/node/w/text") == [("/gf/node/w/text", ["dust"])]


def test_words_reach_the_node_in_any_script(session: Session, desk: Desk):
    desk.send("/gf/node/w/text", "café 雨")
    assert session.get("w", "text") == "café 雨"


def test_a_controllers_number_is_brought_into_range(session: Session, desk: Desk):
    desk.send("/gf/node/a/value", 7.0)
    assert session.get("a", "value") == 1.0
    desk.send("/gf/node/a/value/norm", 0.5)
    assert session.get("a", "value") == 0.0


def test_scenes_and_macros(session: Session, desk: Desk):
    desk.send("/gf/scene/night")
    assert session.get("a", "value") == -0.5
    desk.send("/gf/macro/warmth", 0.125)
    assert session.get("a", "value") == 0.125


@pytest.mark.parametrize(
    "address, values, line",
    [
        ("/gf/node/b/value", [1.0], "no node is called 'b'"),
        ("/gf/node/a/valu", [1.0], "nodes.a: steady has no 'valu'; did you mean 'value'?"),
        ("/gf/node/a/value", ["loud"], "/gf/node/a/value is 'loud'; expected a number"),
        ("/gf/node/a/value", [1.0, 2.0], "/gf/node/a/value: 2 arguments; expected one value, or none to ask"),
        ("/gf/node/w/text", [1.0], "nodes.w.text is 1.0; expected text"),
        ("/gf/node/w/text/norm", [1.0], "/gf/node/w/text/norm: text is no number; it has no norm"),
        ("/other", [1.0], "/other: expected an address below /gf, like /gf/node/NAME/PARAM"),
        ("/gf/nodes/a", [], "/gf/nodes/a: no such address; did you mean 'node'?"),
    ],
)
def test_what_is_wrong_is_answered_in_one_line(desk: Desk, address: str, values: list[Any], line: str):
    assert desk.send(address, *values) == [("/gf/sys/error", [address, line])]


def test_a_bundle_is_opened(session: Session, desk: Desk):
    bundle = OscBundleBuilder(IMMEDIATELY)
    for address, value in (("/gf/node/a/value", 0.5), ("/gf/node/w/weight", 0.25)):
        message = OscMessageBuilder(address)
        message.add_arg(value)
        bundle.add_content(message.build())
    assert desk.send_raw(bundle.build().dgram) == []
    assert (session.get("a", "value"), session.get("w", "weight")) == (0.5, 0.25)


@pytest.mark.parametrize("data", [b"", b"x", b"/gf/node/a/value\0\0\0\0,f\0\0", b"#bundle\0\0\0", b"\xff" * 40])
def test_what_is_no_osc_is_counted_and_nothing_breaks(desk: Desk, data: bytes):
    if data:
        assert desk.send_raw(data) == []
    assert desk.send("/gf/node/a/value") == [("/gf/node/a/value", [0.25])]


def test_a_choice_takes_a_number_but_no_nan(session: Session, desk: Desk):
    for value, word in ((1.0, "low"), (1e9, "high"), (-3, "off")):
        assert desk.send("/gf/node/m/mode", value) == []
        assert session.get("m", "mode") == word
    assert desk.send("/gf/node/m/mode", float("nan"))[0][0] == "/gf/sys/error"


def test_hush_fades_the_whole_output(session: Session, desk: Desk):
    desk.send("/gf/hush")
    assert rendered(session, 4800)[-1, 0] == 0.0
    desk.send("/gf/hush", 0)
    assert rendered(session, 4800)[-1, 0] == 0.25
    desk.send("/gf/panic")
    assert np.all(rendered(session, 128) == 0.0)


def test_a_port_that_is_taken_is_said(session: Session, desk: Desk):
    second = OscServer(session, port=desk._server.port)
    with pytest.raises(
        UserError,
        match=r"^--osc \d+: 127.0.0.1:\d+ cannot be had \(.*\); \S.* \(pid \d+\) holds it; choose another, as in --osc \d+$",
    ):
        session.loop.run_until_complete(second.start())
