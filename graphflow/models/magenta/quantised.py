"""Weights in eight or four bits: a float32 scale for every few of them, rounded once when they are loaded.

Weight-only: sums and everything that travels between layers stay as they were. The groups are those of the official
package's own exports, 64 weights in eight bits and 32 in four.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from graphflow.models.magenta.linear import Linear

BLOCK = 64
"""Weights of a row that are stored together; rows are filled up with zeros to whole blocks."""
GROUP = {8: 64, 4: 32}
"""Weights that share a scale, by bits."""


class Packed(nn.Module):
    """A matrix [out, width] as whole numbers. `codes` is int8 [out, padded] or, in four bits, int16 [out, padded / 4];
    `scale` is float32 [out, padded / group].

    Nibble j of word i in a block of four-bit words is weight 16 j + i of the block, plus 8: so the four nibbles of
    16 words become four vectors of neighbours without a shuffle.
    """

    codes: Tensor
    scale: Tensor

    def __init__(self, bits: int, out: int, width: int) -> None:
        super().__init__()
        self.bits, self.shape = bits, torch.Size((out, width))
        padded = -(-width // BLOCK) * BLOCK
        codes = (
            torch.zeros(out, padded, dtype=torch.int8)
            if bits == 8
            else torch.zeros(out, padded // 4, dtype=torch.int16)
        )
        self.register_buffer("codes", codes, persistent=False)
        self.register_buffer("scale", torch.zeros(out, padded // GROUP[bits]), persistent=False)

    def fill(self, weights: Tensor) -> None:
        """Round weights [out, width]."""
        padded = self.scale.shape[1] * GROUP[self.bits]
        rows = nn.functional.pad(weights.float(), (0, padded - weights.shape[1]))
        groups = rows.reshape(len(rows), -1, GROUP[self.bits])
        codes, scale = eight(groups) if self.bits == 8 else four(groups)
        self.codes.copy_(codes.flatten(1) if self.bits == 8 else words(codes.flatten(1)))
        self.scale.copy_(scale)

    def dense(self, dtype: torch.dtype) -> Tensor:
        """The rounded weights [out, width]."""
        codes = self.codes if self.bits == 8 else nibbles(self.codes)
        groups = codes.to(dtype).reshape(*self.scale.shape, -1) * self.scale[..., None].to(dtype)
        return groups.flatten(1)[:, : self.shape[1]]


def eight(groups: Tensor) -> tuple[Tensor, Tensor]:
    """Groups [out, n, 64] to numbers -127..127 and scales [out, n]."""
    scale = groups.abs().amax(-1) / 127.0
    codes = torch.round(groups / torch.where(scale == 0.0, 1.0, scale)[..., None])
    return codes.to(torch.int8), scale


def four(groups: Tensor) -> tuple[Tensor, Tensor]:
    """Groups [out, n, 32] to numbers -8..7 and scales [out, n].

    The largest weight becomes -8, so that no step is wasted; the scale is negative where that weight is positive.
    Searching for the scale with the smallest error gains 0.1 dB and is left out.
    """
    scale = groups.gather(-1, groups.abs().argmax(-1, keepdim=True)) / -8.0
    codes = torch.round(groups / torch.where(scale == 0.0, 1.0, scale)).clamp(-8.0, 7.0)
    return codes.to(torch.int8), scale[..., 0]


def words(codes: Tensor) -> Tensor:
    """Numbers -8..7 [out, padded] as int16 words [out, padded / 4]."""
    nibbles = codes.int().reshape(len(codes), -1, 4, 16) + 8
    shift = torch.arange(0, 16, 4, device=codes.device)[:, None]
    packed = (nibbles << shift).sum(2)
    return torch.where(packed > 0x7FFF, packed - 0x10000, packed).flatten(1).to(torch.int16)


def nibbles(packed: Tensor) -> Tensor:
    """What `words` was given."""
    shift = torch.arange(0, 16, 4, device=packed.device)[:, None]  # from no list: a captured graph copies nothing in
    return (((packed.int().reshape(len(packed), -1, 1, 16) >> shift) & 15) - 8).flatten(1)


class QuantisedLinear(Linear):
    """A matrix whose weights are rounded; everything else about it is the same."""

    weight: Packed  # type: ignore[assignment]

    def __init__(self, bits: int, like: Linear) -> None:
        nn.Module.__init__(self)
        self.weight = Packed(bits, *like.weight.shape)
        self.bias = like.bias

    def forward(self, x: Tensor) -> Tensor:
        """[..., width] to [..., out]."""
        return nn.functional.linear(x, self.weight.dense(x.dtype), self.bias)


def quantise(module: nn.Module, bits: int) -> None:
    """Put quantised matrices in the place of all matrices within, before they are loaded."""
    for name, child in module.named_children():
        if isinstance(child, Linear):
            setattr(module, name, QuantisedLinear(bits, child))
        else:
            quantise(child, bits)
