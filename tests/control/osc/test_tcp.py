"""OSC over TCP, with python-osc's client and by hand."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from desk import Desk, meanwhile, until
from pythonosc import slip
from pythonosc.tcp_client import SimpleTCPClient

from graphflow.control.osc import OscServer
from graphflow.control.osc.packet import LARGEST, message, written
from graphflow.control.osc.tcp import MOST, TURN
from graphflow.core.errors import UserError
from graphflow.session import Session

A = "/gf/node/a/value"


@pytest.fixture
def line(session: Session, server: OscServer) -> Iterator[socket.socket]:
    """A connection, nothing said yet."""
    line = socket.socket()
    line.settimeout(5.0)
    meanwhile(session, lambda: line.connect(("127.0.0.1", server.port + 1)))
    yield line
    line.close()


@pytest.mark.parametrize("mode", ["1.0", "1.1"])
def test_python_oscs_client_sets_and_asks_in_both_framings(session: Session, server: OscServer, mode: str):
    def work() -> list[Any]:
        client = SimpleTCPClient("127.0.0.1", server.port + 1, mode=mode)
        client.send_message(A, 0.5)
        client.send_message("/gf/node/w/text", "café 雨")
        client.send_message(A, [])
        found = [next(iter(client.get_messages(5.0)))]
        client.close()
        return found

    (answer,) = meanwhile(session, work)
    assert (answer.address, answer.params) == (A, [0.5])
    assert session.get("w", "text") == "café 雨"


def test_values_are_fed_to_a_connection_until_it_ends(session: Session, server: OscServer, line: socket.socket):
    line.sendall(slip.encode(written("/gf/subscribe", [A])))
    heard = meanwhile(session, lambda: line.recv(1000))
    assert message(slip.decode(heard)).arguments == (0.25,)
    assert server.feed.statistics().subscribers == 1
    line.close()
    until(session, lambda: server.feed.statistics().subscribers == 0)


def test_a_stream_that_makes_no_sense_is_ended_and_counted(session: Session, server: OscServer, line: socket.socket):
    line.sendall(b"\0\xff\xff\xff" + bytes(100))
    assert meanwhile(session, lambda: line.recv(10)) == b""
    assert server.statistics().malformed == 1


def test_a_packet_without_an_end_does_not_fill_the_memory(session: Session, server: OscServer, line: socket.socket):
    def work() -> bytes:
        try:
            for _ in range(8):
                line.sendall(b"x" * LARGEST)
            return line.recv(10)
        except ConnectionError:
            return b""

    assert meanwhile(session, work) == b""


def test_a_packet_that_is_no_osc_is_counted_and_the_connection_lives(
    session: Session, server: OscServer, line: socket.socket
):
    line.sendall(slip.encode(b"nonsense") + slip.encode(written(A, [])))
    heard = meanwhile(session, lambda: line.recv(1000))
    assert message(slip.decode(heard)).arguments == (0.25,)
    assert server.statistics().malformed == 1


def test_who_sends_much_at_once_gets_a_turn_as_others_do(
    session: Session, server: OscServer, desk: Desk, line: socket.socket
):
    line.sendall(slip.encode(written(A, [])))
    until(session, lambda: server.statistics().messages == 1)
    (connection,) = server.tcp.connections
    seen: list[int] = []

    async def much() -> None:
        connection.data_received(slip.encode(written(A, [0.5])) * 1000)
        while server.statistics().messages < 1001:
            seen.append(server.statistics().messages)
            await asyncio.sleep(0)

    session.loop.run_until_complete(much())
    assert seen == list(range(1 + TURN, 1001, TURN))
    line.sendall(slip.encode(written(A, [0.25])))  # it is listened to again
    until(session, lambda: server.statistics().messages == 1002)


def test_who_does_not_read_loses_values_and_holds_nobody_up(session: Session, server: OscServer, line: socket.socket):
    line.sendall(slip.encode(written(A, [])))
    until(session, lambda: server.statistics().messages == 1)
    (connection,) = server.tcp.connections
    for _ in range(20_000):
        connection.send(written("/gf/node/w/text", ["x" * 1000]))
    assert server.statistics().dropped > 0


def test_only_so_many_connections(session: Session, server: OscServer, desk: Desk):
    lines = [socket.create_connection(("127.0.0.1", server.port + 1)) for _ in range(MOST)]
    until(session, lambda: len(server.tcp.connections) == MOST)
    more = socket.create_connection(("127.0.0.1", server.port + 1))
    more.settimeout(5.0)

    def work() -> bytes:
        try:
            return more.recv(1)
        except ConnectionError:
            return b""

    assert meanwhile(session, work) == b""
    for line in (*lines, more):
        line.close()
    until(session, lambda: not server.tcp.connections)
    assert desk.send(A) == [(A, [0.25])]


def test_a_datagram_and_a_connection_from_the_same_port_are_two(session: Session, desk: Desk):
    line = socket.socket()
    line.settimeout(5.0)
    line.bind(("127.0.0.1", desk.port))  # a number that the datagrams have too
    meanwhile(session, lambda: line.connect(("127.0.0.1", desk.server.port + 1)))
    assert desk.send("/gf/subscribe", A) == [(A, [0.25])]
    line.sendall(slip.encode(written("/gf/subscribe", [A])))
    heard = meanwhile(session, lambda: line.recv(1000))
    assert message(slip.decode(heard)).arguments == (0.25,)
    assert desk.server.feed.statistics().subscribers == 2
    desk.look(1.0)
    line.sendall(slip.encode(written(A, [0.5])))  # what one moves is news for the other
    until(session, lambda: session.get("a", "value") == 0.5)
    assert desk.look(0.1) == [(A, [0.5])]
    line.close()
    until(session, lambda: desk.server.feed.statistics().subscribers == 1)
    session.set("a", "value", 0.75)
    assert desk.look(0.1) == [(A, [0.75])]


def test_at_all_addresses_of_ipv6_both_kinds_are_heard_by_datagrams_and_connections(session: Session):
    server = OscServer(session, "[::]", 0)
    try:
        session.loop.run_until_complete(server.start())
    except UserError as error:
        pytest.skip(f"no IPv6 here: {error}")
    assert server.place == f"[::]:{server.port}"
    packet = written(A, [])

    def ask(host: str) -> list[bytes]:
        found = []
        for kind, port in ((socket.SOCK_DGRAM, server.port), (socket.SOCK_STREAM, server.port + 1)):
            with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, kind) as line:
                line.settimeout(5.0)
                line.connect((host, port))
                line.send(packet if kind == socket.SOCK_DGRAM else slip.encode(packet))
                found.append(slip.decode(line.recv(1000)) if kind == socket.SOCK_STREAM else line.recv(1000))
        return found

    for host in ("127.0.0.1", "::1"):
        assert meanwhile(session, lambda host=host: ask(host)) == [written(A, [0.25])] * 2
    server.close()
