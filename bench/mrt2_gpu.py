"""Magenta RealTime 2 on an NVIDIA GPU: ms per chunk, sessions, deadlines, control-to-sound latency. One table.

Weights are random at the real sizes: speed does not depend on them. Every stage begins only while there is time, so
that the whole ends within --seconds; what was left out says "not measured".

    python bench/mrt2_gpu.py --seconds 280 -o bench/mrt2_gpu.md
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

import numpy as np
import torch

from graphflow.models.magenta.config import BASE, SMALL, Config
from graphflow.models.magenta.invented import Drawn, model_shapes
from graphflow.models.magenta.linear import Linear
from graphflow.models.magenta.model import Model, build
from graphflow.models.magenta.step import CapturedStep, Step
from graphflow.models.magenta.streaming import StreamingGenerator

CHUNK_MS = 40.0
MINUTES = 10


class Clock:
    """What is left of the time we have."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        return self._end - time.monotonic()


def bandwidth(device: torch.device) -> float:
    """Bytes per second of a large copy, read and written counted."""
    one = torch.empty(1 << 30, dtype=torch.uint8, device=device)
    other = torch.empty_like(one)
    times = []
    for _ in range(12):
        torch.cuda.synchronize()
        began = time.perf_counter()
        other.copy_(one)
        torch.cuda.synchronize()
        times.append(time.perf_counter() - began)
    return 2.0 * one.numel() / float(np.median(times))


def read_bytes(model: Model) -> int:
    """What a step has to read at least: every matrix of the transformers and the codec once."""
    matrices = [m.weight for m in model.lm.modules() if isinstance(m, Linear)]
    return sum(w.numel() * w.element_size() for w in [*matrices, *model.decoder.parameters()])


def fill(step: Step) -> None:
    wanted, slots = step.wanted, step.batch.slots
    wanted.running.fill_(True)
    wanted.temperature.fill_(1.1)
    wanted.top_k.fill_(50)
    wanted.conditions.fill_(-1)
    wanted.conditions[:, :12] = torch.arange(12)
    wanted.conditions[:, 141:] = torch.tensor([13, 17, 5])  # guidance 1.6, 2.4, 4
    wanted.seed.copy_(torch.arange(slots))


def timed(step: Step, chunks: int) -> np.ndarray:
    """Milliseconds of each chunk, from its orders on the host to its sound on the host."""
    for _ in range(5):
        step.run()
    times = np.empty(chunks)
    for n in range(chunks):
        began = time.perf_counter()
        step.run()
        times[n] = 1000.0 * (time.perf_counter() - began)
    return times


def steps(model: Model, sizes: tuple[int, ...], floor: float, clock: Clock) -> Iterator[str]:
    name = model.config.name
    for slots in sizes:
        if clock.left < 20.0:
            yield f"| {name} | {slots} | not measured | | | | |"
            continue
        step = CapturedStep(model.lm, model.decoder, slots, model.device)
        fill(step)
        times = timed(step, 400 if slots == 1 else 60)
        p50, p99 = np.percentile(times, [50, 99])
        memory = torch.cuda.memory_allocated() / 1e9
        step.close()
        yield (
            f"| {name} | {slots} | {p50:.2f} | {p99:.2f} | {floor:.2f} | {CHUNK_MS / p50:.1f} | "
            f"{CHUNK_MS * slots / p50:.0f} | {memory:.1f} |"
        )


def deadlines(model: Model, clock: Clock, reserve: float, *, lookahead: bool) -> str:
    """Ten minutes of music as fast as it goes, through the generator: how many chunks took more than their 40 ms?

    `reserve`: seconds to leave for what comes after.
    """
    name = f"{model.config.name}{', looking ahead' if lookahead else ''}"
    generator = StreamingGenerator(model, 1)
    session = generator.open(1, ahead=lookahead)
    for _ in range(10):
        generator.step()
    chunks = MINUTES * 60 * 25
    before = torch.cuda.memory_allocated()
    times = []
    while len(times) < chunks and clock.left > reserve:
        began = time.perf_counter()
        sound = generator.step([session])
        times.append(1000.0 * (time.perf_counter() - began))
        if not np.isfinite(sound.peak):
            raise RuntimeError(f"chunk {len(times)} is not finite")
    grown = torch.cuda.memory_allocated() - before
    generator.close()
    if not times:
        return f"| {name} | not measured | | | | | |"
    p50, p99 = np.percentile(times, [50, 99])
    return (
        f"| {name} | {len(times) / 1500:.1f} min | {p50:.2f} | {p99:.2f} | {max(times):.2f} | "
        f"{sum(t > CHUNK_MS for t in times)} | {grown} |"
    )


