"""Matrices and tables of weights, not filled until they are loaded."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Linear(nn.Module):
    """y = x W^T + b, in the precision of x."""

    def __init__(self, width: int, out: int, *, bias: bool = True) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out, width))
        self.bias = nn.Parameter(torch.empty(out)) if bias else None

    def forward(self, x: Tensor) -> Tensor:
        """[..., width] to [..., out]."""
        return nn.functional.linear(x, self.weight.to(x.dtype), self.bias)


class Table(nn.Module):
    """One row of numbers for each id."""

    def __init__(self, rows: int, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(rows, width))

    def forward(self, ids: Tensor) -> Tensor:
        """Ids [...] to [..., width]."""
        return nn.functional.embedding(ids, self.weight)


class LayerNorm(nn.Module):
    """Mean and variance taken out over the last dimension, in float32."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        self.scale, self.bias = nn.Parameter(torch.empty(dim)), nn.Parameter(torch.empty(dim))

    def forward(self, x: Tensor) -> Tensor:
        """[..., dim] to float32 of the same shape."""
        return nn.functional.layer_norm(x.float(), (self.dim,), self.scale.float(), self.bias.float(), 1e-6)
