"""A take played again: every edit, number and chunk at the frame where it took effect, and so the same sound."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from graphflow.audio.edits import Edit, Score
from graphflow.audio.engine import Engine
from graphflow.audio.instance import Instance
from graphflow.audio.ring import Ring
from graphflow.audio.trial import Trials, passed
from graphflow.core.errors import UserError
from graphflow.core.library import Library
from graphflow.core.node import Spec
from graphflow.core.plan import DEVICE, Link
from graphflow.session import sound_files, take
from graphflow.session.replay_band import Band
from graphflow.session.take import Event, read_events, read_head
from graphflow.session.take_changes import changed
from graphflow.session.take_kinds import KindsFound, digest
from graphflow.worker.workers import Workers


@dataclass(frozen=True)
class ReplayStatistics:
    """How far it is: frames, edits and numbers so far, generators that play."""

    frame: int
    edits: int
    sets: int
    generators: int

    def __str__(self) -> str:
        return f"frame {self.frame}: {self.edits} edits, {self.sets} numbers, {self.generators} generators"


class Replay:
    """One take on the manual clock. `report` gets a line for everything that may make it sound different.

    `trusted`: whether node files that came with the take may be run. Raises UserError where the take cannot be
    played.
    """

    def __init__(
        self,
        folder: Path,
        library: Library,
        *,
        trusted: bool = False,
        report: Callable[[str], None] = lambda line: None,
        workers: Workers | None = None,
    ) -> None:
        self.folder, self.head = folder, read_head(folder)
        self.rate = self.head.rate
        self.engine = Engine(self.rate, seed=self.head.seed)
        self.lost: list[tuple[int, int]] = []
        """Frames that are not in the take's own sound, and how many: its disk was too slow."""
        self._report, self._workers, self._trials = report, workers or Workers(), Trials()
        self._kinds = KindsFound(folder / take.NODES, library, trusted=trusted)
        self._worker_events: defaultdict[str, list[Event]] = defaultdict(list)
        self._instances: dict[str, Instance] = {}
        self._bands: dict[str, Band] = {}
        self._score: tuple[list[str], list[Any]] = [], []
        self._count = self.edits = self.sets = 0
        self._do: dict[str, Callable[[Event], None]] = {
            "kind": self._kind, "new": self._new, "plan": self._plan, "set": self._set,
            "piece": self._piece, "gain": self._gain, "ring": self._ring,
        }  # fmt: skip
        self.frames = self._look_through()
        """Length of the take."""
        self._heard = self._opened(take.HEARD) if self.head.heard else None
        self.engine.channels(2 if self._heard else 0, 2)

    def blocks(self) -> Iterator[NDArray[np.float32]]:
        """Its sound from the beginning, [frames, 2], in the pieces in which it was made. Raises UserError."""
        moments = (event for event in read_events(self.folder) if next(iter(event)) in self._do)
        for frame, events in groupby(moments, key=lambda event: event.get("frame", -1)):
            if frame >= self.frames:
                break
            if frame >= 0:
                yield from self._run(frame)
            for event in events:
                self._do[next(iter(event))](event)
        yield from self._run(self.frames)

    def own_sound(self) -> soundfile.SoundFile:
        """What was heard then. Raises UserError."""
        return self._opened(take.AUDIO)

    def close(self) -> None:
        self._workers.close()
        self._trials.close()
        if self._heard is not None:
            self._heard.close()

    def statistics(self) -> ReplayStatistics:
        return ReplayStatistics(self.engine.frame, self.edits, self.sets, len(self._bands))

    def __str__(self) -> str:
        return str(self.statistics())

    # --- beforehand ---------------------------------------------------------------------------------------------------

    def _look_through(self) -> int:
        """Collect what has to be known early; the length of the take in frames."""
        end = 0
        for event in read_events(self.folder):
            what = next(iter(event))
            if what == "generator":
                self._worker_events[event["generator"]].append(event)
            elif what == "lost" and event["of"] == "out":
                self.lost.append((event["frame"], event["lost"]))
            elif what in ("lost", "inexact"):
                why = event.get("inexact", f"{event.get('lost')} frames of what the sound card heard were lost")
                self._report(f"from {event['frame'] / self.rate:.2f} s on it may sound different: {why}")
            elif what == "end":
                end = event["end"]
        if not end:  # it was cut off: as much as there is sound of
            with self._opened(take.AUDIO) as sound:
                end = sound.frames + sum(frames for _, frames in self.lost)
        return int(end)

    def _opened(self, name: str) -> soundfile.SoundFile:
        try:
            return soundfile.SoundFile(self.folder / name)
        except (soundfile.LibsndfileError, OSError) as error:
            raise UserError(f"{self.folder / name}: it cannot be read ({str(error).rstrip('.')})") from error

    # --- one frame after the other ------------------------------------------------------------------------------------

    def _run(self, until: int) -> Iterator[NDArray[np.float32]]:
        engine = self.engine
        while (frame := engine.frame) < until:
            count = min(self._count or until - frame, until - frame)
            for band in self._bands.values():
                band.prepare(frame, count)
            heard = None
            if self._heard is not None:
                heard = np.zeros((count, 2), np.float32)
                read = self._heard.read(count, dtype="float32", always_2d=True)
                heard[: len(read)] = read
            yield engine.run(count, heard)

    def _kind(self, event: Event) -> None:
        known = len(self._kinds.changed)
        self._kinds.introduce(event)
        for kind in self._kinds.changed[known:]:
            self._report(f"{kind} is another version than in the take, and may sound different")

    def _new(self, event: Event) -> None:
        spec: Spec = self._kinds[event["kind"]]
        name, values = event["name"], event["values"]
        if event["foreign"] and spec.room == "audio":
            self._try_first(spec)
        files = {n: self._sound_file(f"nodes.{name}.{n}", str(values[n]), d) for n, d in event.get("files", {}).items()}
        channels, foreign = event["channels"], event["foreign"]
        made = self.engine.make(name, spec, values, files=files, foreign=foreign, channels=channels)
        self._instances[event["new"]] = made
        if spec.tapes:  # nobody empties it: what was written to a file then is not written again
            made.ring = Ring.local(max(tape.channels for tape in spec.tapes.values()), 1024).words
        elif spec.room == "worker":
            self._open(event["new"], made)

    def _try_first(self, spec: Spec) -> None:
        if not spec.cls.native or passed(spec).exists():  # type: ignore[attr-defined]
            return
        if fault := self._trials.run(spec.file, [spec.kind]):
            raise UserError(fault)

    def _sound_file(self, place: str, file: str, wanted: str) -> NDArray[np.float32]:
        samples = sound_files.load(place, file, Path(self.head.folder), self.rate)
        if digest(samples.tobytes()) != wanted:
            self._report(f"{place} is {file!r}, which has changed since the take")
        return samples

    def _open(self, key: str, instance: Instance) -> None:
        events = self._worker_events[key]
        opened = next((event for event in events if event["do"] == "open"), None)
        if opened is None:  # the take was cut off before there was any sound of it
            instance.ring = Ring.local(2, 1024).words
            return
        model = str(instance.spec.cls.generator)  # type: ignore[attr-defined]  # never one that only the take names
        link = self._workers.open(
            instance.name, model, opened["settings"], rate=self.rate, channels=opened["channels"],
            start_frame=0, lockstep=True, hears=opened["hears"], repeats=True,
        )  # fmt: skip
        band = self._bands[key] = Band(self._workers, link, [e for e in events if e["do"] != "open"])
        instance.ring = band.ring.words
        instance.heard = link.heard.words if link.heard is not None else None

    def _plan(self, event: Event) -> None:
        edit: Mapping[str, Any] | None = event.get("edit")
        if edit is None:
            self.engine.repeat(None)
            return
        self.edits += 1
        self._score = changed(self._score[0], edit["instances"]), changed(self._score[1], edit["links"])
        keys = {key: instance.key for key, instance in self._instances.items()} | {DEVICE: DEVICE}
        score = Score(
            {keys[key]: self._instances[key] for key in self._score[0]},
            tuple(Link(keys[a], outlet, keys[b], inlet, delay) for a, outlet, b, inlet, delay in self._score[1]),
        )
        inherits = {keys[new]: keys[old] for new, old in edit["inherits"].items()}
        self.engine.repeat(Edit(score, edit["fade"], edit["at"], edit["mode"], inherits), edit["begun"])
        for key in [key for key, instance in self._instances.items() if not self.engine.has(instance)]:
            del self._instances[key]
            if key in self._bands:
                self._bands.pop(key).close()

    def _set(self, event: Event) -> None:
        key, _, param = event["set"].partition(".")
        if key in self._instances:  # else it is of no consequence, or the take has lost what came before
            self.sets += 1
            self.engine.command(self._instances[key], param, event["value"], event["glide"])

    def _piece(self, event: Event) -> None:
        self._count = event["piece"]

    def _gain(self, event: Event) -> None:
        self.engine.put_gain(event["gain"], event["target"], event["step"])

    def _ring(self, event: Event) -> None:
        if event["ring"] in self._bands:
            self._bands[event["ring"]].see(event)
