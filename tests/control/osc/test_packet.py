"""Reading packets: whatever the bytes are, they are read or refused, quickly and without harm."""

from __future__ import annotations

import math
import struct
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pythonosc.osc_message import OscMessage
from pythonosc.osc_message_builder import OscMessageBuilder

from graphflow.control.osc.packet import BUNDLE, DEEPEST, LARGEST, NOW, Malformed, Message, message, read, written

FUZZ = settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])


def padded(text: bytes) -> bytes:
    return text + b"\0" * (4 - len(text) % 4)


def bundle(tag: int, *parts: bytes) -> bytes:
    return BUNDLE + struct.pack(">Q", tag) + b"".join(struct.pack(">I", len(part)) + part for part in parts)


@pytest.mark.parametrize(
    "tags, data, arguments",
    [
        (b",f", struct.pack(">f", 0.5), (0.5,)),
        (b",ihd", struct.pack(">iqd", -7, 1 << 40, 0.1), (-7, 1 << 40, 0.1)),
        (b",TFNI", b"", (True, False, None, True)),
        (b",s", padded("café 雨".encode()), ("café 雨",)),
        (b",S", padded(b"symbol"), ("symbol",)),
        (b",b", struct.pack(">I", 3) + b"abc\0", (b"abc",)),
        (b",crm", struct.pack(">II4s", 65, 0xFF00FF00, b"\x00\x90\x3c\x7f"), (65, 0xFF00FF00, b"\x00\x90\x3c\x7f")),
        (b",t", struct.pack(">Q", 1 << 63), (1 << 63,)),
        (b",i[ff]s", struct.pack(">iff", 1, 0.25, 0.75) + padded(b"x"), (1, (0.25, 0.75), "x")),
        (b",[[T]]", b"", (((True,),),)),
        (b",", b"", ()),
    ],
)
def test_every_type_is_read(tags: bytes, data: bytes, arguments: tuple[object, ...]):
    assert message(padded(b"/a/b") + padded(tags) + data) == Message("/a/b", arguments)


def test_tags_may_be_left_out_as_old_senders_do():
    assert message(b"/gf/hush\0\0\0\0") == Message("/gf/hush", ())


@pytest.mark.parametrize(
    "data, why",
    [
        (b"", "neither a message nor a bundle"),
        (b"gf", "neither a message nor a bundle"),
        (b"/gf", "cut off"),
        (b"/gf/node/a/value\0\0\0\0,f\0\0", "cut off"),
        (padded(b"/a") + padded(b",f") + b"\0\0\0", "cut off"),
        (padded(b"/a") + padded(b",f") + bytes(8), "longer than its tags say"),
        (padded(b"/a") + padded(b",s") + b"abcd", "cut off"),
        (padded(b"/a") + padded(b",s") + b"\xff\0\0\0", "a text that is not UTF-8"),
        (padded(b"/a") + padded(b",b") + b"\xff\xff\xff\xff", "cut off"),
        (padded(b"/a") + padded(b",sb") + padded(b"x") + b"\0\0", "cut off"),
        (padded(b"/a") + padded(b",sf") + padded(b"x") + b"\0\0", "cut off"),
        (padded(b"/a") + padded(b"f") + bytes(4), "no tags"),
        (padded(b"/\xff") + padded(b","), "its address is no text"),
        (padded(b"/a") + padded(b",q") + bytes(4), "the tag 'q'"),
        (padded(b"/a") + padded(b",[f") + bytes(4), "brackets that do not match"),
        (padded(b"/a") + padded(b",f]") + bytes(4), "brackets that do not match"),
        (padded(b"/a") + padded(b"," + b"[" * 50 + b"]" * 50), "brackets that do not match"),
        (b"#bundle\0\0\0\0", "a bundle that is cut off"),
        (bundle(NOW) + b"\0\0", "cut off"),
        (bundle(NOW) + b"\xff\xff\xff\xfc/gf/hush", "cut off"),
        (bundle(NOW, b"/gf/hush"), "cut off"),
        (bytes(LARGEST + 4), f"{LARGEST + 4} bytes; expected at most {LARGEST}"),
    ],
)
def test_what_is_no_osc_is_refused(data: bytes, why: str):
    with pytest.raises(Malformed) as told:
        read(data)
    assert str(told.value) == why


def test_an_unknown_tag_takes_its_message_along_and_nothing_else():
    good, odd = written("/a", [0.5]), padded(b"/b") + padded(b",fq") + bytes(12)
    packet = read(bundle(NOW, good, odd, good))
    assert packet.unknown == 1
    assert packet.bundles[0].messages == (Message("/a", (0.5,)),) * 2


