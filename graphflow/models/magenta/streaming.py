"""Streams of music from one model: many sessions, one batched step, every control latched at the edge of a chunk."""

from __future__ import annotations

import bisect
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from graphflow.core.errors import UserError
from graphflow.models.magenta.batch import Light
from graphflow.models.magenta.config import CHUNK, RATE
from graphflow.models.magenta.controls import Asked, Controls, Fingers, ask
from graphflow.models.magenta.model import Model
from graphflow.models.magenta.prefill import prefill
from graphflow.models.magenta.snapshot import Snapshot
from graphflow.models.magenta.step import Step

SEAM = 480
"""Frames (10 ms) in which a stream that looked ahead in vain goes over to what it should have played."""


@dataclass(frozen=True)
class Spec:
    """What the model is to a player. `latency`: frames from a chunk's edge to the first sound a control can change."""

    model: str
    rate: int
    channels: int
    chunk: int
    latency: int
    latency_ahead: int
    state_bytes: int
    licence: str
    device: str
    precision: str

    def __str__(self) -> str:
        return (
            f"{self.model} on {self.device} in {self.precision}: {self.rate} Hz, {self.channels} channels, chunks of "
            f"{self.chunk} frames, latency {self.latency} frames ({self.latency_ahead} looking ahead), "
            f"{self.state_bytes / 1e6:.1f} MB per session, weights {self.licence}"
        )


@dataclass(frozen=True)
class StepResult:
    """One tick of some sessions, in the order asked for: sound [n, 1920, 2] float32, ids [n, levels], chunk numbers."""

    sound: Tensor
    tokens: Tensor
    chunks: tuple[int, ...]

    @property
    def peak(self) -> float:
        return float(self.sound.abs().max()) if self.sound.numel() else 0.0


@dataclass
class _Edge:
    """A chunk's edge that can be gone back to."""

    light: Light
    chunk: int
    fingers: Fingers


class Session:
    """One stream of music. Made by `StreamingGenerator.open`; `ahead` lets it look one chunk ahead."""

    def __init__(self, generator: StreamingGenerator, slot: int, seed: int, *, ahead: bool, rewinds: bool) -> None:
        self.generator, self.slot = generator, slot
        self.controls = Controls(seed=seed)
        self.fingers = Fingers()
        self.chunk = 0
        self.ahead, self.rewinds = ahead, rewinds or ahead
        self.closed = False
        self._staged: list[tuple[int, int, str, Any]] = []
        self._count = 0
        self.guess: Asked | None = None  # what was asked of the chunk that lies ahead
        self.edge: _Edge | None = None  # before the chunk that lies ahead; without looking ahead, before the last one
        self.before: _Edge | None = None  # a chunk earlier

    def set(self, control: str, value: Any, at_chunk: int | None = None) -> None:
        """Ask for something from the next chunk on, or from chunk number `at_chunk` on. Raises UserError."""
        if control not in Controls.__dataclass_fields__:
            raise UserError(f"{control} is no control; expected one of {', '.join(Controls.__dataclass_fields__)}")
        try:
            replace(self.controls, **{control: value}).check()
        except (TypeError, ValueError) as error:
            raise UserError(str(error)) from error
        self._count += 1
        bisect.insort(self._staged, (0 if at_chunk is None else at_chunk, self._count, control, value), key=_when)

    def latch(self) -> None:
        """Take over what is meant for the next chunk, which may have been guessed already."""
        coming = self.chunk - (self.guess is not None)
        while self._staged and self._staged[0][0] <= coming:
            _, _, control, value = self._staged.pop(0)
            self.controls = replace(self.controls, **{control: value})

    def prefill(self, *, tokens: Tensor | None = None, sound: Tensor | None = None, masked: bool = True) -> None:
        """Begin as if this had been played: codes [N, levels], or sound [frames, 2] at 48 kHz (at most 28 s are used).

        `masked`: without the style that is set now. Raises UserError.
        """
        self.forget_ahead()
        self.chunk = prefill(
            self.generator.model, self.generator.step_, self.slot, self.controls, tokens, sound, masked=masked
        )
        self.edge = self.before = None

    def snapshot(self) -> Snapshot:
        """All of it at the last chunk's edge; what was staged for later is not in it."""
        self.forget_ahead()
        batch = self.generator.step_.batch
        light = batch.keep(self.slot)
        return Snapshot(
            self.generator.model.fingerprint,
            self.chunk,
            light[0],
            batch.remembered(self.slot, self.chunk),
            tuple(light[2:]),
            self.controls,
            self.fingers,
        )

    def restore(self, snapshot: Snapshot, *, controls: bool = True) -> None:
        """Go on from there; with `controls=False` with what is set now. Raises UserError."""
        if snapshot.model != self.generator.model.fingerprint:
            raise UserError(
                f"snapshot is of {snapshot.model}; expected one of {self.generator.model.fingerprint}, which is loaded"
            )
        batch = self.generator.step_.batch
        device = batch.previous.device
        live = batch.light(self.slot)
        parts = [snapshot.previous, torch.tensor([snapshot.chunk]), *snapshot.codec]
        if [tuple(part.shape) for part in parts] != [tuple(tensor.shape) for tensor in live]:
            raise UserError("snapshot has other sizes than the model; make it again")
        batch.bring_back(self.slot, [part.to(device, tensor.dtype) for part, tensor in zip(parts, live, strict=True)])
        batch.remember(self.slot, snapshot.chunk, snapshot.rings)
        self.chunk, self.fingers = snapshot.chunk, snapshot.fingers
        if controls:
            self.controls = snapshot.controls
        self.guess = self.edge = self.before = None

    def fork(self) -> Session:
        """Another stream that goes on from here. Raises UserError when there is no slot left."""
        other = self.generator.open(self.controls.seed, ahead=self.ahead, rewinds=self.rewinds)
        other.restore(self.snapshot())
        return other

    def save(self, path: Any) -> None:
        """Its snapshot as a file; `Snapshot.load` reads it."""
        self.snapshot().save(path)

    def reset(self) -> None:
        """Begin the stream anew; its controls stay."""
        self.generator.step_.batch.begin(self.slot)
        self.chunk, self.fingers = 0, Fingers()
        self.guess = self.edge = self.before = None

    def rewind(self) -> bool:
        """Take the last tick back: the next one makes its sound again. False where that cannot be."""
        place = self.before if self.ahead else self.edge
        if place is None:
            return False
        self._go_to(place)
        self.guess, self.before = None, None
        self.edge = place if self.ahead else None
        return True

    def forget_ahead(self) -> None:
        """Back from the chunk that lies ahead to the last one that was played."""
        if self.guess is not None:
            assert self.edge is not None
            self._go_to(self.edge)
            self.guess = None

    def _go_to(self, edge: _Edge) -> None:
        self.generator.step_.batch.bring_back(self.slot, edge.light)
        self.chunk, self.fingers = edge.chunk, edge.fingers

    def keep_edge(self) -> None:
        """Note where the stream is; the edge noted before becomes `before`."""
        spare = self.before.light if self.before is not None else None
        light = self.generator.step_.batch.keep(self.slot, spare)
        self.before, self.edge = self.edge, _Edge(light, self.chunk, self.fingers)

    def close(self) -> None:
        """Give the slot back."""
        if not self.closed:
            self.closed = True
            self.generator.release(self)

    def __str__(self) -> str:
        return f"session in slot {self.slot}: chunk {self.chunk}{', one ahead' if self.guess else ''}, {self.controls}"


