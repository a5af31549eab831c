"""What OSC costs, and when it is heard. Writes bench/osc.md.

python bench/osc.py                    all tables, about 5 minutes; better on a machine that does nothing else
python bench/osc.py dispatch render    some of them: dispatch, render; and on jackd: latency, bundles, flood
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import shutil
import time
from collections.abc import Callable
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from engine import spread, table
from late_blocks import Jack
from osc_senders import PER_SECOND, bundle
from osc_stage import BLOCK, RATE, Stage, library, moved, patch
from pythonosc.dispatcher import Dispatcher

from graphflow.control.osc import OscServer
from graphflow.control.osc.clock import GivenClock, tag_of
from graphflow.control.osc.entry import Entry
from graphflow.control.osc.packet import written
from graphflow.core.patch_text import read
from graphflow.session import Session
from graphflow.session.offline import render

RESULT = Path(__file__).parent / "osc.md"
SIZES = (10, 500, 5000)
SLACK = 1000
"""Frames that something may be heard early, by how well the time of a frame is known."""


class Nobody:
    """A peer that hears nothing."""

    transport, host, port, local = "udp", "127.0.0.1", 9, True

    def send(self, data: bytes) -> None: ...


def microseconds(work: Callable[[], Any], seconds: float = 0.25, runs: int = 5) -> list[float]:
    """Of one call, in several runs."""
    count, took = 1, 0.0
    while took < seconds / 10:
        count *= 2
        began = time.perf_counter()
        for _ in range(count):
            work()
        took = time.perf_counter() - began
    count = max(1, round(count * seconds / took))
    found = []
    for _ in range(runs):
        began = time.perf_counter()
        for _ in range(count):
            work()
        found.append((time.perf_counter() - began) / count * 1e6)
    return found


def one_size(size: int) -> list[str]:
    """A row: ours and theirs with so many addresses."""
    addresses = [f"/gf/node/n{k // 5}/p{k % 5}" for k in range(size)]
    wanted, pattern = addresses[size // 2], f"/gf/node/n{size // 10}/*"
    heard: list[float] = []

    def take(arguments: Any, call: Any) -> None:
        heard[:] = arguments

    def handler(address: str, *arguments: float) -> None:
        heard[:] = arguments

    session = Session(library())
    server = OscServer(session, port=0)
    entries = {a: Entry(a, "f", "", "number", value=lambda: (0.0,), take=take) for a in addresses}
    server.space.entries = entries
    find = server.space.dispatch
    find.replace(entries)
    theirs = Dispatcher()
    for address in addresses:
        theirs.map(address, handler)

    def first_time() -> None:
        find._known.clear()
        find.find(pattern)

    packet, peer = written(wanted, [0.5]), Nobody()
    times = [
        microseconds(lambda: find.find(wanted)),
        microseconds(lambda: list(theirs.handlers_for_address(wanted))),
        microseconds(lambda: server.receive(packet, peer)),
        microseconds(lambda: theirs.call_handlers_for_packet(packet, ("127.0.0.1", 9))),
    ]
    middle = [float(np.median(values)) for values in times]
    patterns = [float(np.median(microseconds(work))) for work in (first_time, lambda: find.find(pattern))]
    session.close()
    faster = [f"{middle[1] / middle[0]:.0f}", f"{middle[3] / middle[2]:.1f}"]
    return [f"{size:,}", *map(spread, times), *faster, f"{patterns[0]:.1f} / {patterns[1]:.2f}"]


def dispatch() -> str:
    head = (
        "addresses",
        "look-up, us",
        "python-osc's, us",
        "bytes to handler, us",
        "python-osc's, us",
        "times faster: look-up",
        "bytes to handler",
        "a pattern, us: new / known",
    )
    about = (
        "One message with a float to the address in the middle, both in one process, median (range) of 5 runs. "
        "Look-up: from an address to what is there. Bytes to handler: decode, look up, check the arguments, and call a "
        "handler that stores them; ours also looks whether the patch was edited, whether a bundle is on its way, and "
        "renews the sender's lease. Aim: 20 times faster at 500 addresses, and flat."
    )
    return f"## Dispatch\n\n{about}\n\n{table(head, map(one_size, SIZES))}"


def in_render() -> str:
    session = Session(library(), lockstep=True)
    session.play(read(patch(4))[0], fade=0.0)
    zero = tag_of(1.7e9)
    server = OscServer(session, port=0, clock=GivenClock(session, zero))
    session.listeners.append(server.look)
    chance, frames, sound = random.Random(1), [4000], []
    while frames[-1] < 50 * RATE:
        frames.append(frames[-1] + 1200 + chance.randrange(2400))
    waiting = list(reversed(frames))
    for block in render(session, 51 * RATE):
        while waiting and waiting[-1] < session.engine.frame + RATE:  # a second ahead
            tag = zero + (waiting.pop() * 2**32 + RATE // 2) // RATE
            values = [written(f"/gf/node/s{k}/value", [chance.uniform(-0.2, 0.2)]) for k in range(4)]
            server.receive(bundle(tag, *values), Nobody())
        sound.append(block[:, 0])
    errors = np.abs(moved(np.concatenate(sound)) - np.array(frames))
    row = [f"{len(frames)}", f"{server.statistics().bundles.late}", f"{errors.max()}"]
    session.close()
    about = (
        f"{len(frames)} bundles of four values each, a second ahead, at random frames of 50 s: frames from the tag to "
        "the first changed sample. Aim: 0."
    )
    return f"## Bundles in a render\n\n{about}\n\n{table(('bundles', 'late', 'greatest error, frames'), [row])}"


def timed(seconds: float, ahead: float) -> tuple[Stage, np.ndarray, np.ndarray, int]:
    """By how many frames the sound began to move after what was meant; which of them while the device lost no time;
    and how often it did not move by itself."""
    with Jack():
        stage = Stage(1, "sound.wav")
        stage.play("single", seconds, ahead)
        found = moved(stage.sound())
    told = np.array([stage.frame_of(when) for when in stage.told["told"]])
    steady = [stage.steady(when) for when in stage.told["told"]]
    stage.clean()
    edges = np.searchsorted(found, np.append(told, np.inf) - SLACK)  # they are 2400 frames apart at least
    heard = [k for k, (one, other) in enumerate(pairwise(edges)) if one < other]
    late = np.array([found[edges[k]] - told[k] for k in heard])
    return stage, late, np.array(steady)[heard], len(told) - len(late)


def latency() -> str:
    stage, late, steady, merged = timed(60.0, 0.0)
    rows = []
    for what, some in (("all", late), ("while no time was lost", late[steady])):
        within = 100.0 * np.mean(some <= 2 * BLOCK)
        rows.append(
            [what, f"{len(some)}", *(f"{np.percentile(some, p):.0f}" for p in (0, 50, 99, 100)), f"{within:.1f}"]
        )
    about = (
        "Frames from the moment another process sends a datagram to the first changed sample, on jackd's dummy device "
        f"({BLOCK} frames, {RATE} Hz); the driver's own latency is not in it. Half a block is waited for on average, "
        f"whatever is sent. {lost(stage, merged)} Aim: within two blocks, {2 * BLOCK} frames."
    )
    head = ("which", "messages", "least", "median", "99 %", "greatest", "within two blocks, %")
    return f"## From a packet to the sound\n\n{about}\n\n{table(head, rows)}"


def bundles() -> str:
    stage, late, steady, merged = timed(60.0, 0.2)
    rows = []
    for what, some in (("all", late), ("while no time was lost", late[steady])):
        errors = np.abs(some) / RATE * 1000.0
        numbers = (float(np.median(some)) / RATE * 1000.0, *np.percentile(errors, (95, 99, 100)))
        rows.append([what, f"{len(some)}", *(f"{number:.3f}" for number in numbers)])
    about = (
        "Bundles from another process, tagged 0.2 s ahead, on the same device: ms from the frame that begins at the "
        "tagged time (by all blocks of the two seconds around it, which is known only afterwards) to the first changed "
        f"sample; {stage.server.statistics().bundles.late} came late. {lost(stage, merged)} What is lost between the "
        "arrival and the tag nobody can foresee. Aim: under 1 ms."
    )
    head = ("which", "bundles", "median", "95 %, absolute", "99 %, absolute", "greatest, absolute")
    return f"## Bundles, live\n\n{about}\n\n{table(head, rows)}"


def lost(stage: Stage, merged: int) -> str:
    xruns = stage.session.engine.statistics().xruns
    return (
        f"The device reported {xruns} xruns, in which it loses time and the frames fall behind the clock on the wall; "
        f"{merged} changes could not be told apart."
    )


def under(what: str, seconds: float, addresses: int) -> list[str]:
    """A row: a performance while this is sent."""
    process = psutil.Process()
    memory, busy, xruns = [], [], []
    with Jack():
        stage = Stage(addresses)

        def show(passed: float) -> None:
            if passed > 5.0 * (len(memory) + 1):
                memory.append(process.memory_info().rss / 2**20)
                busy.append(process.cpu_percent())
                xruns.append(stage.session.engine.statistics().xruns)

        stage.play(what, seconds, addresses, show)
    engine, last = stage.session.engine.statistics(), stage.told["last"]
    held = {address: stage.session.get(address.split("/")[3], "value") for address in last}
    wrong = sum(abs(held[address] - value) > 1e-6 for address, value in last.items())
    durations = stage.session.engine.durations() / 1e6
    row = [what, f"{stage.told['sent']:,}", f"{stage.server.statistics().messages:,}", f"{engine.xruns - xruns[0]}"]
    row += [
        f"{engine.late}",
        f"{engine.commands_lost}",
        f"{wrong} of {len(last)}",
        f"{memory[1]:.1f} / {memory[-1]:.1f}",
    ]
    row += [f"{np.median(busy[1:]):.0f}", f"{np.percentile(durations, 99):.3f}"]
    stage.session.close()
    stage.clean()
    return row


def flood(seconds: float = 60.0, addresses: int = 64) -> str:
    head = (
        "sent",
        "messages",
        "taken",
        "xruns",
        "late blocks",
        "commands lost",
        "last values wrong",
        "memory after 10 s / at the end, MB",
        "of one core, %",
        "callback, 99 %, ms",
    )
    about = (
        f"Another process sends {PER_SECOND:,} datagrams a second to {addresses} params of {addresses} nodes for "
        f"{seconds:.0f} s, on jackd's dummy device without real-time priority; `silence` is the same with nothing "
        "sent: what the machine itself loses. Aim: no xrun, no last value lost, memory that does not grow."
    )
    rows = [under(what, seconds, addresses) for what in ("silence", "flood")]
    return f"## Ten thousand messages a second\n\n{about}\n\n{table(head, rows)}"


MAKE = {"dispatch": dispatch, "render": in_render, "latency": latency, "bundles": bundles, "flood": flood}
TITLES = (
    "Dispatch",
    "Bundles in a render",
    "From a packet to the sound",
    "Bundles, live",
    "Ten thousand messages a second",
)
"""In the order of the file."""


def machine() -> str:
    return (
        f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()} {platform.release()}, Python "
        f"{platform.python_version()}; {date.today()}; load average at the start {os.getloadavg()[0]:.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure OSC; writes bench/osc.md.")
    parser.add_argument("tables", nargs="*", help=f"which of {', '.join(MAKE)}; all when none is named")
    wanted = parser.parse_args().tables or list(MAKE)
    if unknown := [name for name in wanted if name not in MAKE]:
        parser.error(f"no table is called {unknown[0]!r}; expected {', '.join(MAKE)}")
    if not shutil.which("jackd"):
        print("jackd is missing: only what needs no sound server is measured")
        wanted = [name for name in wanted if name in ("dispatch", "render")]
    old = RESULT.read_text(encoding="utf-8").split("\n## ")[1:] if RESULT.exists() else []
    kept = {part.splitlines()[0]: part.strip() for part in old}
    for name in wanted:
        where = machine()
        title, rest = MAKE[name]().removeprefix("## ").split("\n", 1)
        where += f", at the end {os.getloadavg()[0]:.1f}"
        kept[title] = f"{title}\n\n{where}; `python bench/osc.py {name}`\n{rest}"
        RESULT.write_text(
            "# OSC, measured\n\n" + "\n\n".join(f"## {kept[t]}" for t in TITLES if t in kept) + "\n", encoding="utf-8"
        )
        print(f"\n## {kept[title]}")


if __name__ == "__main__":
    main()
