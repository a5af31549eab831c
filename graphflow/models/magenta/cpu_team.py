"""Cores that read one matrix together, for as short a time as a product takes.

Whoever runs the language model publishes a product on a board; helpers, which watch the board without sleeping, take
some rows of it at a time, as the leader does himself. Nobody waits for a helper that has not come: on a busy machine
the leader does all by himself. Rows are summed up by one core each, so the result does not depend on who came.
"""

from __future__ import annotations

from typing import Any

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, register_jitable

from graphflow.audio.native import X86, floats, load_acquire, store_release
from graphflow.models.magenta.cpu_dots import as_float, dot_eight, dot_four

Board = npt.NDArray[np.int64]

WORD, DONE, STOP = 0, 8, 16
"""Words of a line of the cache each: parts << 32 | parts taken; parts done; whether helpers may go."""
HELPERS, BITS, CODES, SCALES, X, OFFSETS, OUT, ROWS, ROW_BYTES, SCALE_BYTES, BLOCKS, FACTOR, SIZE = range(24, 37)
PART = 64
"""Rows taken at a time: some ten microseconds."""
TAKEN = (1 << 32) - 1


@intrinsic  # type: ignore[untyped-decorator]
def add(typing: Any, address: Any, value: Any) -> Any:
    """Add to a word that others add to; returns what it was."""

    def build(context: Any, b: Any, signature: Any, values: Any) -> Any:
        word = b.inttoptr(values[0], ir.IntType(64).as_pointer())
        return b.atomic_rmw("add", word, values[1], ordering="acq_rel")

    return types.int64(types.int64, types.int64), build


@intrinsic  # type: ignore[untyped-decorator]
def breathe(typing: Any) -> Any:
    """Leave a core to whom it is shared with for some cycles."""

    def build(context: Any, b: Any, signature: Any, values: Any) -> Any:
        if X86:
            kind = ir.FunctionType(ir.VoidType(), [])
            b.call(cgutils.get_or_insert_function(b.module, kind, "llvm.x86.sse2.pause"), [])
        return context.get_dummy_value()

    return types.void(), build


@register_jitable  # type: ignore[untyped-decorator]
def part(board: Board, number: int) -> None:
    """Some rows of the product on the board."""
    factor = as_float(np.uint32(board[FACTOR]))
    first, last = number * PART, min((number + 1) * PART, board[ROWS])
    out = floats(board[OUT], board[ROWS])
    eight = board[BITS] == 8
    for n in range(first, last):
        codes, scales = board[CODES] + n * board[ROW_BYTES], board[SCALES] + n * board[SCALE_BYTES]
        if eight:
            out[n] = dot_eight(codes, scales, board[X], board[OFFSETS], board[BLOCKS]) * factor
        else:
            out[n] = dot_four(codes, scales, board[X], board[OFFSETS], board[BLOCKS]) * factor


@register_jitable  # type: ignore[untyped-decorator]
def take_parts(board: Board, here: int) -> None:
    """Do parts until none is left to take."""
    while True:
        seen = load_acquire(here + 8 * WORD)
        if seen & TAKEN >= seen >> 32:
            return
        taken = add(here + 8 * WORD, 1)
        if taken & TAKEN < taken >> 32:
            part(board, taken & TAKEN)
            add(here + 8 * DONE, 1)


@register_jitable  # type: ignore[untyped-decorator]
def together(board: Board) -> None:
    """The product on the board, by all who are there."""
    parts = (board[ROWS] + PART - 1) // PART
    if board[HELPERS] == 0 or parts < 4:
        for number in range(parts):
            part(board, number)
        return
    here = board.ctypes.data
    # nobody holds a part of the product before, so the board may be written
    store_release(here + 8 * DONE, 0)
    store_release(here + 8 * WORD, parts << 32)
    take_parts(board, here)
    while load_acquire(here + 8 * DONE) < parts:
        breathe()


@numba.njit(cache=True, nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def help_out(board: Board) -> None:
    """What a helper does until it may go."""
    here = board.ctypes.data
    while load_acquire(here + 8 * STOP) == 0:
        take_parts(board, here)
        breathe()
