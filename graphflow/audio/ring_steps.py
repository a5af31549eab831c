"""Rings as the audio thread reads and writes them: sound from a generator, for a file, to a node in Python.

Each takes its context as words; the comment above each says what they are.
"""

from __future__ import annotations

from typing import Any

from numba import float32, njit

from graphflow.audio.journal import PLENTY, note_ring
from graphflow.audio.kernel_parts import INLINED, fill_ramp, finish_ramp
from graphflow.audio.native import floats, load_acquire, planes, store_release, words
from graphflow.audio.ring import FADE, Word
from graphflow.audio.ring import WORDS as HEADER_WORDS

CHANNELS, CAPACITY, EPOCH, START = int(Word.CHANNELS), int(Word.CAPACITY), int(Word.EPOCH), int(Word.START)
WRITTEN, READ, UNDERRUNS = int(Word.WRITTEN), int(Word.READ), int(Word.UNDERRUNS)
READER_EPOCH, SEAM = int(Word.READER_EPOCH), int(Word.SEAM)
JOURNAL, OWNER, SEEN_EPOCH = int(Word.JOURNAL), int(Word.OWNER), int(Word.SEEN_EPOCH)
SEEN_START, SEEN_WRITTEN = int(Word.SEEN_START), int(Word.SEEN_WRITTEN)


@njit(**INLINED)  # type: ignore[untyped-decorator]
def note_seen(head: Any, frames: int, frame: int, epoch: int, start: int, written: int) -> None:
    """Note what the reader of a ring sees, where that has changed and makes a difference to what it plays."""
    end = frame + frames
    seen = PLENTY if end - 1 + FADE < written or end <= start else written
    if epoch != head[SEEN_EPOCH] or start != head[SEEN_START] or seen != head[SEEN_WRITTEN]:
        head[SEEN_EPOCH], head[SEEN_START], head[SEEN_WRITTEN] = epoch, start, seen
        note_ring(head[JOURNAL], frame, head[OWNER], epoch, start, seen)


# [ring, count, then per out: address, channels, its first channel in the ring]; the same as ring.RingReader, in native
# code, whose outs share the ring's channels
@njit(**INLINED)  # type: ignore[untyped-decorator]
def ring_body(context: int, frames: int, frame: int) -> None:
    count = words(context, 2)[1]
    ctx = words(context, 2 + 3 * count)
    head = words(ctx[0], HEADER_WORDS)
    epoch = load_acquire(ctx[0] + 8 * EPOCH)
    start = load_acquire(ctx[0] + 8 * START)
    written = load_acquire(ctx[0] + 8 * WRITTEN)
    channels, capacity = head[CHANNELS], head[CAPACITY]
    data = planes(ctx[0] + 8 * HEADER_WORDS, channels, capacity)
    first = head[SEAM]
    if head[JOURNAL] != 0:
        note_seen(head, frames, frame, epoch, start, written)
    if epoch != head[READER_EPOCH]:
        head[READER_EPOCH] = epoch
        first = -abs(first)
    seam, missed = first, 0
    for n in range(count):
        seam, missed = first, 0
        out = planes(ctx[2 + 3 * n], ctx[3 + 3 * n], frames)
        for i in range(frames):
            at = frame + i
            if seam < 0:
                seam += 1
            elif start <= at and at + FADE < written:
                seam = min(FADE, seam + 1)
            else:
                seam = max(0, seam - 1)
            gain = float32(abs(seam)) / float32(FADE)
            for c in range(ctx[3 + 3 * n]):
                value = data[min(ctx[4 + 3 * n] + c, channels - 1), at % capacity]
                # what lies there outside the epoch may be anything: at gain 0 it is left out, not multiplied
                out[c, i] = value * gain if seam != 0 else float32(0.0)
            if epoch > 0 and at >= start and at >= written:
                missed += 1
    head[SEAM] = seam
    head[UNDERRUNS] += missed
    store_release(ctx[0] + 8 * READ, frame + frames)


# [source, channels, ring]: the audio thread is the writer here; what finds no room is dropped and counted
@njit(**INLINED)  # type: ignore[untyped-decorator]
def tape_body(context: int, frames: int, frame: int) -> None:
    ctx = words(context, 3)
    head = words(ctx[2], HEADER_WORDS)
    channels, capacity = head[CHANNELS], head[CAPACITY]
    read = load_acquire(ctx[2] + 8 * READ)
    written = head[WRITTEN]
    room = capacity - (written - read)
    taken = min(frames, room)
    source, data = planes(ctx[0], ctx[1], frames), planes(ctx[2] + 8 * HEADER_WORDS, channels, capacity)
    for c in range(channels):
        for i in range(taken):
            data[c, (written + i) % capacity] = source[min(c, ctx[1] - 1), i]
    head[UNDERRUNS] += frames - taken
    store_release(ctx[2] + 8 * WRITTEN, written + taken)


# [source, channels, ring]: the audio thread is the writer, at absolute frames, over what is oldest: a reader that is
# too slow sees by `written` what it has lost, and counts it. Where frames do not follow on, a new epoch begins.
@njit(**INLINED)  # type: ignore[untyped-decorator]
def hear_body(context: int, frames: int, frame: int) -> None:
    ctx = words(context, 3)
    head = words(ctx[2], HEADER_WORDS)
    channels, capacity = head[CHANNELS], head[CAPACITY]
    source, data = planes(ctx[0], ctx[1], frames), planes(ctx[2] + 8 * HEADER_WORDS, channels, capacity)
    for c in range(channels):
        for i in range(frames):
            data[c, (frame + i) % capacity] = source[min(c, ctx[1] - 1), i]
    if head[EPOCH] == 0 or head[WRITTEN] != frame:
        head[START] = frame
        store_release(ctx[2] + 8 * EPOCH, head[EPOCH] + 1)
    store_release(ctx[2] + 8 * WRITTEN, frame + frames)


# [ring, scratch, count, then per source: record of a param or 0, address of sound or wire, channels]; the audio thread
# is the writer, at absolute frames
@njit(**INLINED)  # type: ignore[untyped-decorator]
def python_body(context: int, frames: int, frame: int) -> None:
    count = words(context, 3)[2]
    ctx = words(context, 3 + 3 * count)
    head = words(ctx[0], HEADER_WORDS)
    channels, capacity = head[CHANNELS], head[CAPACITY]
    data = planes(ctx[0] + 8 * HEADER_WORDS, channels, capacity)
    scratch = floats(ctx[1], frames)
    channel = 0
    for n in range(count):
        record, address, wide = ctx[3 + 3 * n], ctx[4 + 3 * n], ctx[5 + 3 * n]
        if record != 0:
            fill_ramp(record, address, ctx[1], frames)
            finish_ramp(record, frames)
            for i in range(frames):
                data[channel, (frame + i) % capacity] = scratch[i]
            channel += 1
        else:
            source = planes(address, wide, frames)
            for c in range(wide):
                for i in range(frames):
                    data[channel, (frame + i) % capacity] = source[c, i]
                channel += 1
    if head[EPOCH] == 0:
        head[START] = frame
        store_release(ctx[0] + 8 * EPOCH, 1)
    store_release(ctx[0] + 8 * WRITTEN, frame + frames)
