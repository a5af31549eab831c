"""Magenta RealTime 2 as a worker plays it: one chunk of 40 ms per step, with the newest state."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from graphflow.core.errors import UserError
from graphflow.models.magenta.config import CHUNK, RATE
from graphflow.models.magenta.continuing import beginning
from graphflow.models.magenta.engine import EngineStatistics
from graphflow.models.magenta.files import find
from graphflow.models.magenta.latch import Latch
from graphflow.models.magenta.model import device_named
from graphflow.models.magenta.player import Now, Player
from graphflow.models.magenta.precision import refuse_real_time
from graphflow.models.magenta.settings import Settings
from graphflow.models.magenta.sharing import give_back, take
from graphflow.models.magenta.snapshot import Snapshot
from graphflow.models.magenta.stored import pack, unpack
from graphflow.models.magenta.style.desk import StyleDesk
from graphflow.models.magenta.style.musiccoca import MusicCoCa
from graphflow.models.magenta.wish import read


@dataclass(frozen=True)
class Statistics:
    """How the generator is doing. `level` in dB, `style` and `rescues` as words, `ignored`: entries of the last state
    that were not understood, `engine`: what it shares with others."""

    chunk: int
    level: float
    style: str
    rescues: str
    ignored: int
    engine: EngineStatistics


class Generator:
    """One stream of music: `set` what is wanted at any time, `step` for the next 40 ms. Raises UserError.

    `latency`: frames from the first of a chunk to the first sound that the state set for it can have changed: the
    codec is a chunk behind, unless a chunk more is made ahead of time.
    """

    rate = RATE
    channels = 2
    chunk = CHUNK

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self.settings = chosen = Settings.read(settings)
        files = find(chosen.model)
        ahead = chosen.looks_ahead(device_named(chosen.device).type)
        self.just_in_time = chosen.just_in_time and not chosen.lockstep
        self.rollback = chosen.rollback and chosen.live
        self.latency = 0 if ahead else CHUNK
        self.engine, self.seat = take(
            chosen.model,
            chosen.device,
            chosen.precision,
            ahead=ahead,
            rewinds=self.rollback,
            alone=chosen.lockstep,
        )
        self.desk: StyleDesk | None = None
        self._said = ""
        self._news: list[str] = []
        self._beginning: tuple[Snapshot, bytes] | None = None
        self._closed = False
        try:
            if not chosen.lockstep and (why := self.engine.beside(refuse_real_time)):
                raise UserError(why)
            self.desk = StyleDesk(encoder_of(files.musiccoca), levels=chosen.style_levels)
            latch = Latch(self.seat.session, self.desk, patient=chosen.lockstep, repeats=chosen.repeats)
            self.player = Player(chosen, self.engine, self.seat, latch, self._news.append)
            if chosen.begin_with:
                controls = self.seat.session.controls
                self.player.target = self.engine.beside(
                    lambda model: beginning(model, chosen.folder, chosen.begin_with, controls)
                )
                self.seat.do(self.player.anew)
        except BaseException:
            self.close()
            raise

    def set(self, state: Mapping[str, Any]) -> None:
        """Everything that is wanted, as plain data; the latest wins, from the next step on."""
        wish = self.player.wish = read(state, self.settings.folder)
        self.player.latch.follow(wish)

    def step(self, frame: int) -> npt.NDArray[np.float32]:
        """The next chunk, [2, 1920] float32. Its place in time means nothing to the model."""
        sound = self.player.step()
        assert self.desk is not None
        if (trouble := self.desk.trouble) != self._said:
            self._said = trouble
            if trouble:
                self._news.append(trouble)
        return sound

    def news(self) -> list[str]:
        """Lines that the user should know of, since the last call."""
        told, self._news[:] = list(self._news), []
        return told

    def rewind(self) -> bool:
        """Take the last step back: the next one makes its chunk again, with the newest state and the same chance."""
        return self.player.rewind()

    def told(self) -> dict[str, Any] | None:
        """What the last step went by beside its state: words and sounds are understood in their own time."""
        return self.player.told() or None

    def repeat(self, told: Mapping[str, Any]) -> None:
        """In a replay: the next step goes by this."""
        self.player.repeat(told)

    def hear(self, block: npt.NDArray[np.float32], frame: int) -> None:
        """What comes in, [channels, frames], kept for when it is to be continued from."""
        self.player.heard.add(block, frame)

    def snapshot(self) -> bytes:
        """Everything that sounds and is remembered; after `restore` the same audio continues to the sample."""
        stream = self.seat.do(lambda session: session.snapshot().to("cpu"))
        return pack(self.player.now.facts, stream, self._packed_beginning())

    def restore(self, data: bytes) -> None:
        """Go on from a snapshot. Raises UserError."""
        facts, stream, packed = unpack(data)
        target = Snapshot.unpack(packed) if packed else None
        self.seat.do(lambda session: session.restore(stream))
        self.player.target = target
        self._beginning = (target, packed) if target is not None else None
        self.player.now = replace(Now(), facts=facts)
        self.player.latch.forget()

    def _packed_beginning(self) -> bytes:
        """Packed once: it is as large as the stream itself, and hardly ever another."""
        target = self.player.target
        if target is None:
            return b""
        if self._beginning is None or self._beginning[0] is not target:
            self._beginning = target, self.seat.do(lambda _: target.to("cpu")).pack()
        return self._beginning[1]

    def figures(self) -> dict[str, float | int | str]:
        """A few numbers and words to show."""
        now = self.statistics()
        shown: dict[str, float | int | str] = {
            "batch": round(now.engine.chunks / max(1, now.engine.batches), 2),
            "rescues": now.rescues,
            "style": now.style,
        }
        return shown | ({"ignored": now.ignored} if now.ignored else {})

    def statistics(self) -> Statistics:
        now = self.player.now
        return Statistics(
            self.seat.session.chunk,
            now.health.level,
            str(self.desk),
            str(now.care),
            self.player.wish.ignored if self.player.wish else 0,
            self.engine.statistics(),
        )

    def __str__(self) -> str:
        now = self.statistics()
        return f"chunk {now.chunk}, {now.level:.1f} dB, {now.style}, rescues: {now.rescues}; {now.engine}"

    def close(self) -> None:
        """Give up the stream; with the last one the model goes."""
        if not self._closed:
            self._closed = True
            if self.desk is not None:
                self.desk.close()
            give_back(self.engine, self.seat)


_encoders: dict[Path | None, MusicCoCa] = {}
_lock = threading.Lock()


def encoder_of(folder: Path | None) -> MusicCoCa:
    """What understands words, one for all generators of a process."""
    with _lock:
        return _encoders.setdefault(folder, MusicCoCa(folder))
