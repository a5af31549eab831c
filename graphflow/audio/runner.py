"""The callback: what the sound card's thread runs. Native, without the GIL, without allocating or waiting.

It takes waiting commands, splits the block where one or a new plan falls due, runs the plan's steps through their
addresses, looks for faults, fades, guards and meters the output. The same code runs live and offline.
"""

from __future__ import annotations

import time
from typing import Any

import numpy as np
from numba import float32, int32, njit, types

from graphflow.audio.commands import NEVER, run_commands, take_commands
from graphflow.audio.fingerprint import cached
from graphflow.audio.journal import IN_LOST, OUT_LOST, PIECE, note, note_gain
from graphflow.audio.journal import PLAN as PLAN_TAKEN
from graphflow.audio.kernel_parts import INLINED
from graphflow.audio.layout import (
    ENGINE,
    HIGHEST,
    METER_WORDS,
    NOT_FINITE,
    PEAK_NOW,
    PLAN,
    POWER,
    RAISED,
    STEPS,
    WATCHED,
    WELL,
)
from graphflow.audio.native import (
    FLUSH,
    address_of,
    bits,
    call_clock,
    call_kernel,
    control_word,
    doubles,
    exchange,
    floats,
    integers,
    load_acquire,
    planes,
    set_control_word,
    store_release,
    words,
)
from graphflow.audio.ring import WORDS as HEADER_WORDS
from graphflow.audio.ring_steps import CAPACITY, READ, UNDERRUNS, WRITTEN
from graphflow.core.routing import ROW

CALLBACK = types.int32(
    types.CPointer(types.float32),
    types.CPointer(types.float32),
    types.uint64,
    types.voidptr,
    types.uint64,
    types.voidptr,
)
"""PortAudio's callback: in, out (interleaved), frames, times, status flags, the engine's header."""

MONOTONIC = getattr(time, "CLOCK_MONOTONIC", 1)  # 1 on Linux, 6 on macOS; Windows has none
CONTINUE = 0
UNDERFLOW_OR_OVERFLOW = 0x2 | 0x4  # paInputOverflow, paOutputUnderflow
INFINITE = np.int32(0x7F800000)
QUIET = np.float32(3.16e-5)  # -90 dB

E, P, S = ENGINE, PLAN, STEPS


@njit(**INLINED)  # type: ignore[untyped-decorator]
def now_ns(engine: Any) -> int:
    if engine[E.CLOCK] == 0:
        return 0
    call_clock(engine[E.CLOCK], MONOTONIC, engine[E.CLOCK_SPACE])
    now = words(engine[E.CLOCK_SPACE], 2)
    return int(now[0] * 1_000_000_000 + now[1])


@njit(**INLINED)  # type: ignore[untyped-decorator]
def highest_bits(address: int, count: int) -> Any:
    """The largest magnitude among samples as its bit pattern; at or above infinity's means a bad sample."""
    samples = bits(address, count)
    highest = np.int32(0)
    for i in range(count):
        highest = max(highest, samples[i] & np.int32(0x7FFFFFFF))
    return highest


@njit(**INLINED)  # type: ignore[untyped-decorator]
def all_well(steps: Any, n: int) -> bool:
    """Is none of a row muted? A row with a muted node is played one by one."""
    well = True
    for k in range(n, n + ROW):
        well = well and words(steps[k * S.WORDS + S.FAULT], 1)[0] == WELL
    return well


@njit(**INLINED)  # type: ignore[untyped-decorator]
def measure(address: int, outs: Any, count: int, frames: int, fall: float) -> None:
    """Let a node's meter follow the loudest of its outs: the peak at once, the power in 0.3 s."""
    meter = floats(address, METER_WORDS)
    power = float32(0.0)
    for g in range(count):
        samples = floats(outs[2 * g], outs[2 * g + 1] * frames)
        total = float32(0.0)
        for i in range(outs[2 * g + 1] * frames):
            total += samples[i] * samples[i]
        power = max(power, total / float32(max(outs[2 * g + 1] * frames, 1)))
    meter[HIGHEST] = max(meter[PEAK_NOW], meter[HIGHEST] * float32(fall))
    meter[POWER] = meter[POWER] * float32(fall) + float32(1.0 - fall) * power


