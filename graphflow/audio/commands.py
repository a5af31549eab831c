"""What the session asks of a node while it plays: commands, each for a frame, kept in order by the audio thread.

All of this is compiled into the callback.
"""

from __future__ import annotations

from typing import Any

from numba import njit

from graphflow.audio.journal import SET, note
from graphflow.audio.kernel_parts import INLINED
from graphflow.audio.layout import COMMAND, ENGINE, PARAM_WORDS, REMAINING, STEP, TARGET
from graphflow.audio.native import doubles, load_acquire, store_release, words

E, C = ENGINE, COMMAND
NEVER = 1 << 62
"""A frame that never comes."""


@njit(**INLINED)  # type: ignore[untyped-decorator]
def earlier(pending: Any, a: int, b: int) -> bool:
    """Is command `a` due before command `b`? In one frame, first come, first served."""
    first, second = pending[a * C.WORDS + C.FRAME], pending[b * C.WORDS + C.FRAME]
    return bool(first < second or (first == second and pending[a * C.WORDS + C.TAKEN] < pending[b * C.WORDS + C.TAKEN]))


@njit(**INLINED)  # type: ignore[untyped-decorator]
def trade(pending: Any, a: int, b: int) -> None:
    for w in range(C.WORDS):
        kept = pending[a * C.WORDS + w]
        pending[a * C.WORDS + w] = pending[b * C.WORDS + w]
        pending[b * C.WORDS + w] = kept


@njit(**INLINED)  # type: ignore[untyped-decorator]
def take_commands(engine: Any, header: int) -> None:
    """Move what the session has queued to the commands that wait, a binary heap with the next one on top."""
    written = load_acquire(header + 8 * E.QUEUE_WRITTEN)
    size = engine[E.QUEUE_SIZE]
    queue = words(engine[E.QUEUE], size * C.WORDS)
    pending = words(engine[E.PENDING], size * C.WORDS)
    read, count = engine[E.QUEUE_READ], engine[E.PENDING_COUNT]
    while read < written:
        at = (read % size) * C.WORDS
        read += 1  # and so a command's number, from 1
        if count == size:
            engine[E.COMMANDS_LOST] += 1
            continue
        for w in range(C.WORDS):
            pending[count * C.WORDS + w] = queue[at + w]
        pending[count * C.WORDS + C.TAKEN] = read
        place = count
        while place > 0 and earlier(pending, place, (place - 1) // 2):
            trade(pending, place, (place - 1) // 2)
            place = (place - 1) // 2
        count += 1
    store_release(header + 8 * E.QUEUE_READ, read)
    engine[E.PENDING_COUNT] = count


@njit(**INLINED)  # type: ignore[untyped-decorator]
def drop_first(pending: Any, count: int) -> None:
    """Take the top off the heap of `count` commands."""
    trade(pending, 0, count - 1)
    place, lower = 0, 1
    while lower < count - 1:
        if lower + 1 < count - 1 and earlier(pending, lower + 1, lower):
            lower += 1
        if not earlier(pending, lower, place):
            break
        trade(pending, place, lower)
        place, lower = lower, 2 * lower + 1


@njit(**INLINED)  # type: ignore[untyped-decorator]
def run_commands(engine: Any, header: int, frame: int) -> int:
    """Carry out what is due; answer the frame of the next command, or a frame that never comes."""
    count = engine[E.PENDING_COUNT]
    pending = words(engine[E.PENDING], engine[E.QUEUE_SIZE] * C.WORDS)
    slots = words(engine[E.SLOTS], 2 * engine[E.SLOT_COUNT])
    while count > 0 and pending[C.FRAME] <= frame:
        if 0 < pending[C.FRAME] < frame:
            engine[E.COMMANDS_LATE] += 1
        slot = pending[C.SLOT]
        if slot >= engine[E.SLOT_COUNT] or slots[2 * slot] != pending[C.GENERATION]:
            engine[E.COMMANDS_LOST] += 1
            note(header, SET, frame, pending[C.TAKEN], 0)
        else:
            note(header, SET, frame, pending[C.TAKEN], 1)
            param = doubles(slots[2 * slot + 1] + 8 * PARAM_WORDS * pending[C.PARAM], PARAM_WORDS)
            value = doubles(engine[E.PENDING] + 8 * C.VALUE, 1)[0]
            glide = pending[C.GLIDE]
            if glide > 0:
                held = param[TARGET] - param[STEP] * param[REMAINING]
                param[STEP] = (value - held) / glide
            else:
                param[STEP] = 0.0
            param[TARGET] = value
            param[REMAINING] = glide
        drop_first(pending, count)
        count -= 1
    engine[E.PENDING_COUNT] = count
    return int(pending[C.FRAME]) if count > 0 else NEVER
