"""The engine's own kernels: mixing with fades, delay for alignment, signals, taps; rings and tapes are in ring_steps.

Each takes its context as words; the comment above each says what they are.
"""

from __future__ import annotations

from typing import Any

from numba import float32, njit

from graphflow.audio.fingerprint import cached
from graphflow.audio.kernel_parts import INLINED, fill_ramp, finish_ramp
from graphflow.audio.layout import PLAN
from graphflow.audio.native import KERNEL, doubles, integers, planes, words
from graphflow.audio.ring_steps import hear_body, python_body, ring_body, tape_body

STEADY, COMING, GOING = 0, 1, 2


@njit(**INLINED)  # type: ignore[untyped-decorator]
def _value(source: Any, channels: int, c: int, i: int) -> Any:
    """A source's sample for one channel of many: mono goes to every channel, many into one are averaged."""
    count = source.shape[0]
    if channels == 1 and count > 1:
        value = float32(0.0)
        for k in range(count):
            value += source[k, i]
        return value / float32(count)
    if count == 1:
        return source[0, i]
    return source[c, i] if c < count else float32(0.0)


@njit(**INLINED)  # type: ignore[untyped-decorator]
def _add(out: Any, source: Any, first: bool) -> None:
    """Add a source that does not fade to a mix, [channels, frames] both."""
    channels, frames = out.shape
    for c in range(channels):
        if first:
            for i in range(frames):
                out[c, i] = _value(source, channels, c, i)
        else:
            for i in range(frames):
                out[c, i] += _value(source, channels, c, i)


@njit(**INLINED)  # type: ignore[untyped-decorator]
def _add_fading(out: Any, source: Any, mode: int, played: int, total: int, first: bool) -> None:
    """Add a source by its share of the fade, which runs from frame 0 to `total`."""
    channels, frames = out.shape
    scale = float32(1.0) / float32(total)
    for c in range(channels):
        for i in range(frames):
            at = played + i + 1
            value = _value(source, channels, c, i)
            share = float32(at) * scale if mode == COMING else float32(1.0) - float32(at) * scale
            here = at >= total if mode == COMING else at <= 0
            # before and after the fade the absent side is left out, not multiplied by 0: it may hold anything
            value = value if here else value * share if 0 < at < total else float32(0.0)
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
        source, mode = planes(ctx[4 + 3 * s], ctx[5 + 3 * s], frames), ctx[6 + 3 * s]
        if mode == STEADY:
            _add(out, source, s == 0)
        else:
            _add_fading(out, source, mode, played, total, s == 0)


# [done, count, then per memory: from, to, words per channel, channels of both, whether new channels copy the first]
@njit(**INLINED)  # type: ignore[untyped-decorator]
def copy_body(context: int, frames: int, frame: int) -> None:
    """Bring state into the memory of the same node in another width, once, at the frame where the plan begins."""
    count = words(context, 2)[1]
    ctx = words(context, 2 + 6 * count)
    if ctx[0] == 0:
        ctx[0] = 1
        for n in range(count):
            at = 2 + 6 * n
            length, had, has, spread = ctx[at + 2], ctx[at + 3], ctx[at + 4], ctx[at + 5]
            source, dest = integers(ctx[at], length * had), integers(ctx[at + 1], length * has)
            for c in range(has):
                k = c if c < had else 0
                if c < had or spread != 0:
                    for i in range(length):
                        dest[c * length + i] = source[k * length + i]


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
def copy(context: int, frames: int, frame: int) -> int:
    raised = 0
    try:
        copy_body(context, frames, frame)
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


@cached(KERNEL)
def hear(context: int, frames: int, frame: int) -> int:
    raised = 0
    try:
        hear_body(context, frames, frame)
    except Exception:  # noqa: BLE001 - the only form numba catches natively
        raised = 1
    return int(raised)


@cached(KERNEL)
def python(context: int, frames: int, frame: int) -> int:
    raised = 0
    try:
        python_body(context, frames, frame)
    except Exception:  # noqa: BLE001 - the only form numba catches natively
        raised = 1
    return int(raised)


KERNELS = {
    "python": python,
    "copy": copy,
    "mix": mix,
    "delay": delay,
    "own": own,
    "signal": signal,
    "tap": tap,
    "ring": ring,
    "tape": tape,
    "hear": hear,
}


def step_address(op: str) -> int:
    return KERNELS[op].address


__all__ = ["COMING", "GOING", "KERNELS", "STEADY", "step_address"]