def _when(staged: tuple[int, int, str, Any]) -> tuple[int, int]:
    return staged[:2]


@dataclass(frozen=True)
class GeneratorStatistics:
    """Sessions open, slots there are, ticks and steps so far (looking ahead in vain costs a step), state in bytes."""

    sessions: int
    slots: int
    ticks: int
    steps: int
    state_bytes: int

    def __str__(self) -> str:
        return (
            f"{self.sessions} of {self.slots} slots, {self.ticks} ticks in {self.steps} steps, "
            f"state {self.state_bytes / 1e6:.1f} MB"
        )


class StreamingGenerator:
    """One model's sessions. Use it from one thread; on a GPU from the one that made it."""

    def __init__(self, model: Model, slots: int = 1, *, step: Callable[[Model, int], Step] | None = None) -> None:
        self.model = model
        self._make = step or Model.step
        self.step_ = self._make(model, slots)
        self._warm_up()
        self._sessions: dict[int, Session] = {}
        self._ticks = self._steps = 0

    def _warm_up(self) -> None:
        """Make a seam's sound once: a GPU's libraries take long over their first call, and a chunk must not wait."""
        if self.model.device.type == "cuda":
            memory = self.model.decoder.memory(1)
            codes = torch.zeros(1, self.model.config.levels, dtype=torch.int64, device=self.model.device)
            for _ in range(2):
                self.model.sound_after(codes, memory)

    @property
    def slots(self) -> int:
        return self.step_.batch.slots

    @property
    def spec(self) -> Spec:
        return Spec(
            self.model.config.name,
            RATE,
            2,
            CHUNK,
            CHUNK,
            0,
            self.step_.batch.size() // self.slots,
            "CC-BY-4.0",
            str(self.model.device),
            self.model.precision,
        )

    @property
    def sessions(self) -> tuple[Session, ...]:
        """Those that are open, by slot."""
        return tuple(self._sessions[slot] for slot in sorted(self._sessions))

    def open(self, seed: int = 0, *, ahead: bool = False, rewinds: bool = False) -> Session:
        """A new stream. `ahead`: its sound comes a chunk earlier, for a guess that costs a step when it was wrong;
        `rewinds`: its last tick can be taken back. Raises UserError where no slot is free."""
        free = [slot for slot in range(self.slots) if slot not in self._sessions]
        if not free:
            raise UserError(f"all {self.slots} slots are in use; close a session, or make a generator with more slots")
        session = Session(self, free[0], seed, ahead=ahead, rewinds=rewinds)
        self._sessions[free[0]] = session
        self.step_.batch.begin(free[0])
        return session

    def release(self, session: Session) -> None:
        self._sessions.pop(session.slot, None)

    def resize(self, slots: int) -> None:
        """Another number of slots; open sessions keep their state, and their slots where these are still there."""
        if slots < len(self._sessions):
            raise UserError(f"slots is {slots}; expected at least {len(self._sessions)}, the sessions that are open")
        old, new = self.step_, self._make(self.model, slots)
        free = [slot for slot in range(slots) if slot not in self._sessions]
        moved: dict[int, Session] = {}
        for slot, session in self._sessions.items():
            target = slot if slot < slots else free.pop(0)
            new.batch.copy_slot(old.batch, slot, target)
            moved[target] = session
            session.slot = target
        self.step_, self._sessions = new, moved
        old.close()

    @torch.inference_mode()
    def step(self, sessions: Sequence[Session] | None = None) -> StepResult:
        """One tick: the next chunk of every open session, or of those given. The others stay as they are."""
        chosen = self.sessions if sessions is None else tuple(sessions)
        for session in chosen:
            session.latch()
        wrong = [session for session in chosen if session.ahead and not self._guessed(session)]
        torn = [session for session in wrong if session.guess is not None]
        old_codec = {session.slot: self.step_.batch.keep(session.slot)[2:] for session in torn}
        for session in wrong:
            session.forget_ahead()
            if session.edge is None:
                session.keep_edge()
        if wrong:
            self._run([(session, self._ask(session)) for session in wrong])
        for session in chosen:
            if session.rewinds:
                session.keep_edge()
        asked = [(session, self._ask(session)) for session in chosen]
        sound, ids = self._run(asked) if asked else (torch.zeros(self.slots, CHUNK, 2), torch.zeros(self.slots, 0))
        for session, orders in asked:
            session.guess = orders if session.ahead else None
        for session in torn:
            sound[session.slot] = self._seam(old_codec[session.slot], ids[session.slot], sound[session.slot])
        self._ticks += 1
        slots = [session.slot for session in chosen]
        numbers = tuple(session.chunk - 1 - session.ahead for session in chosen)
        return StepResult(sound[slots], ids[slots], numbers)

    def _guessed(self, session: Session) -> bool:
        """Whether the chunk that lies ahead is the one that is asked for now."""
        if session.guess is None or session.edge is None:
            return False
        orders, _ = ask(session.controls, session.edge.fingers)
        return orders == session.guess

    def _ask(self, session: Session) -> Asked:
        orders, session.fingers = ask(session.controls, session.fingers)
        session.chunk += 1
        return orders

    def _run(self, asked: Sequence[tuple[Session, Asked]]) -> tuple[Tensor, Tensor]:
        wanted, batch = self.step_.wanted, self.step_.batch
        wanted.running.fill_(False)
        for session, orders in asked:
            slot = session.slot
            wanted.running[slot] = True
            wanted.conditions[slot] = torch.tensor(orders.conditions)
            wanted.temperature[slot] = orders.temperature
            wanted.top_k[slot] = orders.top_k
            wanted.seed[slot] = orders.seed
        self._steps += 1
        assert batch.slots == wanted.running.shape[0]
        return self.step_.run()

    def _seam(self, codec: Light, ids: Tensor, sound: Tensor) -> Tensor:
        """From the sound that the played chunk would have gone on with, over to the right one."""
        model = self.model
        codes = model.lm.codes(ids[None].to(model.device))
        went_on = model.sound_after(codes, list(codec)).to(sound.device)
        rise = (torch.arange(1, SEAM + 1, device=sound.device) / SEAM)[:, None]
        joined = sound.clone()
        joined[:SEAM] = went_on[:SEAM] + rise * (sound[:SEAM] - went_on[:SEAM])
        return joined

    def close(self) -> None:
        for session in self.sessions:
            session.close()
        self.step_.close()

    def statistics(self) -> GeneratorStatistics:
        return GeneratorStatistics(len(self._sessions), self.slots, self._ticks, self._steps, self.step_.batch.size())

    def __str__(self) -> str:
        return f"{self.spec}; {self.statistics()}"
