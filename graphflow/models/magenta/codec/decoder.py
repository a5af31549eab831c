"""The decoder: codes to sound, one chunk behind, because it looks one chunk ahead."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from graphflow.models.magenta.codec.layers import Conv, Pointwise, Size, Upconv
from graphflow.models.magenta.codec.spectrum import HOP, synthesise
from graphflow.models.magenta.config import CHUNK, CODES, CodecSizes
from graphflow.models.magenta.linear import Linear

BINS = 5
"""Frequency bins of the innermost picture."""
GAIN = 0.5
SPECTRA = CHUNK // HOP
"""Spectra per chunk."""

BLOCKS: tuple[tuple[Size, Size, int, int], ...] = (
    ((4, 3), (2, 1), 8, 16),
    ((4, 4), (2, 2), 8, 4),
    ((3, 4), (1, 2), 4, 4),
    ((3, 4), (1, 2), 4, 4),
    ((3, 6), (1, 3), 4, 2),
    ((3, 4), (1, 2), 2, 2),
    ((3, 4), (1, 2), 2, 1),
)
"""Kernel and stride (time, frequency), channels in and out in units of the base depth. After the first block the
channels are two halves, left and right, which go on side by side."""


class Block(nn.Module):
    """Twice to three times as many rows or bins."""

    def __init__(self, kernel: Size, stride: Size, channels: int, out: int) -> None:
        super().__init__()
        self.stride = stride
        self.up = Upconv(channels, out, kernel, stride)
        self.conv = Conv(out, out, (3, 3))
        self.shortcut = Pointwise(channels, out) if channels != out else nn.Identity()

    def memory(self, batch: int, bins: int) -> list[Tensor]:
        return [self.up.memory(batch, bins), self.conv.memory(batch, bins * self.stride[1])]

    def forward(self, x: Tensor, memory: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        y, tail = self.up(nn.functional.elu(x), memory[0])
        y, past = self.conv(nn.functional.elu(y), memory[1])
        short = self.shortcut(x)
        for axis, factor in zip((2, 3), self.stride, strict=True):
            if factor > 1:
                short = short.repeat_interleave(factor, axis)
        return y + short, [tail, past]


class Decoder(nn.Module):
    """Codes [B, levels] per chunk to samples. Its memory is a list of tensors (see `memory`)."""

    def __init__(self, sizes: CodecSizes) -> None:
        super().__init__()
        self.sizes = sizes
        base = sizes.decoder_base_depth
        self.codebooks = nn.Parameter(torch.empty(sizes.used_levels, CODES, sizes.features))
        width = BINS * 8 * base
        self.first = Linear(sizes.features, width)
        self.b1, self.b2 = Linear(sizes.features, width), Linear(width, width)
        self.residual_a, self.residual = Conv(8 * base, 8 * base, (3, 3)), Conv(8 * base, 8 * base, (3, 3))
        self.blocks = nn.ModuleList(Block(k, s, i * base, o * base) for k, s, i, o in BLOCKS)
        self.last = Conv(base, 2, (7, 7))
        self.register_buffer("level", torch.arange(sizes.used_levels), persistent=False)

    level: Tensor

    def memory(self, batch: int) -> list[Tensor]:
        """Before the first chunk: silence; last the count of chunks decoded [B] and the tail [2 B, 480].

        Rows of what comes after the split are left and right in turn: slot b's are 2 b and 2 b + 1.
        """
        made = [self.residual_a.memory(batch, BINS), self.residual.memory(batch, BINS)]
        bins, rows = BINS, batch
        for block in self.blocks:
            assert isinstance(block, Block)
            made += block.memory(rows, bins)
            bins, rows = bins * block.stride[1], 2 * batch
        made.append(self.last.memory(2 * batch, bins))
        device = self.last.weight.device
        made.append(torch.zeros(batch, dtype=torch.int64, device=device))
        made.append(torch.zeros(2 * batch, HOP, device=device))
        return made

    def features(self, codes: Tensor) -> Tensor:
        """Codes [..., levels] to the sum of their vectors [..., features]."""
        return self.codebooks[self.level, codes].sum(-2)

    def spectra(self, features: Tensor, memory: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """Features [B, T, n] to spectra [2 B, 2, 4 T, 480] (left and right in turn), and the new memory."""
        h = self.first(features) + self.b2(nn.functional.elu(self.b1(features)))
        x = h.unflatten(-1, (BINS, -1)).permute(0, 3, 1, 2)
        y, past_a = self.residual_a(nn.functional.elu(x), memory[0])
        y, past = self.residual(nn.functional.elu(y), memory[1])
        x = x + y
        new = [past_a, past]
        for number, block in enumerate(self.blocks):
            x, kept = block(x, memory[2 + 2 * number : 4 + 2 * number])
            new += kept
            if number == 0:
                x = x.reshape(2 * x.shape[0], -1, *x.shape[2:])
        x, past = self.last(nn.functional.elu(x), memory[2 + 2 * len(self.blocks)])
        return x.float(), [*new, past]

    def forward(self, codes: Tensor, memory: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        """One chunk: codes [B, levels] to the chunk before's sound [B, 1920, 2] at the codec's own level.

        The first chunk of a stream gives silence.
        """
        count, tail = memory[-2], memory[-1]
        spectra, new = self.spectra(self.features(codes)[:, None], memory)
        wave, new_tail = synthesise(spectra, tail)
        begun = count > 0
        both = begun.repeat_interleave(2)[:, None]
        wave, new_tail = torch.where(both, wave, 0.0), torch.where(both, new_tail, 0.0)
        return sides(wave), [*new, count + 1, new_tail]

    def whole(self, codes: Tensor) -> Tensor:
        """A whole stream at once: codes [B, N, levels] to [B, (N - 1) * 1920, 2]."""
        memory = self.memory(codes.shape[0])
        if codes.shape[1] == 1:  # of the first chunk nothing is heard
            return memory[-1].new_zeros(codes.shape[0], 0, 2)
        spectra, _ = self.spectra(self.features(codes), memory)
        wave, _ = synthesise(spectra[:, :, SPECTRA:], memory[-1])
        return sides(wave)


def sides(wave: Tensor) -> Tensor:
    """Left and right in turn [2 B, n] as [B, n, 2]."""
    return wave.view(-1, 2, wave.shape[-1]).transpose(1, 2)


def played(wave: Tensor) -> Tensor:
    """The codec's sound as the model plays it: half as loud, clipped at full scale."""
    return (wave * GAIN).clamp(-1.0, 1.0)


def as_int16(sound: Tensor) -> Tensor:
    """Samples -1..1 as whole numbers, rounded as the official package does."""
    return torch.round(32767.5 * sound - 0.5).to(torch.int16)
