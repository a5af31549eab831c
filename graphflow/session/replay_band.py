"""A generator in a replay: its worker makes again what it made, chunk by chunk, with what it was told then.

The audio thread reads from a ring that shows at every moment just what the worker's ring showed, so that a sound that
came too late is too late again, to the frame.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from graphflow.audio.ring import FADE, Ring, Word
from graphflow.session import take_changes
from graphflow.session.take import Event
from graphflow.worker.link import GeneratorLink
from graphflow.worker.workers import Workers

NEVER_SHORT = 1 << 62
"""`written` of a ring that holds all that is asked for."""


@dataclass(frozen=True)
class Step:
    """What happened when `at` chunks were made: `begin` of an epoch, the last chunk made `again`, a `snapshot`."""

    at: int
    do: str
    event: Event


def steps(events: Iterable[Event]) -> deque[Step]:
    """What a generator's worker did besides making chunks, in order; of the snapshots those that were gone back to."""
    events = list(events)
    used = {event["restored"] for event in events if event["do"] == "begun" and event["restored"] > 0}
    made = [
        Step(event["chunk"], "begin", event) if event["do"] == "begun" else Step(event["chunk"] + 1, "again", event)
        for event in events
        if event["do"] == "begun" or (event["do"] == "echo" and event["again"])
    ]
    for event in events:
        if event["do"] == "snapshot" and event["seq"] in used:
            place = (event["chunk"], event["again"])
            later = (n for n, s in enumerate(made) if (s.at, s.event.get("again", 0)) > place)
            made.insert(next(later, len(made)), Step(event["chunk"], "snapshot", event))
    return deque(made)


def with_states(events: Iterable[Event]) -> Iterator[Event]:
    """The events, each echo with the whole state that it speaks of."""
    state: dict[str, Any] = {}
    for event in events:
        if event["do"] == "echo":
            state = take_changes.state_changed(state, event)
            event = {**event, "state": state}
        yield event


class Band:
    """One generator. `ring` is what the audio thread reads; `prepare` makes what it will find there."""

    def __init__(self, workers: Workers, link: GeneratorLink, events: Iterable[Event]) -> None:
        self.link, self.ring = link, Ring.local(link.ring.channels, link.ring.capacity)
        self._workers = workers
        events = list(with_states(events))
        self._steps = steps(events)
        self._told: dict[tuple[int, int], Any] = {}
        self._wants: defaultdict[int, dict[str, Any]] = defaultdict(dict)
        for event in events:
            if event["do"] == "echo" and not event["again"]:
                self._wants[event["chunk"]]["echo"] = event
            elif event["do"] == "heard":
                self._wants[event["chunk"]]["heard"] = event["heard"]
            elif event["do"] == "told":
                self._told[event["chunk"], event["again"]] = event["told"]
        self._chunks = self._epoch = 0
        self._seen: Event = {"epoch": 0, "start": 0, "written": 0}
        self._begun = False

    def see(self, event: Event) -> None:
        """From here on the audio thread sees this epoch, its start, and up to where there was sound (None: enough)."""
        self._seen = event
        self.ring.words[Word.START] = event["start"]
        self.ring.words[Word.WRITTEN] = NEVER_SHORT if event["written"] is None else event["written"]
        self.ring.words[Word.EPOCH] = event["epoch"]

    def prepare(self, frame: int, frames: int) -> None:
        """Have everything that the audio thread will read of the next frames. Raises WorkerError."""
        seen, end = self._seen, frame + frames
        while self._epoch < seen["epoch"]:
            if not self._go_on():
                return
        need = seen["written"] if seen["written"] is not None else end + FADE if end > seen["start"] else 0
        while self._epoch == seen["epoch"] and self.link.ring.written < need:
            if self._steps and self._steps[0].at <= self._chunks and self._steps[0].do == "begin":
                return  # no more of this epoch was made
            self._go_on()

    def close(self) -> None:
        self.link.close()

    def _go_on(self) -> bool:
        """Do the next thing that was done; False where nothing is known of it."""
        if self._steps and self._steps[0].at <= self._chunks:
            self._do(self._steps.popleft())
            return True
        if not self._begun:
            return False
        wants = self._wants.pop(self._chunks, {})
        if "echo" in wants:
            self.link.publish(wants["echo"]["state"], wants["echo"]["frame"])
        start = self.link.ring.written
        self.link.ask("chunk", heard=wants.get("heard"), told=self._told.pop((self._chunks, 0), None))
        self._chunks += 1
        self._copy(start)
        while self._steps and self._steps[0].at == self._chunks and self._steps[0].do != "begin":
            self._do(self._steps.popleft())
        return True

    def _do(self, step: Step) -> None:
        event = step.event
        if step.do == "begin":
            if event["restored"] >= 0 and self._begun:
                self._workers.begin_anew(self.link, restore=event["restored"] > 0)
            self._begun = True
            self.link.ask("begin", start=event["start"], position=event["position"])
            self._epoch = event["epoch"]
        elif step.do == "again":
            self.link.publish(event["state"], event["frame"])
            told = self._told.pop((event["chunk"], event["again"]), None)
            self.link.ask("again", frame=event["frame"], told=told)
            self._copy(event["frame"])
        else:
            self.link.ask("snapshot")

    def _copy(self, start: int) -> None:
        made = self.link.ring
        end = made.written
        self.ring.data[:, np.arange(start, end) % self.ring.capacity] = made.frames(start, end)
