"""Loops around the matrix products of the codec's fast decoder. Pictures are [time, frequency, channel] float32 here.

Every inner loop runs along the channels with one array written, which is what makes the compiler use vectors.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
from numba.extending import register_jitable

from graphflow.models.magenta.cpu_kernels import F32, OPTIONS, exp

ZERO, ONE = np.float32(0.0), np.float32(1.0)


@register_jitable  # type: ignore[untyped-decorator]
def elu(x: float) -> Any:
    return x if x > ZERO else exp(x) - ONE


@numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
def elu_rows(x: F32, out: F32) -> None:
    """elu of [T, F, C]."""
    for t in range(x.shape[0]):
        for f in range(x.shape[1]):
            row, made = x[t, f], out[t, f]
            for c in range(row.shape[0]):
                made[c] = elu(row[c])


@numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
def scale_columns(x: F32, scale: F32, bias: F32) -> None:
    """x [M, N] * scale + bias, in place."""
    for m in range(x.shape[0]):
        row = x[m]
        for n in range(row.shape[0]):
            row[n] = row[n] * scale[n] + bias[n]


@numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
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


@numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
def spread(products: F32, size: tuple[int, int, int, int], tail: F32, bias: F32, full: F32, out: F32) -> None:
    """A transposed convolution from its products [T * F, kt * kf * C or more]: add up where they fall (`full`), with
    the tail of the step before, and take elu. `size`: kernel and stride in time, in frequency; out [T * st, F * sf, C].
    """
    kt, st, kf, sf = size
    height, bins, channels = out.shape
    rows, columns = height // st, bins // sf
    full[:] = ZERO
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


@register_jitable  # type: ignore[untyped-decorator]
def mix(weights: F32, x: F32, out: F32) -> None:
    """out [C] = weights [6] of x [6, C]."""
    x0, x1, x2, x3, x4, x5 = x[0], x[1], x[2], x[3], x[4], x[5]
    w0, w1, w2, w3, w4, w5 = weights[0], weights[1], weights[2], weights[3], weights[4], weights[5]
    for c in range(out.shape[0]):
        out[c] = (w0 * x0[c] + w1 * x1[c]) + (w2 * x2[c] + w3 * x3[c]) + (w4 * x4[c] + w5 * x5[c])


@register_jitable  # type: ignore[untyped-decorator]
def combine(first: float, x: F32, second: float, y: F32, out: F32) -> None:
    """out = first * x + second * y."""
    for c in range(out.shape[0]):
        out[c] = first * x[c] + second * y[c]


@numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
def spread_in(x: F32, matrix: F32, points: F32, out: F32, side: int) -> None:
    """A transposed convolution's input x [4, F, C] as it is multiplied, out[:, side] [6 * 3, F / 2 + 1, C]: its elu, in
    time at six points by matrix [6, 6] (four columns count), in frequency three of every two bins and the one before.
    points [4, 6, C]: three bins, and the rows."""
    _, bins, channels = x.shape
    rows = points[3]
    points[:] = ZERO
    for tile in range(bins // 2 + 1):
        points[0] = points[2]
        for new in range(1, 3):
            f = 2 * tile + new - 1
            if f < bins:
                for t in range(4):
                    source, made = x[t, f], rows[t]
                    for c in range(channels):
                        made[c] = elu(source[c])
                for j in range(6):
                    mix(matrix[j], rows, points[new, j])
            else:
                points[new] = ZERO
        for j in range(6):
            before, here, after = points[0, j], points[1, j], points[2, j]
            combine(ONE, before, -ONE, here, out[3 * j, side, tile])
            out[3 * j + 1, side, tile] = here
            combine(-ONE, here, ONE, after, out[3 * j + 2, side, tile])


@numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
def spread_out(
    products: F32, side: int, stride: int, matrix: F32, tail: F32, bias: F32, past: F32, room: F32, out: F32
) -> None:
    """Its output from the products[:, side] [6 * 3, F / 2 + 1, stride * C or more]: back to bins, to time by
    matrix [6, 6], the tail added and kept, elu taken. Into rows 2 to 5 of out [6, F * stride, C]; rows 0 and 1 are the
    past, which becomes rows 4 and 5. room [7, C]."""
    _, bins, channels = out.shape
    sums, made = room[:6], room[6]
    for b in range(bins):
        column, phase = (b + 1) // stride, (b + 1) % stride
        tile, odd = column // 2, column % 2
        for j in range(6):
            left = products[3 * j + odd, side, tile, phase * channels : (phase + 1) * channels]
            right = products[3 * j + odd + 1, side, tile, phase * channels : (phase + 1) * channels]
            combine(ONE, left, ONE, right, sums[j])
        for t in range(4):
            mix(matrix[t], sums, made)
            if t < 2:
                combine(ONE, made, ONE, tail[t, b], made)
            point = out[2 + t, b]
            for c in range(channels):
                point[c] = elu(made[c] + bias[c])
        for t in range(2):
            mix(matrix[4 + t], sums, tail[t, b])
            out[t, b] = past[t, b]
            past[t, b] = out[4 + t, b]


@numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
def slide_in(x: F32, matrix: F32, points: F32, out: F32, side: int) -> None:
    """A convolution's input x [6, F, C] as it is multiplied, out[:, side] [6 * 4, F / 2, C]: in time at six points by
    matrix [6, 6], in frequency four of every two bins and their neighbours. points [5, 6, C]: four bins and the rows.
    """
    _, bins, _ = x.shape
    points[:] = ZERO
    _slide_bin(x, 0, matrix, points[4], points[3])
    for tile in range(bins // 2):
        points[0], points[1] = points[2], points[3]
        _slide_bin(x, 2 * tile + 1, matrix, points[4], points[2])
        _slide_bin(x, 2 * tile + 2, matrix, points[4], points[3])
        for j in range(6):
            d0, d1, d2, d3 = points[0, j], points[1, j], points[2, j], points[3, j]
            combine(ONE, d0, -ONE, d2, out[4 * j, side, tile])
            combine(ONE, d1, ONE, d2, out[4 * j + 1, side, tile])
            combine(-ONE, d1, ONE, d2, out[4 * j + 2, side, tile])
            combine(ONE, d1, -ONE, d3, out[4 * j + 3, side, tile])


@register_jitable  # type: ignore[untyped-decorator]
def _slide_bin(x: F32, f: int, matrix: F32, rows: F32, out: F32) -> None:
    if f >= x.shape[1]:
        out[:] = ZERO
        return
    for t in range(6):
        rows[t] = x[t, f]
    for j in range(6):
        mix(matrix[j], rows, out[j])


@numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
def slide_out(products: F32, side: int, matrix: F32, bias: F32, short: F32, room: F32, out: F32) -> None:
    """Its output from the products[:, side] [6 * 4, F / 2, C or more], back to bins and by matrix [6, 6] (four rows
    count) to time, with the bias and the shortcut [T, F / stride, C or more], which is repeated: out [4, F, C].
    room [7, C]."""
    height, bins, channels = out.shape
    repeat_time, repeat = height // short.shape[0], bins // short.shape[1]
    sums, made = room[:6], room[6]
    for f in range(bins):
        tile, odd = f // 2, f % 2
        for j in range(6):
            total = sums[j]
            first = products[4 * j + 3 * odd, side, tile]
            second, third = products[4 * j + 1, side, tile], products[4 * j + 2, side, tile]
            if odd:
                for c in range(channels):
                    total[c] = second[c] - third[c] - first[c]
            else:
                for c in range(channels):
                    total[c] = second[c] + third[c] + first[c]
        for t in range(height):
            mix(matrix[t], sums, made)
            added, point = short[t // repeat_time, f // repeat], out[t, f]
            for c in range(channels):
                point[c] = made[c] + bias[c] + added[c]


@numba.njit(**OPTIONS)  # type: ignore[untyped-decorator]
def last(x: F32, past: F32, weight: F32, bias: F32, room: F32, out: F32) -> None:
    """The output convolution, 7 x 7 to real and imaginary: x [4, F, C] and the six rows before (kept) to
    out [2, 4, F]; weight [7, 2, 7 * C]; room [10, F + 6, C]."""
    height, bins, channels = x.shape
    for f in range(bins):
        for t in range(6):
            room[t, f + 3] = past[t, f]
        for t in range(height):
            source, made = x[t, f], room[6 + t, f + 3]
            for c in range(channels):
                made[c] = elu(source[c])
        for t in range(6):
            past[t, f] = room[height + t, f + 3]
    flat = room.reshape(height + 6, (bins + 6) * channels)
    for t in range(height):
        for f in range(bins):
            real, imaginary = bias[0], bias[1]
            for dt in range(7):
                seen = flat[t + dt, f * channels : (f + 7) * channels]
                first, second = weight[dt, 0], weight[dt, 1]
                for c in range(seen.shape[0]):
                    real += first[c] * seen[c]
                    imaginary += second[c] * seen[c]
            out[0, t, f], out[1, t, f] = real, imaginary
