"""Magenta RealTime 2 small on a CPU: where a chunk's time goes in each precision, and what the precision costs.

    python bench/mrt2_cpu.py -o bench/mrt2_cpu.md
    python bench/mrt2_cpu.py --precisions int8 --cores 1 2 4 --chunks 200

Weights are random at the released sizes: time does not depend on them, and what rounding does to the logits of random
weights is only a hint of what it does to music. In turn: each round measures every way once, and the table has the
medians over all rounds and the best chunk. On a machine that others use too the best is what the program can do.
"""

from __future__ import annotations

import argparse
import datetime
import os
import platform
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from graphflow.models.magenta.codec.decoder import Decoder, played
from graphflow.models.magenta.codec.fast import FastDecoder, adopt
from graphflow.models.magenta.config import CODES, SMALL, Config
from graphflow.models.magenta.cpu import CpuStep, PipelinedStep
from graphflow.models.magenta.cpu_lm import CpuLanguageModel
from graphflow.models.magenta.invented import Drawn, model_shapes
from graphflow.models.magenta.model import Model, build

PRECISIONS = ("float32", "bfloat16", "int8", "int4")
CPU = torch.device("cpu")
WARM_UP = 5
LIKELY = 40
"""The codes that the default top-k leaves."""


@dataclass(frozen=True)
class Fidelity:
    """What a precision does to the distribution of codes at temperature 1, teacher-forced, against float32: mean
    Kullback-Leibler divergence in nats, share of the 40 likeliest codes that stay, share of chunks' codes whose
    likeliest stays."""

    divergence: float
    likely: float
    first: float


@dataclass
class Times:
    """Seconds of each chunk."""

    whole: list[float] = field(default_factory=list)
    model: list[float] = field(default_factory=list)
    codec: list[float] = field(default_factory=list)


@dataclass(frozen=True)
class Row:
    """One precision on so many cores; milliseconds a chunk. `pipelined`: the same with codec and model side by side."""

    precision: str
    cores: int
    model: float
    codec: float
    median: float
    p99: float
    best: float
    pipelined: float
    fidelity: Fidelity

    @property
    def rtf(self) -> float:
        return 40.0 / self.median

    def __str__(self) -> str:
        f = self.fidelity
        times = (self.model, self.codec, self.median, self.p99, self.best)
        pipelined = f"{40.0 / self.pipelined:.2f}" if self.cores > 1 else "-"
        return (
            f"| {self.precision} | {self.cores} | {' | '.join(f'{ms:.1f}' for ms in times)} | {self.rtf:.2f} | "
            f"{40.0 / self.best:.2f} | {pipelined} | {f.divergence:.1e} | {100 * f.likely:.1f} | {100 * f.first:.1f} |"
        )


class Timed(CpuStep):
    """Notes how long each half takes."""

    times: Times

    def _compose(self, running: list[int]) -> Tensor:
        begun = time.perf_counter()
        ids = super()._compose(running)
        if hasattr(self, "times"):
            self.times.model.append(time.perf_counter() - begun)
        return ids

    def _sound(self, running: list[int]) -> Tensor:
        begun = time.perf_counter()
        sound = super()._sound(running)
        if hasattr(self, "times"):
            self.times.codec.append(time.perf_counter() - begun)
        return sound


def song(config: Config, chunks: int) -> tuple[Tensor, Tensor]:
    """Conditions [N, 144] and ids [N, levels]."""
    random = np.random.default_rng(1)
    conditions = np.full((chunks, 144), -1)
    conditions[:, :12] = random.integers(0, CODES, 12)
    conditions[:, 141:] = (13, 17, 5)
    ids = 6 + CODES * np.arange(config.levels) + random.integers(0, CODES, (chunks, config.levels))
    return torch.from_numpy(conditions), torch.from_numpy(ids)


def drawn(config: Config, precision: str) -> Model:
    """The same weights every time, in that precision."""
    return build(config, Drawn(model_shapes(config), CPU), None, "cpu", precision)


def fidelity(exact: Tensor, made: Tensor) -> Fidelity:
    """Of logits before the cap [N, levels, 1024]."""
    right, wrong = (torch.log_softmax(30.0 * torch.tanh(x / 30.0), -1).flatten(0, 1) for x in (exact, made))
    tops = [x.topk(LIKELY, -1).indices for x in (right, wrong)]
    kept = (tops[0][:, :, None] == tops[1][:, None]).any(-1).float().mean()
    same = (tops[0][:, 0] == tops[1][:, 0]).float().mean()
    return Fidelity(float((right.exp() * (right - wrong)).sum(-1).mean()), float(kept), float(same))


def signal_to_noise(decoder: Decoder, codes: Tensor) -> float:
    """Of the fast decoder against the decoder as it is written, dB."""
    memory, quick, fast = decoder.memory(1), adopt(decoder.memory(1)), FastDecoder(decoder)
    signal = noise = 0.0
    for each in codes:
        wave, memory = decoder(each[None], memory)
        expected = played(wave)[0]
        signal += float(expected.square().sum())
        noise += float((fast(each, quick, 0) - expected).square().sum())
    return 10.0 * float(np.log10(signal / noise))


