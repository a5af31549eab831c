"""Anything sent to any address: the server answers, counts, and lives."""

from __future__ import annotations

import struct
from collections.abc import Iterator

import pytest
from desk import Watch, bundle
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kinds import opened, rendered

from graphflow.control.osc import OscServer
from graphflow.control.osc.clock import GivenClock
from graphflow.session import Session

PATCH = """
format = 1
wires = ["w -> band", "band -> out", "a -> out"]
[transport]
tempo = 120
[nodes.w]
kind = "words"
[nodes.m]
kind = "mood"
[nodes.a]
kind = "steady"
[nodes.band]
kind = "band"
[nodes.out]
kind = "out"
[scenes.night]
"a.value" = -0.5
[expose.warmth]
params = ["a.value", "w.weight"]
"""


class Ear:
    transport, host, port, local = "udp", "127.0.0.1", 9, True

    def __init__(self) -> None:
        self.packets = 0

    def send(self, data: bytes) -> None:
        assert len(data) % 4 == 0
        self.packets += 1


@pytest.fixture(scope="module")
def playing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Session, OscServer, Watch]]:
    session = opened(PATCH, folder=tmp_path_factory.mktemp("fuzz"))
    watch = Watch()
    server = OscServer(session, port=0, steady=watch, clock=GivenClock(session, 1 << 40))
    session.listeners.append(server.look)
    yield session, server, watch
    session.close()


def padded(data: bytes) -> bytes:
    return data + b"\0" * (4 - len(data) % 4)


NUMBERS = st.one_of(
    st.floats(width=32).map(lambda v: (b"f", struct.pack(">f", v))),
    st.floats().map(lambda v: (b"d", struct.pack(">d", v))),
    st.integers(-(2**31), 2**31 - 1).map(lambda v: (b"i", struct.pack(">i", v))),
    st.integers(-(2**63), 2**63 - 1).map(lambda v: (b"h", struct.pack(">q", v))),
    st.sampled_from([b"T", b"F", b"N", b"I"]).map(lambda tag: (tag, b"")),
)
WORDS = st.text(max_size=12).map(lambda v: (b"s", padded(v.encode("utf-8", "ignore").replace(b"\0", b""))))
BLOBS = st.binary(max_size=8).map(lambda v: (b"b", struct.pack(">I", len(v)) + v + bytes(-len(v) % 4)))
LISTS = st.lists(NUMBERS, max_size=3).map(
    lambda some: (b"[" + b"".join(t for t, _ in some) + b"]", b"".join(d for _, d in some))
)
ARGUMENTS = st.lists(st.one_of(NUMBERS, NUMBERS, WORDS, BLOBS, LISTS), max_size=5)
UNSAFE = ("/gf/patch/",)  # they write files: test_files.py


@settings(max_examples=300, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_no_message_raises_and_what_is_wrong_is_answered(
    playing: tuple[Session, OscServer, Watch], data: st.DataObject
):
    session, server, watch = playing
    known = [address for address in server.space.entries if not address.startswith(UNSAFE)]
    mangled = st.builds(
        lambda a, k, s: a[:k] + s + a[k + 1 :],
        st.sampled_from(known),
        st.integers(1, 30),
        st.text("*?[]{}!,x/", max_size=4),
    )
    address = data.draw(st.one_of(st.sampled_from(known), mangled))
    arguments = data.draw(ARGUMENTS)
    packet = padded(address.encode()) + padded(b"," + b"".join(t for t, _ in arguments))
    packet += b"".join(d for _, d in arguments)
    if data.draw(st.booleans()):
        packet = bundle(packet, packet, tag=data.draw(st.integers(0, 2**64 - 1)))
    before, peer = server.statistics(), Ear()
    server.receive(packet, peer)
    after = server.statistics()
    assert after.packets == before.packets + 1
    refused = after.refused - before.refused
    assert peer.packets >= refused
    watch.now += 0.01
    server.look(session.engine.frame)


def test_afterwards_it_plays(playing: tuple[Session, OscServer, Watch]):
    session, server, _ = playing
    rendered(session, 48000)
    session.hush(False)
    session.set("a", "value", 0.5)
    assert abs(rendered(session, 9600)[-1, 0]) > 0.4
    assert server.statistics().messages > 100
