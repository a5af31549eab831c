"""The language model: what was played last and what is wanted, to the codes of the next chunk."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from graphflow.models.magenta.conditioning import Conditioning
from graphflow.models.magenta.config import CODES, RESERVED, Config
from graphflow.models.magenta.depth import Depth
from graphflow.models.magenta.depth import Memory as DepthMemory
from graphflow.models.magenta.linear import Linear, Table
from graphflow.models.magenta.sampling import pick
from graphflow.models.magenta.temporal import Memory, Temporal


@dataclass
class Chance:
    """How a chunk is drawn: noise [B, levels, 1024], temperature and top_k [B]."""

    noise: Tensor
    temperature: Tensor
    top_k: Tensor


@dataclass
class Trace:
    """What a stream went through, step by step, for comparing: all float32."""

    source: Tensor
    embedded: Tensor
    temporal: Tensor
    logits: Tensor


class LanguageModel(nn.Module):
    """Conditioning, temporal and depth transformer. What it remembers is handed in, never kept inside.

    `table` is the token embedding times sqrt(D) / levels, so that a sum over a chunk's tokens is their mean;
    `depth_table` is what the depth transformer sees of each token, its adapter applied.
    """

    at: Tensor
    first_id: Tensor

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config
        self.conditioning = Conditioning(config.conditioning)
        self.table = Table(config.vocabulary, config.temporal.dim)
        self.depth_table = Table(config.vocabulary, config.depth.dim)
        self.temporal = Temporal(config.temporal, config.conditioning)
        self.depth = Depth(config.depth, config.temporal.dim, config.levels)
        self.register_buffer("at", torch.arange(config.levels), persistent=False)
        self.register_buffer("first_id", RESERVED + CODES * torch.arange(config.levels), persistent=False)

    def embed(self, previous: Tensor) -> Tensor:
        """Token ids [..., levels] of the chunk before to [..., D] float32."""
        rows: Tensor = self.table(previous)
        return rows.float().sum(-2)

    def ids(self, codes: Tensor) -> Tensor:
        """Codes [..., levels] (0..1023) as token ids."""
        return codes + self.first_id

    def codes(self, ids: Tensor) -> Tensor:
        """Token ids [..., levels] as codes; the id that starts a stream is none."""
        return (ids - RESERVED) % CODES

    def listen(self, conditions: Tensor, previous: Tensor) -> tuple[Tensor, Tensor]:
        """What a step begins with: the token embedding [B, D] and the source [B, E]."""
        source: Tensor = self.conditioning(conditions)
        return self.embed(previous), source

    def level(
        self,
        x: Tensor,
        memory: DepthMemory,
        at: Tensor,
        mask: Tensor,
        head: Linear,
        first: Tensor,
        noise: Tensor,
        temperature: Tensor,
        top_k: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """One level: the depth transformer's x [B, dim] to the token id [B] and the next level's x."""
        logits: Tensor = head(self.depth(x, memory, at, mask))
        ids = pick(logits.float(), noise, temperature, top_k) + first
        return ids, self.depth_table(ids).float()

    def write(self, temporal: Tensor, memory: DepthMemory, chance: Chance) -> Tensor:
        """The depth half of a step: from the temporal output [B, D] to ids [B, levels]."""
        x = self.depth.begin(temporal)
        ids = []
        for level, head in enumerate(self.depth.heads):
            assert isinstance(head, Linear)
            at, first = self.at[level : level + 1], self.first_id[level : level + 1]
            token, x = self.level(
                x,
                memory,
                at,
                self.depth.mask[level],
                head,
                first,
                chance.noise[:, level],
                chance.temperature,
                chance.top_k,
            )
            ids.append(token)
        return torch.stack(ids, -1)

    def forward(
        self,
        conditions: Tensor,
        previous: Tensor,
        chunk: Tensor,
        memory: Memory,
        depth_memory: DepthMemory,
        chance: Chance,
    ) -> Tensor:
        """One chunk's token ids [B, levels] from conditions [B, 144], the ids before, and chunk numbers [B]."""
        embedded, source = self.listen(conditions, previous)
        return self.write(self.temporal(embedded, source, memory, chunk), depth_memory, chance)

    def trace(self, conditions: Tensor, ids: Tensor) -> Trace:
        """One stream from its start, step by step, its tokens given: conditions [N, 144], ids [N, levels]."""
        memory, depth_memory = self.temporal.memory(1), self.depth.memory(1)
        previous = torch.zeros_like(ids[:1])
        rows: tuple[list[Tensor], ...] = ([], [], [], [])
        for n in range(ids.shape[0]):
            embedded, source = self.listen(conditions[n : n + 1], previous)
            temporal = self.temporal(embedded, source, memory, torch.tensor([n], device=ids.device))
            x, logits = self.depth.begin(temporal), []
            for level, head in enumerate(self.depth.heads):
                at = self.at[level : level + 1]
                logits.append(head(self.depth(x, depth_memory, at, self.depth.mask[level])).float())
                x = self.depth_table(ids[n : n + 1, level]).float()
            previous = ids[n : n + 1]
            for row, made in zip(rows, (source, embedded, temporal, torch.stack(logits, 1)), strict=True):
                row.append(made)
        return Trace(*(torch.cat(row) for row in rows))
