"""Magenta RealTime 2 small on a CPU, beside the official package on the same cores in the same run.

    python bench/mrt2.py --official /path/to/python -o bench/mrt2.md

The official package (`magenta-rt[jax]` 2.0.3) lives in an environment of its own, whose Python is named with
--official; without it only ours is measured. Every measurement is a process of its own, kept to its cores before
anything counts them; ours and theirs take turns, --rounds times, and medians of the rounds' medians are compared.
Weights are random at the released sizes. On a GPU: bench/mrt2_gpu.py.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
OURS = ("float32", "bfloat16", "int8", "int4")
THEIRS = ("float32", "bfloat16")


def ours(precision: str, cores: int, chunks: int, *, pipelined: bool) -> dict[str, Any]:
    """Measure ours in this process."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    import torch

    from graphflow.models.magenta.config import SMALL
    from graphflow.models.magenta.cpu import CpuStep, PipelinedStep
    from graphflow.models.magenta.invented import Drawn, model_shapes
    from graphflow.models.magenta.model import build

    model = build(SMALL, Drawn(model_shapes(SMALL), torch.device("cpu")), None, "cpu", precision)
    step = (PipelinedStep if pipelined else CpuStep)(model.lm, model.decoder, 1, model.device, cores=cores)
    wanted = step.wanted
    wanted.running.fill_(True)
    wanted.temperature.fill_(1.1)
    wanted.top_k.fill_(50)
    wanted.conditions.fill_(-1)
    wanted.conditions[:, :12] = torch.arange(12)
    wanted.conditions[:, 141:] = torch.tensor([13, 17, 5])
    times = []
    with torch.inference_mode():
        for n in range(chunks + 5):
            begun = time.perf_counter()
            step.run()
            if n >= 5:
                times.append(time.perf_counter() - begun)
    return {"median_s": float(np.median(times)), "p99_s": float(np.percentile(times, 99)), "chunks": chunks}


def measured(command: list[str]) -> dict[str, Any]:
    """Run one measurement; what it prints last is its result."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=400, cwd=HERE.parent)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-600:]}")
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def run(official: str, cores: list[int], rounds: int, chunks: int) -> dict[tuple[str, str, int], list[dict[str, Any]]]:
    """All measurements, ours and theirs in turn."""
    jobs: list[tuple[tuple[str, str, int], list[str]]] = []
    for number in cores:
        mine = [sys.executable, str(Path(__file__)), "--ours", "--cores", str(number), "--chunks", str(chunks)]
        for precision in OURS:
            jobs.append((("graphflow", precision, number), [*mine, "--precision", precision]))
        if number > 1:
            jobs.append((("graphflow, pipelined", "int8", number), [*mine, "--precision", "int8", "--pipelined"]))
        peer = [official, str(HERE / "mrt2_official.py"), "--cores", str(number), "--chunks", "20"]
        if official:
            jobs[-4:-4] = [(("official", dtype, number), [*peer, "--dtype", dtype]) for dtype in THEIRS]
    found: dict[tuple[str, str, int], list[dict[str, Any]]] = {}
    for turn in range(rounds):
        for key, command in jobs:
            result = measured(command)
            found.setdefault(key, []).append(result)
            name, precision, number = key
            print(
                f"round {turn + 1}: {name} {precision}, {number} cores: {1000 * result['median_s']:.1f} ms",
                file=sys.stderr,
                flush=True,
            )
    return found


def table(found: dict[tuple[str, str, int], list[dict[str, Any]]]) -> list[str]:
    lines = [
        "| | numbers | cores | median ms | p99 ms | RTF | times official float32 |",
        "|---|---|---|---|---|---|---|",
    ]
    middle = {key: float(np.median([result["median_s"] for result in results])) for key, results in found.items()}
    for key, results in sorted(found.items(), key=lambda item: (item[0][2], item[0][0] == "official", item[0])):
        name, precision, number = key
        median, slow = middle[key], float(np.median([result["p99_s"] for result in results]))
        peer = middle.get(("official", "float32", number))
        ratio = f"{peer / median:.1f}" if peer else "not measured"
        lines.append(
            f"| {name} | {precision} | {number} | {1000 * median:.1f} | {1000 * slow:.1f} | "
            f"{0.04 / median:.2f} | {ratio} |"
        )
    return lines


def processor() -> str:
    info = Path("/proc/cpuinfo")
    names = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor()


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--official", default=os.environ.get("GRAPHFLOW_OFFICIAL_PYTHON", ""))
    arguments.add_argument("--cores", type=int, nargs="+", default=[1, 2])
    arguments.add_argument("--rounds", type=int, default=2)
    arguments.add_argument("--chunks", type=int, default=60)
    arguments.add_argument("-o", "--output", type=Path)
    arguments.add_argument("--ours", action="store_true", help=argparse.SUPPRESS)
    arguments.add_argument("--precision", default="int8", help=argparse.SUPPRESS)
    arguments.add_argument("--pipelined", action="store_true", help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.ours:
        print(json.dumps(ours(chosen.precision, chosen.cores[0], chosen.chunks, pipelined=chosen.pipelined)))
        return
    found = run(chosen.official, chosen.cores, chosen.rounds, chosen.chunks)
    lines = [
        "# Magenta RealTime 2 small on a CPU\n",
        f"{datetime.date.today()}, {processor()}, {os.cpu_count()} cores, Python {platform.python_version()}. One "
        "chunk is 40 ms of sound; RTF above 1 is faster than real time. Random weights of the released sizes; official "
        f"chunks: 20 a round, ours: {chosen.chunks}; {chosen.rounds} rounds, in turn.\n"
        "Command: `python bench/mrt2.py --official PYTHON -o bench/mrt2.md`.\n",
        *table(found),
    ]
    print("\n".join(lines))
    if chosen.output:
        chosen.output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
