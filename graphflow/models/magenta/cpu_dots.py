"""Rows of rounded weights times a vector, in machine code: what a language model on a CPU spends its time with.

numba's own loops do not find the instructions for this (over four bits they gather single bytes, six times slower), so
the two loops are written as vectors of LLVM's language, which every processor has an answer to: on x86 a multiply of
16 pairs of 16-bit numbers that adds neighbours. The vector is rounded to 16 bits of its largest value, which is 96 dB
below it, and the sums of a group are exact.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 16
"""16-bit numbers per vector. A whole block of 64 weights is four of them."""
AHEAD = 2048
"""Bytes ahead of the sum at which weights are asked for: a tenth faster from memory than without (measured)."""
_I8, _I16, _I32, _I64, _F32 = ir.IntType(8), ir.IntType(16), ir.IntType(32), ir.IntType(64), ir.FloatType()
_BYTES, _SHORTS = ir.VectorType(_I8, LANES), ir.VectorType(_I16, LANES)
_WIDE, _SUMS, _FLOATS = ir.VectorType(_I32, LANES), ir.VectorType(_I32, LANES // 2), ir.VectorType(_F32, LANES // 2)

_PREFETCH = ir.FunctionType(ir.VoidType(), [_I8.as_pointer(), _I32, _I32, _I32])


def _splat(kind: Any, value: float) -> Any:
    return ir.Constant(kind, [ir.Constant(kind.element, value)] * kind.count)


def _picked(indices: Any) -> Any:
    indices = list(indices)
    return ir.Constant(ir.VectorType(_I32, len(indices)), [_I32(i) for i in indices])


def _vector(b: Any, pointer: Any, kind: Any, number: int) -> Any:
    """The `number`-th vector from a pointer on, which need not be aligned."""
    at = b.gep(pointer, [_I64(number * kind.count)])
    return b.load(b.bitcast(at, kind.as_pointer()), align=1)


def _add_products(b: Any, total: Any, weights: Any, x: Any) -> Any:
    """total [8] + the sums of neighbouring products of two vectors [16]: one or two instructions."""
    products = b.mul(b.sext(weights, _WIDE), b.sext(x, _WIDE))
    none = ir.Constant(_WIDE, ir.Undefined)
    even = b.shuffle_vector(products, none, _picked(range(0, LANES, 2)))
    odd = b.shuffle_vector(products, none, _picked(range(1, LANES, 2)))
    return b.add(total, b.add(even, odd))


def _eight(b: Any, codes: Any, x: Any, offset: Any) -> list[Any]:
    """The sums [8] of each group of a block of 64 weights: of the only one."""
    total = _vector(b, offset, _SUMS, 0)
    for part in range(4):
        weights = b.sext(_vector(b, codes, _BYTES, part), _SHORTS)
        total = _add_products(b, total, weights, _vector(b, x, _SHORTS, part))
    return [total]


def _four(b: Any, codes: Any, x: Any, offset: Any) -> list[Any]:
    """The same of two groups; nibbles are weights plus 8, which `offset` takes out again."""
    words = _vector(b, codes, _SHORTS, 0)
    totals = [_vector(b, offset, _SUMS, 0), _vector(b, offset, _SUMS, 1)]
    for part in range(4):
        shifted = b.lshr(words, _splat(_SHORTS, 4 * part)) if part else words
        weights = b.and_(shifted, _splat(_SHORTS, 15)) if part < 3 else shifted
        totals[part // 2] = _add_products(b, totals[part // 2], weights, _vector(b, x, _SHORTS, part))
    return totals


def _sum(b: Any, vector: Any) -> Any:
    lanes = [b.extract_element(vector, _I32(i)) for i in range(vector.type.count)]
    while len(lanes) > 1:
        half = len(lanes) // 2
        lanes = [b.fadd(lanes[i], lanes[i + half]) for i in range(half)]
    return lanes[0]


def _row(code: Any, step: int, groups: int, block: Callable[..., list[Any]]) -> Any:
    """A row's loop over its blocks: `step` numbers of LLVM's type `code` and `groups` scales each."""

    @intrinsic  # type: ignore[untyped-decorator]
    def dot(typing: Any, codes: Any, scale: Any, x: Any, offset: Any, count: Any) -> Any:
        def build(context: Any, b: Any, signature: Any, values: Any) -> Any:
            kinds = (code, _F32, _I16, _I32)
            codes, scale, x, offset = (
                b.inttoptr(v, kind.as_pointer()) for v, kind in zip(values[:4], kinds, strict=True)
            )
            count = values[4]
            fma = cgutils.get_or_insert_function(b.module, ir.FunctionType(_FLOATS, [_FLOATS] * 3), "llvm.fma.v8f32")
            none = ir.Constant(_FLOATS, ir.Undefined)
            before, loop, after = b.block, b.append_basic_block("block"), b.append_basic_block("after")
            b.branch(loop)
            b.position_at_end(loop)
            number = b.phi(_I64)
            number.add_incoming(_I64(0), before)
            totals = [b.phi(_FLOATS) for _ in range(groups)]  # one each: an addition waits four cycles for the last
            at = [b.gep(codes, [b.mul(number, _I64(step))]), b.gep(x, [b.mul(number, _I64(4 * LANES))])]
            fetch = cgutils.get_or_insert_function(b.module, _PREFETCH, "llvm.prefetch.p0")
            b.call(fetch, [b.gep(b.bitcast(at[0], _I8.as_pointer()), [_I64(AHEAD)]), *map(_I32, (0, 3, 1))])
            first = b.mul(number, _I64(groups))
            for group, exact in enumerate(block(b, *at, b.gep(offset, [b.mul(first, _I64(LANES // 2))]))):
                one = b.load(b.gep(scale, [b.add(first, _I64(group))]))
                factor = b.shuffle_vector(b.insert_element(none, one, _I32(0)), none, _picked([0] * (LANES // 2)))
                total = totals[group]
                total.add_incoming(_splat(_FLOATS, 0.0), before)
                total.add_incoming(b.call(fma, [b.sitofp(exact, _FLOATS), factor, total]), loop)
            following = b.add(number, _I64(1))
            number.add_incoming(following, loop)
            b.cbranch(b.icmp_signed("<", following, count), loop, after)
            b.position_at_end(after)
            return _sum(b, functools.reduce(b.fadd, [total.incomings[1][0] for total in totals]))

        return types.float32(*[types.int64] * 5), build

    return dot


dot_eight = _row(_I8, 64, 1, _eight)
"""The addresses of codes int8, scales, x int16 and offsets int32 [8 a group], and the number of blocks: a float32."""
dot_four = _row(_I16, 16, 2, _four)
"""The same; codes are int16 words."""


@intrinsic  # type: ignore[untyped-decorator]
def as_float(typing: Any, bits: Any) -> Any:
    """A uint32's bits as a float32."""
    return types.float32(types.uint32), lambda context, b, signature, values: b.bitcast(values[0], _F32)


@intrinsic  # type: ignore[untyped-decorator]
def as_bits(typing: Any, value: Any) -> Any:
    """A float32's bits as a uint32."""
    return types.uint32(types.float32), lambda context, b, signature, values: b.bitcast(values[0], _I32)
