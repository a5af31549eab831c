"""Packets in a TCP stream."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pythonosc import slip

from graphflow.control.osc.frames import Framing
from graphflow.control.osc.packet import LARGEST, Malformed


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.binary(min_size=1, max_size=60), max_size=6), st.integers(1, 20), st.booleans())
def test_packets_come_out_as_they_went_in_however_the_stream_is_cut(packets: list[bytes], cut: int, sized: bool):
    if sized:
        stream = b"".join(len(packet).to_bytes(4, "big") + packet for packet in packets)
    else:
        stream = b"".join(slip.encode(packet) for packet in packets)
    framing, found = Framing(), []
    for at in range(0, len(stream), cut):
        found += framing.packets(stream[at : at + cut])
    assert found == packets


@pytest.mark.parametrize("packet", [b"/a\0\0,\0\0\0", b"\xc0\xdb\xdc\xdd", b"\xdb\xdc"])
def test_answers_are_framed_as_the_peer_speaks(packet: bytes):
    framing = Framing()
    framing.packets(b"\xc0")
    assert slip.decode(framing.framed(packet)) == packet
    framing = Framing()
    framing.packets(b"\0")
    assert framing.framed(packet) == len(packet).to_bytes(4, "big") + packet


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.binary(max_size=200), max_size=10))
def test_a_stream_of_anything_is_read_or_refused(pieces: list[bytes]):
    framing = Framing()
    try:
        for piece in pieces:
            framing.packets(piece)
    except Malformed:
        pass


def test_what_never_ends_is_refused_before_it_fills_the_memory():
    framing = Framing()
    for _ in range(2):
        assert framing.packets(b"x" * LARGEST) == []
    with pytest.raises(Malformed, match="a packet without an end"):
        framing.packets(b"x")
    with pytest.raises(Malformed, match="a packet of 16777215 bytes"):
        Framing().packets(b"\0\xff\xff\xff")
