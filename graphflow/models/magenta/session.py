"""One stream of music: what it is asked for, where it is, and every way to go elsewhere."""

from __future__ import annotations

import bisect
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from graphflow.core.errors import UserError
from graphflow.models.magenta.batch import Light
from graphflow.models.magenta.controls import Asked, Controls, Fingers, in_short, whole
from graphflow.models.magenta.prefill import prefill
from graphflow.models.magenta.snapshot import Snapshot

if TYPE_CHECKING:
    from graphflow.models.magenta.streaming import StreamingGenerator


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
        self.right: Asked | None = None  # the last tick's guess, where it was right
        self.torn: Light | None = (
            None  # the codec's memory that what was heard goes on from, where it was a wrong guess
        )
        self.mended: Light | None = None  # the same, of the last tick
        self.edge: _Edge | None = None  # before the chunk that lies ahead; without looking ahead, before the last one
        self.before: _Edge | None = None  # a chunk earlier

    def set(self, control: str, value: Any, at_chunk: int | None = None) -> None:
        """Ask for something from the next chunk on, or from chunk number `at_chunk` on. Raises UserError."""
        try:
            begin = 0 if at_chunk is None else whole(at_chunk)
        except TypeError:
            begin = -1
        if begin < 0:
            raise UserError(f"at_chunk is {in_short(at_chunk)}; expected the number of a chunk, 0 or more, or None")
        try:
            taken = getattr(self.controls.changed(control, value), control)
        except ValueError as error:
            raise UserError(str(error)) from error
        self._count += 1
        bisect.insort(self._staged, (begin, self._count, control, taken), key=_when)

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
        self._must_be_open()
        self.latch()
        self.chunk = prefill(
            self.generator.model, self.generator.step_, self.slot, self.controls, tokens, sound, masked=masked
        )
        self._is_elsewhere()

    def snapshot(self) -> Snapshot:
        """All of it at the last chunk's edge; what was staged for later is not in it. Raises UserError."""
        self._must_be_open()
        batch = self.generator.step_.batch
        at = _Edge(batch.light(self.slot), self.chunk, self.fingers)
        if self.guess is not None:  # the chunk that lies ahead stays: what was heard goes on from it
            assert self.edge is not None
            at = self.edge
        light = [tensor.clone() for tensor in at.light]
        rings = batch.remembered(self.slot, at.chunk)
        fingerprint = self.generator.model.fingerprint
        return Snapshot(fingerprint, at.chunk, light[0], rings, tuple(light[2:]), self.controls, at.fingers)

    def restore(self, snapshot: Snapshot, *, controls: bool = True) -> None:
        """Go on from there; with `controls=False` with what is set now. Raises UserError."""
        self._must_be_open()
        if not isinstance(snapshot, Snapshot):
            raise UserError(
                f"snapshot is a {type(snapshot).__name__}; expected what `snapshot` or `Snapshot.load` gave"
            )
        if snapshot.model != self.generator.model.fingerprint:
            raise UserError(
                f"snapshot is of {snapshot.model}; expected one of {self.generator.model.fingerprint}, which is loaded"
            )
        batch = self.generator.step_.batch
        device = batch.previous.device
        live = batch.light(self.slot)
        held = [snapshot.previous, snapshot.rings, *snapshot.codec]
        if not all(isinstance(part, Tensor) and not part.is_complex() for part in held):
            raise UserError("snapshot holds something else than tensors of numbers; make it again")
        parts = [snapshot.previous, torch.tensor([snapshot.chunk]), *snapshot.codec]
        rings = batch.remembered(self.slot, max(snapshot.chunk, 0)).shape
        if snapshot.rings.shape != rings or [part.shape for part in parts] != [tensor.shape for tensor in live]:
            raise UserError("snapshot has other sizes than the model; make it again")
        ids = self.generator.model.config.vocabulary
        if not bool(((snapshot.previous >= 0) & (snapshot.previous < ids)).all()):
            raise UserError(f"snapshot has tokens that are not 0 to {ids - 1}; it is damaged, make it again")
        batch.bring_back(self.slot, [part.to(device, tensor.dtype) for part, tensor in zip(parts, live, strict=True)])
        batch.remember(self.slot, snapshot.chunk, snapshot.rings)
        self.chunk, self.fingers = snapshot.chunk, snapshot.fingers
        if controls:
            self.controls = snapshot.controls
        self._forget_later()
        self._is_elsewhere()

    def fork(self) -> Session:
        """Another stream that goes on from here. Raises UserError when there is no slot left."""
        self._must_be_open()
        other = self.generator.open(self.controls.seed, ahead=self.ahead, rewinds=self.rewinds)
        other.restore(self.snapshot())
        return other

    def save(self, path: str | Path) -> None:
        """Its snapshot as a file; `Snapshot.load` reads it. Raises UserError."""
        self.snapshot().save(path)

    def reset(self) -> None:
        """Begin the stream anew; its controls stay, but not what was staged for a chunk of the old one.

        Raises UserError.
        """
        self._must_be_open()
        self.generator.step_.batch.begin(self.slot)
        self.chunk, self.fingers = 0, Fingers()
        self._forget_later()
        self._is_elsewhere()

    def rewind(self) -> bool:
        """Take the last tick back: the next one makes its sound again. False where that cannot be. Raises UserError."""
        self._must_be_open()
        place = self.before if self.ahead else self.edge
        if place is None:
            return False
        if self.ahead and self.right is not None and self.edge is not None:
            self._go_to(self.edge)  # where the guess was made, and heard
        else:
            self._go_to(place)
        self.guess, self.right = (self.right if self.ahead else None), None
        self.torn, self.mended = self.mended, None
        self.edge, self.before = (place if self.ahead else None), None
        return True

    def forget_ahead(self) -> None:
        """Back from the chunk that lies ahead to the last one that was played."""
        if self.guess is not None:
            assert self.edge is not None
            self.torn = self.generator.step_.batch.keep(self.slot)[2:]
            self._go_to(self.edge)
            self.guess = None

    def _forget_later(self) -> None:
        """Chunks are counted anew: what was staged for one of the old count has no place; what is meant for now has."""
        self._staged = [staged for staged in self._staged if staged[0] == 0]

    def _is_elsewhere(self) -> None:
        """Nothing of what was heard is gone on with."""
        self.guess = self.right = self.edge = self.before = self.torn = self.mended = None

    def _go_to(self, edge: _Edge) -> None:
        self.generator.step_.batch.bring_back(self.slot, edge.light)
        self.chunk, self.fingers = edge.chunk, edge.fingers

    def keep_edge(self) -> None:
        """Note where the stream is; the edge noted before becomes `before`."""
        spare = self.before.light if self.before is not None else None
        light = self.generator.step_.batch.keep(self.slot, spare)
        self.before, self.edge = self.edge, _Edge(light, self.chunk, self.fingers)

    def _must_be_open(self) -> None:
        """Its slot may be another stream's by now."""
        if self.closed:
            raise UserError("this session is closed; open another")

    def close(self) -> None:
        """Give the slot back."""
        if not self.closed:
            self.closed = True
            self.generator.release(self)

    def __str__(self) -> str:
        return f"session in slot {self.slot}: chunk {self.chunk}{', one ahead' if self.guess else ''}, {self.controls}"


def _when(staged: tuple[int, int, str, Any]) -> tuple[int, int]:
    return staged[:2]
