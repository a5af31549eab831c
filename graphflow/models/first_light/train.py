"""Trains First Light from nothing: python -m graphflow.models.first_light.train

The composer writes the lessons, the transformer learns to continue them. Runs on one CPU core in under an hour,
can be stopped with Ctrl-C at any time and goes on from its last checkpoint when started again.
"""

from __future__ import annotations

import argparse
import json
import math
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from graphflow.models.first_light import symbols as sy
from graphflow.models.first_light.composer import compose
from graphflow.models.first_light.network import Conditions, Network, Shape

BARS = 32  # of a lesson
HELD_OUT = 200  # lessons that are only ever measured on


@dataclass(frozen=True)
class Lessons:
    """Composed pieces as arrays, ready to cut training windows from."""

    symbols: npt.NDArray[np.uint8]  # [pieces, steps, 8]
    clock: npt.NDArray[np.uint8]  # [pieces, steps, 4]
    chroma: npt.NDArray[np.uint8]  # [pieces, steps, 12]
    style: npt.NDArray[np.float32]  # [pieces, SCORE_SIZE + 1]: genres, moods, density
    mode: npt.NDArray[np.uint8]  # [pieces]


def write_lessons(count: int, seed: int, path: Path) -> Lessons:
    """Compose the training music, or read it back when the same was composed before."""
    if path.exists():
        with np.load(path) as stored:
            return Lessons(**{name: stored[name] for name in ("symbols", "clock", "chroma", "style", "mode")})
    rng = np.random.default_rng(seed)
    pieces = []
    for n in range(count):
        pieces.append(compose(rng, bars=BARS))
        progress(f"composing lessons {n + 1}/{count}", n + 1 == count)
    lessons = Lessons(
        np.stack([p.symbols for p in pieces]),
        np.stack([p.clock for p in pieces]),
        np.stack([p.chroma for p in pieces]),
        np.stack([np.append(p.style, np.float32(p.density)) for p in pieces]),
        np.array([sy.MODE_NAMES.index(p.mode) for p in pieces], dtype=np.uint8),
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".part.npz")
    np.savez(fresh, **vars(lessons))
    fresh.replace(path)
    return lessons


