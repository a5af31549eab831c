"""Magenta RealTime 2 on an NVIDIA GPU: control-to-sound latency, ms per chunk, sessions, deadlines. Three tables.

Weights are random at the real sizes: speed does not depend on them. The latency comes first, looking ahead before all.
Every row begins only while its stage has time, and is in the output file as soon as it is measured; a row that was not
reached, or whose stage was not asked for, says "not measured".

    python bench/mrt2_gpu.py -o bench/mrt2_gpu.md            # all of it, in less than 8 minutes
    python bench/mrt2_gpu.py --only latency                  # in less than 100 s
    python bench/mrt2_gpu.py --tiny                          # tiny sizes on the CPU: whether this file works
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

import numpy as np
import torch
from report import Report, Table

from graphflow.models.magenta.config import BASE, CHUNK, RATE, SMALL, CodecSizes, Config, Stack
from graphflow.models.magenta.invented import Drawn, model_shapes
from graphflow.models.magenta.model import Model, build
from graphflow.models.magenta.precision import weight_bytes
from graphflow.models.magenta.step import Step
from graphflow.models.magenta.streaming import StreamingGenerator

CHUNK_MS = 1000.0 * CHUNK / RATE
TINY = Config("tiny", 16, Stack(2, 32, 2, 16, 48, 4), Stack(2, 16, 1, 16, 32), CodecSizes(8, 16, 12, 2, 2))
STARTED = 20.0
"""Seconds that a row should have left to be worth beginning: a worker has to start, a step has to be captured."""


@dataclass(frozen=True)
class Plan:
    """What is measured where. `models`: sizes and the numbers of sessions; `minutes` of music for the deadlines."""

    device: str
    precision: str
    models: tuple[tuple[Config, tuple[int, ...]], ...]
    minutes: float
    chunks: int
    trials: int
    seconds: dict[str, float]

    @property
    def small(self) -> Config:
        return self.models[0][0]


GPU = Plan(
    "cuda:0",
    "bfloat16",
    ((SMALL, (1, 4, 16, 64, 200)), (BASE, (1, 16, 64))),
    minutes=10.0,
    chunks=400,
    trials=12,
    seconds={"latency": 95.0, "steps": 150.0, "deadlines": 200.0},
)
HERE = Plan(
    "cpu",
    "int8",
    ((TINY, (1, 2)),),
    minutes=0.01,
    chunks=5,
    trials=1,
    seconds={"latency": 200.0, "steps": 100.0, "deadlines": 100.0},
)


class Clock:
    """What is left of a stage's time."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    @property
    def left(self) -> float:
        return self._end - time.monotonic()


# --- the device -------------------------------------------------------------------------------------------------------


