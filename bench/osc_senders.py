"""Controllers for bench/osc.py, each in a process of its own: what they have sent, and when, goes to a file.

python bench/osc_senders.py single  PORT SECONDS AHEAD PLACE        a value now and then, or a bundle for later
python bench/osc_senders.py flood   PORT SECONDS ADDRESSES PLACE    ten values every millisecond
python bench/osc_senders.py silence PORT SECONDS 0 PLACE            nothing
"""

from __future__ import annotations

import json
import random
import socket
import struct
import sys
import time
from pathlib import Path
from typing import Any

from graphflow.control.osc.clock import tag_of
from graphflow.control.osc.packet import BUNDLE, written

PER_SECOND = 10_000


def bundle(tag: int, *messages: bytes) -> bytes:
    return BUNDLE + struct.pack(">Q", tag) + b"".join(struct.pack(">I", len(m)) + m for m in messages)


def single(line: socket.socket, seconds: float, ahead: float) -> dict[str, Any]:
    """`told`: by the monotonic clock, when each was sent, or is meant for."""
    chance, told = random.Random(2), []
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(chance.uniform(0.05, 0.09))
        message = written("/gf/node/s0/value", [chance.uniform(-0.9, 0.9)])
        if ahead:
            wall, now = time.time(), time.monotonic()
            line.send(bundle(tag_of(wall + ahead), message))
            told.append(now + ahead)
        else:
            told.append(time.monotonic())
            line.send(message)
    return {"told": told}


def flood(line: socket.socket, seconds: float, addresses: float) -> dict[str, Any]:
    """`last`: the last value of each address."""
    sent, last = 0, {}
    began = time.monotonic()
    while (elapsed := time.monotonic() - began) < seconds:
        while sent < elapsed * PER_SECOND:
            address, value = f"/gf/node/s{sent % int(addresses)}/value", (sent * 7919 % 20_011) / 20_011
            line.send(written(address, [value]))
            last[address] = value
            sent += 1
        time.sleep(0.001)
    return {"sent": sent, "last": last}


def silence(line: socket.socket, seconds: float, nothing: float) -> dict[str, Any]:
    time.sleep(seconds)
    return {"sent": 0, "last": {}}


if __name__ == "__main__":
    what, port, length, number, place = sys.argv[1:]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as connected:
        connected.connect(("127.0.0.1", int(port)))
        result = globals()[what](connected, float(length), float(number))
    Path(place).write_text(json.dumps(result))
