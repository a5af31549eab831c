"""Writing a take while it is played: a thread that empties what the audio thread and the session leave for it."""

from __future__ import annotations

import json
import threading
from collections import Counter, defaultdict, deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from graphflow.audio.edits import Edit
from graphflow.audio.instance import Instance
from graphflow.audio.journal import PLENTY, Journal, Noted, numbers
from graphflow.audio.ring import Ring, Word, capacity_for
from graphflow.core.errors import UserError
from graphflow.core.patch import Patch
from graphflow.core.patch_write import data
from graphflow.session import take
from graphflow.session.session import Session
from graphflow.session.sound_files import why_not_written
from graphflow.session.take import Event, Head
from graphflow.session.take_kinds import KindFiles, digest
from graphflow.session.take_sound import TakeSound
from graphflow.worker.channel import Message
from graphflow.worker.link import GeneratorLink

EVERY = 0.05
"""Seconds between two writes; so much is lost where the computer goes dark."""
SECONDS = 4.0
"""How long a disk may take its time before sound is lost."""


@dataclass(frozen=True)
class TakeStatistics:
    """What has been written: frames of sound, events, bytes of events; what was lost, and why it ended."""

    folder: str
    frames: int
    events: int
    size: int
    lost: int
    trouble: str

    def __str__(self) -> str:
        lost = f", {self.lost} frames lost" if self.lost else ""
        return f"{self.folder}: {self.frames} frames, {self.events} events in {self.size} bytes{lost}"


def record(session: Session, folder: Path, text: str = "", *, inputs: int = 0, block: int = 0) -> TakeWriter:
    """Record a session into a new folder, from its first block to its end. `text` is the patch as it was written,
    `inputs` how many channels the sound card is asked for.

    Raises UserError where the folder cannot be used or the session plays already.
    """
    if session.engine.blocks or session.patch != Patch():
        raise UserError("a take begins before the first sound; give --record at the start")
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"--record {folder} is there already, with something in it; name a new folder")
    writer = TakeWriter(session, folder, text, inputs=inputs, block=block)
    session.witness = writer
    return writer


HEARD_OF = ("state", "begun", "echo", "heard", "told", "snapshot", "healed", "died")
"""What a generator's worker says that a replay has to know."""