def wait_for(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def allocated(device: torch.device) -> int:
    """Bytes on the GPU; 0 on a CPU, where nobody counts."""
    return torch.cuda.memory_allocated(device) if device.type == "cuda" else 0


def bandwidth(device: torch.device) -> float:
    """Bytes per second of a large copy, read and written counted."""
    one = torch.empty(1 << (30 if device.type == "cuda" else 24), dtype=torch.uint8, device=device)
    other = torch.empty_like(one)
    times = []
    for _ in range(12):
        wait_for(device)
        began = time.perf_counter()
        other.copy_(one)
        wait_for(device)
        times.append(time.perf_counter() - began)
    return 2.0 * one.numel() / float(np.median(times))


def described(plan: Plan) -> str:
    device = torch.device(plan.device)
    name = "a CPU"
    if device.type == "cuda":
        properties = torch.cuda.get_device_properties(device)
        name = f"{properties.name}, {properties.multi_processor_count} multiprocessors"
    return (
        f"{datetime.date.today()}, {name}, torch {torch.__version__}, {os.cpu_count()} CPU cores; a large copy moves "
        f"{bandwidth(device) / 1e12:.2f} TB/s. Random weights, transformers in {plan.precision}, codec in float32 "
        "(on a GPU TF32 convolutions)."
    )


def drawn(plan: Plan, config: Config) -> Model:
    return build(config, Drawn(model_shapes(config), torch.device(plan.device)), None, plan.device, plan.precision)


# --- from a control to its sound --------------------------------------------------------------------------------------


def latency(plan: Plan, table: Table, clock: Clock) -> None:
    """Through a real worker process (see control_latency.py), from a checkpoint written here."""
    from control_latency import MODES, measure
    from safetensors.torch import save_file

    with tempfile.TemporaryDirectory() as folder:
        source = Drawn(model_shapes(plan.small), torch.device(plan.device))
        save_file({name: source.read(name).cpu() for name in source.names()}, Path(folder) / "model.safetensors")
        (Path(folder) / "config.json").write_text(json.dumps(plan.small.data()))
        if plan.device != "cpu":
            torch.cuda.empty_cache()
        for mode in reversed(MODES):
            if clock.left < STARTED:
                return
            most = 50.0 if mode == list(MODES)[-1] else 35.0
            began = time.monotonic()
            try:
                row = measure(folder, plan.device, plan.precision, mode, plan.trials, min(most, clock.left - 5.0))
            except RuntimeError as fault:
                table.put(mode, f"failed: {' '.join(str(fault).split())[:300]}")
                continue
            table.put(mode, row.trials, f"{row.p50:.1f}", f"{row.p95:.1f}")
            table.note(f"{mode}, in {time.monotonic() - began:.0f} s: {row.statistics}")


# --- one chunk --------------------------------------------------------------------------------------------------------


def read_bytes(model: Model) -> int:
    """What a step has to read at least: every matrix of the transformers and the codec once."""
    return weight_bytes(model.lm) + sum(w.numel() * w.element_size() for w in model.decoder.parameters())


def fill(step: Step) -> None:
    wanted, slots = step.wanted, step.batch.slots
    wanted.running.fill_(True)
    wanted.temperature.fill_(1.1)
    wanted.top_k.fill_(50)
    wanted.conditions.fill_(-1)
    wanted.conditions[:, :12] = torch.arange(12)
    wanted.conditions[:, 141:] = torch.tensor([13, 17, 5])  # guidance 1.6, 2.4, 4
    wanted.seed.copy_(torch.arange(slots))


def timed(run: Callable[[], object], chunks: int) -> np.ndarray:
    """Milliseconds of each chunk, from its orders on the host to its sound on the host."""
    times = np.empty(chunks)
    for n in range(chunks):
        began = time.perf_counter()
        run()
        times[n] = 1000.0 * (time.perf_counter() - began)
    return times


def steps(plan: Plan, table: Table, clock: Clock) -> None:
    device = torch.device(plan.device)
    speed = bandwidth(device)
    for config, sizes in plan.models:
        if clock.left < STARTED:
            return
        model = drawn(plan, config)
        floor = 1000.0 * read_bytes(model) / speed
        for slots in sizes:
            if clock.left < STARTED:
                return
            step = model.step(slots)
            fill(step)
            with torch.inference_mode():
                timed(step.run, 5)
                times = timed(step.run, plan.chunks if slots == 1 else max(1, plan.chunks // 4))
            p50, p99 = np.percentile(times, [50, 99])
            memory = allocated(device) / 1e9
            step.close()
            table.put(
                f"{config.name} | {slots}",
                *(f"{p50:.2f}", f"{p99:.2f}", f"{floor:.2f}", f"{CHUNK_MS / p50:.1f}"),
                *(f"{CHUNK_MS * slots / p50:.0f}", f"{memory:.1f}"),
            )
        del model
        if device.type == "cuda":
            torch.cuda.empty_cache()


# --- many chunks ------------------------------------------------------------------------------------------------------


def deadlines(plan: Plan, table: Table, clock: Clock) -> None:
    """Music as fast as it goes, through the generator as it is played: how many chunks took more than their 40 ms?"""
    for config, _ in plan.models:
        if clock.left < STARTED:
            return
        model = drawn(plan, config)
        for way, minutes in (("every guess wrong", plan.minutes / 10.0), ("looking ahead", plan.minutes)):
            if clock.left < STARTED:
                return
            # base takes twice small's time, and small comes first
            until = clock.left - 0.5 * (clock.left if config is not plan.models[-1][0] else 10.0)
            table.put(f"{config.name}, {way}", *row_of(model, minutes, until, wrong=way == "every guess wrong"))
        del model
        if plan.device != "cpu":
            torch.cuda.empty_cache()


def row_of(model: Model, minutes: float, seconds: float, *, wrong: bool) -> Iterator[str]:
    """`wrong`: another seed for every chunk, so that each costs two steps and a seam. Nothing is left out: not the
    first chunk, and not the first guess that was wrong."""
    generator = StreamingGenerator(model, 1, rehearsed=True)
    session = generator.open(1, ahead=True, rewinds=True)
    chunks, ended = max(3, round(minutes * 60.0 * 1000.0 / CHUNK_MS)), time.monotonic() + seconds
    before, times = allocated(model.device), []
    while len(times) < chunks and time.monotonic() < ended:
        if wrong:
            session.set("seed", len(times))
        began = time.perf_counter()
        sound = generator.step([session])
        times.append(1000.0 * (time.perf_counter() - began))
        if not np.isfinite(sound.peak):
            raise RuntimeError(f"chunk {len(times)} is not finite")
    grown = allocated(model.device) - before
    generator.close()
    p50, p99 = np.percentile(times, [50, 99])
    yield f"{len(times) * CHUNK_MS / 60_000.0:.1f} min"
    yield from (f"{p50:.2f}", f"{p99:.2f}", f"{max(times):.2f}", str(sum(t > CHUNK_MS for t in times)), str(grown))


# --- all of it --------------------------------------------------------------------------------------------------------

STAGES: dict[str, Callable[[Plan, Table, Clock], None]] = {"latency": latency, "steps": steps, "deadlines": deadlines}


def tables(plan: Plan) -> dict[str, Table]:
    from control_latency import MODES

    return {
        "steps": Table(
            "One chunk of 40 ms",
            "From orders on the host to sound on the host; floor: every weight read once at the copy's speed.",
            "model | sessions | p50 ms | p99 ms | floor ms | RTF | sessions at real time | GB",
            [f"{config.name} | {slots}" for config, sizes in plan.models for slots in sizes],
        ),
        "deadlines": Table(
            f"{plan.minutes:g} minutes of music, looking ahead, as fast as it goes",
            "And a tenth of that with another seed for every chunk, which then costs two steps and a seam.",
            "model | played | p50 ms | p99 ms | longest ms | over 40 ms | bytes grown",
            [f"{config.name}, {way}" for config, _ in plan.models for way in ("every guess wrong", "looking ahead")],
        ),
        "latency": Table(
            f"From a moved control to its first sample, {plan.small.name}, without the sound card",
            "",
            "mode | trials | p50 ms | p95 ms",
            list(reversed(MODES)),
        ),
    }


def run(plan: Plan, only: Sequence[str], report: Report) -> bool:
    """The stages asked for, most important first; whether all went well. One that fails does not stop the others."""
    well = True
    report.head = described(plan)
    report.write()
    began, given = time.monotonic(), 0.0
    for name, stage in STAGES.items():
        if name not in only:
            continue
        given += plan.seconds[name]
        try:
            stage(plan, report.tables[name], Clock(began + given - time.monotonic()))
        except Exception as fault:  # noqa: BLE001 - what the others measure is not lost with it
            report.tables[name].note(f"broken off: {type(fault).__name__}: {' '.join(str(fault).split())[:300]}")
            well = False
    return well


def main(given: Sequence[str] | None = None) -> int:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--only", default=",".join(STAGES), help="stages, separated by commas: %(default)s")
    arguments.add_argument("--seconds", type=float, help="for all stages asked for together")
    arguments.add_argument("--trials", type=int)
    arguments.add_argument("--tiny", action="store_true", help="tiny sizes on the CPU")
    arguments.add_argument("-o", "--output", type=Path)
    chosen = arguments.parse_args(given)
    only = chosen.only.split(",")
    if unknown := set(only) - set(STAGES):
        arguments.error(f"--only is {chosen.only!r}; expected some of {', '.join(STAGES)}; not {', '.join(unknown)}")
    if not chosen.tiny and not torch.cuda.is_available():
        sys.exit("no NVIDIA GPU here; nothing was measured")
    plan = HERE if chosen.tiny else GPU
    seconds, trials = dict(plan.seconds), chosen.trials or plan.trials
    if chosen.seconds:
        whole = sum(seconds[name] for name in only)
        seconds = {name: chosen.seconds * share / whole for name, share in seconds.items()}
    plan = Plan(**{**vars(plan), "seconds": seconds, "trials": trials})
    command = f"python bench/mrt2_gpu.py {' '.join(sys.argv[1:] if given is None else given)}".strip()
    report = Report("Magenta RealTime 2 on a GPU", command, tables(plan), chosen.output)
    return 0 if run(plan, only, report) else 1


if __name__ == "__main__":
    sys.exit(main())
