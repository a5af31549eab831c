from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from graphflow.audio.ring import RingReader
from graphflow.worker.events import WorkerEvent
from graphflow.worker.link import GeneratorLink
from graphflow.worker.workers import Workers

RATE = 48_000
BLOCK = 480
"""Frames; 10 ms."""
MOST_BEHIND = 0.05
"""Seconds; when the machine keeps this process waiting longer, its sound card's clock waits too."""


class Player:
    """The audio thread and the session in one loop: reads each ring block by block as the wall's clock goes."""

    def __init__(self, workers: Workers, *links: GeneratorLink) -> None:
        self.workers = workers
        self.readers = [RingReader(link.ring) for link in links]
        self.heard: list[list[np.ndarray]] = [[] for _ in links]
        self.events: list[WorkerEvent] = []
        self.frame = 0
        self._began = time.monotonic()

    def until(self, condition: Callable[[], object], seconds: float = 20.0) -> None:
        """Play on until `condition` holds; fail when it does not within `seconds`."""
        deadline = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < deadline, [str(event) for event in self.events]
            select.select([], [], [], 0.005)  # until the next block is due
            behind = time.monotonic() - self._began - self.frame / RATE
            self._began += max(0.0, behind - MOST_BEHIND)
            while self.frame < (time.monotonic() - self._began) * RATE:
                for reader, blocks in zip(self.readers, self.heard, strict=True):
                    blocks.append(reader.read(self.frame, BLOCK))
                self.frame += BLOCK
            self.events += self.workers.poll(self.frame, BLOCK)

    def seconds(self, seconds: float) -> None:
        """Play on for `seconds` of sound."""
        end = self.frame + seconds * RATE
        self.until(lambda: self.frame >= end)

    def of(self, kind: str) -> list[WorkerEvent]:
        return [event for event in self.events if event.kind == kind]

    def sound(self, link: int = 0) -> np.ndarray:
        """All that was heard, [channels, frames]."""
        return np.concatenate(self.heard[link], axis=1)


@pytest.fixture
def player() -> type[Player]:
    return Player


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> Iterator[Workers]:
    """Workers that find the models beside the tests."""
    monkeypatch.syspath_prepend(Path(__file__).parent)
    workers = Workers()
    yield workers
    workers.close()