@njit(**INLINED)  # type: ignore[untyped-decorator]
def run_steps(plan: Any, frames: int, frame: int, fall: float) -> None:
    count = plan[P.STEP_COUNT]
    steps = words(plan[P.STEPS], count * S.WORDS)
    played = 0  # steps before this one have been played in a row
    for n in range(count):
        at = n * S.WORDS
        blamed = steps[at + S.FAULT] != 0
        fault = words(steps[at + S.FAULT], 1)[0] if blamed else 0
        guards = words(steps[at + S.GUARDS], 2 * steps[at + S.GUARD_COUNT])
        highest = np.int32(0)
        if steps[at + S.ROW] != 0 and all_well(steps, n):
            call_kernel(steps[at + S.ROW], steps[at + S.ROW_CONTEXT], frames, frame)
            played = n + ROW
        if fault == WELL:
            if n >= played and call_kernel(steps[at + S.KERNEL], steps[at + S.CONTEXT], frames, frame) != 0:
                fault = RAISED
            for g in range(steps[at + S.GUARD_COUNT]):
                highest = max(highest, np.int32(highest_bits(guards[2 * g], guards[2 * g + 1] * frames)))
            if highest >= INFINITE and fault == WELL:
                fault = NOT_FINITE
            if fault != WELL and blamed:
                words(steps[at + S.FAULT], 1)[0] = fault
        if fault != WELL:
            highest = np.int32(0)
            for g in range(steps[at + S.GUARD_COUNT]):
                mute = bits(guards[2 * g], guards[2 * g + 1] * frames)
                for i in range(guards[2 * g + 1] * frames):
                    mute[i] = 0
        if steps[at + S.METER] != 0:
            # int32 written, float32 read: the peak's own bits
            meter = bits(steps[at + S.METER], METER_WORDS)
            meter[PEAK_NOW] = highest
            if meter[WATCHED] != 0:
                measure(steps[at + S.METER], guards, steps[at + S.GUARD_COUNT], frames, fall)


@njit(**INLINED)  # type: ignore[untyped-decorator]
def tape_room(header: int, ring: int, frames: int, lost: int) -> tuple[int, int, int]:
    """Where a piece goes in a ring that a recorder empties, its capacity, and how much of the piece has room."""
    if ring == 0:
        return 0, 1, 0
    head = words(ring, HEADER_WORDS)
    room = head[CAPACITY] - (head[WRITTEN] - load_acquire(ring + 8 * READ))
    if room < frames:
        head[UNDERRUNS] += frames
        note(header, lost, words(header, E.COUNT)[E.FRAME], frames, 0)
        return 0, 1, 0
    return head[WRITTEN], head[CAPACITY], frames


@njit(**INLINED)  # type: ignore[untyped-decorator]
def take_heard(header: int, into: Any, has_in: bool, done: int, frames: int) -> None:
    """Take down what the device hears, as two channels."""
    engine = words(header, E.COUNT)
    ring = engine[E.HEARD]
    have = engine[E.IN_CHANNELS] if has_in else 0
    written, capacity, taken = tape_room(header, ring, frames, IN_LOST)
    tape = planes(ring + 8 * HEADER_WORDS, 2, capacity)
    for c in range(2):
        for i in range(taken):
            k = min(c, have - 1)
            tape[c, (written + i) % capacity] = into[(done + i) * have + k] if have > 0 else float32(0.0)
    if taken > 0:
        store_release(ring + 8 * WRITTEN, written + taken)