def windows(lessons: Lessons, batch: int, steps: int, rng: np.random.Generator) -> tuple[Tensor, Tensor, Conditions]:
    """A random batch: previous and current symbols with offsets, and what the network is told."""
    offsets = np.cumsum((0, *sy.SIZES[:-1]))
    bars = steps // 16
    piece = np.empty((batch, bars), dtype=np.int64)  # which piece each bar comes from
    for b in range(batch):
        # cuts from one piece to another teach it to follow what it is told and not only what it remembers
        cuts = int(rng.choice([0, 1, 2, 3], p=[0.3, 0.25, 0.25, 0.2]))
        edges = [0, *sorted(int(c) for c in rng.integers(1, max(2, bars), size=cuts)), bars]
        for first, last in pairwise(edges):
            piece[b, first:last] = rng.integers(len(lessons.symbols))
    piece = np.repeat(piece, 16, axis=1)
    starts = rng.integers(0, (BARS * 16 - steps) // 16 + 1, size=batch) * 16
    at = starts[:, None] + np.arange(steps)
    current = lessons.symbols[piece, at].astype(np.int64)
    clock = lessons.clock[piece, at].astype(np.int64)
    chroma = lessons.chroma[piece, at].astype(np.float32)
    # parts switched off, for a stretch or for all of it
    off = np.zeros((batch, steps, len(sy.PARTS)), dtype=np.float32)
    for b in range(batch):
        if rng.random() < 0.3:
            for part in range(len(sy.PARTS)):
                if rng.random() < 0.35:
                    first = int(rng.integers(steps)) if rng.random() < 0.5 else 0
                    off[b, first:, part] = 1.0
    for part, name in enumerate(sy.PARTS):
        for stream in sy.PART_STREAMS[name]:
            current[..., stream] *= (1.0 - off[..., part]).astype(np.int64)  # symbol 0 rests in every stream
    current = current + offsets
    silence = np.broadcast_to(offsets, (batch, 1, len(offsets)))
    previous = np.concatenate([silence, current[:, :-1]], axis=1)
    told = np.concatenate([lessons.style[piece], np.ones((batch, steps, 1), np.float32)], axis=2)
    free = rng.random(batch) < 0.12  # learns to play without any wish, for guidance
    told[free] = 0.0
    off[free] = 0.0
    chroma[(rng.random(batch) < 0.7) | free] = 0.0
    mode = lessons.mode[piece].astype(np.int64)
    return (
        torch.from_numpy(previous),
        torch.from_numpy(current),
        Conditions(*(torch.from_numpy(a) for a in (clock, mode, told, off, chroma))),
    )


def progress(line: str, last: bool = False, every: float = 10.0) -> None:
    """A line that rewrites itself on a terminal, a line every ten seconds elsewhere."""
    now = time.monotonic()
    live = sys.stderr.isatty()
    if not last and now - _shown[0] < (0.2 if live else every):
        return
    _shown[0] = now
    print(f"\r\x1b[K{line}" if live else line, end="\n" if last or not live else "", file=sys.stderr, flush=True)


_shown = [-1e9]  # monotonic second of the last line


def _save(path: Path, network: Network, optimiser: torch.optim.Optimizer, state: dict[str, object]) -> None:
    tensors = {f"network.{k}": v.contiguous() for k, v in network.state_dict().items()}
    names = [name for name, _ in network.named_parameters()]
    for i, slots in optimiser.state_dict()["state"].items():
        for key in ("exp_avg", "exp_avg_sq"):
            tensors[f"adam.{names[i]}.{key}"] = slots[key].contiguous()
    fresh = path.with_suffix(".part")
    save_file(tensors, fresh, metadata={"state": json.dumps(state)})
    fresh.replace(path)


def _load(path: Path, network: Network, optimiser: torch.optim.Optimizer) -> dict[str, float]:
    tensors = load_file(path)
    network.load_state_dict({k[8:]: v for k, v in tensors.items() if k.startswith("network.")})
    state = _metadata(path)
    for name, parameter in network.named_parameters():
        optimiser.state[parameter] = {
            "step": torch.tensor(float(state["step"])),
            **{key: tensors[f"adam.{name}.{key}"] for key in ("exp_avg", "exp_avg_sq")},
        }
    return state


def _metadata(path: Path) -> dict[str, float]:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        return dict(json.loads(file.metadata()["state"]))


def batches(lessons: Lessons, args: argparse.Namespace, step: int) -> Iterator[tuple[Tensor, Tensor, Conditions]]:
    while True:  # each step draws from its own generator, so a resumed run sees what an unbroken one would
        yield windows(lessons, args.batch, args.window, np.random.default_rng((args.seed, 1, step)))
        step += 1


def commit() -> str:
    try:
        run = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"],
            capture_output=True,
            text=True,
            cwd=Path(__file__).parent,
            check=True,
        )
        return run.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def train(args: argparse.Namespace) -> None:
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    folder = Path(args.folder)
    folder.mkdir(parents=True, exist_ok=True)
    lessons = write_lessons(args.pieces, args.seed, folder / f"lessons-{args.seed}-{args.pieces}.npz")
    held_out = write_lessons(HELD_OUT, args.seed + 1, folder / f"heldout-{args.seed + 1}-{HELD_OUT}.npz")
    shape = Shape(window=args.window)
    network = Network(shape)
    optimiser = torch.optim.AdamW(network.parameters(), lr=args.rate, betas=(0.9, 0.98), weight_decay=0.05)
    checkpoint = folder / "checkpoint.safetensors"
    step, spent = 0, 0.0
    if checkpoint.exists() and not args.fresh:
        state = _load(checkpoint, network, optimiser)
        step, spent = int(state["step"]), float(state["seconds"])
        print(f"going on at step {step} of {args.steps}", file=sys.stderr)
    began, saved = time.monotonic() - spent, time.monotonic()
    figures: dict[str, object] = {}

    def keep() -> None:
        figures.update(step=step, seconds=round(time.monotonic() - began, 1), seed=args.seed, steps=args.steps)
        figures.update(batch=args.batch, window=args.window, pieces=args.pieces, commit=commit(), rate=args.rate)
        _save(checkpoint, network, optimiser, {**figures, "shape": shape.to_json()})
        (folder / "checkpoint.json").write_text(json.dumps({**figures, "shape": shape.to_json()}, indent=1))

    for name in (signal.SIGINT, signal.SIGTERM):  # also where a shell started this with interrupts ignored
        signal.signal(name, signal.default_int_handler)
    smooth = math.nan
    source = batches(lessons, args, step)
    try:
        while step < args.steps:
            previous, current, told = next(source)
            part = step / args.steps
            rate = args.rate * min(1.0, (step + 1) / 200) * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * part)))
            for group in optimiser.param_groups:
                group["lr"] = rate
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.bfloat16):
                losses = network(previous, current, told)
            loss = losses.sum()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            step += 1
            nats = float(loss.detach())
            smooth = nats if math.isnan(smooth) else 0.98 * smooth + 0.02 * nats
            took = time.monotonic() - began
            left = took / step * (args.steps - step)
            progress(
                f"step {step}/{args.steps}  {smooth:.3f} nats per 16th  {took / 60:.1f} min, {left / 60:.0f} min left",
                step == args.steps,
            )
            if time.monotonic() - saved > args.save_every or step == args.steps:
                figures["train_nats"] = round(smooth, 4)
                figures["heldout_nats"] = [round(n, 4) for n in check(network, held_out, args)]
                print(f"\nheld out: {sum(figures['heldout_nats']):.3f} nats per 16th", file=sys.stderr)  # type: ignore[call-overload]
                keep()
                saved = time.monotonic()
    except KeyboardInterrupt:
        keep()
        print(f"\nstopped at step {step}; start again to go on", file=sys.stderr)


