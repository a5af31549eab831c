"""What all sessions of a model remember, slot by slot, in tensors whose place never changes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from graphflow.models.magenta.codec.decoder import Decoder
from graphflow.models.magenta.config import CONDITIONS
from graphflow.models.magenta.lm import LanguageModel
from graphflow.models.magenta.temporal import Memory

Light = list[Tensor]
"""One slot's state without its keys and values: of those the rings keep enough to go back a chunk or two."""


@dataclass
class Wanted:
    """What a step is told: conditions [B, 144], temperature, top_k and seed [B], and which slots are to go on [B]."""

    conditions: Tensor
    temperature: Tensor
    top_k: Tensor
    seed: Tensor
    running: Tensor

    @classmethod
    def empty(cls, slots: int, device: torch.device) -> Wanted:
        made = cls(
            torch.zeros(slots, CONDITIONS, dtype=torch.int64, device=device),
            torch.zeros(slots, device=device),
            torch.ones(slots, dtype=torch.int64, device=device),
            torch.zeros(slots, dtype=torch.int64, device=device),
            torch.zeros(slots, dtype=torch.bool, device=device),
        )
        if device.type == "cpu" and torch.cuda.is_available():
            return cls(*(tensor.pin_memory() for tensor in vars(made).values()))
        return made

    def copy_(self, other: Wanted) -> None:
        self.conditions.copy_(other.conditions, non_blocking=True)
        self.temperature.copy_(other.temperature, non_blocking=True)
        self.top_k.copy_(other.top_k, non_blocking=True)
        self.seed.copy_(other.seed, non_blocking=True)
        self.running.copy_(other.running, non_blocking=True)


class Batch:
    """State with a leading slot dimension; the codec's tensors have one or two rows per slot."""

    def __init__(self, lm: LanguageModel, decoder: Decoder, slots: int, device: torch.device) -> None:
        self.slots, self.levels = slots, lm.config.levels
        self.memory: Memory = lm.temporal.memory(slots)
        self.depth_memory = lm.depth.memory(slots)
        self.previous = torch.zeros(slots, self.levels, dtype=torch.int64, device=device)
        self.chunk = torch.zeros(slots, dtype=torch.int64, device=device)
        self.codec = decoder.memory(slots)
        self._silence = [tensor[: tensor.shape[0] // slots].clone() for tensor in self.codec]
        self.ring = lm.temporal.ring
        self.window = lm.config.temporal.window

    def _codec(self, slot: int) -> list[Tensor]:
        """The slot's rows of the codec's memory, as views."""
        rows = [tensor.shape[0] // self.slots for tensor in self.codec]
        return [tensor[slot * n : (slot + 1) * n] for tensor, n in zip(self.codec, rows, strict=True)]

    def light(self, slot: int) -> Light:
        """The slot's own views of everything but the rings."""
        own = slice(slot, slot + 1)
        return [self.previous[own], self.chunk[own], *self._codec(slot)]

    def keep(self, slot: int, into: Light | None = None) -> Light:
        """A copy of the slot's light state, in `into` where given."""
        live = self.light(slot)
        if into is None:
            return [tensor.clone() for tensor in live]
        torch._foreach_copy_(into, live)
        return into

    def bring_back(self, slot: int, kept: Light) -> None:
        torch._foreach_copy_(self.light(slot), kept)

    def begin(self, slot: int) -> None:
        """The start of a stream: nothing heard, nothing played."""
        self.previous[slot] = 0
        self.chunk[slot] = 0
        for tensor, silence in zip(self._codec(slot), self._silence, strict=True):
            tensor.copy_(silence)

    def remembered(self, slot: int, chunk: int) -> Tensor:
        """The ring's content before chunk number `chunk`, oldest first: [4 * layers, H, n, h], n up to the window."""
        order = self._order(chunk, min(chunk, self.window))
        return torch.stack([ring[slot].index_select(1, order) for ring in self.memory.tensors])

    def _order(self, chunk: int, known: int) -> Tensor:
        """The ring's slots of the `known` chunks before `chunk`, oldest first; on the device, once for all rings."""
        slots = [1 + (chunk - known + i) % self.ring for i in range(known)]
        return torch.tensor(slots, dtype=torch.int64, device=self.chunk.device)

    def remember(self, slot: int, chunk: int, stored: Tensor) -> None:
        """Put back what `remembered` gave."""
        order = self._order(chunk, stored.shape[2])
        for ring, values in zip(self.memory.tensors, stored, strict=True):
            ring[slot][:, order] = values.to(ring.device, ring.dtype)

    def copy_slot(self, source: Batch, theirs: int, slot: int) -> None:
        """Everything of another batch's slot, its rings as they lie."""
        for mine, other in zip(self.memory.tensors, source.memory.tensors, strict=True):
            mine[slot].copy_(other[theirs])
        self.bring_back(slot, source.light(theirs))

    def size(self) -> int:
        """Bytes of all slots together."""
        tensors = [*self.memory.tensors, self.previous, self.chunk, *self.codec]
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)
