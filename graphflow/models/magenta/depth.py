"""The depth transformer: the chunk's codes, one level after the other, each knowing those before it."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from graphflow.models.magenta.attention import HIDDEN, FeedForward, Norm, attend
from graphflow.models.magenta.config import CODES, Stack
from graphflow.models.magenta.linear import LayerNorm, Linear

CAP = 30.0

Memory = list[tuple[Tensor, Tensor]]
"""Keys and values of each layer, [B, H, levels, h]. It begins anew with every chunk."""


class DepthLayer(nn.Module):
    """Self-attention and feed-forward; no sink."""

    def __init__(self, sizes: Stack) -> None:
        super().__init__()
        self.heads, self.head_dim = sizes.heads, sizes.head_dim
        width = sizes.heads * sizes.head_dim
        self.pre, self.post = Norm(sizes.dim), Norm(sizes.dim)
        self.qkv = Linear(sizes.dim, 3 * width, bias=False)
        self.out = Linear(width, sizes.dim, bias=False)
        self.ffn = FeedForward(sizes.dim, sizes.ffn)
        self.ffn_pre, self.ffn_post = Norm(sizes.dim), Norm(sizes.dim)

    def forward(self, x: Tensor, keys: Tensor, values: Tensor, level: Tensor, mask: Tensor) -> Tensor:
        """x [B, 1, dim] float32; keys and values are written at `level` [1]; mask [1, 1, 1, levels]."""
        projected: Tensor = self.qkv(self.pre(x).to(keys.dtype))
        query, key, value = projected.view(x.shape[0], 3, self.heads, 1, self.head_dim).unbind(1)
        keys.index_copy_(2, level, key.to(keys.dtype))
        values.index_copy_(2, level, value.to(values.dtype))
        x = x + self.post(self.out(attend(query, keys, values, mask)))
        added: Tensor = x + self.ffn_post(self.ffn(self.ffn_pre(x).to(keys.dtype)))
        return added


class Depth(nn.Module):
    """The stack, from the temporal output or the token before, to the logits of one level."""

    mask: Tensor

    def __init__(self, sizes: Stack, temporal_dim: int, levels: int) -> None:
        super().__init__()
        self.sizes, self.levels = sizes, levels
        self.activation = torch.float32
        self.adapter = Linear(temporal_dim, sizes.dim, bias=False)
        self.layers = nn.ModuleList(DepthLayer(sizes) for _ in range(sizes.layers))
        self.norm = LayerNorm(sizes.dim)
        self.heads = nn.ModuleList(Linear(sizes.dim, CODES) for _ in range(levels))
        order = torch.arange(levels)
        hidden = torch.where(order[None] <= order[:, None], 0.0, HIDDEN)
        self.register_buffer("mask", hidden[:, None, None, None], persistent=False)

    def memory(self, batch: int) -> Memory:
        shape = (batch, self.sizes.heads, self.levels, self.sizes.head_dim)
        empty = self.norm.scale.new_zeros(shape, dtype=self.activation)
        return [(empty.clone(), empty.clone()) for _ in self.layers]

    def begin(self, temporal: Tensor) -> Tensor:
        """The input of level 0 from the temporal output [B, D]: [B, dim] float32."""
        y: Tensor = self.adapter(temporal.to(self.activation))
        return y.float()

    def forward(self, x: Tensor, memory: Memory, at: Tensor, mask: Tensor) -> Tensor:
        """What the level's head reads [B, dim]: from x [B, dim], the level as a tensor `at` [1] and its row of
        `mask`. The level is data and not a number, so that one compiled form serves all levels."""
        y = x[:, None].float()
        for layer, (keys, values) in zip(self.layers, memory, strict=True):
            y = layer(y, keys, values, at, mask)
        normed: Tensor = self.norm(y[:, 0])
        return normed.to(self.activation)


def capped(logits: Tensor) -> Tensor:
    """Logits bent softly into -30..30."""
    return CAP * torch.tanh(logits / CAP)
