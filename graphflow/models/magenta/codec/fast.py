"""The decoder on a CPU: the same sound in less work.

Two things make it fast. Where a chunk is four rows high, convolutions need a third of the products (`winograd`). Where
it is one or two rows high, a weight is used so rarely that reading it is what takes time, so those weights are kept in
16 bits. Both together cost about 85 dB: not heard, but not equal either. What is remembered is the same as `Decoder`'s,
laid out with the channels innermost, so snapshots fit both.
"""

from __future__ import annotations

from typing import Any, Protocol
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor

from graphflow.models.magenta.codec import fast_kernels as kernels
from graphflow.models.magenta.codec.decoder import BINS, SPECTRA, Block, Decoder, played, sides
from graphflow.models.magenta.codec.layers import Conv, Pointwise
from graphflow.models.magenta.codec.products import PANEL, multiply_each, packed
from graphflow.models.magenta.codec.spectrum import synthesise
from graphflow.models.magenta.codec.winograd import F32, single, slide_taps, spread_taps
from graphflow.models.magenta.cpu_team import Team
from graphflow.models.magenta.crew import Crew

HEAVY = 3
"""Blocks after the first whose weights are larger than their pictures: both sides go through them together, so that
the weights are read once. After them left and right go their own ways, where there are cores for it."""


class Hands(Protocol):
    """Who works out products."""

    def products(self, a: F32, panels: Any, out: F32) -> None:
        """out [J, M, N] = a [J, M, K] times panels [J, N / 16, K, 16], each."""


class Sharing:
    """Threads of a crew, each some of several products."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew

    def products(self, a: F32, panels: Any, out: F32) -> None:
        self._crew.share(len(a), lambda first, last: multiply_each(a, panels, out, first, last))


class Columns:
    """A matrix [K, N] and its bias, laid out for products; in 16 bits, a scale per column, or in float32."""

    def __init__(self, weight: Tensor, bias: Tensor | None, *, short: bool) -> None:
        scale = (weight.abs().amax(0) / 32767.0).clamp(min=1e-30) if short else torch.ones(weight.shape[1])
        stored = torch.round(weight / scale).to(torch.int16) if short else weight
        self.panels = packed(stored.numpy())
        filled = self.panels.shape[0] * PANEL
        self.width = weight.shape[1]
        self.scale, self.bias = np.zeros(filled, np.float32), np.zeros(filled, np.float32)
        self.scale[: self.width] = scale.numpy()
        if bias is not None:
            self.bias[: self.width] = bias.numpy()

    def __call__(self, x: F32, hands: Hands) -> F32:
        """[M, K] to [M, N filled up to whole panels]."""
        out = np.empty((x.shape[0], len(self.scale)), np.float32)
        hands.products(x[None], self.panels[None], out[None])
        kernels.scale_columns(out, self.scale, self.bias)
        return out


def convolution(conv: Conv) -> Columns:
    """A convolution's kernel as it meets `patches`."""
    return Columns(conv.weight.permute(2, 3, 1, 0).flatten(0, 2), conv.bias, short=True)


def pointwise(module: Pointwise, *, short: bool) -> Columns:
    return Columns(module.weight.flatten(1).T, module.bias, short=short)


class Low:
    """The first blocks, one and two rows high: all that counts is reading weights."""

    def __init__(self, decoder: Decoder) -> None:
        self._books = decoder.codebooks.numpy()
        linears = (decoder.first, decoder.b1, decoder.b2)
        self._first, self._b1, self._b2 = (Columns(part.weight.T, part.bias, short=True) for part in linears)
        self._residual = [convolution(decoder.residual_a), convolution(decoder.residual)]
        block = decoder.blocks[0]
        assert isinstance(block, Block) and isinstance(block.shortcut, Pointwise)
        self._up = Columns(block.up.weight.permute(0, 2, 3, 1).flatten(1), None, short=True)
        self._up_bias, self._kernel, self._stride = block.up.bias.numpy(), block.up.kernel, block.up.stride
        self._conv = convolution(block.conv)
        self._shortcut = pointwise(block.shortcut, short=True)
        self._channels, self._out = block.up.weight.shape[0], block.up.out

    def __call__(self, codes: Tensor, memory: list[F32], hands: Hands) -> F32:
        """Codes [levels] to a picture [2, 5, C]; memory of this stream: past, past, tail, past."""
        features = self._books[np.arange(len(codes)), codes.numpy()].sum(0)[None]
        inner = elu(self._b1(features, hands)[None])[0]
        wide = BINS * self._channels
        x = (self._first(features, hands) + self._b2(inner[:, :wide], hands))[:, :wide].reshape(1, BINS, self._channels)
        y = x
        for conv, past in zip(self._residual, memory[:2], strict=True):
            y = self._convolve(conv, past, elu(y), self._channels, hands)
        x = x + y
        (kt, kf), (st, sf) = self._kernel, self._stride
        full = np.empty((kt, BINS + kf - 1, self._out), np.float32)
        y = np.empty((st, BINS, self._out), np.float32)
        kernels.spread(self._up(elu(x)[0], hands), (kt, st, kf, sf), memory[2], self._up_bias, full, y)
        return self._convolve(self._conv, memory[3], y, self._out, hands) + self._shortcut(x[0], hands)[:, : self._out]

    def _convolve(self, conv: Columns, past: F32, x: F32, channels: int, hands: Hands) -> F32:
        seen = np.empty((x.shape[0] * x.shape[1], 9 * x.shape[2]), np.float32)
        kernels.patches(seen, past, x)
        return single(conv(seen, hands)[:, :channels]).reshape(*x.shape[:2], channels)


