"""How long after a control was moved does its sound begin? Two streams, alike to the last bit; one of them is changed.

Both play from a real worker process through real rings, in real time; what stands in for the sound card is a loop that
reads a block whenever one is due. The first sample in which they differ is the control's first sound. Noise depends on
seed and chunk alone, so nothing else can tell the two apart.

    python bench/control_latency.py FOLDER --device cuda:0 --trials 10
"""

from __future__ import annotations

import argparse
import random
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from graphflow.audio.ring import RingReader
from graphflow.worker.link import GeneratorLink
from graphflow.worker.workers import Workers

RATE, BLOCK = 48_000, 128
MODES: dict[str, dict[str, Any]] = {
    "ahead of time, 0.3 s": {"just_in_time": False, "rollback": False, "lookahead": "off"},
    "just in time": {"just_in_time": True, "rollback": False, "lookahead": "off"},
    "and rollback": {"just_in_time": True, "rollback": True, "lookahead": "off"},
    "and looking ahead": {"just_in_time": True, "rollback": True, "lookahead": "on"},
}
ALIKE = 0.35
"""Seconds that both have to be alike before a trial counts, and in which a difference is waited for."""
TRIES = 8
"""Before the streams are opened anew."""


@dataclass(frozen=True)
class Row:
    """Milliseconds from publishing a change to its first sample, before the sound card."""

    mode: str
    trials: int
    p50: float
    p95: float
    statistics: str

    def __str__(self) -> str:
        return f"| {self.mode} | {self.trials} | {self.p50:.1f} | {self.p95:.1f} |"


class Card:
    """Reads both rings block by block as the wall's clock goes."""

    def __init__(self, workers: Workers, links: list[GeneratorLink]) -> None:
        self.workers, self.links = workers, links
        self.readers = [RingReader(link.ring) for link in links]
        self.heard: list[list[np.ndarray]] = [[] for _ in links]
        self.frame = 0
        self.lines: list[str] = []
        self._began = time.perf_counter()

    def until(self, frame: int) -> None:
        while self.frame < frame:
            due = int((time.perf_counter() - self._began) * RATE) // BLOCK * BLOCK
            while self.frame < min(due, frame):
                for reader, blocks in zip(self.readers, self.heard, strict=True):
                    blocks.append(reader.read(self.frame, BLOCK))
                self.frame += BLOCK
            self.lines += [str(event) for event in self.workers.poll(self.frame, BLOCK) if event.kind != "echo"]
            time.sleep(0.001)

    def since(self, frame: int) -> list[np.ndarray]:
        """What each has played from `frame` on, [2, frames]."""
        first = frame // BLOCK
        return [np.concatenate(blocks[first:], axis=1)[:, frame - first * BLOCK :] for blocks in self.heard]


def measure(weights: str, device: str, precision: str, mode: str, trials: int, seconds: float = 90.0) -> Row:
    """One mode. Raises RuntimeError where the streams do not come to be alike."""
    ended = time.perf_counter() + seconds
    while True:
        try:
            return played(weights, device, precision, mode, trials, ended)
        except NeverAlike as fault:
            if time.perf_counter() > ended:
                raise RuntimeError(f"{mode}: {fault}") from fault


class NeverAlike(Exception):
    """The chunks of the two begin at frames that differ by no whole chunks, and always will."""


def played(weights: str, device: str, precision: str, mode: str, trials: int, ended: float) -> Row:
    """Both streams opened once. Raises NeverAlike, RuntimeError."""
    workers = Workers()
    settings = {"model": weights, "device": device, "precision": precision, "watch": False, **MODES[mode]}
    try:
        links = [
            workers.open(name, "magenta", settings, rate=RATE, channels=2, start_frame=0) for name in ("still", "moved")
        ]
        card = Card(workers, links)
        states: list[dict[str, Any]] = [state(0) for _ in links]
        for link, own in zip(links, states, strict=True):
            link.publish(own, 0)
        while not all(link.ready for link in links):
            card.until(card.frame + 10 * BLOCK)
            if time.perf_counter() > ended or any(link.state == "failed" for link in links):
                raise RuntimeError("\n".join(card.lines) or "the model was not ready in time")
        chance = random.Random(1)
        latencies: list[float] = []
        asked = 0
        while len(latencies) < trials and time.perf_counter() < ended:
            asked += 1
            for link in links:
                link.publish(state(asked), card.frame)
            card.until(card.frame + round(0.5 * RATE))
            card.until(card.frame + round(ALIKE * RATE) + chance.randrange(1920) // BLOCK * BLOCK)
            if differs(card.since(card.frame - round(ALIKE * RATE))) is not None:
                if asked >= TRIES and not latencies:
                    break
                continue  # they began their streams a chunk apart
            moved = card.frame
            links[1].publish(state(asked, seed=1000 + asked), moved)
            card.until(moved + round(ALIKE * RATE) // BLOCK * BLOCK)
            if (first := differs(card.since(moved))) is not None:
                latencies.append(1000.0 * first / RATE)
        if not latencies:
            raise NeverAlike(f"the two streams were never alike in {asked} tries")
        p50, p95 = np.percentile(latencies, [50, 95])
        return Row(mode, len(latencies), float(p50), float(p95), str(links[1].statistics()))
    finally:
        workers.close()


def state(resets: int, seed: int = 0) -> dict[str, Any]:
    """Another seed is what surely changes the next chunk, whatever the weights."""
    codes = [(37 * n) % 1024 for n in range(12)]
    return {
        "params": {"reset": float(resets), "seed": float(seed)},
        "style": {"parts": [{"tokens": codes, "weight": 1.0}]},
    }


def differs(heard: list[np.ndarray]) -> int | None:
    """The first frame in which the two are not the same."""
    still, moved = heard
    loud = max(float(np.abs(still).max()), 1e-6)
    apart = np.flatnonzero(np.abs(still - moved).max(axis=0) > 1e-3 * loud)
    return int(apart[0]) if len(apart) else None


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=Path)
    arguments.add_argument("--device", default="auto")
    arguments.add_argument("--precision", default="auto")
    arguments.add_argument("--trials", type=int, default=10)
    chosen = arguments.parse_args()
    print("| mode | trials | p50 ms | p95 ms |\n|---|---|---|---|")
    for mode in MODES:
        row = measure(str(chosen.folder), chosen.device, chosen.precision, mode, chosen.trials)
        print(row, flush=True)
        print(f"    {row.statistics}")


if __name__ == "__main__":
    main()
