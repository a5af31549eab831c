"""The pieces of a transformer layer: norm, feed-forward, and attention of one query over an unordered set of keys."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from graphflow.models.magenta.linear import Linear

LOG2E = 1.442695041
HIDDEN = -1e9
"""Logit of a key that is not to be seen."""


class Norm(nn.Module):
    """RMS norm, worked out in float32; the scale is used as it is."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.empty(dim))

    def forward(self, x: Tensor) -> Tensor:
        """[..., dim] to float32 of the same shape."""
        wide = x.float()
        return wide * torch.rsqrt(wide.square().mean(-1, keepdim=True) + 1e-6) * self.scale.float()


class FeedForward(nn.Module):
    """Two layers with biases and the tanh form of GELU between."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.rise = Linear(dim, hidden)
        self.fall = Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.fall(nn.functional.gelu(self.rise(x), approximate="tanh"))
        return y


def attend(query: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    """One query per head over a set of keys; no position is known but by the mask.

    query [B, H, Q, h], already scaled; keys and values [B, H, S, h]; mask [B, 1, Q or 1, S] float32, 0 or HIDDEN.
    Returns [B, Q, H * h]. The softmax is in float32.
    """
    logits = torch.matmul(query, keys.transpose(-1, -2)).float() + mask
    weights = torch.softmax(logits, -1).to(values.dtype)
    mixed = torch.matmul(weights, values)
    return mixed.transpose(1, 2).flatten(2)


def query_scale(per_dim: Tensor, head_dim: int) -> Tensor:
    """The learned scale of each query dimension, [head_dim]: 1 / sqrt(head_dim) where `per_dim` is 0."""
    scale: Tensor = nn.functional.softplus(per_dim) * (LOG2E / head_dim**0.5)
    return scale
