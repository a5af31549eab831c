"""What the engine costs, and whether it comes in time. Writes bench/engine.md.

python bench/engine.py                    all tables, about 12 minutes; better on a machine that does nothing else
python bench/engine.py overhead memory    some of them: late, overhead, voices, memory
python bench/engine.py --peers PYTHON     the interpreter that has signalflow, pyo and nanosynth installed
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from datetime import date
from pathlib import Path
from typing import Any

import late_blocks
import numba
import numpy as np

HERE = Path(__file__).parent
RESULT = HERE / "engine.md"
TABLES = ("late", "overhead", "voices", "memory")
PEERS = ("signalflow", "pyo", "nanosynth")
NAMES = {
    "graphflow": "graphflow, the benchmark's own voice",
    "graphflow_library": "graphflow, saw and svf of the library",
    "nanosynth": "nanosynth (SuperCollider's engine)",
}


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *(list(row) for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def spread(values: Iterable[float], form: str = ".2f") -> str:
    """Median and range."""
    known = sorted(values)
    return f"{np.median(known):{form}} ({known[0]:{form}} to {known[-1]:{form}})"


def late(options: argparse.Namespace) -> str:
    found = late_blocks.run(options.seconds, options.runs, print)
    rows = []
    for load in late_blocks.LOADS:
        for way in late_blocks.WAYS:
            if (way, load) in found:
                results = found[way, load]
                middle = np.median([r["durations"] for r in results], axis=0)
                rows.append([
                    load, way, spread(100 * r["late"] for r in results),
                    *(f"{100 * np.median([r[what] for r in results]):.1f}" for what in ("ran", "flagged")),
                    " / ".join(f"{d:.3f}" for d in middle),
                ])  # fmt: skip
    head = ("load", "way", "late, %", "ran, %", "flagged, %", "own duration, ms: median / 99 % / longest")
    return "\n\n".join((
        "## Late blocks",
        f"{late_blocks.VOICES} voices, delay, reverb and limiter; 128 frames at 48 kHz (2.667 ms) on jackd's dummy "
        f"device, {options.seconds:g} s a run, {options.runs} runs of each, interleaved; median (range) over runs. "
        "`native` is the engine as it plays; `python` is the same engine and patch in a Python callback; `control` is "
        "`native` with the load in another process: what it loses, the machine loses. Late: did not run, or was "
        "flagged by the device.",
        table(head, rows),
    ))  # fmt: skip


def overhead(options: argparse.Namespace) -> str:
    """Nanoseconds a node costs beside its own work: plans of many nodes less a plan of none, blocks of one frame."""
    import bench_nodes

    from graphflow.audio.engine import Engine
    from graphflow.core.library import Library
    from graphflow.core.plan import Link

    library = Library.builtin()

    def block_ns(spec: Any, count: int, frames: int) -> float:
        engine = Engine(48000.0)
        source = engine.make("source", library["noise"].spec, {})
        made = [engine.make(f"n{i}", spec, {}) for i in range(count)]
        links = [Link(source.key, "out", node.key, "input") for node in made]
        engine.play([source, *made], links)
        for _ in range(4000):
            engine.run(frames)
        return float(np.median(engine.durations()[-3000:]))

    rows = []
    for name, spec in (("copy", bench_nodes.Copy.spec), ("gain", library["gain"].spec), ("svf", library["svf"].spec)):
        cells = [name]
        for frames in (1, 128):
            cells.append(
                spread(((block_ns(spec, 64, frames) - block_ns(spec, 0, frames)) / 64 for _ in range(5)), ".0f")
            )
        rows.append(cells)
    return "\n\n".join((
        "## Cost of a node",
        "Nanoseconds per node and block, from the callback's own clock: a plan of 64 nodes less a plan of none, median "
        "(range) of 5. A block of one frame is almost all overhead: the call, the context, the fault flag, the guard "
        "against non-finite samples and the meter. Aim: under 60 ns. Copy does nothing but copy.",
        table(("node", "block of 1 frame, ns", "block of 128 frames, ns"), rows),
    ))  # fmt: skip


def cpu(python: str, engine: str, count: int, seconds: float) -> float | None:
    path = os.pathsep.join(filter(None, (str(HERE.parent), os.environ.get("PYTHONPATH"))))
    done = subprocess.run(
        [python, str(HERE / "voices.py"), engine, str(count), str(seconds)],
        capture_output=True, text=True, timeout=300, check=False, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    return float(done.stdout.splitlines()[-1]) if done.returncode == 0 else None


def rtf(options: argparse.Namespace) -> str:
    counts, engines = (16, 64, 256), ["graphflow", "graphflow_library", *PEERS]
    found: dict[tuple[str, int], list[float]] = {}
    failed = []
    for _ in range(options.runs):
        for engine in engines:
            python = options.peers if engine in PEERS else sys.executable
            for count in counts:
                short, long = (cpu(python, engine, count, seconds) for seconds in (2.0, 12.0))
                if short is None or long is None:
                    failed.append(engine)
                    continue
                found.setdefault((engine, count), []).append(10.0 / (long - short))
                print(f"{engine}, {count} voices: RTF {found[engine, count][-1]:.1f}")
    rows = []
    for engine in engines:
        if engine in failed:
            rows.append([NAMES.get(engine, engine), *["did not run here"] * 4])
            continue
        costs = [2666.7 / np.median(found[engine, n]) for n in counts]
        rows.append([
            NAMES.get(engine, engine), *(spread(found[engine, n], ".1f") for n in counts),
            f"{(costs[2] - costs[1]) / (256 - 64):.2f}",
        ])  # fmt: skip
    return "\n\n".join((
        "## Voices",
        "RTF (seconds of sound per second of CPU; more is faster) of N voices of saw, 2-pole low-pass, gain and pan, "
        "into delay, reverb and limiter, 48 kHz stereo, blocks of 128, offline: 12 s less 2 s of one thread, median "
        f"(range) of {options.runs}. Not alike: graphflow's delay, reverb (eight modulated lines) and limiter (looks "
        "ahead) are its own; signalflow has no reverb or limiter, so it gets Freeverb's combs and all-passes, and a "
        "clip; pyo has a compressor, SuperCollider a limiter. The library's saw is band-limited; all others are naive.",
        table(("engine", *(f"N = {n}" for n in counts), "us per voice and block"), rows),
    ))  # fmt: skip


def memory(options: argparse.Namespace) -> str:
    """The main process of `graphflow play`, kernels cached, models in their workers."""
    rows = []
    for patch in ("01-first-light",):
        command = [sys.executable, "-m", "graphflow", "play", patch, "--device", "null", "--seconds", "8"]
        for _ in range(2):  # the first fills the cache
            process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            highest, torch = 0, False
            while process.poll() is None:
                try:
                    status = Path(f"/proc/{process.pid}/status").read_text()
                    torch |= "libtorch" in Path(f"/proc/{process.pid}/maps").read_text()
                except OSError:
                    break
                highest = max([highest, *(int(x.split()[1]) for x in status.splitlines() if x.startswith("VmHWM"))])
                time.sleep(0.1)
            code = process.wait()
        rows.append([patch, f"{highest / 1024:.0f}", "yes" if torch else "no", str(code)])
    head = ("patch", "largest resident, MiB", "torch in it", "exit code")
    return "\n\n".join((
        "## Memory of the main process",
        "`graphflow play PATCH --device null --seconds 8` with a warm kernel cache. Aim: under 250 MB, without torch.",
        table(head, rows),
    ))  # fmt: skip


MAKE: dict[str, Callable[[argparse.Namespace], str]] = {
    "late": late,
    "overhead": overhead,
    "voices": rtf,
    "memory": memory,
}


def machine() -> str:
    known = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    models = [line.split(":")[1].strip() for line in known.splitlines() if line.startswith("model name")]
    load = f"{os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else "unknown"
    return (
        f"{models[0] if models else platform.processor()}, {os.cpu_count()} cores, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}, numba {numba.__version__}; {date.today()}; "
        f"load average at the start {load}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the engine; writes bench/engine.md.")
    parser.add_argument("tables", nargs="*", help=f"which of {', '.join(TABLES)}; all when none is named")
    parser.add_argument("--seconds", type=float, default=10.0, help="length of a run on the device")
    parser.add_argument("--runs", type=int, default=3, help="how often each is measured")
    parser.add_argument("--peers", default=sys.executable, help="a Python that has the other engines installed")
    options = parser.parse_args()
    wanted = options.tables or list(TABLES)
    if unknown := [name for name in wanted if name not in TABLES]:
        parser.error(f"no table is called {unknown[0]!r}; expected {', '.join(TABLES)}")
    if "late" in wanted and not shutil.which("jackd"):
        print("late: jackd is missing; left out")
        wanted.remove("late")
    old = RESULT.read_text(encoding="utf-8").split("\n## ") if RESULT.exists() else []
    kept = {part.splitlines()[0]: part for part in old[1:]}
    where = machine()
    for name in wanted:
        text = MAKE[name](options).removeprefix("## ")
        title, rest = text.split("\n", 1)
        kept[title] = f"{title}\n\n{where}; `python bench/engine.py {' '.join(sys.argv[1:])}`\n{rest}\n"
        order = ("Late blocks", "Cost of a node", "Voices", "Memory of the main process")
        parts = [kept[title] for title in order if title in kept]
        RESULT.write_text(
            "# The engine, measured\n\n" + "".join(f"## {p.strip()}\n\n" for p in parts), encoding="utf-8"
        )
        print(f"wrote {name} to {RESULT}")


if __name__ == "__main__":
    main()
