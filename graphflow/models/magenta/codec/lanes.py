"""Linear maps of rows of numbers in machine code: eight channels at a time, every row read and written once.

What a map does is a list of steps between constant matrices, known when it is compiled. As plain loops each output row
is a loop of its own, and beginning it takes longer than a row of 64 channels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 8
Matrix = npt.NDArray[Any]
Body = Callable[..., list[list[Any]]]
"""Called with the builder and one list of vectors per group that is read; gives one list per group that is written."""
_I64, _F32 = ir.IntType(64), ir.FloatType()
_CONTRACT = ("contract",)


def constant(kind: Any, value: float) -> Any:
    value = float(np.float32(value))
    return ir.Constant(kind, [ir.Constant(_F32, value)] * kind.count if isinstance(kind, ir.VectorType) else value)


def apply(b: Any, matrix: Matrix, values: Sequence[Any]) -> list[Any]:
    """matrix [J, I] times I vectors; zeros cost nothing and ones no product."""
    made = []
    for row in np.asarray(matrix):
        total = None
        for factor, value in zip(row, values, strict=True):
            if factor == 0.0:
                continue
            term = value if abs(factor) == 1.0 else b.fmul(value, constant(value.type, abs(factor)), flags=_CONTRACT)
            if total is None:
                total = term if factor > 0.0 else b.fneg(term, flags=_CONTRACT)
            else:
                total = (b.fadd if factor > 0.0 else b.fsub)(total, term, flags=_CONTRACT)
        made.append(total)
    return made


def rows(read: Sequence[Sequence[int]], written: Sequence[Sequence[int]], body: Body) -> Any:
    """A function of (channels, places): for each group of rows its address and the bytes from one row to the next.

    `read` and `written` say which rows of each group: numbers, counted from the address. All rows of a channel are read
    before any is written, so what is written may be what was read.
    """
    groups = (*read, *written)
    kind = types.UniTuple(types.int64, 2 * len(groups))

    @intrinsic  # type: ignore[untyped-decorator]
    def run(typing: Any, channels: Any, places: Any) -> Any:
        def build(context: Any, b: Any, signature: Any, values: Any) -> Any:
            channels, flat = values[0], cgutils.unpack_tuple(b, values[1])
            bases = [
                [b.add(flat[2 * g], b.mul(flat[2 * g + 1], _I64(row))) for row in numbers]
                for g, numbers in enumerate(groups)
            ]
            whole = b.sub(channels, b.srem(channels, _I64(LANES)))
            for first, last, step in ((_I64(0), whole, LANES), (whole, channels, 1)):
                vector = ir.VectorType(_F32, LANES) if step > 1 else _F32
                with cgutils.for_range_slice(b, first, last, _I64(step)) as (c, _):
                    bytes_ = b.mul(c, _I64(4))
                    where = [
                        [b.inttoptr(b.add(base, bytes_), vector.as_pointer()) for base in group] for group in bases
                    ]
                    seen = [[b.load(place, align=4) for place in group] for group in where[: len(read)]]
                    for group, made in zip(where[len(read) :], body(b, *seen), strict=True):
                        for place, value in zip(group, made, strict=True):
                            b.store(value, place, align=4)
            return context.get_dummy_value()

        return types.void(types.int64, kind), build

    return run