@njit(**INLINED)  # type: ignore[untyped-decorator]
def write_out(
    header: int, plan: Any, out: Any, done: int, frames: int, gain: float, target: float, step: float
) -> None:
    """Interleave, fade, stop bad samples, cut at full scale, meter, and take down what is played."""
    engine, gains = words(header, E.COUNT), doubles(header, E.COUNT)
    channels = engine[E.OUT_CHANNELS]
    ring = engine[E.TAPE]  # read once: the recorder may let go of it at any moment
    written, capacity, taken = tape_room(header, ring, frames, OUT_LOST)
    tape = planes(ring + 8 * HEADER_WORDS, 2, capacity)
    sound = plan[P.DEVICE_OUT] != 0
    source = planes(plan[P.DEVICE_OUT], 2, frames)
    rate = gains[E.RATE]
    fall = 1.0 - min(frames / (0.3 * rate), 1.0)  # meters forget in 0.3 s
    power0, power1 = 0.0, 0.0
    peak0, peak1 = float32(0.0), float32(0.0)
    bad, clipped = 0, 0
    for i in range(frames):
        if gain < target:
            gain = min(gain + step, target)
        elif gain > target:
            gain = max(gain - step, target)
        left, right = float32(0.0), float32(0.0)
        if sound:
            left, right = source[0, i] * float32(gain), source[1, i] * float32(gain)
        if not (abs(left) < float32(1e30)) or not (abs(right) < float32(1e30)):
            bad += 1
            left, right = float32(0.0), float32(0.0)
        if abs(left) > float32(1.0) or abs(right) > float32(1.0):
            clipped += 1
            left, right = min(max(left, float32(-1.0)), float32(1.0)), min(max(right, float32(-1.0)), float32(1.0))
        peak0, peak1 = max(peak0, abs(left)), max(peak1, abs(right))
        power0 += left * left
        power1 += right * right
        if i < taken:
            tape[0, (written + i) % capacity] = left
            tape[1, (written + i) % capacity] = right
        if channels == 1:
            out[done + i] = float32(0.5) * (left + right)
        else:
            for c in range(channels):
                out[(done + i) * channels + c] = left if c == 0 else (right if c == 1 else float32(0.0))
    gains[E.FADE] = gains[E.GAIN_LEFT] = gain
    if taken > 0:
        store_release(ring + 8 * WRITTEN, written + taken)
    gains[E.PEAK] = max(float(peak0), gains[E.PEAK] * fall)
    gains[E.PEAK + 1] = max(float(peak1), gains[E.PEAK + 1] * fall)
    gains[E.POWER] = gains[E.POWER] * fall + (1.0 - fall) * power0 / frames
    gains[E.POWER + 1] = gains[E.POWER + 1] * fall + (1.0 - fall) * power1 / frames
    engine[E.BAD_SAMPLES] += bad
    engine[E.CLIPPED] += clipped
    engine[E.SILENT] = 0 if max(peak0, peak1) > QUIET else engine[E.SILENT] + frames


