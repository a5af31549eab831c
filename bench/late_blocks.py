"""Blocks that come too late on a real sound server, while Python is busy: jackd's dummy device, 128 frames, 48 kHz.

`native` is the engine as it plays; `python` is the same engine and patch called from a Python callback; `control` is
`native` with the load in a process of its own, so that what is left is the machine's doing.

    python bench/late_blocks.py WAY LOAD SECONDS    one run, in this process; prints a line of JSON
"""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import voices

RATE, BLOCK, VOICES = 48000, 128, 8
WAYS = ("native", "control", "python")
LOADS = ("idle", "busy", "json", "compiling", "edits")


def busy(stop: Callable[[], bool]) -> None:
    """Python that never rests."""
    x = 0
    while not stop():
        for i in range(10_000):
            x = (x + i * i) % 1_000_003


def json_dumps(stop: Callable[[], bool]) -> None:
    """One call after another that holds the interpreter's lock."""
    data = [{"a": i, "b": str(i), "c": [i, i / 3.0]} for i in range(20_000)]
    while not stop():
        json.dumps(data)


def compiling(stop: Callable[[], bool]) -> None:
    """numba, on one new kernel after another."""
    from graphflow.audio.compile import uncached
    from graphflow.core.library import Library

    spec = Library.builtin()["svf"].spec
    while not stop():
        uncached(spec, "tick")


def edits(stop: Callable[[], bool], engine: Any, seconds: float) -> None:
    """Fifty random edits: wires of voices that come and go, with fades of 20 ms."""
    from graphflow.core.plan import DEVICE, Link

    chance = random.Random(5)
    score = engine._edits.score
    links = [k for k in score.links if k.dest != DEVICE]
    into = [k for k in links if k.dest.startswith("delay") and k.source.startswith("pan")]
    rest = [Link(k.source, k.outlet, k.dest, k.inlet) for k in score.links if k not in into]
    wires = [Link(k.source, k.outlet, k.dest, k.inlet) for k in into]
    begun = time.monotonic()
    for turn in range(50):
        while time.monotonic() - begun < turn * seconds / 50 and not stop():
            time.sleep(0.002)
            engine.poll()
        kept = [k for k in wires if chance.random() < 0.6] or wires[:1]
        engine.play(score.instances.values(), [*rest, *kept], fade_frames=960)


def loads(load: str, engine: Any, seconds: float) -> Callable[[Callable[[], bool]], None] | None:
    return {
        "idle": None,
        "busy": busy,
        "json": json_dumps,
        "compiling": compiling,
        "edits": lambda stop: edits(stop, engine, seconds),
    }[load]


def elsewhere(load: str, seconds: float, ready: Any) -> None:
    """The load in a process of its own; edits go to an engine that runs in real time and is not heard."""
    play = voices.graphflow(VOICES)
    engine = play.engine  # type: ignore[attr-defined]
    play(0.1)
    ready.set()
    end = time.monotonic() + seconds + 0.5
    if load == "edits":
        from graphflow.session.clock import NullClock

        clock = NullClock(engine, BLOCK)
        clock.start()
    work = loads(load, engine, seconds)
    if work:
        work(lambda: time.monotonic() > end)


def one(way: str, load: str, seconds: float) -> dict[str, Any]:
    """One run. `late` is the share of blocks that did not run or that the device flagged."""
    from graphflow.audio.devices import Devices

    play = voices.graphflow(VOICES)
    engine = play.engine  # type: ignore[attr-defined]
    play(0.2)
    devices = Devices()
    device = devices.find("system")
    flagged = 0
    spans: list[float] = []

    def heard(out: Any, frames: int, times: Any, flags: Any) -> None:
        nonlocal flagged
        begun = time.perf_counter()
        flagged += bool(flags)
        out[:] = engine.run(frames)
        spans.append(time.perf_counter() - begun)

    other = None
    if way == "control" and load != "idle":
        context = multiprocessing.get_context("spawn")
        ready = context.Event()
        other = context.Process(target=elsewhere, args=(load, seconds, ready), daemon=True)
        other.start()
        ready.wait(60.0)
    stopped = threading.Event()
    work = None if way == "control" else loads(load, engine, seconds)
    if way == "python":
        import sounddevice

        stream: Any = sounddevice.OutputStream(
            RATE, BLOCK, device.index, 2, "float32", latency="low", callback=heard, clip_off=True, dither_off=True
        )
        stream.start()
    else:
        stream = devices.open(
            device, rate=RATE, block=BLOCK, callback=engine.callback_address, userdata=engine.userdata, kept=engine
        )
    stopped.wait(0.5)
    before = engine.statistics()
    spans.clear()
    flagged = 0
    begun = time.monotonic()
    thread = threading.Thread(target=work, args=(stopped.is_set,), daemon=True) if work else None
    if thread:
        thread.start()
    while time.monotonic() - begun < seconds:
        stopped.wait(min(0.05, seconds))
        if load != "edits":
            engine.poll()
    length = time.monotonic() - begun
    after = engine.statistics()
    durations = (
        engine.durations()[-(after.blocks - before.blocks) :] / 1e6 if way != "python" else np.array(spans) * 1e3
    )
    stopped.set()
    if thread:
        thread.join(30.0)
    stream.close()
    devices.close()
    if other:
        other.join(30.0)
    ran, missed = after.blocks - before.blocks, flagged if way == "python" else after.xruns - before.xruns
    expected = length * RATE / BLOCK
    return {
        "late": max(0.0, 1.0 - (ran - missed) / expected),
        "ran": ran / expected,
        "flagged": missed / expected,
        "durations": [float(np.percentile(durations, q)) for q in (50, 99, 100)],
        "faults": len(after.faults),
    }


class Jack:
    """jackd with its dummy driver under a name of its own."""

    def __enter__(self) -> Jack:
        self.name = f"bench-{os.getpid()}"
        os.environ["JACK_NO_START_SERVER"], os.environ["JACK_DEFAULT_SERVER"] = "1", self.name
        driver = ["-d", "dummy", "-r", str(RATE), "-p", str(BLOCK)]
        # REALTIME=1 where the user may have it: then what is lost is not the scheduler's doing
        priority = ["-R", "-P", "60"] if os.environ.get("REALTIME") else ["-r"]
        self.process = subprocess.Popen(
            ["jackd", "-n", self.name, *priority, *driver], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        for _ in range(100):
            said = subprocess.run(["jack_lsp", "-s", self.name], capture_output=True, check=False).stdout
            if b"system:playback_2" in said:
                return self
            time.sleep(0.1)
        raise SystemExit("jackd did not start within 10 s")

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        self.process.wait(10.0)
        for left in Path("/dev/shm").glob(f"jack*_{self.name}_*"):
            left.unlink(missing_ok=True)


def run(seconds: float, runs: int, tell: Callable[[str], None]) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """All ways under all loads, interleaved, each run in a process of its own."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    with Jack(), tempfile.TemporaryDirectory():
        for turn in range(runs):
            for load in LOADS:
                for way in WAYS:
                    if (way, load) == ("control", "idle"):
                        continue
                    command = [sys.executable, __file__, way, load, str(seconds)]
                    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
                    if done.returncode:
                        raise SystemExit(f"{way} under {load}: {done.stderr[-500:]}")
                    result = json.loads(done.stdout.splitlines()[-1])
                    found.setdefault((way, load), []).append(result)
                    tell(f"run {turn + 1}: {load}, {way}: {100 * result['late']:.2f} % late")
    return found


if __name__ == "__main__":
    print(json.dumps(one(sys.argv[1], sys.argv[2], float(sys.argv[3]))))
