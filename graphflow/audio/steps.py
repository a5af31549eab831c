"""The engine's own kernels: mixing with fades, delay for alignment, signals, rings, taps and tapes.

Each takes its context as words; the comment above each says what they are.
"""

from __future__ import annotations

from typing import Any

from numba import float32, njit

from graphflow.audio.fingerprint import cached
from graphflow.audio.kernel_parts import INLINED, fill_ramp, finish_ramp
from graphflow.audio.layout import PLAN
from graphflow.audio.native import KERNEL, doubles, load_acquire, planes, store_release, words
from graphflow.audio.ring import FADE

STEADY, COMING, GOING = 0, 1, 2


@njit(**INLINED)  # type: ignore[untyped-decorator]
def _add(out: Any, source: Any, mode: int, played: int, total: int, first: bool) -> None:
    """Add one source, [channels, frames], to a mix, faded; mono goes to every channel, many into one are averaged."""
    channels, frames = out.shape
    count = source.shape[0]
    scale = float32(1.0) / float32(total)
    share = float32(1.0) / float32(count)
    for c in range(channels):
        for i in range(frames):
            if channels == 1 and count > 1:
                value = float32(0.0)
                for k in range(count):
                    value += source[k, i]
                value *= share
            elif count == 1:
                value = source[0, i]
            elif c < count:
                value = source[c, i]
            else:
                value = float32(0.0)
            at = played + i + 1
            if mode == COMING and at < total:
                value *= float32(at) * scale
            elif mode == GOING:
                # past the fade the old side is left out, not multiplied by 0: it may hold anything
                value = value * (float32(1.0) - float32(at) * scale) if at < total else float32(0.0)
            out[c, i] = value if first else out[c, i] + value


# [count, out, channels, plan header, then per source: address, channels, mode]
@njit(**INLINED)  # type: ignore[untyped-decorator]
def mix_body(context: int, frames: int, frame: int) -> None:
    count = words(context, 1)[0]
    ctx = words(context, 4 + 3 * count)
    out = planes(ctx[1], ctx[2], frames)
    plan = words(ctx[3], PLAN.COUNT)
    played, total = plan[PLAN.FADED], max(plan[PLAN.FADE_FRAMES], 1)
    if count == 0:
        for c in range(ctx[2]):
            for i in range(frames):
                out[c, i] = float32(0.0)
    for s in range(count):
        source = planes(ctx[4 + 3 * s], ctx[5 + 3 * s], frames)
        _add(out, source, ctx[6 + 3 * s], played, total, s == 0)


# [in, out, channels, line, length, position]
@njit(**INLINED)  # type: ignore[untyped-decorator]
def delay_body(context: int, frames: int, frame: int) -> None:
    ctx = words(context, 6)
    channels, length = ctx[2], ctx[4]
    source, out = planes(ctx[0], channels, frames), planes(ctx[1], channels, frames)
    line = planes(ctx[3], channels, length)
    start = words(ctx[5], 1)[0]
    for c in range(channels):
        at = start
        for i in range(frames):
            out[c, i] = line[c, at]
            line[c, at] = source[c, i]
            at += 1
            if at == length:
                at = 0
    words(ctx[5], 1)[0] = (start + frames) % length


# [record of the param, out]
@njit(**INLINED)  # type: ignore[untyped-decorator]
def own_body(context: int, frames: int, frame: int) -> None:
    ctx = words(context, 2)
    fill_ramp(ctx[0], 0, ctx[1], frames)


# [record of the signal, out]
@njit(**INLINED)  # type: ignore[untyped-decorator]
def signal_body(context: int, frames: int, frame: int) -> None:
    ctx = words(context, 2)
    fill_ramp(ctx[0], 0, ctx[1], frames)
    finish_ramp(ctx[0], frames)


# [source, channels, tap]
@njit(**INLINED)  # type: ignore[untyped-decorator]
def tap_body(context: int, frames: int, frame: int) -> None:
    ctx = words(context, 3)
    doubles(ctx[2], 1)[0] = planes(ctx[0], ctx[1], frames)[0, frames - 1]