@njit(**INLINED)  # type: ignore[untyped-decorator]
def run_block(header: int, into: Any, has_in: bool, out: Any, frames: int) -> None:
    engine, gains = words(header, E.COUNT), doubles(header, E.COUNT)
    take_commands(engine, header)
    done = 0
    while done < frames:
        frame = engine[E.FRAME]
        swap = NEVER
        if load_acquire(header + 8 * E.NEXT) != 0:
            swap = engine[E.NEXT_FRAME]
            if swap <= frame:
                following = exchange(header + 8 * E.NEXT, 0)
                if following != 0:
                    store_release(header + 8 * E.PLAN, following)
                    note(header, PLAN_TAKEN, frame, words(following, P.COUNT)[P.NUMBER], 0)
                swap = NEVER
        plan = words(engine[E.PLAN], P.COUNT)
        due = min(run_commands(engine, header, frame), swap)
        count = min(frames - done, engine[E.MAX_BLOCK], due - frame)
        if count != engine[E.PIECE]:
            engine[E.PIECE] = count
            note(header, PIECE, frame, count, 0)
        if plan[P.DEVICE_IN] != 0:
            heard = planes(plan[P.DEVICE_IN], plan[P.DEVICE_IN_CHANNELS], count)
            have = engine[E.IN_CHANNELS] if has_in else 0
            for c in range(plan[P.DEVICE_IN_CHANNELS]):
                for i in range(count):
                    # a mono microphone is heard on both sides
                    k = min(c, have - 1)
                    heard[c, i] = into[(done + i) * have + k] if have > 0 else float32(0.0)
        if engine[E.HEARD] != 0:
            take_heard(header, into, has_in, done, count)
        fall = 1.0 - min(count / (0.3 * gains[E.RATE]), 1.0)  # meters forget in 0.3 s
        run_steps(plan, count, frame, fall)
        plan[P.FADED] += count
        # read once: the session may change them at any time, and what is noted is what is played
        gain, target, step = gains[E.FADE], gains[E.FADE_TARGET], gains[E.FADE_STEP]
        if gain != gains[E.GAIN_LEFT] or target != gains[E.GAIN_LEFT + 1] or step != gains[E.GAIN_LEFT + 2]:
            gains[E.GAIN_LEFT + 1], gains[E.GAIN_LEFT + 2] = target, step
            note_gain(header, frame, gain, target, step)
        write_out(header, plan, out, done, count, gain, target, step)
        store_release(header + 8 * E.FRAME, frame + count)
        done += count


@njit(**INLINED)  # type: ignore[untyped-decorator]
def timed_block(into: Any, out: Any, count: Any, flags: Any, header: int) -> None:
    engine, gains = words(header, E.COUNT), doubles(header, E.COUNT)
    mode = control_word()
    set_control_word(int32(mode | FLUSH))
    begun = now_ns(engine)
    frames = np.int64(count)
    # PortAudio gives no input pointer to a stream that only plays
    has_in = address_of(into) != 0
    heard = floats(address_of(into), frames * max(engine[E.IN_CHANNELS], 1))
    played = floats(address_of(out), frames * engine[E.OUT_CHANNELS])
    run_block(header, heard, has_in, played, frames)
    if flags & np.uint64(UNDERFLOW_OR_OVERFLOW):
        engine[E.XRUNS] += 1
    took = now_ns(engine) - begun
    length = frames * 1e9 / gains[E.RATE]
    load = took / length
    gains[E.LOAD] += (load - gains[E.LOAD]) * min(1.0, length / 0.3e9)
    gains[E.LOAD_PEAK] = max(load, gains[E.LOAD_PEAK] * (1.0 - min(1.0, length / 3e9)))
    if load > 1.0:
        engine[E.LATE] += 1
    if engine[E.DURATIONS] != 0:
        log = integers(engine[E.DURATIONS], engine[E.DURATIONS_SIZE])
        log[engine[E.BLOCKS] % engine[E.DURATIONS_SIZE]] = np.uint32(min(took, 4_000_000_000))
    engine[E.INTERVAL_LAST], engine[E.BLOCK] = begun, frames
    store_release(header + 8 * E.BLOCKS, engine[E.BLOCKS] + 1)
    set_control_word(mode)


@cached(CALLBACK)
def callback(into: Any, out: Any, count: Any, times: Any, flags: Any, userdata: Any) -> int:
    # an exception that reached the wrapper would be printed through Python, from the audio thread
    try:
        timed_block(into, out, count, flags, address_of(userdata))
    except Exception:  # noqa: BLE001 - the only form numba catches natively
        words(address_of(userdata), E.COUNT)[E.RAISED] += 1
    return CONTINUE


@cached(types.int64(types.int64))
def take_back(header: Any) -> Any:
    """For the session: withdraw the plan that waits, unless the callback has taken it. Its address, else 0."""
    return exchange(header + 8 * E.NEXT, 0)


__all__ = ["CALLBACK", "callback", "take_back"]
