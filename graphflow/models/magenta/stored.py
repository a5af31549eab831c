"""A generator's snapshot: the stream now, the one that a reset goes to, and a few facts, in one piece of bytes."""

from __future__ import annotations

import json
import struct
from dataclasses import asdict, dataclass

from graphflow.core.errors import UserError
from graphflow.models.magenta.snapshot import Snapshot

LAYOUT = 1
_HEAD = struct.Struct("<Q")


@dataclass(frozen=True)
class Facts:
    """`luck`: how often it was rescued, which its chance depends on; `silent`: it was bypassed; `rising`: it was about
    to fade in."""

    luck: int = 0
    silent: bool = False
    rising: bool = True


def pack(facts: Facts, stream: Snapshot, beginning: bytes) -> bytes:
    """`beginning`: the packed snapshot of where a reset goes, or nothing. A length, JSON, and both snapshots."""
    stored = stream.pack()
    head = json.dumps({"layout": LAYOUT, "stream": len(stored), "beginning": len(beginning), **asdict(facts)}).encode()
    return b"".join((_HEAD.pack(len(head)), head, stored, beginning))


def unpack(data: bytes) -> tuple[Facts, Snapshot, bytes]:
    """What `pack` was given. Raises UserError."""
    try:
        begun = _HEAD.size + _HEAD.unpack_from(data)[0]
        head = json.loads(data[_HEAD.size : begun])
        if head.pop("layout") != LAYOUT:
            raise UserError("snapshot is another version's")
        middle = begun + head.pop("stream")
        end = middle + head.pop("beginning")
        if end != len(data):
            raise ValueError(f"{len(data)} bytes in place of {end}")
        return Facts(**head), Snapshot.unpack(data[begun:middle]), data[middle:end]
    except (struct.error, KeyError, TypeError, ValueError) as error:
        raise UserError(f"snapshot cannot be read ({type(error).__name__}: {error})") from error
