"""One chunk of every slot: language model, sampling, codec. On a GPU the whole step is one captured graph."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from graphflow.models.magenta.batch import Batch, Wanted
from graphflow.models.magenta.codec.decoder import Decoder, played
from graphflow.models.magenta.lm import Chance, LanguageModel
from graphflow.models.magenta.noise import gumbel

WARM_UPS = 3
"""Steps before a capture, so that libraries have chosen their kernels and workspaces."""


def advance(lm: LanguageModel, decoder: Decoder, batch: Batch, wanted: Wanted) -> tuple[Tensor, Tensor]:
    """Bring the running slots one chunk further. Returns sound [B, 1920, 2] (-1..1) and token ids [B, levels].

    A slot that does not run computes with the others and forgets: what it writes to its ring lies where its next
    real step will write.
    """
    noise = gumbel(wanted.seed, batch.chunk, batch.levels)
    chance = Chance(noise, wanted.temperature, wanted.top_k)
    ids = lm(wanted.conditions, batch.previous, batch.chunk, batch.memory, batch.depth_memory, chance)
    wave, codec = decoder(lm.codes(ids), batch.codec)
    running = wanted.running
    batch.previous.copy_(torch.where(running[:, None], ids, batch.previous))
    batch.chunk.add_(running)
    for old, new in zip(batch.codec, codec, strict=True):
        rows = running.repeat_interleave(old.shape[0] // batch.slots) if old.shape[0] != batch.slots else running
        old.copy_(torch.where(rows.view(-1, *[1] * (old.dim() - 1)), new, old))
    return played(wave), ids


class Step:
    """Runs `advance` over a batch. `wanted` is filled on the host before each run."""

    def __init__(self, lm: LanguageModel, decoder: Decoder, slots: int, device: torch.device) -> None:
        self.lm, self.decoder, self.device = lm, decoder, device
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
        return advance(self.lm, self.decoder, self.batch, self._given)

    def close(self) -> None:
        """Give up what the step holds."""


class CapturedStep(Step):
    """The same on CUDA, replayed as one graph: no Python and no launches between its kernels."""

    def __init__(
        self,
        lm: LanguageModel,
        decoder: Decoder,
        slots: int,
        device: torch.device,
        advance: Callable[[LanguageModel, Decoder, Batch, Wanted], tuple[Tensor, Tensor]] = advance,
    ) -> None:
        super().__init__(lm, decoder, slots, device)
        self._graph = torch.cuda.CUDAGraph()
        before = [tensor.clone() for tensor in self._live()]
        side = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        side.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(side):
            for _ in range(WARM_UPS):
                advance(lm, decoder, self.batch, self._given)
        torch.cuda.current_stream(device).wait_stream(side)
        with torch.cuda.graph(self._graph):
            self._sound, self._ids = advance(lm, decoder, self.batch, self._given)
        self._host_sound = torch.empty(self._sound.shape, pin_memory=True)
        self._host_ids = torch.empty(self._ids.shape, dtype=self._ids.dtype, pin_memory=True)
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