def test_a_part_of_a_bundle_waits_for_its_own_time_and_is_never_before_the_whole():
    a, b, c = (written(f"/{name}", [1]) for name in "abc")
    packet = read(bundle(1000, a, bundle(2000, b), bundle(NOW, c)))
    said = [(part.tag, [m.address for m in part.messages]) for part in packet.bundles]
    assert said == [(1000, ["/a", "/c"]), (2000, ["/b"])]
    assert [part.tag for part in read(bundle(0, a)).bundles] == [NOW]


def test_bundles_lie_only_so_deep():
    def deep(depth: int) -> bytes:
        data = written("/a", [])
        for _ in range(depth):
            data = bundle(NOW, data)
        return data

    assert read(deep(DEEPEST)).bundles[0].messages == (Message("/a", ()),)
    for depth in (DEEPEST + 1, 3000):
        with pytest.raises(Malformed):
            read(deep(depth))


def test_answers_have_types_that_everybody_reads():
    def tags(*values: object) -> bytes:
        return written("/a", values)[4:].partition(b"\0")[0]

    assert tags(True, 0.5, 3, "x", 1 << 40, 1e300) == b",ifishd"
    assert message(written("/a", ["a\0b"])).arguments == ("a b",)
    with pytest.raises(ValueError, match=r"."):
        written("/a", ["\ud800"])


ARGUMENTS = st.lists(
    st.one_of(
        st.integers(-(2**31), 2**31 - 1),
        st.floats(width=32, allow_nan=False),
        st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=40),
        st.booleans(),
        st.binary(min_size=1, max_size=40),
        st.none(),
    ),
    max_size=8,
)
MESSAGES = st.builds(
    lambda words, values: built("/" + "/".join(words), values),
    st.lists(st.text("abcdefgh_0123*?[]{}", min_size=1, max_size=12), min_size=1, max_size=5),
    ARGUMENTS,
)
PACKETS = st.recursive(
    MESSAGES, lambda parts: st.builds(bundle, st.integers(0, 2**64 - 1), *[parts] * 2), max_leaves=10
)


def built(address: str, values: list[object]) -> bytes:
    builder = OscMessageBuilder(address)
    for value in values:
        builder.add_arg(value)
    return bytes(builder.build().dgram)


def survives(data: bytes) -> bool:
    """Reads or refuses within a tenth of a second."""
    began = time.perf_counter()
    try:
        read(data)
        whole = True
    except Malformed:
        whole = False
    assert time.perf_counter() - began < 0.1 or len(data) > 10_000
    return whole


@FUZZ
@given(MESSAGES)
def test_what_python_osc_writes_is_read_as_it_reads_it(data: bytes):
    theirs = OscMessage(data)
    assert message(data) == Message(theirs.address, tuple(theirs.params))


@FUZZ
@given(ARGUMENTS)
def test_what_is_written_python_osc_reads(values: list[object]):
    theirs = OscMessage(written("/a/b", values)).params
    assert theirs == [int(value) if isinstance(value, bool) else value for value in values]


@FUZZ
@given(st.binary(max_size=600))
def test_random_bytes_do_no_harm(data: bytes):
    survives(data)
    survives(b"/" + data)
    survives(bundle(NOW) + data)


@FUZZ
@given(PACKETS, st.data())
def test_damaged_packets_do_no_harm(packet: bytes, data: st.DataObject):
    assert survives(packet) or packet.count(BUNDLE) > DEEPEST
    damaged = bytearray(packet)
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(damaged) - 1))
        damaged[at] = data.draw(st.integers(0, 255))
    survives(bytes(damaged))
    survives(packet[: data.draw(st.integers(0, len(packet)))])
    survives(packet + data.draw(st.binary(min_size=1, max_size=16)))


def test_the_largest_packets_take_no_time():
    for data in (
        padded(b"/a") + padded(b"," + b"s" * 30_000) + bytes(4),
        padded(b"/a") + padded(b"," + b"[" * 30_000),
        b"/" + b"a" * 65_000,
        padded(b"/a") + padded(b",s") + b"x" * 65_000,
        bundle(NOW, *[written("/a", [])] * 5000),
        BUNDLE + bytes(8) + bytes(65_000),
    ):
        began = time.perf_counter()
        try:
            read(data)
        except Malformed:
            pass
        assert time.perf_counter() - began < 0.5


def test_infinity_and_nan_are_read_as_they_are_and_refused_by_whom_they_are_for():
    assert math.isnan(message(padded(b"/a") + padded(b",f") + struct.pack(">f", math.nan)).arguments[0])
