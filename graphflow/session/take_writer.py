"""Writing a take while it is played: a thread that empties what the audio thread and the session leave for it."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

from graphflow.audio.edits import Edit
from graphflow.audio.instance import Instance
from graphflow.audio.ring import Ring, Word, capacity_for
from graphflow.core.errors import UserError
from graphflow.core.patch import Patch
from graphflow.session import take
from graphflow.session.session import Session
from graphflow.session.sound_files import why_not_written
from graphflow.session.take import Event, Head
from graphflow.session.take_events import TakeEvents
from graphflow.session.take_kinds import KindFiles
from graphflow.session.take_sound import TakeSound
from graphflow.session.take_workers import OF_INTEREST
from graphflow.worker.channel import Message
from graphflow.worker.link import GeneratorLink

EVERY = 0.05
"""Seconds between two writes; so much is lost where the computer goes dark."""
SECONDS = 4.0
"""How long a disk may take its time before sound is lost."""


@dataclass(frozen=True)
class TakeStatistics:
    """What has been written: frames of sound, events, bytes of events; frames that were lost; why it has ended."""

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
    """Record a session into a new folder, from its first block to its end.

    `text` is the patch as it was written, `inputs` how many channels the sound card is asked for, `block` how many
    frames. Raises UserError where the folder cannot be used or the session plays already.
    """
    if session.engine.blocks or session.patch != Patch():
        raise UserError("a take begins before the first sound; give --record at the start")
    if folder.is_dir() and any(folder.iterdir()):
        raise UserError(f"--record {folder} is there already, with something in it; name a new folder")
    session.witness = writer = TakeWriter(session, folder, text, inputs=inputs, block=block)
    return writer


class TakeWriter:
    """One take being written. A full disk ends it with one line; the music goes on."""

    def __init__(self, session: Session, folder: Path, text: str, *, inputs: int = 0, block: int = 0) -> None:
        self.folder, self.trouble = folder, ""
        self._session = session
        head = Head.here(
            rate=session.rate, seed=session.engine.seed, block=block, heard=inputs > 0,
            folder=str(session.folder.resolve()), begun=datetime.now().astimezone().isoformat(timespec="seconds"),
        )  # fmt: skip
        try:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / take.HEAD).write_text(head.text(), encoding="utf-8")
            (folder / take.PATCH).write_text(text, encoding="utf-8")
            self._file = (folder / take.EVENTS).open("xb", buffering=0)
            names = (take.AUDIO, take.HEARD) if inputs else (take.AUDIO,)
            self._sounds = [TakeSound(folder / name, session.rate) for name in names]
        except OSError as error:
            raise UserError(f"--record {folder}: it cannot be written ({error.strerror or error})") from error
        self._rings = [Ring.local(2, capacity_for(SECONDS, session.rate)) for _ in self._sounds]
        self._events = TakeEvents(KindFiles(folder / take.NODES))
        self._left: deque[Callable[[], None]] = deque()
        self._count = self._size = 0
        self._told = False
        self._journal = session.engine.record(self, *self._rings)
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
        self._later(partial(self._events.edit, number, edit, now))

    def command(self, number: int, instance: Instance, param: str, value: float, glide: int) -> None:
        self._later(partial(self._events.command, number, instance, param, value, glide))

    def transaction(self, patch: Patch, frame: int) -> None:
        self._later(partial(self._events.patch, patch, frame))

    def control(self, node: str, param: str, value: Any, frame: int) -> None:
        self._write_later({"control": f"{node}.{param}", "value": value, "frame": frame})

    def generator(self, instance: Instance, link: GeneratorLink) -> None:
        about = {"settings": link.settings, "channels": link.ring.channels}
        about["hears"] = link.heard.channels if link.heard is not None else 0
        self._write_later({"generator": instance.key, "do": "open", **about})
        link.diary = partial(self._hear, instance.key)

    def _hear(self, key: str, message: Message) -> None:
        if message["do"] in OF_INTEREST or message.get("dropped"):
            self._later(partial(self._events.workers.hear, key, message, self._session.engine.frame))

    def _later(self, writing: Callable[[], None]) -> None:
        if not self.trouble:  # nobody writes any more: it would only grow
            self._left.append(writing)

    def _write_later(self, event: Event) -> None:
        self._later(partial(self._events.write, event))

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
        frames, lost = self._sounds[0].frames, self._events.lost
        return TakeStatistics(str(self.folder), frames, self._count, self._size, lost, self.trouble)

    def __str__(self) -> str:
        return str(self.statistics())

    # --- in the thread that writes ------------------------------------------------------------------------------------

    def _run(self) -> None:
        last = False
        while not self.trouble and not last:
            last = self._stop.wait(EVERY)
            try:
                self._write(last)
            except Exception as error:  # noqa: BLE001 - a disk that is full, or a fault of ours, must not pass in silence
                self.trouble = self._ended(error)
        self._session.engine.record_no_more()
        self._left.clear()
        self._file.close()
        for sound in self._sounds:
            sound.close()

    def _ended(self, error: Exception) -> str:
        seconds = self._sounds[0].frames / self._session.rate
        if isinstance(error, OSError):
            why = why_not_written(self.folder / take.EVENTS, error)
        else:
            why = f"{type(error).__name__}: {error}; please report this line"
        return f"{self.folder}: recording has ended after {seconds:.1f} s ({why}); the music goes on"

    def _write(self, last: bool) -> None:
        """All that there is. The sound never goes beyond what the events tell of."""
        ends = [ring.written for ring in self._rings]
        notes = self._journal.taken()
        while self._left:  # what was asked for has come here before the audio thread could know of it
            self._left.popleft()()
        for note in notes:
            self._events.note(note)
        if self._journal.lost:
            frame = int(notes[0][1]) if len(notes) else self._session.engine.frame
            self._events.doubt("more happened at once than could be noted", frame, once=True)
        if last:
            self._events.write({"end": self._session.engine.frame})
        self._put(self._events.taken())
        for ring, sound, end in zip(self._rings, self._sounds, ends, strict=True):
            while (at := ring.read) < end:
                upto = min(end, at + self._session.rate)
                sound.write(ring.frames(at, upto).T)
                ring.words[Word.READ] = upto

    def _put(self, events: list[Event]) -> None:
        text = b"".join(json.dumps(event, default=str, separators=(",", ":")).encode() + b"\n" for event in events)
        left = memoryview(text)
        while left:
            left = left[self._file.write(left) :]
        self._count += len(events)
        self._size += len(text)


__all__ = ["TakeStatistics", "TakeWriter", "record"]
