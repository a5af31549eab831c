"""Cores that work at one matrix together, for as short a time as a product takes.

The leader publishes a product on a board; helpers, which watch the board without sleeping, take some parts of it at a
time, as the leader does himself. Waking a sleeping thread takes longer than most products. Nobody is waited for: what a
helper has taken and not brought, because the system gave his core to somebody else, the leader does again, and the
helper's late result is dropped. Only products of the codec, which go straight to their place, are waited for. A number
is worked out by one core, so the result does not depend on who came.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic, register_jitable

from graphflow.audio.native import X86, exchange, load_acquire, store_release
from graphflow.models.magenta import cpu_work as work
from graphflow.models.magenta.codec.products import PANEL
from graphflow.models.magenta.compiled import compiled
from graphflow.models.magenta.cpu_work import COUNT, EIGHT, F32, JOB, KIND, PART, Board, bring, part
from graphflow.models.magenta.crew import Crew

WORD, PASSED = 0, 16
"""Words of a line of the cache each, as JOB is: job << 40 | parts << 20 | parts taken; chunks that need no helpers any
more."""
HELPERS = 23
PARTS = 64
"""The first of a word per part: 4 * job, plus one of the following. BRINGING lasts for the copy of some numbers."""
FREE, TAKEN, BRINGING, DONE = range(4)
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
        if count >= 0 and change(state, 4 * job + TAKEN, 4 * job + BRINGING):
            bring(made, count, out)
            store_release(state, 4 * job + DONE)


@register_jitable  # type: ignore[untyped-decorator]
def begin(board: Board) -> None:
    """To be called before a product is written to the board, so that who is late sees that it is another one."""
    exchange(board.ctypes.data + 8 * JOB, (board[JOB] + 1) % _JOBS)


@register_jitable  # type: ignore[untyped-decorator]
def together(board: Board, made: F32) -> None:
    """The product on the board, by all who are there."""
    here, job, parts = board.ctypes.data, board[JOB], board[COUNT]
    again = board[KIND] <= EIGHT
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
                change(state, 4 * job + FREE, 4 * job + DONE)
                or (again and change(state, 4 * job + TAKEN, 4 * job + DONE))
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


@compiled(fast=False)
def share_products(board: Board, a: F32, panels: Any, out: F32, made: F32) -> None:
    """out [J, M, N] = a [J, M, K] times panels [J, N / 16, K, 16], each."""
    begin(board)
    board[KIND] = work.SHORT if panels.itemsize == 2 else work.FLOAT
    board[work.A], board[work.PANELS], board[work.OUT] = a.ctypes.data, panels.ctypes.data, out.ctypes.data
    board[work.EACH], board[work.HEIGHT], board[work.WIDTH] = a.shape
    columns = panels.shape[1]
    board[work.COLUMNS] = columns
    at_once = work.PANELS_AT_ONCE
    board[COUNT] = a.shape[0] if a.shape[0] > 1 else (columns + at_once - 1) // at_once
    together(board, made)


class Team:
    """A leader and `helpers` of a crew."""

    def __init__(self, crew: Crew | None = None, helpers: int = 0) -> None:
        self._crew = crew
        self._helpers = helpers if crew is not None else 0
        self.board: Board = np.zeros(SIZE, np.int64)
        self.board[HELPERS] = self._helpers
        self.part: F32 = np.zeros(PART, np.float32)

    @contextmanager
    def at_work(self) -> Iterator[None]:
        """Helpers are there in here; nobody waits for those who come late."""
        chunk = int(self.board[PASSED]) + 1
        if self._crew is not None:
            for _ in range(self._helpers):
                self._crew.start(help_out, self.board, chunk)
        try:
            yield
        finally:
            self.board[PASSED] = chunk

    def products(self, a: F32, panels: Any, out: F32) -> None:
        """out [J, M, N] = a [J, M, K] times panels [J, N / 16, K, 16], each."""
        assert out.shape == (*a.shape[:2], panels.shape[1] * PANEL)
        share_products(self.board, a, panels, out, self.part)
