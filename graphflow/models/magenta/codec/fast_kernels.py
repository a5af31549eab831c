"""Loops around the matrix products of the codec's fast decoder. Pictures are [time, frequency, channel] float32 here.

Every inner loop runs along the channels, which lie side by side.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba.extending import register_jitable

from graphflow.models.magenta.codec.lanes import apply, rows
from graphflow.models.magenta.codec.products import F32
from graphflow.models.magenta.codec.winograd import (
    SLIDE_BINS_IN,
    SLIDE_BINS_OUT,
    SLIDE_IN,
    SLIDE_OUT,
    SPREAD_BINS_IN,
    SPREAD_IN,
    SPREAD_OUT,
)
from graphflow.models.magenta.compiled import compiled
from graphflow.models.magenta.cpu_maths import exp

ZERO, ONE = np.float32(0.0), np.float32(1.0)


@register_jitable  # type: ignore[untyped-decorator]
def elu(x: float) -> Any:
    return x if x > ZERO else exp(x) - ONE


@register_jitable  # type: ignore[untyped-decorator]
def copy(source: F32, target: F32) -> None:
    """All numbers of an array; assigning it compiles for seconds, for the sake of shapes that differ."""
    read, made = source.reshape(-1), target.reshape(-1)
    for i in range(read.shape[0]):
        made[i] = read[i]


@register_jitable  # type: ignore[untyped-decorator]
def clear(target: F32) -> None:
    made = target.reshape(-1)
    for i in range(made.shape[0]):
        made[i] = ZERO


@compiled()
def elu_rows(x: F32, out: F32) -> None:
    """elu of [T, F, C]."""
    flat, made = x.reshape(-1), out.reshape(-1)
    for i in range(flat.shape[0]):
        made[i] = elu(flat[i])


@compiled()
def elu_here(x: F32) -> None:
    """The same in place; with one array for both, the compiler would not dare to use vectors."""
    flat = x.reshape(-1)
    for i in range(flat.shape[0]):
        flat[i] = elu(flat[i])


@compiled()
def scale_columns(x: F32, scale: F32, bias: F32) -> None:
    """x [M, N] * scale + bias, in place."""
    for m in range(x.shape[0]):
        row = x[m]
        for n in range(row.shape[0]):
            row[n] = row[n] * scale[n] + bias[n]


@compiled()
def patches(rows: F32, past: F32, x: F32) -> None:
    """The 3 x 3 surroundings of every point, as a convolution sees them: rows [T * F, 9 * C] from x [T, F, C] and the
    two rows before, which become the last two of x."""
    height, bins, channels = x.shape
    for t in range(height):
        for f in range(bins):
            out = rows[t * bins + f]
            for dt in range(3):
                for df in range(3):
                    at, here = f + df - 1, out[(3 * dt + df) * channels : (3 * dt + df + 1) * channels]
                    if at < 0 or at >= bins:
                        for c in range(channels):
                            here[c] = ZERO
                        continue
                    source = past[t + dt, at] if t + dt < 2 else x[t + dt - 2, at]
                    for c in range(channels):
                        here[c] = source[c]
    for t in range(2):
        for f in range(bins):
            source, kept = past[1, f] if height + t < 2 else x[height + t - 2, f], past[t, f]
            for c in range(channels):
                kept[c] = source[c]


@compiled()
def spread(products: F32, size: tuple[int, int, int, int], tail: F32, bias: F32, full: F32, out: F32) -> None:
    """A transposed convolution from its products [T * F, kt * kf * C or more]: add up where they fall (`full`), with
    the tail of the step before, and take elu. `size`: kernel and stride in time, in frequency; out [T * st, F * sf, C].
    """
    kt, st, kf, sf = size
    height, bins, channels = out.shape
    rows, columns = height // st, bins // sf
    clear(full)
    for t in range(rows):
        for f in range(columns):
            product = products[t * columns + f]
            for dt in range(kt):
                for df in range(kf):
                    sums = full[t * st + dt, f * sf + df]
                    part = product[(dt * kf + df) * channels : (dt * kf + df + 1) * channels]
                    for c in range(channels):
                        sums[c] += part[c]
    for f in range(bins):
        for t in range(height):
            sums, made = full[t, f + 1], out[t, f]
            if t < kt - st:
                before = tail[t, f]
                for c in range(channels):
                    sums[c] += before[c]
            for c in range(channels):
                made[c] = elu(sums[c] + bias[c])
        for t in range(kt - st):
            kept, sums = tail[t, f], full[height + t, f + 1]
            for c in range(channels):
                kept[c] = sums[c]


def _linear(matrix: npt.NDArray[Any]) -> Any:
    """Rows that are matrix [J, I] times rows."""
    outputs, inputs = matrix.shape
    return rows([range(inputs)], [range(outputs)], lambda b, x: [apply(b, matrix, x)])


def _spread_out(b: Any, products: list[Any], tail: list[Any], bias: list[Any]) -> list[list[Any]]:
    """Bins from neighbouring products, time from its points; the tail and the bias go to what is heard now."""
    sums = [b.fadd(left, right) for left, right in zip(products[::2], products[1::2], strict=True)]
    times = apply(b, SPREAD_OUT, sums)
    times[:2] = [b.fadd(time, before) for time, before in zip(times[:2], tail, strict=True)]
    return [[b.fadd(time, bias[0]) for time in times[:4]], times[4:]]


def _slide_out(b: Any, products: list[Any], bias: list[Any], *shorts: list[Any]) -> list[list[Any]]:
    """The rows of two bins from four products each, with the bias and the shortcut."""
    made = []
    for number, short in enumerate(shorts):
        sums = [apply(b, SLIDE_BINS_OUT[number : number + 1], products[4 * j : 4 * j + 4])[0] for j in range(6)]
        times = apply(b, SLIDE_OUT, sums)
        made.append([b.fadd(b.fadd(time, bias[0]), more) for time, more in zip(times, short, strict=True)])
    return made


_PAIRS = [3 * j + side for j in range(6) for side in range(2)]
_spread_time, _spread_bins = _linear(SPREAD_IN), _linear(SPREAD_BINS_IN)
_slide_time, _slide_bins = _linear(SLIDE_IN), _linear(SLIDE_BINS_IN)
_spread_rows = rows([_PAIRS, range(2), [0]], [range(4), range(2)], _spread_out)
_slide_rows = rows([range(24), [0], range(4), range(4)], [range(4), range(4)], _slide_out)
_slide_rows_doubled = rows([range(24), [0], [0, 0, 1, 1], [0, 0, 1, 1]], [range(4), range(4)], _slide_out)
"""The same where the shortcut has two rows, each for two."""


@compiled()
def spread_in(x: F32, points: F32, out: F32, side: int) -> None:
    """A transposed convolution's input x [4, F, C] as it is multiplied, out[:, side] [6 * 3, F / 2 + 1, C]: in time at
    six points, in frequency three of every two bins and the one before. points [3, 6, C]."""
    _, bins, channels = x.shape
    clear(points)
    row, point, step = x.strides[0], points.strides[1], out.strides[0]
    for tile in range(bins // 2 + 1):
        copy(points[2], points[0])
        for new in range(1, 3):
            f = 2 * tile + new - 1
            if f < bins:
                _spread_time(channels, (x[0, f].ctypes.data, row, points[new].ctypes.data, point))
            else:
                clear(points[new])
        for j in range(6):
            read, made = points[0, j].ctypes.data, out[3 * j, side, tile].ctypes.data
            _spread_bins(channels, (read, points.strides[0], made, step))


@compiled()
def spread_out(products: F32, side: int, stride: int, tail: F32, bias: F32, past: F32, out: F32) -> None:
    """Its output from the products[:, side] [6 * 3, F / 2 + 1, stride * C or more]: back to bins and to time, the tail
    added and kept, elu taken. Into rows 2 to 5 of out [6, F * stride, C]; rows 0 and 1 are the past, which becomes rows
    4 and 5."""
    _, bins, channels = out.shape
    step, row, before, bias_at = products.strides[0], out.strides[0], tail.strides[0], bias.ctypes.data
    for b in range(bins):
        column, phase = (b + 1) // stride, (b + 1) % stride
        read = products[column % 2, side, column // 2, phase * channels :].ctypes.data
        kept = tail[0, b].ctypes.data
        _spread_rows(channels, (read, step, kept, before, bias_at, 0, out[2, b].ctypes.data, row, kept, before))
    elu_here(out[2:])
    copy(past, out[:2])
    copy(out[4:], past)


@compiled()
def slide_in(x: F32, points: F32, out: F32, side: int) -> None:
    """A convolution's input x [6, F, C] as it is multiplied, out[:, side] [6 * 4, F / 2, C]: in time at six points, in
    frequency four of every two bins and their neighbours. points [4, 6, C]."""
    _, bins, channels = x.shape
    clear(points)
    row, point, step = x.strides[0], points.strides[1], out.strides[0]
    _slide_time(channels, (x[0, 0].ctypes.data, row, points[3].ctypes.data, point))
    for tile in range(bins // 2):
        copy(points[2], points[0])
        copy(points[3], points[1])
        for new in range(2, 4):
            f = 2 * tile + new - 1
            if f < bins:
                _slide_time(channels, (x[0, f].ctypes.data, row, points[new].ctypes.data, point))
            else:
                clear(points[new])
        for j in range(6):
            read, made = points[0, j].ctypes.data, out[4 * j, side, tile].ctypes.data
            _slide_bins(channels, (read, points.strides[0], made, step))


@compiled()
def slide_out(products: F32, side: int, bias: F32, short: F32, out: F32) -> None:
    """Its output from the products[:, side] [6 * 4, F / 2, C or more], back to bins and to time, with the bias and the
    shortcut [T, F / stride, C or more], which is repeated: out [4, F, C]."""
    _, bins, channels = out.shape
    repeat = bins // short.shape[1]
    step, above, row, bias_at = products.strides[0], short.strides[0], out.strides[0], bias.ctypes.data
    for tile in range(bins // 2):
        read = products[0, side, tile].ctypes.data
        first, second = short[0, 2 * tile // repeat].ctypes.data, short[0, (2 * tile + 1) // repeat].ctypes.data
        left, right = out[0, 2 * tile].ctypes.data, out[0, 2 * tile + 1].ctypes.data
        places = (read, step, bias_at, 0, first, above, second, above, left, row, right, row)
        if short.shape[0] == 4:
            _slide_rows(channels, places)
        else:
            _slide_rows_doubled(channels, places)


@compiled()
def last(x: F32, past: F32, weight: F32, bias: F32, room: F32, out: F32) -> None:
    """The output convolution, 7 x 7 to real and imaginary: x [4, F, C] and the six rows before (kept) to
    out [2, 4, F]; weight [7, 2, 7 * C]; room [10, F + 6, C]."""
    height, bins, channels = x.shape
    for f in range(bins):
        for t in range(6):
            copy(past[t, f], room[t, f + 3])
        for t in range(height):
            source, made = x[t, f], room[6 + t, f + 3]
            for c in range(channels):
                made[c] = elu(source[c])
        for t in range(6):
            copy(room[height + t, f + 3], past[t, f])
    flat = room.reshape(height + 6, (bins + 6) * channels)
    for t in range(height):
        for f in range(0, bins, 4):
            r0, r1, r2, r3 = ZERO, ZERO, ZERO, ZERO
            i0, i1, i2, i3 = ZERO, ZERO, ZERO, ZERO
            for dt in range(7):
                first, second = weight[dt, 0], weight[dt, 1]
                width, line = first.shape[0], flat[t + dt]
                s0, s1 = line[f * channels :][:width], line[(f + 1) * channels :][:width]
                s2, s3 = line[(f + 2) * channels :][:width], line[(f + 3) * channels :][:width]
                for c in range(width):
                    r, i = first[c], second[c]
                    r0 += r * s0[c]
                    i0 += i * s0[c]
                    r1 += r * s1[c]
                    i1 += i * s1[c]
                    r2 += r * s2[c]
                    i2 += i * s2[c]
                    r3 += r * s3[c]
                    i3 += i * s3[c]
            for j, (real, imaginary) in enumerate(((r0, i0), (r1, i1), (r2, i2), (r3, i3))):
                out[0, t, f + j], out[1, t, f + j] = real + bias[0], imaginary + bias[1]
