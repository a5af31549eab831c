"""Convolutions over (time, frequency) that go on from chunk to chunk. What they remember is handed in and out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

Size = tuple[int, int]
"""(time, frequency)."""


def silence(like: Tensor, *shape: int) -> Tensor:
    """Zeros of a shape, laid out in memory as the weights are: channels last where they are."""
    last = not like.is_contiguous() and like.is_contiguous(memory_format=torch.channels_last)
    return like.new_zeros(shape).contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)


def filled(x: Tensor, stride: int) -> Tensor:
    """Rows [.., T, F] with zeros after them, up to whole strides."""
    short = -x.shape[2] % stride
    return nn.functional.pad(x, (0, 0, 0, short)) if short else x


class Conv(nn.Module):
    """Causal in time, centred in frequency. Remembers the last rows of its input."""

    def __init__(self, channels: int, out: int, kernel: Size, stride: Size = (1, 1)) -> None:
        super().__init__()
        self.kernel, self.stride = kernel, stride
        self.channels = channels
        self.weight = nn.Parameter(torch.empty(out, channels, *kernel))
        self.bias = nn.Parameter(torch.empty(out))

    @property
    def past(self) -> int:
        """Rows remembered. With a stride, whole strides come in, so what lies right of the window never counts."""
        return max(self.kernel[0] - self.stride[0], 0)

    def memory(self, batch: int, bins: int) -> Tensor:
        """Silence before the start, [B, channels, past, bins]."""
        return silence(self.weight, batch, self.channels, self.past, bins)

    def forward(self, x: Tensor, past: Tensor) -> tuple[Tensor, Tensor]:
        """x [B, channels, T, F]; returns [B, out, T / st, F / sf] and the new past. Only at a piece's end T may be no
        multiple of the stride; silence follows."""
        x = torch.cat([past, filled(x, self.stride[0])], 2)
        total = max(self.kernel[1] - self.stride[1], 0)
        left = total // 2
        padded = nn.functional.pad(x, (left, total - left, 0, 0)) if total else x
        y = nn.functional.conv2d(padded, self.weight, self.bias, self.stride)
        return y, x[:, :, x.shape[2] - self.past :]


class Upconv(nn.Module):
    """A transposed convolution. Remembers the rows that reach into what comes next, without the bias."""

    def __init__(self, channels: int, out: int, kernel: Size, stride: Size) -> None:
        super().__init__()
        self.kernel, self.stride, self.out = kernel, stride, out
        self.weight = nn.Parameter(torch.empty(channels, out, *kernel))
        self.bias = nn.Parameter(torch.empty(out))

    @property
    def tail(self) -> int:
        return self.kernel[0] - self.stride[0]

    def memory(self, batch: int, bins: int) -> Tensor:
        """[B, out, tail, bins after cropping]; `bins` counts those that come in."""
        return silence(self.weight, batch, self.out, self.tail, bins * self.stride[1])

    def forward(self, x: Tensor, tail: Tensor) -> tuple[Tensor, Tensor]:
        """x [B, channels, T, F] to [B, out, T * st, F * sf] and the new tail."""
        rows, bins = x.shape[2] * self.stride[0], x.shape[3] * self.stride[1]
        full = nn.functional.conv_transpose2d(x, self.weight, None, self.stride)[:, :, :, 1 : 1 + bins]
        full = full + nn.functional.pad(tail, (0, 0, 0, rows))
        return full[:, :, :rows] + self.bias[:, None, None], full[:, :, rows:]


class Pointwise(nn.Module):
    """A 1 x 1 convolution."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(out, channels, 1, 1))
        self.bias = nn.Parameter(torch.empty(out))

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.conv2d(x, self.weight, self.bias)
