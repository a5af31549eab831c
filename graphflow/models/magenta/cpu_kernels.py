"""The transformers' layers for one stream on a CPU, as compiled loops: weights in any precision, all else float32.

A layer is one call, because six hundred small calls into torch cost as much as the weights of a chunk. Arrays are
written in place; nothing here starts a thread or holds the interpreter's lock.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from numba.extending import overload, register_jitable

from graphflow.models.magenta import cpu_team as team
from graphflow.models.magenta import cpu_work as work
from graphflow.models.magenta.compiled import FAST, compiled
from graphflow.models.magenta.cpu_dots import as_bits, as_float
from graphflow.models.magenta.cpu_maths import HALF, ONE, Float, exp, gelu
from graphflow.models.magenta.quantised import BLOCK

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]
Array = npt.NDArray[Any]


class Matrix(NamedTuple):
    """Weights [out, width] and bias [out] or [0]. By the weights' type they are float32, bfloat16 (uint16), eight bits
    (int8) or four (int16 words); the latter two have scales [out, groups], see `quantised`."""

    weight: Array
    scale: F32
    bias: F32


class Room(NamedTuple):
    """Arrays to work in, one set per thread: `normed` and `mixed` hold a layer's width, `wide` its widest product."""

    normed: F32
    mixed: F32
    wide: F32
    out: F32
    logits: F32
    shorts: npt.NDArray[np.int16]
    offset: npt.NDArray[np.int32]
    board: work.Board
    part: F32


class AttentionWeights(NamedTuple):
    """`project` is query, key and value together, or the query alone where `listen` has key and value."""

    pre: F32
    post: F32
    project: Matrix
    out: Matrix


class FeedForwardWeights(NamedTuple):
    pre: F32
    post: F32
    rise: Matrix
    fall: Matrix


class TemporalWeights(NamedTuple):
    own: AttentionWeights
    cross: AttentionWeights
    listen: Matrix
    feed: FeedForwardWeights


class DepthWeights(NamedTuple):
    own: AttentionWeights
    feed: FeedForwardWeights


@compiled()
def norm(x: F32, scale: F32, out: F32) -> None:
    """RMS norm."""
    total = np.float32(0.0)
    for i in range(x.shape[0]):
        total += x[i] * x[i]
    factor = np.float32(ONE / np.sqrt(total / np.float32(x.shape[0]) + np.float32(1e-6)))
    for i in range(x.shape[0]):
        out[i] = x[i] * factor * scale[i]


@compiled()
def add_normed(x: F32, made: F32, scale: F32) -> None:
    """x + norm(made), in place of x."""
    total = np.float32(0.0)
    for i in range(x.shape[0]):
        total += made[i] * made[i]
    factor = np.float32(ONE / np.sqrt(total / np.float32(x.shape[0]) + np.float32(1e-6)))
    for i in range(x.shape[0]):
        x[i] += made[i] * factor * scale[i]


@compiled()
def shorten(x: F32, width: int, shorts: npt.NDArray[np.int16]) -> Float:
    """x as 16-bit numbers, zeros after it, and what one of them is worth."""
    largest = np.float32(1e-30)
    for i in range(width):
        largest = max(largest, abs(x[i]))
    factor = np.float32(32767.0) / largest
    for i in range(width):
        value = x[i] * factor
        shorts[i] = np.int16(value + (HALF if value >= np.float32(0.0) else -HALF))
    for i in range(width, shorts.shape[0]):
        shorts[i] = 0
    return np.float32(largest / np.float32(32767.0))