def elu(x: F32) -> F32:
    out = np.empty_like(x)
    kernels.elu_rows(x, out)
    return out


class High:
    """A later block, from four rows on, its weights as they are used; `made` bins come out of the `bins` that go in."""

    def __init__(self, block: Block, bins: int) -> None:
        self.kernel, self.stride = block.up.kernel, block.up.stride
        self.bins, self.made = bins, bins * self.stride[1]
        self.channels, self.out = block.up.weight.shape[0], block.up.out
        self.doubles = self.stride[0] == 2
        """Whether two rows come in; then the transposed convolution is worked out as it stands."""
        if self.doubles:
            self.spread = packed(single(block.up.weight.permute(0, 2, 3, 1).flatten(1).numpy()))
        else:
            self.spread = packed(spread_taps(block.up.weight, self.stride[1]))
        self.slide = packed(slide_taps(block.conv.weight))
        self.up_bias, self.bias = block.up.bias.numpy(), block.conv.bias.numpy()
        self.shortcut = pointwise(block.shortcut, short=False) if isinstance(block.shortcut, Pointwise) else None


class Lane:
    """A later block for `count` sides: the arrays it works in, and the work."""

    def __init__(self, block: High, count: int, hands: Hands) -> None:
        self._block, self._count, self._hands = block, count, hands
        channels, out, bins, made = block.channels, block.out, block.bins, block.made

        def array(*shape: int) -> F32:
            return np.zeros(shape, np.float32)

        self._points = array(3, 6, channels), array(4, 6, out)
        self._picture = array(6, made, out)
        wide = block.spread.shape[-3] * PANEL
        if block.doubles:
            self._lifted = self._entering = array(count, SPECTRA // 2, bins, channels)
            self._products = array(count, SPECTRA // 2 * bins, wide)
            self._full = array(SPECTRA + 2, made + block.kernel[1] - block.stride[1], out)
        else:
            self._lifted = array(count, SPECTRA, bins, channels)
            self._entering = array(18, count, bins // 2 + 1, channels)
            self._products = array(18, count, bins // 2 + 1, wide)
        self._sliding = array(24, count, made // 2, out)
        self._slid = array(24, count, made // 2, block.slide.shape[1] * PANEL)
        self._sound = array(count, SPECTRA, made, out)

    def __call__(self, x: F32, memory: list[F32], rows: list[int]) -> F32:
        """x [count, T, F, C] to [count, 4, F * stride, O], which the next call overwrites; memory: all sides' tails and
        pasts, of which these sides' are in `rows`."""
        block, count = self._block, self._count
        for side in range(count):
            kernels.elu_rows(x[side], self._lifted[side])
            if not block.doubles:
                kernels.spread_in(self._lifted[side], self._points[0], self._entering, side)
        if block.doubles:
            self._hands.products(flat(self._entering, 0, 2)[None], block.spread[None], flat(self._products, 0, 1)[None])
        else:
            self._hands.products(flat(self._entering, 1, 2), block.spread, flat(self._products, 1, 2))
        for side, row in enumerate(rows):
            self._spread(side, memory[0][row], memory[1][row])
            kernels.slide_in(self._picture, self._points[1], self._sliding, side)
        self._hands.products(flat(self._sliding, 1, 2), block.slide, flat(self._slid, 1, 2))
        short = x if block.shortcut is None else block.shortcut(flat(x, 0, 2), self._hands).reshape(*x.shape[:3], -1)
        for side in range(count):
            kernels.slide_out(self._slid, side, block.bias, short[side], self._sound[side])
        return self._sound

    def _spread(self, side: int, tail: F32, past: F32) -> None:
        """What the convolution sees of a side: its past, and what the transposed convolution gives."""
        block, picture = self._block, self._picture
        (kt, kf), (st, sf) = block.kernel, block.stride
        if block.doubles:
            size = (kt, st, kf, sf)
            kernels.spread(self._products[side], size, tail, block.up_bias, self._full, picture[2:])
            picture[:2], past[:] = past, picture[-2:]
        else:
            kernels.spread_out(self._products, side, sf, tail, block.up_bias, past, picture)


def flat(x: F32, first: int, last: int) -> F32:
    """Dimensions `first` to `last` as one, without a copy."""
    return x.reshape(*x.shape[:first], -1, *x.shape[last + 1 :])


class Prepared:
    """A decoder's weights as they are used; made once for all steps."""

    def __init__(self, decoder: Decoder) -> None:
        self.low = Low(decoder)
        self.high, bins = [], BINS
        for block in list(decoder.blocks)[1:]:
            assert isinstance(block, Block)
            self.high.append(High(block, bins))
            bins *= block.stride[1]
        self.last = single(decoder.last.weight.permute(2, 0, 3, 1).flatten(2).numpy())  # [2, C, 7, 7] to [7, 2, 7 * C]
        self.bias = decoder.last.bias.numpy()


class Way:
    """The way through the last blocks and the output, for `count` sides."""

    def __init__(self, prepared: Prepared, count: int, hands: Hands) -> None:
        self._lanes = [Lane(block, count, hands) for block in prepared.high[HEAVY:]]
        self._last, self._bias = prepared.last, prepared.bias
        out = prepared.high[-1]
        self._room = np.zeros((SPECTRA + 6, out.made + 6, out.out), np.float32)

    def __call__(self, x: F32, pictures: list[F32], rows: list[int], spectra: F32) -> None:
        """x [count, 4, 40, C] to spectra [count, 2, 4, 480]; the memory of these sides is in `rows` of the pictures."""
        for number, lane in enumerate(self._lanes):
            x = lane(x, pictures[2 * number : 2 * number + 2], rows)
        for side, row in enumerate(rows):
            kernels.last(x[side], pictures[-1][row], self._last, self._bias, self._room, spectra[side])


_prepared: WeakKeyDictionary[Decoder, Prepared] = WeakKeyDictionary()


class FastDecoder:
    """`Decoder` for one stream on a CPU. With more than one core a team is at the heavy blocks, and then left and right
    go their ways at once."""

    def __init__(self, decoder: Decoder, crew: Crew | None = None, team: Team | None = None) -> None:
        if decoder not in _prepared:
            _prepared[decoder] = Prepared(decoder)
        prepared = _prepared[decoder]
        self._crew, self._team, self._low = crew or Crew(1), team or Team(), prepared.low
        self._heavy = [Lane(block, 2, self._team) for block in prepared.high[:HEAVY]]
        counts = (2,) if self._crew.cores == 1 else (1, 1)
        self._ways = [Way(prepared, count, Sharing(self._crew.half())) for count in counts]
        self._spectra = torch.zeros(2, 2, SPECTRA, prepared.high[-1].made)

    def __call__(self, codes: Tensor, memory: list[Tensor], slot: int) -> Tensor:
        """One chunk of a stream: codes [levels] to the chunk before's sound [1920, 2] as it is played.

        `memory`: all slots', as `adopt` laid it out; the slot's is brought up to date.
        """
        count, tail = memory[-2][slot : slot + 1], memory[-1][2 * slot : 2 * slot + 2]
        pictures = [tensor.permute(0, 2, 3, 1).numpy() for tensor in memory[:-2]]
        rows, spectra = [2 * slot, 2 * slot + 1], self._spectra.numpy()
        late, right = pictures[4 + 2 * HEAVY :], None
        with self._team.at_work():
            x = self._low(codes, [picture[slot] for picture in pictures[:4]], self._team)
            both = np.ascontiguousarray(x.reshape(2, BINS, 2, -1).transpose(2, 0, 1, 3))
            for number, lane in enumerate(self._heavy):
                both = lane(both, pictures[4 + 2 * number : 6 + 2 * number], rows)
            if len(self._ways) > 1:  # asked for before the helpers go, so that one of them takes it up at once
                right = self._crew.start(self._ways[1], both[1:], late, rows[1:], spectra[1:])
        if right is None:
            self._ways[0](both, late, rows, spectra)
        else:
            self._ways[0](both[:1], late, rows[:1], spectra[:1])
            if right.cancel():  # no core was free for it
                self._ways[1](both[1:], late, rows[1:], spectra[1:])
            else:
                right.result()
        wave, new_tail = synthesise(self._spectra, tail)
        if int(count) == 0:  # what the first chunk gives lies before the stream's beginning
            wave, new_tail = torch.zeros_like(wave), torch.zeros_like(new_tail)
        tail.copy_(new_tail)
        count += 1
        return played(sides(wave))[0]


def adopt(memory: list[Tensor]) -> list[Tensor]:
    """A decoder's memory with the channels innermost: the same tensors to everybody else."""
    return [
        tensor.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2) if tensor.dim() == 4 else tensor.clone()
        for tensor in memory
    ]
