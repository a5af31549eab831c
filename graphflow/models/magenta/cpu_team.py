"""Cores that read one matrix together, for as short a time as a product takes.

Whoever runs the language model publishes a product on a board; helpers, which watch the board without sleeping, take
some rows of it at a time, as the leader does himself. Nobody is waited for: what a helper has taken and not brought,
because the system gave his core to somebody else, the leader does again, and the helper's late result is dropped. Rows
are summed up by one core each, so the result does not depend on who came.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, register_jitable

from graphflow.audio.native import X86, exchange, floats, load_acquire, store_release
from graphflow.models.magenta.compiled import compiled
from graphflow.models.magenta.cpu_dots import as_float, dot_eight, dot_four

Board = npt.NDArray[np.int64]
F32 = npt.NDArray[np.float32]

WORD, JOB, PASSED = 0, 8, 16
"""Words of a line of the cache each: job << 40 | parts << 20 | parts taken; the job that the board describes; chunks
that need no helpers any more."""
HELPERS, BITS, CODES, SCALES, X, OFFSETS, OUT, ROWS, ROW_BYTES, SCALE_BYTES, BLOCKS, FACTOR = range(24, 36)
PARTS = 64
"""The first of a word per part: 4 * job, plus one of the following. BRINGING lasts for the copy of some numbers."""
FREE, TAKEN, BRINGING, DONE = range(4)
PART = 64
"""Rows taken at a time: some ten microseconds."""
FEWEST, MOST = 4, 256
"""Parts of a product that is worth sharing, and that the board has room for."""
SIZE = PARTS + MOST
PATIENCE = 400
"""Looks at a part that a helper has, before it is done again: as long as a part takes."""
RESTLESS = 100
"""Looks at the board in vain, some microseconds, before a helper offers his core."""
POSIX = os.name == "posix"
_yield = types.ExternalFunction("sched_yield", types.int32())
_LOW = (1 << 20) - 1
_JOBS = 1 << 22
"""Jobs are counted so far and then from 0 again."""


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


@intrinsic  # type: ignore[untyped-decorator]
def change(typing: Any, address: Any, old: Any, new: Any) -> Any:
    """Write a word if it is what is expected; returns whether it was."""

    def build(context: Any, b: Any, signature: Any, values: Any) -> Any:
        word = b.inttoptr(values[0], ir.IntType(64).as_pointer())
        return b.extract_value(b.cmpxchg(word, values[1], values[2], "acq_rel", "acquire"), 1)

    return types.boolean(types.int64, types.int64, types.int64), build


@intrinsic  # type: ignore[untyped-decorator]
def settle(typing: Any) -> Any:
    """What was read before is read before what follows."""

    def build(context: Any, b: Any, signature: Any, values: Any) -> Any:
        b.fence("acquire")
        return context.get_dummy_value()

    return types.void(), build


@compiled(fast=False)
def part(board: Board, job: int, number: int, made: F32) -> tuple[int, int]:
    """Some rows of the job on the board: how many, and where they begin; none where it has another job by now.

    Compiled for itself and to the letter, so that a row is the same to the last bit whoever sums it up.
    """
    bits, codes, scales, rows = board[BITS], board[CODES], board[SCALES], board[ROWS]
    row_bytes, scale_bytes, blocks, out = board[ROW_BYTES], board[SCALE_BYTES], board[BLOCKS], board[OUT]
    x, offsets, factor = board[X], board[OFFSETS], as_float(np.uint32(board[FACTOR]))
    settle()
    if load_acquire(board.ctypes.data + 8 * JOB) != job:
        return 0, out
    first = number * PART
    count = min(PART, rows - first)
    for i in range(count):
        row, scale = codes + (first + i) * row_bytes, scales + (first + i) * scale_bytes
        if bits == 8:
            made[i] = dot_eight(row, scale, x, offsets, blocks) * factor
        else:
            made[i] = dot_four(row, scale, x, offsets, blocks) * factor
    return count, out + 4 * first


@register_jitable  # type: ignore[untyped-decorator]
def bring(made: F32, count: int, out: int) -> None:
    rows = floats(out, count)
    for i in range(count):
        rows[i] = made[i]


@register_jitable  # type: ignore[untyped-decorator]
def take_parts(board: Board, made: F32) -> int:
    """Do parts until none is left to take; how many it were."""
    here, taken = board.ctypes.data, 0
    while True:
        word = load_acquire(here + 8 * WORD)
        if word & _LOW >= (word >> 20) & _LOW:
            return taken
        word = add(here + 8 * WORD, 1)
        number, parts, job = word & _LOW, (word >> 20) & _LOW, word >> 40
        state = here + 8 * (PARTS + number)
        if number >= parts or not change(state, 4 * job + FREE, 4 * job + TAKEN):
            continue
        taken += 1
        count, out = part(board, job, number, made)
        if count > 0 and change(state, 4 * job + TAKEN, 4 * job + BRINGING):
            bring(made, count, out)
            store_release(state, 4 * job + DONE)


@register_jitable  # type: ignore[untyped-decorator]
def begin(board: Board) -> None:
    """To be called before a product is written to the board, so that who is late sees that it is another one."""
    exchange(board.ctypes.data + 8 * JOB, (board[JOB] + 1) % _JOBS)


@register_jitable  # type: ignore[untyped-decorator]
def together(board: Board, made: F32) -> None:
    """The product on the board, by all who are there."""
    here, job = board.ctypes.data, board[JOB]
    parts = (board[ROWS] + PART - 1) // PART
    if board[HELPERS] == 0 or parts < FEWEST or parts > MOST:
        for number in range(parts):
            count, out = part(board, job, number, made)
            bring(made, count, out)
        return
    for number in range(parts):
        store_release(here + 8 * (PARTS + number), 4 * job + FREE)
    store_release(here + 8 * WORD, job << 40 | parts << 20)
    take_parts(board, made)
    for number in range(parts):
        state, looks = here + 8 * (PARTS + number), 0
        while load_acquire(state) != 4 * job + DONE:
            breathe()
            looks += 1
            if looks > PATIENCE and (
                change(state, 4 * job + FREE, 4 * job + DONE) or change(state, 4 * job + TAKEN, 4 * job + DONE)
            ):
                count, out = part(board, job, number, made)
                bring(made, count, out)


@register_jitable  # type: ignore[untyped-decorator]
def rest() -> None:
    """Let another thread have the core, if one wants it: on a busy machine that is often the leader."""
    if POSIX:
        _yield()


@compiled(fast=False)
def help_out(board: Board, chunk: int) -> None:
    """What a helper does until the chunk has passed."""
    made, here, looks = np.empty(PART, np.float32), board.ctypes.data, 0
    while load_acquire(here + 8 * PASSED) < chunk:
        if take_parts(board, made) > 0:
            looks = 0
        looks += 1
        if looks % RESTLESS == 0:
            rest()
        breathe()
