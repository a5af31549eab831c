"""What is asked of the engine and what the audio thread noted, brought together as a take's events."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphflow.audio.edits import Edit
from graphflow.audio.instance import Instance
from graphflow.audio.journal import PLENTY, Noted, numbers
from graphflow.core.patch import Patch
from graphflow.core.patch_write import data
from graphflow.session.take import Event
from graphflow.session.take_changes import changes, tree_changes
from graphflow.session.take_kinds import KindFiles, digest
from graphflow.session.take_workers import WorkerEvents


class TakeEvents:
    """Collects events until they are `taken`. What was asked for must be told before the notes about it."""

    def __init__(self, kinds: KindFiles) -> None:
        self.lost = 0
        """Frames of sound that found no room."""
        self.workers = WorkerEvents(self.write, self.doubt)
        self._kinds = kinds
        self._events: list[Event] = []
        self._edits: dict[int, tuple[Edit, int]] = {}
        self._sets: dict[int, tuple[Instance, str, float, int]] = {}
        self._keys: dict[int, str] = {}
        self._python: set[int] = set()
        self._doubted: set[str] = set()
        self._instances: list[str] = []
        self._links: list[tuple[Any, ...]] = []
        self._patch: dict[str, Any] = {}
        self._wires: list[str] = []

    def taken(self) -> list[Event]:
        """The events since the last call."""
        taken, self._events = self._events, []
        return taken

    def write(self, event: Event) -> None:
        self._events.append(event)

    def doubt(self, why: str, frame: int, *, once: bool = False) -> None:
        """From a frame on a replay may sound different."""
        if not once or why not in self._doubted:
            self._doubted.add(why)
            self.write({"inexact": why, "frame": frame})

    # --- what was asked for -------------------------------------------------------------------------------------------

    def edit(self, number: int, edit: Edit, now: int) -> None:
        self._edits[number] = edit, now

    def command(self, number: int, instance: Instance, param: str, value: float, glide: int) -> None:
        self._sets[number] = instance, param, value, glide

    def patch(self, patch: Patch, frame: int) -> None:
        now = data(patch)
        wires = now.pop("wires", [])
        change = {"patch": tree_changes(self._patch, now), "wires": changes(self._wires, wires)}
        if change["patch"] or change["wires"]:
            self.write({**change, "frame": frame})
        self._patch, self._wires = now, wires

    # --- what came of it ----------------------------------------------------------------------------------------------

    def note(self, note: NDArray[np.int64]) -> None:
        """One of the journal's notes."""
        kind, frame, first, second = map(int, note[:4])
        if kind == Noted.PIECE:
            self.write({"piece": first, "frame": frame})
        elif kind == Noted.PLAN:
            self._plan(first, frame)
        elif kind == Noted.SET:
            self._set(first, frame, lost=not second)
        elif kind == Noted.GAIN:
            gain, target, step = numbers(note)
            self.write({"gain": gain, "frame": frame, "target": target, "step": step})
        elif kind == Noted.RING:
            self._ring(first, frame, second, int(note[4]), int(note[5]))
        else:
            self.lost += first
            self.write({"lost": first, "frame": frame, "of": "out" if kind == Noted.OUT_LOST else "heard"})

    def _plan(self, number: int, frame: int) -> None:
        event: Event = {"plan": number, "frame": frame}
        for older in [older for older in self._edits if older < number]:
            del self._edits[older]  # withdrawn, or played to its end
        if number in self._edits:
            edit, now = self._edits.pop(number)
            for instance in edit.score.instances.values():
                self._introduce(instance)
            instances = list(edit.score.instances)
            links = [(k.source, k.outlet, k.dest, k.inlet, k.delay) for k in edit.score.links]
            event["edit"] = {
                "begun": now,
                "at": edit.at_frame,
                "fade": edit.fade_frames,
                "mode": edit.mode,
                "inherits": dict(edit.inherits),
                "instances": changes(self._instances, instances),
                "links": changes(self._links, links),
            }
            self._instances, self._links = instances, links
        self.write(event)

    def _set(self, number: int, frame: int, *, lost: bool) -> None:
        asked = self._sets.pop(number, None)
        if asked is not None and not lost:
            instance, param, value, glide = asked
            self._introduce(instance)  # one that waits to be played may be set already
            self.write({"set": f"{instance.key}.{param}", "frame": frame, "value": value, "glide": glide})

    def _ring(self, generation: int, frame: int, epoch: int, start: int, written: int) -> None:
        key, seen = self._keys[generation], None if written == PLENTY else written
        if generation in self._python and seen is not None and epoch and start <= frame:
            self.doubt(f"{key}: its Python was too slow", frame, once=True)
        self.write({"ring": key, "frame": frame, "epoch": epoch, "start": start, "written": seen})

    def _introduce(self, instance: Instance) -> None:
        if instance.generation in self._keys:
            return
        self._keys[instance.generation] = instance.key
        if instance.spec.room == "audio" and instance.ring is not None:
            self._python.add(instance.generation)
        number, fresh = self._kinds.of(instance.spec)
        if fresh is not None:
            self.write(fresh)
        event = {"new": instance.key, "name": instance.name, "kind": number, "values": instance.values}
        event |= {"channels": instance.channels, "foreign": instance.foreign}
        if instance.files:
            event["files"] = {name: digest(samples.tobytes()) for name, samples in instance.files.items()}
        self.write(event)