@compiled()
def _sum_groups(shorts: npt.NDArray[np.int16], offset: npt.NDArray[np.int32]) -> None:
    """What the 8 added to each nibble of a group must be taken out with, in the first of the group's eight sums."""
    for group in range(shorts.shape[0] // 32):
        total = np.int32(0)
        for i in range(32):
            total = np.int32(total + np.int32(shorts[32 * group + i]))
        offset[8 * group] = np.int32(-8 * total)


def times(matrix: Matrix, x: F32, out: F32, room: Room) -> None:
    """out = weights x + bias; only the beginnings of x and out that the matrix has."""
    raise NotImplementedError("compiled code only")


@overload(times, strict=False, jit_options={"nogil": True, "error_model": "numpy", "fastmath": set(FAST)})  # type: ignore[untyped-decorator]
def _times(matrix: Any, x: Any, out: Any, room: Any) -> Any:
    """numba asks for the loop that suits the weights' type."""
    dtype = str(matrix.types[0].dtype)
    bits = 4 if dtype == "int16" else 8
    per_code = 4 if bits == 4 else 1

    def dense(matrix: Matrix, x: F32, out: F32, room: Room) -> None:
        weight = matrix.weight
        for n in range(weight.shape[0]):
            row = weight[n]
            total = np.float32(0.0)
            for k in range(row.shape[0]):
                total += row[k] * x[k]
            out[n] = total
        _add_bias(out, matrix.bias)

    def half(matrix: Matrix, x: F32, out: F32, room: Room) -> None:
        weight = matrix.weight
        for n in range(weight.shape[0]):
            row = weight[n]
            total = np.float32(0.0)
            for k in range(row.shape[0]):
                total += as_float(np.uint32(np.uint32(row[k]) << np.uint32(16))) * x[k]
            out[n] = total
        _add_bias(out, matrix.bias)

    def packed(matrix: Matrix, x: F32, out: F32, room: Room) -> None:
        weight, scale, board = matrix.weight, matrix.scale, room.board
        padded = weight.shape[1] * per_code
        shorts = room.shorts[:padded]
        factor = shorten(x, min(x.shape[0], padded), shorts)
        if bits == 4:
            _sum_groups(shorts, room.offset)
        else:
            for i in range(room.offset.shape[0]):
                room.offset[i] = 0
        team.begin(board)
        board[work.KIND], board[work.COUNT] = bits, (weight.shape[0] + work.PART - 1) // work.PART
        board[work.CODES], board[work.ROW_BYTES] = weight.ctypes.data, weight.shape[1] * weight.itemsize
        board[work.SCALES], board[work.SCALE_BYTES] = scale.ctypes.data, scale.shape[1] * 4
        board[work.X], board[work.OFFSETS] = shorts.ctypes.data, room.offset.ctypes.data
        board[work.OUT], board[work.ROWS], board[work.BLOCKS] = out.ctypes.data, weight.shape[0], padded // BLOCK
        board[work.FACTOR] = np.int64(as_bits(factor))
        team.together(board, room.part)
        _add_bias(out, matrix.bias)

    return {"float32": dense, "uint16": half, "int8": packed, "int16": packed}[dtype]


@register_jitable  # type: ignore[untyped-decorator]
def _add_bias(out: F32, bias: F32) -> None:
    for n in range(bias.shape[0]):
        out[n] += bias[n]


@compiled()
def attend(query: F32, keys: F32, values: F32, seen: I64, logits: F32, out: F32) -> None:
    """One query per head, [heads * h], over the keys [heads, slots, h] at `seen`; the softmax's weights in `logits`."""
    heads, _, width = keys.shape
    for head in range(heads):
        q, o = query[head * width : (head + 1) * width], out[head * width : (head + 1) * width]
        largest = np.float32(-1e30)
        for i in range(seen.shape[0]):
            key = keys[head, seen[i]]
            total = np.float32(0.0)
            for d in range(width):
                total += q[d] * key[d]
            logits[i] = total
            largest = max(largest, total)
        total = np.float32(0.0)
        for i in range(seen.shape[0]):
            logits[i] = exp(logits[i] - largest)
            total += logits[i]
        for d in range(width):
            o[d] = np.float32(0.0)
        for i in range(seen.shape[0]):
            weight, value = logits[i] / total, values[head, seen[i]]
            for d in range(width):
                o[d] += weight * value[d]


@register_jitable  # type: ignore[untyped-decorator]
def store(heads: F32, at: int, new: F32) -> None:
    """new [heads * h] into the slot `at` of heads [heads, slots, h]."""
    for head in range(heads.shape[0]):
        slot = heads[head, at]
        for d in range(slot.shape[0]):
            slot[d] = new[head * slot.shape[0] + d]


@register_jitable  # type: ignore[untyped-decorator]
def feed(x: F32, weights: FeedForwardWeights, room: Room) -> None:
    """x + norm(fall(gelu(rise(norm(x))))), in place of x."""
    width, hidden = x.shape[0], weights.rise.weight.shape[0]
    norm(x, weights.pre, room.normed)
    times(weights.rise, room.normed[:width], room.wide, room)
    for i in range(hidden):
        room.wide[i] = gelu(room.wide[i])
    times(weights.fall, room.wide[:hidden], room.out, room)
    add_normed(x, room.out, weights.post)


@register_jitable  # type: ignore[untyped-decorator]
def attention(
    x: F32, weights: AttentionWeights, keys: F32, values: F32, at: int, seen: I64, own: bool, room: Room
) -> None:
    """x + norm(out(attend(norm(x)))), in place of x; `own`: key and value are x's too, and go into slot `at`."""
    width = keys.shape[0] * keys.shape[2]
    norm(x, weights.pre, room.normed)
    times(weights.project, room.normed[: x.shape[0]], room.wide, room)
    if own:
        store(keys, at, room.wide[width : 2 * width])
        store(values, at, room.wide[2 * width : 3 * width])
    attend(room.wide[:width], keys, values, seen, room.logits, room.mixed)
    times(weights.out, room.mixed[:width], room.out, room)
    add_normed(x, room.out, weights.post)


@compiled()
def temporal_layer(
    weights: TemporalWeights, x: F32, source: F32, rings: tuple[F32, F32, F32, F32], at: int, seen: I64, room: Room
) -> None:
    """One chunk through a temporal layer: x [dim] is overwritten, the rings [heads, slots, h] get their slot `at`."""
    keys, values, cross_keys, cross_values = rings
    attention(x, weights.own, keys, values, at, seen, True, room)
    width = keys.shape[0] * keys.shape[2]
    times(weights.listen, source, room.wide, room)
    store(cross_keys, at, room.wide[:width])
    store(cross_values, at, room.wide[width : 2 * width])
    attention(x, weights.cross, cross_keys, cross_values, at, seen, False, room)
    feed(x, weights.feed, room)


@compiled()
def depth_layer(weights: DepthWeights, x: F32, keys: F32, values: F32, level: int, seen: I64, room: Room) -> None:
    """One level through a depth layer: x [dim] is overwritten."""
    attention(x, weights.own, keys, values, level, seen, True, room)
    feed(x, weights.feed, room)


@compiled()
def product(matrix: Matrix, x: F32, out: F32, room: Room) -> None:
    """out = weights x + bias."""
    times(matrix, x, out, room)


@compiled()
def head(matrix: Matrix, scale: F32, bias: F32, x: F32, logits: F32, room: Room) -> None:
    """Layer norm and a level's logits, capped."""
    mean = np.float32(0.0)
    for i in range(x.shape[0]):
        mean += x[i]
    mean /= np.float32(x.shape[0])
    spread = np.float32(0.0)
    for i in range(x.shape[0]):
        spread += (x[i] - mean) * (x[i] - mean)
    factor = np.float32(ONE / np.sqrt(spread / np.float32(x.shape[0]) + np.float32(1e-6)))
    for i in range(x.shape[0]):
        room.normed[i] = (x[i] - mean) * factor * scale[i] + bias[i]
    times(matrix, room.normed[: x.shape[0]], logits, room)