def measure(step: CpuStep, chunks: int) -> Times:
    """The step's chunks one after the other, as a render asks for them."""
    step.wanted.running.fill_(True)
    step.wanted.temperature.fill_(1.1)
    step.wanted.top_k.fill_(50)
    step.wanted.conditions.copy_(song(SMALL, 1)[0])
    times = Times()
    for number in range(WARM_UP + chunks):
        if number == WARM_UP and isinstance(step, Timed):
            step.times = times
        begun = time.perf_counter()
        step.run()
        if number >= WARM_UP:
            times.whole.append(time.perf_counter() - begun)
    return times


ALLOWED = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def keep_to(cores: int) -> None:
    """This thread, and threads that it makes, on so many processors; 0: all."""
    if ALLOWED:
        os.sched_setaffinity(0, ALLOWED[: cores or None])


@torch.inference_mode()
def rows(
    precisions: Sequence[str] = PRECISIONS, cores: Sequence[int] = (1, 2), chunks: int = 60, rounds: int = 2
) -> Iterator[Row]:
    """The table's rows, as they are measured."""
    torch.set_num_threads(1)
    conditions, ids = song(SMALL, 6)
    exact = drawn(SMALL, "float32").lm.trace(conditions, ids).logits
    for precision in precisions:
        keep_to(0)
        model = drawn(SMALL, precision)
        quality = fidelity(exact, CpuLanguageModel(model.lm).trace(conditions, ids)[1])
        for number in cores:
            keep_to(number)
            serial, side_by_side = Times(), Times()
            for _ in range(rounds):
                for kind, into in ((Timed, serial), (PipelinedStep, side_by_side)):
                    step = kind(model.lm, model.decoder, 1, CPU, cores=number)
                    made = measure(step, chunks)
                    for all_, some in zip(vars(into).values(), vars(made).values(), strict=True):
                        all_.extend(some)
                    step.close()
            ms = {name: 1000.0 * np.array(values) for name, values in vars(serial).items()}
            yield Row(
                precision,
                number,
                float(np.median(ms["model"])),
                float(np.median(ms["codec"])),
                float(np.median(ms["whole"])),
                float(np.percentile(ms["whole"], 99)),
                float(ms["whole"].min()),
                1000.0 * float(np.median(side_by_side.whole)),
                quality,
            )


HEAD = (
    "| numbers | cores | model ms | codec ms | median ms | p99 ms | best ms | RTF | RTF of the best | RTF pipelined | "
    "divergence, nats | likeliest 40 kept, % | likeliest kept, % |\n|" + "---|" * 13
)


def processor() -> str:
    """Its name, and the vector instructions that matter here."""
    info = Path("/proc/cpuinfo")
    if not info.is_file():
        return platform.processor()
    lines = [line.partition(":") for line in info.read_text().splitlines()]
    name = next((value.strip() for key, _, value in lines if key.startswith("model name")), platform.processor())
    flags = next((value.split() for key, _, value in lines if key.startswith(("flags", "Features"))), [])
    return f"{name} ({', '.join(f for f in ('avx2', 'avx512f', 'avx512_vnni', 'amx_int8', 'asimd') if f in flags)})"


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--precisions", nargs="+", default=list(PRECISIONS), choices=PRECISIONS)
    arguments.add_argument("--cores", type=int, nargs="+", default=[1, 2])
    arguments.add_argument("--chunks", type=int, default=60, help="of each way in each round (60)")
    arguments.add_argument("--rounds", type=int, default=2)
    arguments.add_argument("-o", "--output", type=Path)
    chosen = arguments.parse_args()
    with torch.inference_mode():
        decibels = signal_to_noise(drawn(SMALL, "int8").decoder, song(SMALL, 6)[1] % CODES)
    lines = [
        "# Magenta RealTime 2 small on a CPU, precision by precision\n",
        f"{datetime.date.today()}, {processor()}, {os.cpu_count()} cores, load average {os.getloadavg()[0]:.1f} at the "
        f"start, Python {platform.python_version()}, torch {torch.__version__}. A chunk is 40 ms of sound; RTF above 1 "
        f"is faster than real time. Random weights of the released sizes; {chosen.rounds} rounds of {chosen.chunks} "
        "chunks of each way. Pipelined: a chunk's codes are made while the chunk before is decoded, 40 ms later.\n"
        "Command: `python bench/mrt2_cpu.py -o bench/mrt2_cpu.md`.\n",
        f"The fast codec, which every precision but float32 plays with, is {decibels:.0f} dB above its difference from "
        "the codec as it is written (random weights, not music). Divergence, in nats, and the likeliest codes: against "
        "float32, each chunk's codes given.\n",
        HEAD,
    ]
    print("\n".join(lines), flush=True)
    for row in rows(chosen.precisions, chosen.cores, chosen.chunks, chosen.rounds):
        print(row, flush=True)
        lines.append(str(row))
    if chosen.output:
        chosen.output.write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
