"""One chunk of every slot: language model, sampling, codec. On a GPU the whole step is one captured graph."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor

from graphflow.models.magenta.batch import Batch, Wanted
from graphflow.models.magenta.capture import capture, pinned
from graphflow.models.magenta.codec.decoder import Decoder, played
from graphflow.models.magenta.linear import Linear
from graphflow.models.magenta.lm import Chance, LanguageModel
from graphflow.models.magenta.noise import gumbel

Compose = Callable[[Batch, Wanted], Tensor]
"""From what a batch remembers and is asked for to its next token ids [B, levels]; writes the rings."""

FUSED_SLOTS = 4
"""With more, matrix products by the library are faster than matrix times vector."""


def plainly(lm: LanguageModel) -> Compose:
    """The language model as it is written, in torch: the reference for every faster way."""

    def compose(batch: Batch, wanted: Wanted) -> Tensor:
        noise = gumbel(wanted.seed, batch.chunk, batch.levels)
        chance = Chance(noise, wanted.temperature, wanted.top_k)
        ids: Tensor = lm(wanted.conditions, batch.previous, batch.chunk, batch.memory, batch.depth_memory, chance)
        return ids

    return compose


def decode(decoder: Decoder, codes: Tensor, memory: list[Tensor], running: Tensor) -> Tensor:
    """Sound [B, 1920, 2] of codes [B, levels]; the memory of the running slots [B] is brought up to date."""
    wave, new = decoder(codes, memory)
    both = running.repeat_interleave(2)
    for old, kept in zip(memory, new, strict=True):
        rows = running if old.shape[0] == running.shape[0] else both
        old.copy_(torch.where(rows.view(-1, *[1] * (old.dim() - 1)), kept, old))
    return played(wave).contiguous()  # else its way to the host needs a buffer of its own


def advance(
    compose: Compose, lm: LanguageModel, decoder: Decoder, batch: Batch, wanted: Wanted
) -> tuple[Tensor, Tensor]:
    """Bring the running slots one chunk further. Returns sound [B, 1920, 2] (-1..1) and token ids [B, levels].

    A slot that does not run computes with the others and forgets: what it writes to its ring lies where its next
    real step will write.
    """
    ids = compose(batch, wanted)
    sound = decode(decoder, lm.codes(ids), batch.codec, wanted.running)
    batch.previous.copy_(torch.where(wanted.running[:, None], ids, batch.previous))
    batch.chunk.add_(wanted.running)
    return sound, ids


class Step:
    """Runs `advance` over a batch. `wanted` is filled on the host before each run."""

    def __init__(self, lm: LanguageModel, decoder: Decoder, slots: int, device: torch.device) -> None:
        self.lm, self.decoder, self.device = lm, decoder, device
        self.compose = plainly(lm)
        self.batch = Batch(lm, decoder, slots, device)
        self.wanted = Wanted.empty(slots, torch.device("cpu"))
        self._given = Wanted.empty(slots, device) if device.type != "cpu" else self.wanted

    def run(self) -> tuple[Tensor, Tensor]:
        """Sound [B, 1920, 2] and ids [B, levels] on the host, one chunk of the slots that `wanted` says run."""
        if self._given is not self.wanted:
            self._given.copy_(self.wanted)
        sound, ids = self._advance()
        return sound.cpu(), ids.cpu()

    def _advance(self) -> tuple[Tensor, Tensor]:
        return advance(self.compose, self.lm, self.decoder, self.batch, self._given)

    def close(self) -> None:
        """Give up what the step holds."""

    def __str__(self) -> str:
        return f"{type(self).__name__} of {self.batch.slots} slots on {self.device}"


class CapturedStep(Step):
    """The same on CUDA, replayed as one graph: no Python and no launches between its kernels.

    `fused`: in kernels of our own, which need Triton and a C compiler; without them, or where they fail, the plain
    way is captured, and a warning says so.
    """

    def __init__(
        self, lm: LanguageModel, decoder: Decoder, slots: int, device: torch.device, *, fused: bool = True
    ) -> None:
        super().__init__(lm, decoder, slots, device)
        try:
            if fused:
                self.compose = fused_compose(lm, slots)
            self._capture()
        except torch.OutOfMemoryError:
            raise
        except Exception as fault:  # Triton and its compiler may raise anything; there is another way
            if not fused:
                raise
            warnings.warn(f"Magenta plays without its own GPU kernels, {type(fault).__name__}: {fault}", stacklevel=2)
            self.compose = plainly(lm)
            self._capture()
        self._host_sound, self._host_ids = pinned(self._sound), pinned(self._ids)

    @torch.inference_mode()
    def _capture(self) -> None:
        before = [tensor.clone() for tensor in self._live()]
        self._graph, (self._sound, self._ids) = capture(self._advance, self.device)
        torch._foreach_copy_(self._live(), before)

    def _live(self) -> list[Tensor]:
        """What a warm-up changes; what it writes to the rings is not seen again."""
        return [self.batch.previous, self.batch.chunk, *self.batch.codec]

    def run(self) -> tuple[Tensor, Tensor]:
        self._given.copy_(self.wanted)
        self._graph.replay()
        self._host_sound.copy_(self._sound, non_blocking=True)
        self._host_ids.copy_(self._ids, non_blocking=True)
        torch.cuda.current_stream(self.device).synchronize()
        return self._host_sound.clone(), self._host_ids.clone()

    def close(self) -> None:
        self._graph.reset()


def fused_compose(lm: LanguageModel, slots: int) -> Compose:
    """The language model in kernels of our own. Raises ImportError without Triton."""
    if any(type(head) is not Linear for head in lm.depth.heads):
        return plainly(lm)  # quantised weights
    if slots <= FUSED_SLOTS:
        from graphflow.models.magenta.fused import FusedLM

        return FusedLM(lm, slots)
    from graphflow.models.magenta.drawn import DrawnLM

    return DrawnLM(lm, slots)
