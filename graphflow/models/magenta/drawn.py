"""Drawing codes in one kernel: what sampling takes dozens of for each of the twelve levels."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from graphflow.models.magenta import fused_kernels as kernels
from graphflow.models.magenta.batch import Batch, Wanted
from graphflow.models.magenta.config import CODES, RESERVED
from graphflow.models.magenta.lm import LanguageModel


def power(number: int) -> int:
    """The power of two that holds it."""
    return 1 << (number - 1).bit_length()


def draw(
    ids: Tensor,
    following: Tensor,
    logits: Tensor,
    table: Tensor,
    level: int,
    batch: Batch,
    wanted: Wanted,
    early: dict[str, Any],
) -> None:
    """One level: from logits [B, 1024] to ids [:, level] and the depth transformer's next input [B, dim] float32."""
    width = following.shape[1]
    kernels.draw[(ids.shape[0],)](
        ids,
        following,
        logits,
        table,
        wanted.seed,
        batch.chunk,
        wanted.temperature,
        wanted.top_k,
        level,
        ids.shape[1],
        RESERVED + CODES * level,
        width,
        codes=CODES,
        span=power(width),
        early=bool(early),
        num_warps=4,
        **early,
    )


class DrawnLM:
    """The language model in torch, its codes drawn by the kernel: for many sessions."""

    def __init__(self, lm: LanguageModel, slots: int) -> None:
        self.lm = lm
        device = lm.depth_table.weight.device
        self.ids = torch.zeros(slots, lm.config.levels, dtype=torch.int64, device=device)

    def __call__(self, batch: Batch, wanted: Wanted) -> Tensor:
        """One chunk's token ids [slots, levels]. Writes the batch's rings."""
        lm, depth = self.lm, self.lm.depth
        embedded, source = lm.listen(wanted.conditions, batch.previous)
        x = depth.begin(lm.temporal(embedded, source, batch.memory, batch.chunk)).contiguous()
        for level, head in enumerate(depth.heads):
            logits = head(depth(x, batch.depth_memory, lm.at[level : level + 1], depth.mask[level])).float()
            x = torch.empty_like(x)
            draw(self.ids, x, logits.contiguous(), lm.depth_table.weight, level, batch, wanted, {})
        return self.ids
