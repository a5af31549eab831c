"""Packets: bytes to messages and back.

Written with python-osc. Read by ourselves: its reader drops arguments of types it does not know, so that the others
shift; it reads a number that was cut off as 0, walks through a text byte by byte, and never returns from a bundle with
a part of a size below 0.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from pythonosc.osc_message_builder import BuildError, OscMessageBuilder

LARGEST = 65_536
"""Bytes of a packet; UDP carries a few less."""
NOW = 1
"""The time tag that means at once."""
DEEPEST = 8
"""How deep bundles may lie in bundles, and lists in lists."""
BUNDLE, BUNDLE_HEAD = b"#bundle\0", 16
"""How a bundle begins; the bytes before its first part: that and its time."""

SIZED = {"i": "i", "f": "f", "d": "d", "h": "q", "t": "Q", "r": "I", "c": "I", "m": "4s"}
"""Tags of a fixed size, as struct names them."""
PLAIN = {"T": True, "F": False, "N": None, "I": True}
"""Tags that have no bytes. I, which once meant infinity, is what a bang sends."""
WORDS = frozenset("sSb")
FLOAT_MAX = 3.4028234e38


class Malformed(ValueError):
    """Bytes that are no OSC."""


@dataclass(frozen=True, slots=True)
class Message:
    """An address and its arguments. Of r, c, t an argument is a whole number, of m and b bytes, of [] a tuple."""

    address: str
    arguments: tuple[Any, ...]

    def __str__(self) -> str:
        return " ".join([self.address, *map(repr, self.arguments)])


@dataclass(frozen=True, slots=True)
class Bundle:
    """Messages that count at one moment: an NTP time tag (seconds since 1900 times 2**32), or NOW."""

    tag: int
    messages: tuple[Message, ...]


@dataclass(frozen=True, slots=True)
class Packet:
    """What a packet holds: bundles in order of their time, and how many messages had a tag nobody knows."""

    bundles: tuple[Bundle, ...]
    unknown: int = 0


class _Unknown(Malformed):
    """A message whose arguments cannot be found, because one is of an unknown type."""


def read(data: bytes) -> Packet:
    """A packet. Raises Malformed.

    A message alone is a bundle of its own for now. Of a bundle's messages one with an unknown tag is left out and
    counted; whatever else is wrong with it makes the whole packet malformed, since it belongs together. Bundles in a
    bundle belong to it unless they are for later.
    """
    if len(data) > LARGEST:
        raise Malformed(f"{len(data)} bytes; expected at most {LARGEST}")
    if not data.startswith(BUNDLE):
        return Packet((Bundle(NOW, (message(data),)),))
    found: dict[int, list[Message]] = {}
    unknown = _open(data, NOW, 0, found)
    return Packet(tuple(Bundle(tag, tuple(found[tag])) for tag in sorted(found) if found[tag]), unknown)


def _open(data: bytes, outer: int, depth: int, found: dict[int, list[Message]]) -> int:
    if depth == DEEPEST:
        raise Malformed(f"bundles in bundles; expected at most {DEEPEST}")
    if len(data) < BUNDLE_HEAD:
        raise Malformed("a bundle that is cut off")
    tag = max(struct.unpack_from(">Q", data, 8)[0], outer)  # 0 and 1 are now; a part is never before its whole
    messages = found.setdefault(tag, [])
    at, unknown = BUNDLE_HEAD, 0
    while at < len(data):
        if at + 4 > len(data):
            raise Malformed("cut off")
        end = at + 4 + int(struct.unpack_from(">I", data, at)[0])
        if end > len(data):
            raise Malformed("cut off")
        part = data[at + 4 : end]
        if part.startswith(BUNDLE):
            unknown += _open(part, tag, depth + 1, found)
        else:
            try:
                messages.append(message(part))
            except _Unknown:
                unknown += 1
        at = end
    return unknown


def message(data: bytes) -> Message:
    """A message. Raises Malformed."""
    if not data.startswith(b"/"):
        raise Malformed("neither a message nor a bundle")
    try:
        end = data.index(0)
        address = data[:end].decode()
        at = (end + 4) & ~3
        if at == len(data):  # old senders leave the tags out
            return Message(address, ())
        end = data.index(0, at)
        tags = data[at:end]
        at = (end + 4) & ~3
    except UnicodeDecodeError:
        raise Malformed("its address is no text") from None
    except ValueError:
        raise Malformed("cut off") from None
    if not tags.startswith(b","):
        raise Malformed("no tags")
    fixed = _fixed(tags)
    if fixed is None:
        return Message(address, _arguments(data, at, tags[1:].decode("latin-1")))
    if at + fixed.size != len(data):
        raise Malformed("cut off" if at + fixed.size > len(data) else "longer than its tags say")
    return Message(address, fixed.unpack_from(data, at))


@lru_cache(maxsize=256)
def _fixed(tags: bytes) -> struct.Struct | None:
    """How to read arguments that are all of a fixed size, the usual case; else None."""
    names = [SIZED.get(chr(tag), "") for tag in tags[1:]]
    return struct.Struct(">" + "".join(names)) if all(names) else None


def _arguments(data: bytes, at: int, tags: str) -> tuple[Any, ...]:
    stack: list[list[Any]] = [[]]
    for tag in tags:
        if tag in SIZED:
            form = f">{SIZED[tag]}"
            size = struct.calcsize(form)
            if at + size > len(data):
                raise Malformed("cut off")
            stack[-1].append(struct.unpack_from(form, data, at)[0])
            at += size
        elif tag in WORDS:
            word, at = _word(data, at, tag == "b")
            stack[-1].append(word)
        elif tag in PLAIN:
            stack[-1].append(PLAIN[tag])
        elif tag == "[" and len(stack) < DEEPEST:
            stack.append([])
        elif tag == "]" and len(stack) > 1:
            whole = tuple(stack.pop())
            stack[-1].append(whole)
        elif tag in "[]":
            raise Malformed("brackets that do not match")
        else:
            raise _Unknown(f"the tag {tag!r}")
    if len(stack) != 1:
        raise Malformed("brackets that do not match")
    if at != len(data):
        raise Malformed("longer than its tags say")
    return tuple(stack[0])


def _word(data: bytes, at: int, blob: bool) -> tuple[str | bytes, int]:
    """A text or a blob, and where the next argument begins."""
    if blob:
        if at + 4 > len(data):
            raise Malformed("cut off")
        start, end = at + 4, at + 4 + int(struct.unpack_from(">I", data, at)[0])
        after = (end + 3) & ~3
    else:
        start, end = at, data.find(0, at)
        after = (end + 4) & ~3
        if end < 0:
            raise Malformed("cut off")
    if after > len(data):
        raise Malformed("cut off")
    if blob:
        return data[start:end], after
    try:
        return data[start:end].decode(), after
    except UnicodeDecodeError:
        raise Malformed("a text that is not UTF-8") from None


def written(address: str, values: Iterable[Any]) -> bytes:
    """A message's bytes: a switch as i, whole numbers as i or h, others as f, or as d where f has no room.

    Raises ValueError for what OSC cannot carry.
    """
    builder = OscMessageBuilder(address)
    for value in values:
        if isinstance(value, bool):
            builder.add_arg(int(value))
        elif isinstance(value, float):
            builder.add_arg(value, "d" if FLOAT_MAX < abs(value) < float("inf") else "f")
        elif isinstance(value, str):
            builder.add_arg(value.replace("\0", " "))
        else:
            builder.add_arg(value)
    return _built(builder)


def precise(address: str, *values: Any) -> bytes:
    """The same, with floats as d: times. Raises ValueError."""
    builder = OscMessageBuilder(address)
    for value in values:
        builder.add_arg(_listed(value), "d" if isinstance(value, float) else None)
    return _built(builder)


def _listed(value: Any) -> Any:
    """Arguments in brackets as the builder takes them."""
    return [_listed(inner) for inner in value] if isinstance(value, tuple) else value


def _built(builder: OscMessageBuilder) -> bytes:
    try:
        return bytes(builder.build().dgram)
    except BuildError as error:
        raise ValueError(str(error)) from error