# [ring, out, channels of out]; the same as ring.RingReader, in native code
@njit(**INLINED)  # type: ignore[untyped-decorator]
def ring_body(context: int, frames: int, frame: int) -> None:
    ctx = words(context, 3)
    head = words(ctx[0], 64)
    out = planes(ctx[1], ctx[2], frames)
    channels, capacity = head[2], head[3]
    epoch = load_acquire(ctx[0] + 8 * 4)
    start = load_acquire(ctx[0] + 8 * 5)
    written = load_acquire(ctx[0] + 8 * 6)
    data = planes(ctx[0] + 512, channels, capacity)
    seam = head[12]
    if epoch != head[11]:
        head[11] = epoch
        seam = -abs(seam)
    missing = 0
    for i in range(frames):
        at = frame + i
        if seam < 0:
            seam += 1
        elif start <= at and at + FADE < written:
            seam = min(FADE, seam + 1)
        else:
            seam = max(0, seam - 1)
        gain = float32(abs(seam)) / float32(FADE)
        for c in range(ctx[2]):
            # what lies there outside the epoch may be anything: at gain 0 it is left out, not multiplied
            out[c, i] = data[min(c, channels - 1), at % capacity] * gain if seam != 0 else float32(0.0)
        if epoch > 0 and at >= start and at >= written:
            missing += 1
    head[12] = seam
    head[9] += missing
    store_release(ctx[0] + 8 * 8, frame + frames)


# [source, channels, ring]: the audio thread is the writer here; what finds no room is dropped and counted in word 9
@njit(**INLINED)  # type: ignore[untyped-decorator]
def tape_body(context: int, frames: int, frame: int) -> None:
    ctx = words(context, 3)
    head = words(ctx[2], 64)
    channels, capacity = head[2], head[3]
    read = load_acquire(ctx[2] + 8 * 8)
    written = head[6]
    room = capacity - (written - read)
    taken = min(frames, room)
    source, data = planes(ctx[0], ctx[1], frames), planes(ctx[2] + 512, channels, capacity)
    for c in range(channels):
        for i in range(taken):
            data[c, (written + i) % capacity] = source[min(c, ctx[1] - 1), i]
    head[9] += frames - taken
    store_release(ctx[2] + 8 * 6, written + taken)


# One cfunc each, written out: numba keeps only functions with a source of their own on disk. The guard is what
# keeps an exception from reaching the wrapper, which would take the interpreter's lock.


@cached(KERNEL)
def mix(context: int, frames: int, frame: int) -> int:
    raised = 0
    try:
        mix_body(context, frames, frame)
    except Exception:  # noqa: BLE001 - the only form numba catches natively
        raised = 1
    return int(raised)


@cached(KERNEL)
def delay(context: int, frames: int, frame: int) -> int:
    raised = 0
    try:
        delay_body(context, frames, frame)
    except Exception:  # noqa: BLE001 - the only form numba catches natively
        raised = 1
    return int(raised)


@cached(KERNEL)
def own(context: int, frames: int, frame: int) -> int:
    raised = 0
    try:
        own_body(context, frames, frame)
    except Exception:  # noqa: BLE001 - the only form numba catches natively
        raised = 1
    return int(raised)


@cached(KERNEL)
def signal(context: int, frames: int, frame: int) -> int:
    raised = 0
    try:
        signal_body(context, frames, frame)
    except Exception:  # noqa: BLE001 - the only form numba catches natively
        raised = 1
    return int(raised)


@cached(KERNEL)
def tap(context: int, frames: int, frame: int) -> int:
    raised = 0
    try:
        tap_body(context, frames, frame)
    except Exception:  # noqa: BLE001 - the only form numba catches natively
        raised = 1
    return int(raised)


@cached(KERNEL)
def ring(context: int, frames: int, frame: int) -> int:
    raised = 0
    try:
        ring_body(context, frames, frame)
    except Exception:  # noqa: BLE001 - the only form numba catches natively
        raised = 1
    return int(raised)


@cached(KERNEL)
def tape(context: int, frames: int, frame: int) -> int:
    raised = 0
    try:
        tape_body(context, frames, frame)
    except Exception:  # noqa: BLE001 - the only form numba catches natively
        raised = 1
    return int(raised)


KERNELS = {"mix": mix, "delay": delay, "own": own, "signal": signal, "tap": tap, "ring": ring, "tape": tape}


def step_address(op: str) -> int:
    return int(KERNELS[op].address)


__all__ = ["COMING", "GOING", "KERNELS", "STEADY", "step_address"]