@torch.no_grad()
def check(network: Network, lessons: Lessons, args: argparse.Namespace) -> list[float]:
    """Nats per step and stream on music the network never saw."""
    totals = torch.zeros(len(sy.STREAMS))
    for n in range(4):
        previous, current, told = windows(lessons, args.batch, args.window, np.random.default_rng((args.seed, 2, n)))
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=args.bfloat16):
            totals += network(previous, current, told)
    return [float(t) for t in totals / 4]


def parser() -> argparse.ArgumentParser:
    p = argparse.ArgumentParser(prog="python -m graphflow.models.first_light.train", description=__doc__)
    p.add_argument("--folder", default="runs/first_light", help="where lessons and checkpoints are kept")
    p.add_argument("--seed", type=int, default=1)
    p.add_argument("--pieces", type=int, default=9000, help="pieces of 32 bars to compose")
    p.add_argument("--steps", type=int, default=2200, help="training steps; may be changed when going on")
    p.add_argument("--batch", type=int, default=8)
    p.add_argument("--window", type=int, default=256, help="16th notes per training window, and of memory")
    p.add_argument("--rate", type=float, default=1.5e-3, help="highest learning rate")
    p.add_argument("--threads", type=int, default=1)
    p.add_argument("--save-every", type=float, default=120.0, help="seconds between checkpoints")
    p.add_argument(
        "--bfloat16", action="store_true", help="faster on processors that have it, ten times slower on others"
    )
    p.add_argument("--fresh", action="store_true", help="begin again even where a checkpoint is")
    return p


if __name__ == "__main__":
    train(parser().parse_args())
