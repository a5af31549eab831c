"""The encoder: sound to features, with which a stream can be begun from music that is there already."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from graphflow.models.magenta.codec.layers import Conv, Pointwise, Size, filled
from graphflow.models.magenta.codec.spectrum import BINS, HOP, analyse
from graphflow.models.magenta.config import CodecSizes
from graphflow.models.magenta.linear import Linear

BLOCKS: tuple[tuple[Size, Size, int, int], ...] = (
    ((3, 4), (1, 2), 1, 2),
    ((3, 4), (1, 2), 2, 2),
    ((3, 6), (1, 3), 2, 4),
    ((3, 4), (1, 2), 4, 4),
    ((3, 4), (1, 2), 4, 4),
    ((4, 4), (2, 2), 4, 8),
    ((4, 3), (2, 1), 16, 8),
)
"""Kernel and stride (time, frequency), channels in and out in units of the base depth. Before the last block the
left and the right side, which have come side by side, become one."""


class Block(nn.Module):
    """Half to a third as many rows or bins."""

    def __init__(self, kernel: Size, stride: Size, channels: int, out: int) -> None:
        super().__init__()
        self.stride = stride
        self.conv = Conv(channels, channels, (3, 3))
        self.down = Conv(channels, out, kernel, stride)
        self.shortcut = Pointwise(channels, out) if channels != out else nn.Identity()

    def memory(self, batch: int, bins: int) -> list[Tensor]:
        return [self.conv.memory(batch, bins), self.down.memory(batch, bins)]

    def forward(self, x: Tensor, memory: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        y, first = self.conv(nn.functional.elu(x), memory[0])
        y, second = self.down(nn.functional.elu(y), memory[1])
        pooled = nn.functional.avg_pool2d(filled(x, self.stride[0]), self.stride)
        return y + self.shortcut(pooled), [first, second]


class Encoder(nn.Module):
    """Samples to features, 25 a second, and to codes. Its memory is a list of tensors."""

    def __init__(self, sizes: CodecSizes) -> None:
        super().__init__()
        self.sizes = sizes
        base = sizes.encoder_base_depth
        self.first = Conv(2, base, (7, 7))
        self.blocks = nn.ModuleList(Block(k, s, i * base, o * base) for k, s, i, o in BLOCKS)
        self.bottleneck, self.bottleneck_a = Conv(8 * base, 8 * base, (3, 3)), Conv(8 * base, 8 * base, (3, 3))
        width = 5 * 8 * base
        self.last = Linear(width, sizes.features)
        self.b1, self.b2 = Linear(width, width), Linear(width, sizes.features)
        self.codebooks = nn.Parameter(torch.empty(sizes.quantizer_levels, 1024, sizes.features))

    def memory(self, batch: int) -> list[Tensor]:
        """Before the first sample: silence."""
        made = [self.first.memory(2 * batch, BINS)]
        bins = BINS
        for number, block in enumerate(self.blocks):
            assert isinstance(block, Block)
            last = number == len(self.blocks) - 1
            made += block.memory(batch if last else 2 * batch, bins)
            bins //= block.stride[1]
        return [*made, self.bottleneck.memory(batch, bins), self.bottleneck_a.memory(batch, bins)]

    def forward(self, wave: Tensor, memory: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Samples [B, 1920 n + 480, 2, or 1 for both sides], of which the last 480 come again at the start of the next,
        to features [B, n, features] and the new memory."""
        x = analyse(torch.cat([wave[..., 0], wave[..., -1]])).permute(0, 3, 1, 2)
        x, past = self.first(x.to(self.first.weight.dtype), memory[0])
        new = [past]
        for number, block in enumerate(self.blocks):
            if number == len(self.blocks) - 1:
                x = torch.cat(x.chunk(2), 1)
            x, kept = block(x, memory[1 + 2 * number : 3 + 2 * number])
            new += kept
        y, past = self.bottleneck(nn.functional.elu(x), memory[-2])
        y, past_a = self.bottleneck_a(nn.functional.elu(y), memory[-1])
        z = (x + y).permute(0, 2, 3, 1).flatten(2)
        out = self.last(z) + self.b2(nn.functional.elu(self.b1(nn.functional.elu(z))))
        return out, [*new, past, past_a]

    def whole(self, wave: Tensor) -> Tensor:
        """A whole piece [B, frames, 2] at once, silence after it: [B, a row for every chunk that was begun, features].

        Of a chunk that is not whole only the spectra that were begun are looked at, as the official package does."""
        rest = -wave.shape[1] % HOP
        features: Tensor
        features, _ = self(nn.functional.pad(wave, (0, 0, 0, rest + HOP)), self.memory(wave.shape[0]))
        return features

    def codes(self, features: Tensor, levels: int = 0) -> Tensor:
        """The nearest code of each level to what the levels before have left over: [..., levels] (0: all)."""
        left = features.float()
        picked = []
        for book in self.codebooks[: levels or None].float():
            distance = book.square().sum(-1) - 2.0 * left @ book.T
            picked.append(distance.argmin(-1))
            left = left - book[picked[-1]]
        return torch.stack(picked, -1)
