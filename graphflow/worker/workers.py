"""All worker processes of a session, and their supervision."""

from __future__ import annotations

import itertools
import time
from typing import Any

from graphflow.worker.events import WorkerEvent, WorkerStatistics
from graphflow.worker.life import Life
from graphflow.worker.link import GeneratorLink
from graphflow.worker.process import WorkerProcess, last_words

TRIES = 3
TRIES_SECONDS = 30.0
"""So many bad lives within so many seconds, and a generator has failed; a new state tries again, as often at most."""
LONGEST_POLL = 0.1
"""Seconds one poll may add to a worker's silence: a session that slept must not blame its workers."""


class Workers:
    """Generators of the same model and device share a process. Use it from one thread.

    A generator whose worker dies, stalls or raises is begun again from its last snapshot, with the newest state, in a
    new epoch of its ring; after three lives in a row without sound it has failed. In lockstep nothing is begun again:
    `fill` raises.
    """

    def __init__(self) -> None:
        self._processes: dict[tuple[str, str], WorkerProcess] = {}
        self._links: list[GeneratorLink] = []
        self._slots = itertools.count(1)
        self._polled = time.monotonic()

    def prepare(self, model: str, device: str = "auto") -> None:
        """Start the process of a model that is about to be opened, so that it loads while we do."""
        if (model, device) not in self._processes:
            process = self._processes[model, device] = WorkerProcess(model, device)
            process.send({"do": "prepare", "model": model})

    def open(
        self,
        node: str,
        model: str,
        settings: dict[str, Any],
        *,
        rate: int,
        channels: int,
        start_frame: int,
        lockstep: bool = False,
        hears: int = 0,
        repeats: bool = False,
    ) -> GeneratorLink:
        """Begin a generator; returns at once, while its worker is still starting.

        `model` is one of ours or a module's full name; `rate` in Hz; it begins at `start_frame` (absolute), or as
        soon after that as it can. `hears`: channels of the sound that goes to it. `repeats`: in a replay it makes
        no chunk that it is not asked for. Raises OSError where no process can be started.
        """
        link = GeneratorLink(
            node, model, settings, rate=rate, channels=channels, start_frame=start_frame, lockstep=lockstep,
            hears=hears, repeats=repeats,
        )  # fmt: skip
        try:
            self._begin(link, restore=False)
        except OSError:
            link.close()
            raise
        self._links.append(link)
        return link

    def begin_anew(self, link: GeneratorLink, *, restore: bool) -> None:
        """In a replay: end the generator's life and begin the next, from its last snapshot or from nothing."""
        link.leave()
        self._begin(link, restore=restore)

    def poll(self, now_frame: int, block: int = 0) -> list[WorkerEvent]:
        """What happened since the last call, which should be some 20 ms ago.

        `now_frame`: the play position; `block`: frames the sound card takes at once, 0 while nobody knows.
        """
        moment = time.monotonic()
        elapsed, self._polled = moment - self._polled, moment
        events: list[WorkerEvent] = []
        for process in self._processes.values():
            process.pump()
            events += logged(process)
        for link in self._links:
            link.observe(now_frame, elapsed, block)
        events += self._supervise(min(elapsed, LONGEST_POLL))
        for link in self._links:
            events += link.take_events()
        self._links = [link for link in self._links if not link.closed]
        return events

    def close(self) -> None:
        """End every worker. Nothing is left behind."""
        for link in self._links:
            link.close()
        for process in self._processes.values():
            process.end()
        self._links.clear()
        self._processes.clear()

    def statistics(self) -> tuple[WorkerStatistics, ...]:
        return tuple(process.statistics() for process in self._processes.values())

    def __str__(self) -> str:
        return "\n".join(str(statistics) for statistics in self.statistics()) or "no workers"

    def _begin(self, link: GeneratorLink, *, restore: bool) -> None:
        key = (link.model, link.device)
        process = self._processes.get(key)
        if process is None or not process.alive:
            process = self._processes[key] = WorkerProcess(*key)
        link.begin(process, next(self._slots), restore=restore)

    def _supervise(self, elapsed: float) -> list[WorkerEvent]:
        last_lines: list[WorkerEvent] = []
        for key, process in list(self._processes.items()):
            living = [link for link in self._links if link.life is not None and link.life.process is process]
            stalled = [link for link in living if link.stalled(elapsed)]
            if process.alive and not stalled:
                if not living:
                    process.end()
                    del self._processes[key]
                continue
            del self._processes[key]
            how = process.end()
            last_lines += logged(process)
            reason = "stalled" if stalled else f"{how}{last_words(process)}"
            for link in living:
                link.traceback = tuple(process.last_lines)
                self._begin_again(link, f"its worker {reason}", blame=not stalled or link in stalled)
        for link in self._links:
            if link.crash and link.life is not None:
                self._begin_again(link, link.crash)
            elif link.state == "failed" and link.changed and link.deaths and age(link.retried) > TRIES_SECONDS:
                link.retried = time.monotonic()
                link.deaths.clear()
                link.state = "restarting"
                self._begin(link, restore=False)
        return last_lines

    def _begin_again(self, link: GeneratorLink, reason: str, *, blame: bool = True) -> None:
        life: Life | None = link.life
        link.tell_of_death()
        link.leave()
        if blame and life is not None and not life.proven:
            link.deaths.append(time.monotonic())
        else:
            link.deaths.clear()
        if link.lockstep:
            link.fail(reason)
        elif len(link.deaths) == TRIES and age(link.deaths[0]) < TRIES_SECONDS:
            link.fail(f"{reason}, {TRIES} times before making sound; not started again until the patch changes")
        else:
            link.tell("died", f"{reason}; starting it again")
            link.state = "restarting"
            link.restarts += 1
            self._begin(link, restore=len(link.deaths) < TRIES - 1)  # it may be the snapshot that kills it


def logged(process: WorkerProcess) -> list[WorkerEvent]:
    """What it has said since it was last asked, one event per line."""
    nodes = ", ".join(listener.node for listener in process.listeners.values())
    return [WorkerEvent(nodes or process.model, "log", line) for line in process.lines()]


def age(moment: float) -> float:
    """Seconds since a monotonic moment."""
    return time.monotonic() - moment