def latencies(clock: Clock, config: Config, trials: int) -> Iterator[str]:
    """Control-to-sound through a real worker process (see control_latency.py), from a checkpoint written here."""
    from control_latency import MODES, measure
    from safetensors.torch import save_file

    with tempfile.TemporaryDirectory() as folder:
        drawn = Drawn(model_shapes(config), torch.device("cuda"))
        save_file({name: drawn.read(name).cpu() for name in drawn.names()}, Path(folder) / "model.safetensors")
        import json

        (Path(folder) / "config.json").write_text(json.dumps(config.data()))
        torch.cuda.empty_cache()
        for mode in reversed(MODES):
            if clock.left < 25.0:
                yield f"| {mode} | not measured | | |"
                continue
            try:
                row = measure(folder, "cuda:0", "bfloat16", mode, trials, min(45.0, clock.left - 10.0))
            except RuntimeError as fault:
                yield f"| {mode} | failed: {' '.join(str(fault).split())[:300]} | | |"
                continue
            yield str(row)
            print(f"    {row.statistics}", file=sys.stderr, flush=True)


def table(clock: Clock, say: Callable[[str], None], trials: int) -> None:
    device = torch.device("cuda")
    speed = bandwidth(device)
    properties = torch.cuda.get_device_properties(device)
    say("# Magenta RealTime 2 on a GPU\n")
    say(
        f"{datetime.date.today()}, {properties.name}, {properties.multi_processor_count} multiprocessors, torch "
        f"{torch.__version__}, {os.cpu_count()} CPU cores; a large copy moves {speed / 1e12:.2f} TB/s. Random weights, "
        f"transformers in bfloat16, codec in float32 (TF32 convolutions).\nCommand: `python bench/mrt2_gpu.py`.\n"
    )
    say("## One chunk of 40 ms\n")
    say("From orders on the host to sound on the host; floor: every weight read once at the copy's speed.\n")
    say("| model | sessions | p50 ms | p99 ms | floor ms | RTF | sessions at real time | GB |")
    say("|---|---|---|---|---|---|---|---|")
    ten_minutes = []
    for config, sizes in ((SMALL, (1, 4, 16, 64, 200)), (BASE, (1, 16, 64))):
        model = build(config, Drawn(model_shapes(config), device), None, "cuda", "bfloat16")
        floor = 1000.0 * read_bytes(model) / speed
        for row in steps(model, sizes, floor, clock):
            say(row)
        reserve = clock.seconds * (0.5 if config is SMALL else 0.3)
        ten_minutes.append(deadlines(model, clock, reserve, lookahead=True))
        del model
        torch.cuda.empty_cache()
    say("\n## Ten minutes of music, looking ahead, as fast as it goes\n")
    say("| model | played | p50 ms | p99 ms | longest ms | over 40 ms | bytes grown |\n|---|---|---|---|---|---|---|")
    for row in ten_minutes:
        say(row)
    say("\n## From a moved control to its first sample, mrt2-small, without the sound card\n")
    say("| mode | trials | p50 ms | p95 ms |\n|---|---|---|---|")
    for row in latencies(clock, SMALL, trials):
        say(row)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--seconds", type=float, default=470.0)
    arguments.add_argument("--trials", type=int, default=12)
    arguments.add_argument("-o", "--output", type=Path)
    chosen = arguments.parse_args()
    if not torch.cuda.is_available():
        sys.exit("no NVIDIA GPU here; nothing was measured")
    lines: list[str] = []

    def say(line: str) -> None:
        print(line, flush=True)
        lines.append(line)
        if chosen.output:
            chosen.output.write_text("\n".join(lines) + "\n")

    table(Clock(chosen.seconds), say, chosen.trials)


if __name__ == "__main__":
    main()
