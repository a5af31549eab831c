"""What a board describes, and a part of it: some rows of a matrix in few bits, or some products of small matrices."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import carray, types
from numba.extending import intrinsic, register_jitable

from graphflow.audio.native import floats, load_acquire, pointer
from graphflow.models.magenta.codec.products import PANEL, multiply
from graphflow.models.magenta.compiled import compiled
from graphflow.models.magenta.cpu_dots import as_float, dot_eight, dot_four

Board = npt.NDArray[np.int64]
F32 = npt.NDArray[np.float32]

JOB = 8
"""The word with the number of the job that the board describes."""
KIND, COUNT, OUT, CODES, SCALES, X, OFFSETS, ROWS, ROW_BYTES, SCALE_BYTES, BLOCKS, FACTOR = range(24, 36)
FOUR, EIGHT, SHORT, FLOAT = 4, 8, 16, 32
"""Kinds: rows of so many bits times a vector; products whose weights are int16 or float32. `COUNT` is of parts."""
A, PANELS, EACH, HEIGHT, WIDTH, COLUMNS = CODES, SCALES, X, OFFSETS, ROWS, ROW_BYTES
"""What products need: addresses, how many products, and M, K, and the panels of each."""
PART = 64
"""Rows of a part: some ten microseconds."""
PANELS_AT_ONCE = 8
"""Panels of a part where there is one product only; where there are several, each is a part."""


@intrinsic  # type: ignore[untyped-decorator]
def settle(typing: Any) -> Any:
    """What was read before is read before what follows."""

    def build(context: Any, b: Any, signature: Any, values: Any) -> Any:
        b.fence("acquire")
        return context.get_dummy_value()

    return types.void(), build


@register_jitable  # type: ignore[untyped-decorator]
def some_rows(board: Board, job: int, number: int, made: F32) -> tuple[int, int]:
    """Rows of a matrix in few bits, into `made`: how many and where they belong."""
    kind, codes, scales, rows = board[KIND], board[CODES], board[SCALES], board[ROWS]
    row_bytes, scale_bytes, blocks, out = board[ROW_BYTES], board[SCALE_BYTES], board[BLOCKS], board[OUT]
    x, offsets, factor = board[X], board[OFFSETS], as_float(np.uint32(board[FACTOR]))
    settle()
    if load_acquire(board.ctypes.data + 8 * JOB) != job:
        return -1, 0
    first = number * PART
    count = min(PART, rows - first)
    for i in range(count):
        row, scale = codes + (first + i) * row_bytes, scales + (first + i) * scale_bytes
        if kind == EIGHT:
            made[i] = dot_eight(row, scale, x, offsets, blocks) * factor
        else:
            made[i] = dot_four(row, scale, x, offsets, blocks) * factor
    return count, out + 4 * first


@register_jitable  # type: ignore[untyped-decorator]
def some_products(board: Board, job: int, number: int) -> tuple[int, int]:
    """One of several products, or some panels of the only one, straight into their place."""
    kind, a, panels, out = board[KIND], board[A], board[PANELS], board[OUT]
    each, height, width, columns = board[EACH], board[HEIGHT], board[WIDTH], board[COLUMNS]
    settle()
    if load_acquire(board.ctypes.data + 8 * JOB) != job:
        return -1, 0
    first, last = 0, columns
    if each > 1:
        a, out = a + 4 * number * height * width, out + 4 * number * height * columns * PANEL
        panels += number * columns * width * PANEL * (2 if kind == SHORT else 4)
    else:
        first, last = number * PANELS_AT_ONCE, min((number + 1) * PANELS_AT_ONCE, columns)
    rows, place = carray(pointer(a), (height, width), np.float32), pointer(out)
    made = carray(place, (height, columns * PANEL), np.float32)
    if kind == SHORT:
        multiply(rows, carray(pointer(panels), (columns, width, PANEL), np.int16), made, first, last)
    else:
        multiply(rows, carray(pointer(panels), (columns, width, PANEL), np.float32), made, first, last)
    return 0, 0


@compiled(fast=False)
def part(board: Board, job: int, number: int, made: F32) -> tuple[int, int]:
    """A part of the job on the board: how many numbers are to be brought from `made`, and where to; -1 where the board
    has another job by now.

    Compiled for itself and to the letter, so that a row is the same to the last bit whoever sums it up.
    """
    count, out = some_rows(board, job, number, made) if board[KIND] <= EIGHT else some_products(board, job, number)
    return count, out


@register_jitable  # type: ignore[untyped-decorator]
def bring(made: F32, count: int, out: int) -> None:
    rows = floats(out, count)
    for i in range(count):
        rows[i] = made[i]
