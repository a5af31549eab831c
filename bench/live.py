"""Live coding, measured: from an edit to its sound, from a saved file to its sound, what a runaway cell costs.

On jackd's dummy device at 48 kHz with blocks of 128 frames, through the stage that the prompt types at. What is timed
ends with the first block in which the output is no longer silent; a fade of 20 ms begins there.

    python bench/live.py -o bench/live.md
    python bench/live.py --only edits hog --times 10
"""

from __future__ import annotations

import argparse
import datetime
import multiprocessing
import os
import platform
import pty
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from late_blocks import BLOCK, RATE, Jack, busy

from graphflow.control.live.stage import Stage
from graphflow.core.library import Library, builtin_folder
from graphflow.core.patch_text import read
from graphflow.session import Session
from graphflow.session.live import Live
from graphflow.session.output import Output
from graphflow.session.reload import Reloading

PARTS = ("edits", "saves", "hog", "toolbar")
NODES = 100
QUIET = 0.15
"""Seconds of silence before each edit, which is longer than a fade and its meters."""
GONE = 1e-4

NODE = '''
from graphflow import AudioNode, AudioOut, Ramp, State, float64, TAU, sin

class Whistle(AudioNode):
    """A sine of its own."""

    freq = Ramp(440.0, "Pitch.", "Hz", min=20.0, max=20_000.0)
    phase = State(float64)
    out = AudioOut("It.")

    @staticmethod
    def tick(freq: float, phase: float, rate: float) -> tuple[float, float]:
        return {level} * sin(TAU * phase), (phase + freq / rate) % 1.0
'''


def patch_text(nodes: int) -> str:
    """So many nodes that all play and none of which is heard, and a way to the output."""
    lines = ["format = 1", "wires = [", '  "mix -> out",']
    voices = (nodes - 2) // 2
    lines += [f'  "s{n} -> g{n} -> mix",' for n in range(voices)]
    lines += ["]", "[nodes.out]", 'kind = "output"', "[nodes.mix]", 'kind = "gain"']
    for n in range(voices):
        lines += [f"[nodes.s{n}]", 'kind = "sine"', f"freq = {100.0 + n}"]
        lines += [f"[nodes.g{n}]", 'kind = "gain"', "level = -60.0"]  # silent at the very bottom
    return "\n".join(lines) + "\n"


class Performance:
    """A patch file that plays on the sound server in this process; what is asked of it comes from another thread."""

    def __init__(self, folder: Path, text: str, edits: Callable[[Performance], Any]) -> None:
        self.path = folder / "bench.toml"
        self.path.write_text(text)
        patch, problems = read(text)
        if problems:
            raise SystemExit(str(problems[0]))
        library, nodes = Library.builtin(), folder / "nodes"
        nodes.mkdir(exist_ok=True)
        library.scan(nodes)
        own = builtin_folder().resolve()
        self.lines: list[str] = []
        self.session = Session(
            library,
            rate=RATE,
            folder=folder,
            report=self.lines.append,
            foreign=lambda spec: not spec.file.resolve().is_relative_to(own),
        )
        self.output = Output(self.session.engine, BLOCK, self.lines.append)
        self.stage = Stage(self.session, path=self.path, text=text)
        self.reloading = Reloading(self.session, self.path, lambda: [nodes], self.lines.append, written=patch)
        self.live = Live(self.session, self.output)
        self.result: Any = None
        self._edits, self._patch = edits, patch

    def run(self) -> Any:
        start = self.output.prepare("system", None)
        self.reloading.start()
        self.stage.start()
        thread = threading.Thread(target=self._work, name="bench", daemon=True)
        try:
            self.live.run(self._patch, start, show=lambda live: thread.ident is None and live.begun and thread.start())
        finally:
            self.reloading.stop()
            self.stage.close()
            self.output.close()
            self.session.close()
        return self.result

    def _work(self) -> None:
        try:
            time.sleep(1.0)
            self.result = self._edits(self)
        except Exception as error:  # noqa: BLE001 - told by the main thread
            self.result = error
        finally:
            self.session.loop.call_soon_threadsafe(self.live.end)

    @property
    def peak(self) -> float:
        return max(self.session.engine.statistics().peak)

    def until(self, heard: bool, seconds: float = 20.0) -> float:
        """Wait until something is heard, or nothing; the moment."""
        deadline = time.perf_counter() + seconds
        while (self.peak > GONE) != heard:
            if time.perf_counter() > deadline:
                raise RuntimeError(f"{'nothing' if heard else 'something'} was heard; {self.lines[-3:]}")
            time.sleep(0.0002)
        return time.perf_counter()

    def do(self, cell: str) -> None:
        outcome = self.stage.enter(cell).result(60.0)
        if not outcome.ok:
            raise RuntimeError(outcome.text)