class TakeWriter:
    """One take being written. A full disk ends it with one line; the music goes on."""

    def __init__(self, session: Session, folder: Path, text: str, *, inputs: int = 0, block: int = 0) -> None:
        self.folder, self.trouble = folder, ""
        self._session, self._rate = session, session.rate
        head = Head.here(
            rate=session.rate, seed=session.engine.seed, block=block, heard=inputs > 0,
            folder=str(session.folder.resolve()), begun=datetime.now().astimezone().isoformat(timespec="seconds"),
        )  # fmt: skip
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / take.HEAD).write_text(head.text(), encoding="utf-8")
            (folder / take.PATCH).write_text(text, encoding="utf-8")
            self._file = (folder / take.EVENTS).open("xb", buffering=0)
            self._sounds = [TakeSound(folder / take.AUDIO, session.rate)]
            if inputs:
                self._sounds.append(TakeSound(folder / take.HEARD, session.rate))
        except OSError as error:
            raise UserError(f"--record {folder}: it cannot be written ({error.strerror or error})") from error
        self._rings = [Ring.local(2, capacity_for(SECONDS, session.rate)) for _ in self._sounds]
        self._kinds = KindFiles(folder / take.NODES)
        self._left: deque[Callable[[], None]] = deque()
        self._lines: list[Event] = []
        self._edits: dict[int, tuple[Edit, int]] = {}
        self._sets: dict[int, tuple[Instance, str, float, int]] = {}
        self._keys: dict[int, str] = {}
        self._known: set[str] = set()
        self._python: set[int] = set()
        self._states: dict[tuple[str, int], dict[str, Any]] = {}
        self._last_states: dict[str, dict[str, Any]] = {}
        self._told_by: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self._score: tuple[list[Any], list[Any]] = [], []
        self._patch: dict[str, Any] = {}
        self._wires: list[Any] = []
        self._events = self._size = self._lost = self._frame = 0
        self._told = False
        self._journal: Journal = session.engine.record(self, *self._rings)
        session.listeners.append(self._look)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name=f"take {folder.name}", daemon=True)
        self._thread.start()

    # --- in the session's thread: nothing here takes time -------------------------------------------------------------

    def edit(self, edit: Edit, now: int, number: int) -> None:
        for instance in edit.score.instances.values():
            if instance.ring is not None and not instance.spec.tapes:
                instance.ring[Word.OWNER] = instance.generation
                instance.ring[Word.JOURNAL] = self._session.engine.userdata
        self._left.append(lambda: self._edits.__setitem__(number, (edit, now)))

    def command(self, number: int, instance: Instance, param: str, value: float, glide: int) -> None:
        asked = instance, param, value, glide
        self._left.append(lambda: self._sets.__setitem__(number, asked))

    def transaction(self, patch: Patch, frame: int) -> None:
        self._left.append(lambda: self._write_patch(patch, frame))

    def control(self, node: str, param: str, value: Any, frame: int) -> None:
        self._left.append(lambda: self._lines.append({"control": f"{node}.{param}", "value": value, "frame": frame}))

    def generator(self, instance: Instance, link: GeneratorLink) -> None:
        about = {"model": link.model, "settings": link.settings, "channels": link.ring.channels}
        about["hears"] = link.heard.channels if link.heard is not None else 0
        self._left.append(lambda: self._lines.append({"generator": instance.key, "do": "open", **about}))
        link.diary = partial(self._hear, instance.key)

    def _hear(self, key: str, message: Message) -> None:
        if message["do"] in HEARD_OF or message.get("dropped"):
            frame = self._session.engine.frame
            self._left.append(lambda: self._write_generator(key, message, frame))

    def _look(self, frame: int) -> None:
        if self.trouble and not self._told:
            self._told = True
            self._session.report(self.trouble)

    def close(self) -> None:
        """Write the rest. The clock must have stopped."""
        self._stop.set()
        self._thread.join()
        self._look(0)

    def statistics(self) -> TakeStatistics:
        return TakeStatistics(
            str(self.folder), self._sounds[0].frames, self._events, self._size, self._lost, self.trouble
        )

    def __str__(self) -> str:
        return str(self.statistics())

    # --- in the thread that writes ------------------------------------------------------------------------------------

    def _run(self) -> None:
        last = False
        while not self.trouble and not last:
            last = self._stop.wait(EVERY)
            try:
                self._write(last)
            except OSError as error:
                why = why_not_written(self.folder / take.EVENTS, error)
                seconds = self._sounds[0].frames / self._rate
                self.trouble = f"{self.folder}: recording has ended after {seconds:.1f} s ({why}); the music goes on"
        self._session.engine.record_no_more()
        self._file.close()
        for sound in self._sounds:
            sound.close()

    def _write(self, last: bool) -> None:
        """All that there is. The sound never goes beyond what the events tell of."""
        ends = [ring.written for ring in self._rings]
        notes = self._journal.taken()
        while self._left:  # what was asked for has come here before the audio thread could know of it
            self._left.popleft()()
        for note in notes:
            self._write_note(note)
        if self._journal.lost:
            self._inexact("more happened at once than could be noted", once="notes")
        if last:
            self._lines.append({"end": self._session.engine.frame})
        lines, self._lines = self._lines, []
        text = b"".join(json.dumps(line, default=str, separators=(",", ":")).encode() + b"\n" for line in lines)
        if text:
            self._put(text)
        for ring, sound, end in zip(self._rings, self._sounds, ends, strict=True):
            while (at := ring.read) < end:
                upto = min(end, at + self._rate)
                sound.write(ring.frames(at, upto).T)
                ring.words[Word.READ] = upto
        self._events += len(lines)

    def _put(self, text: bytes) -> None:
        left = memoryview(text)
        while left:
            left = left[self._file.write(left) :]
        self._size += len(text)

    def _write_note(self, note: Any) -> None:
        kind, frame = int(note[0]), int(note[1])
        self._frame = frame
        first, second = int(note[2]), int(note[3])
        if kind == Noted.PIECE:
            self._lines.append({"piece": first, "frame": frame})
        elif kind == Noted.PLAN:
            self._write_plan(first, frame)
        elif kind == Noted.SET:
            asked = self._sets.pop(first, None)
            if second and asked is not None:
                instance, param, value, glide = asked
                self._introduce(instance)  # one that waits to be played may be set already
                self._lines.append({"set": f"{instance.key}.{param}", "frame": frame, "value": value, "glide": glide})
        elif kind == Noted.GAIN:
            gain, target, step = numbers(note)
            self._lines.append({"gain": gain, "frame": frame, "target": target, "step": step})
        elif kind == Noted.RING:
            seen = None if note[5] == PLENTY else int(note[5])
            if seen is not None and first in self._python and second and note[4] <= frame:
                self._inexact(f"{self._keys[first]}: its Python was too slow", frame, once=self._keys[first])
            line = {"ring": self._keys[first], "frame": frame, "epoch": second, "start": int(note[4]), "written": seen}
            self._lines.append(line)
        else:
            self._lost += first
            what = "out" if kind == Noted.OUT_LOST else "heard"
            self._lines.append({"lost": first, "frame": frame, "of": what})

    def _write_plan(self, number: int, frame: int) -> None:
        line: Event = {"plan": number, "frame": frame}
        for older in [older for older in self._edits if older < number]:
            del self._edits[older]  # withdrawn, or played to its end
        if number in self._edits:
            edit, now = self._edits.pop(number)
            for instance in edit.score.instances.values():
                self._introduce(instance)
            links = [(k.source, k.outlet, k.dest, k.inlet, k.delay) for k in edit.score.links]
            score = list(edit.score.instances), links
            line["edit"] = {
                "begun": now,
                "at": edit.at_frame,
                "fade": edit.fade_frames,
                "mode": edit.mode,
                "inherits": dict(edit.inherits),
                "instances": take.changes(self._score[0], score[0]),
                "links": take.changes(self._score[1], score[1]),
            }
            self._score = score
        self._lines.append(line)

    def _introduce(self, instance: Instance) -> None:
        if instance.key in self._known:
            return
        kind, fresh = self._kinds.of(instance.spec)
        if fresh is not None:
            self._lines.append(fresh)
        self._known.add(instance.key)
        if instance.spec.room == "audio" and instance.ring is not None:
            self._python.add(instance.generation)
        self._keys[instance.generation] = instance.key
        line = {"new": instance.key, "name": instance.name, "kind": kind, "values": instance.values}
        line |= {"channels": instance.channels, "foreign": instance.foreign}
        if instance.files:
            line["files"] = {name: digest(samples.tobytes()) for name, samples in instance.files.items()}
        self._lines.append(line)

    def _write_patch(self, patch: Patch, frame: int) -> None:
        now = data(patch)
        wires, self._wires = self._wires, now.pop("wires", [])
        line = {"patch": take.tree_changes(self._patch, now), "wires": take.changes(wires, self._wires)}
        if line["patch"] or line["wires"]:
            self._lines.append({**line, "frame": frame})
        self._patch = now

    def _write_generator(self, key: str, message: Message, frame: int) -> None:
        do, line, told = message["do"], {"generator": key}, self._told_by[key]
        if message.get("dropped"):
            self._inexact(f"{key}: its worker said more than could be heard", frame)
        if do == "state":
            self._states[key, message["seq"]] = message["state"]
        elif do == "echo":
            seq = message["seq"]
            state = self._states.get((key, seq))
            self._states = {k: v for k, v in self._states.items() if k[0] != key or k[1] >= seq}
            if state is None:  # it was sent before anybody wrote it down
                self._inexact(f"{key}: one of its states is not known", frame)
                return
            what = {name: message[name] for name in ("chunk", "frame", "again")}
            self._lines.append({**line, "do": do, **what, **take.state_changes(self._last_states.get(key), state)})
            self._last_states[key] = state
            if message["late"] > told["late"]:
                self._inexact(f"{key}: a chunk that was made again came too late", frame)
            told["applied"], told["late"] = seq, message["late"]
            told["again"] = message["again"] or told["again"]
        elif do == "died":
            deaf = told["heard"] and message["chunk"] > told["heard"]
            if deaf or any(message[what] != told[what] for what in ("applied", "again")):
                self._inexact(f"{key}: what its worker did last was not heard of", frame)
        elif do == "healed":
            self._inexact(f"{key}: it made no numbers and was taken back to its last snapshot", frame)
        elif do in ("begun", "heard", "told", "snapshot"):
            told["heard"] = message["chunk"] + 1 if do == "heard" else told["heard"]
            if do == "snapshot":
                self._known.add(f"{key} {message['seq']}")
            elif do == "begun" and message["restored"] > 0 and f"{key} {message['restored']}" not in self._known:
                self._inexact(f"{key}: the snapshot that it went on from is not known", frame)
            self._lines.append({**line, **{k: v for k, v in message.items() if k not in ("slot", "dropped", "size")}})

    def _inexact(self, why: str, frame: int = -1, once: str = "") -> None:
        if once:
            if once in self._known:
                return
            self._known.add(once)
        self._lines.append({"inexact": why, "frame": self._frame if frame < 0 else frame})


__all__ = ["TakeStatistics", "TakeWriter", "record"]
