"""Streams of music from one model: many sessions, one batched step, every control latched at the edge of a chunk."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from graphflow.core.errors import UserError
from graphflow.models.magenta.config import CHUNK, RATE
from graphflow.models.magenta.controls import Asked, Controls, ask, in_short, whole
from graphflow.models.magenta.model import Model
from graphflow.models.magenta.rehearsal import rehearse
from graphflow.models.magenta.seam import Seam
from graphflow.models.magenta.session import Session
from graphflow.models.magenta.step import Step


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
    """One model's sessions. Use it from one thread; on a GPU from the one that made it. Raises UserError."""

    def __init__(
        self,
        model: Model,
        slots: int = 1,
        *,
        step: Callable[[Model, int], Step] | None = None,
        rehearsed: bool = False,
    ) -> None:
        """`rehearsed`: what may happen first in the middle of playing is done once now, and at a resize."""
        if not isinstance(model, Model):
            raise UserError(f"model is {in_short(model)}; expected one that `graphflow.models.magenta.load` has loaded")
        _check_slots(slots, 1)
        self.model = model
        self._make, self._rehearsed = step or Model.step, rehearsed
        self._seam: Seam | None = None
        self._sessions: dict[int, Session] = {}
        self._ticks = self._steps = 0
        self.step_ = self._made(slots)

    def _made(self, slots: int) -> Step:
        step = self._make(self.model, slots)
        if self._rehearsed:
            stage = StreamingGenerator(self.model, slots, step=lambda model, slots: step)
            stage._seam = self._seam
            rehearse(stage)
            self._seam = stage._seam
        return step

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
        try:
            seed = Controls().changed("seed", seed).seed
        except ValueError as error:
            raise UserError(str(error)) from error
        for name, value in (("ahead", ahead), ("rewinds", rewinds)):
            if not isinstance(value, bool):
                raise UserError(f"{name} is {in_short(value)}; expected True or False")
        free = [slot for slot in range(self.slots) if slot not in self._sessions]
        if not free:
            raise UserError(f"all {self.slots} slots are in use; close a session, or make a generator with more slots")
        if ahead and self._seam is None:
            self._seam = self.model.seam()
        session = Session(self, free[0], seed, ahead=ahead, rewinds=rewinds)
        self._sessions[free[0]] = session
        self.step_.batch.begin(free[0])
        return session

    def release(self, session: Session) -> None:
        self._sessions.pop(session.slot, None)

    def resize(self, slots: int) -> None:
        """Another number of slots; open sessions keep their state, and their slots where these are still there.

        Raises UserError.
        """
        _check_slots(slots, len(self._sessions))
        old, new = self.step_, self._made(slots)
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
        """One tick: the next chunk of every open session, or of those given. The others stay as they are.

        Raises UserError, and is then not made.
        """
        chosen = self.sessions if sessions is None else self._own(sessions)
        for session in chosen:
            session.latch()
        wrong = [session for session in chosen if session.ahead and not self._guessed(session)]
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
            session.right, session.guess = session.guess, orders if session.ahead else None
            session.mended, session.torn = session.torn, None
            if session.mended is not None and self._seam is not None:
                slot = session.slot
                sound[slot] = self._seam.joined(session.mended, ids[slot], sound[slot])
        self._ticks += 1
        slots = [session.slot for session in chosen]
        numbers = tuple(session.chunk - 1 - session.ahead for session in chosen)
        return StepResult(sound[slots], ids[slots], numbers)

    def _own(self, sessions: Sequence[Session]) -> tuple[Session, ...]:
        """Those given, each once. A closed one's slot may be another stream's by now."""
        if not isinstance(sessions, Iterable):
            raise UserError(f"step has {in_short(sessions)}; expected a list of sessions")
        chosen = tuple(sessions)
        for at, session in enumerate(chosen):
            if not isinstance(session, Session) or session.generator is not self:
                raise UserError(f"step has {in_short(session)}; expected sessions that this generator has opened")
            if session.closed:
                raise UserError(f"step has a session, number {at}, that is closed; open another")
            if session in chosen[:at]:
                raise UserError(f"step has a session, number {at}, twice; expected each once in a tick")
        return chosen

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

    def close(self) -> None:
        for session in self.sessions:
            session.close()
        self.step_.close()
        if self._seam is not None:
            self._seam.close()

    def statistics(self) -> GeneratorStatistics:
        return GeneratorStatistics(len(self._sessions), self.slots, self._ticks, self._steps, self.step_.batch.size())

    def __str__(self) -> str:
        return f"{self.spec}; {self.statistics()}"


def _check_slots(slots: object, sessions: int) -> None:
    """Raises UserError."""
    try:
        number = whole(slots)
    except TypeError:
        raise UserError(f"slots is {in_short(slots)}; expected a whole number, 1 or more") from None
    if number < max(1, sessions):
        least = "1 or more" if sessions <= 1 else f"at least {sessions}, the sessions that are open"
        raise UserError(f"slots is {slots}; expected {least}")