def edit_times(times: int) -> Callable[[Performance], list[tuple[str, list[float]]]]:
    """From Enter to the first block that differs, ms."""

    def work(p: Performance) -> list[tuple[str, list[float]]]:
        ways = {
            "a param (gain.level)": ("g0.level = -20", "g0.level = -60"),
            "a wire": ("s0 >> mix", "cut(s0, mix)"),
            "a new node and its wires": ("t = sine(freq=440) >> mix", "del sine1"),
            "insert a node": ("insert(svf(), g0, mix); g0.level = -20", "g0.level = -60; del svf1; g0 >> mix"),
            "a kind replaced": ("g0 = pan()", "g0 = gain(level=-60)"),
        }
        found: list[tuple[str, list[float]]] = []
        for way, (there, back) in ways.items():
            spans = []
            for turn in range(times + 1):
                p.until(heard=False)
                time.sleep(QUIET)
                begun = time.perf_counter()
                outcome = p.stage.enter(there)
                spans.append(1000.0 * (p.until(heard=True) - begun))
                if not outcome.result(10.0).ok:
                    raise RuntimeError(outcome.result().text)
                p.do(back)
                if turn == 0:
                    spans.clear()  # the first compiles
            found.append((way, spans))
        return found

    return work


def save_times(times: int) -> Callable[[Performance], list[tuple[str, list[float]]]]:
    """From a saved file to the first block that differs, ms."""

    def work(p: Performance) -> list[tuple[str, list[float]]]:
        text = p.path.read_text()
        loud = text.replace("level = -60.0", "level = -20.0", 1)
        node = p.path.parent / "nodes" / "whistle.py"
        patches, nodes = [], []
        for _ in range(times):
            p.until(heard=False)
            time.sleep(QUIET)
            begun = time.perf_counter()
            p.path.write_text(loud)
            patches.append(1000.0 * (p.until(heard=True) - begun))
            p.path.write_text(text)
        p.until(heard=False)
        p.do("whistle() >> mix")
        for turn in range(max(3, times // 3)):
            p.until(heard=False)
            time.sleep(3.0)  # a process for the next trial gets warm meanwhile
            begun = time.perf_counter()
            node.write_text(NODE.replace("{level}", f"0.{turn + 1}"))
            nodes.append(1000.0 * (p.until(heard=True) - begun))
            node.write_text(NODE.replace("{level}", "0.0"))
        return [("the patch file, a param", patches), ("a node file, new code", nodes)]

    return work


def hog(seconds: float, way: str) -> Callable[[Performance], dict[str, float]]:
    """Blocks that did not run in time while Python is busy for so long."""

    def work(p: Performance) -> dict[str, float]:
        other = None
        if way == "a cell that never ends":
            p.stage.enter("while True: pass")
        elif way == "the same in another process":
            other = multiprocessing.get_context("spawn").Process(target=elsewhere, args=(seconds,), daemon=True)
            other.start()
            time.sleep(0.5)
        time.sleep(0.1)
        before, begun = p.session.engine.statistics(), time.perf_counter()
        time.sleep(seconds)
        after, ended = p.session.engine.statistics(), time.perf_counter()
        asked = time.perf_counter()
        if way == "a cell that never ends":
            p.stage.interrupt()
            while p.stage.running:
                time.sleep(0.001)
        stopped = time.perf_counter()
        if other is not None:
            other.join()
        expected = (ended - begun) * RATE / BLOCK
        return {
            "ran": (after.blocks - before.blocks) / expected,
            "xruns": after.xruns - before.xruns,
            "late": after.late - before.late,
            "stop": 1000.0 * (stopped - asked),
        }

    return work


def elsewhere(seconds: float) -> None:
    end = time.monotonic() + seconds + 1.0
    busy(lambda: time.monotonic() > end)


def toolbar_cost(seconds: float) -> dict[str, float]:
    """Per cent of a core that `graphflow live` takes at its prompt, and `graphflow play` takes without one."""
    found = {}
    for name, command in (("live, its toolbar at 4 Hz", "live"), ("play, its status line", "play")):
        main, child = pty.openpty()
        environment = {**os.environ, "PROMPT_TOOLKIT_NO_CPR": "1", "TERM": "xterm-256color", "COLUMNS": "120"}
        program = [sys.executable, "-m", "graphflow", command, "02-night-bass", "--device", "null"]
        process = subprocess.Popen(program, stdin=child, stdout=child, stderr=child, env=environment)
        os.close(child)
        drain = threading.Thread(target=read_all, args=(main,), daemon=True)
        drain.start()
        time.sleep(6.0)
        before = spent(process.pid)
        time.sleep(seconds)
        found[name] = 100.0 * (spent(process.pid) - before) / seconds
        process.send_signal(signal.SIGTERM)
        process.wait(20.0)
        os.close(main)
    return found


def read_all(descriptor: int) -> None:
    try:
        while os.read(descriptor, 65536):
            pass
    except OSError:
        return


def spent(pid: int) -> float:
    """Seconds of processor time, of all threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def perform(text: str, work: Callable[[Performance], Any]) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "nodes").mkdir()
        (Path(folder) / "nodes" / "whistle.py").write_text(NODE.replace("{level}", "0.0"))
        result = Performance(Path(folder), text, work).run()
    if isinstance(result, Exception):
        raise SystemExit(f"{type(result).__name__}: {result}")
    return result


def measure(parts: list[str], times: int, seconds: float) -> list[str]:
    lines: list[str] = []
    with Jack():
        rows = []
        if "edits" in parts:
            rows += [("Enter", *row) for row in perform(patch_text(NODES), edit_times(times))]
        if "saves" in parts:
            rows += [("saved", *row) for row in perform(patch_text(NODES), save_times(times))]
        if rows:
            lines += ["| from | what | times | median ms | 95 % ms | longest ms |", "|---|---|---|---|---|---|"]
            for start, what, spans in rows:
                middle, most = np.percentile(spans, [50, 95])
                lines.append(f"| {start} | {what} | {len(spans)} | {middle:.1f} | {most:.1f} | {max(spans):.1f} |")
        if "hog" in parts:
            lines += ["", f"| for {seconds:g} s | blocks that ran, % | xruns | late blocks | stopped within ms |"]
            lines += ["|---|---|---|---|---|"]
            for way in ("nothing", "the same in another process", "a cell that never ends"):
                r = perform(patch_text(NODES), hog(seconds, way))
                stop = f"{r['stop']:.0f}" if way.startswith("a cell") else "-"
                lines.append(f"| {way} | {100 * r['ran']:.2f} | {r['xruns']:.0f} | {r['late']:.0f} | {stop} |")
    if "toolbar" in parts:
        lines += ["", "| at rest | % of a core |", "|---|---|"]
        lines += [f"| {name} | {cost:.1f} |" for name, cost in toolbar_cost(seconds).items()]
    return lines


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--only", nargs="+", choices=PARTS, default=list(PARTS))
    arguments.add_argument("--times", type=int, default=30)
    arguments.add_argument("--seconds", type=float, default=10.0)
    arguments.add_argument("-o", "--output", type=Path)
    chosen = arguments.parse_args()
    load = os.getloadavg()[0]
    lines = measure(chosen.only, chosen.times, chosen.seconds)
    processor = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines() if "model name" in line),
        platform.processor(),
    )
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    head = [
        "# Live coding",
        "",
        f"{datetime.date.today()}, {processor}, {os.cpu_count()} cores, load average {load:.1f} at the start, Python "
        f"{platform.python_version()}; jackd's dummy device without real-time priority, {RATE} Hz, {BLOCK} frames; a "
        f"patch of {NODES} nodes; at most {memory:.0f} MB.",
        "Command: `python bench/live.py -o bench/live.md`.",
        "",
    ]
    text = "\n".join([*head, *lines]) + "\n"
    print(text)
    if chosen.output:
        chosen.output.write_text(text)


if __name__ == "__main__":
    main()
