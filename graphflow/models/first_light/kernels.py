"""Compiled loops of the synth bank: pitched voices and drum samples.

Every loop carries all of its state in arrays and moves on frame by frame, so that a piece sounds the same to the
sample however it is cut into chunks.
"""

from __future__ import annotations

import math

import numba
import numpy as np
import numpy.typing as npt

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

CONTROL = 16  # frames of a voice's age between two updates of its pitch and filter

# fields of a pitched voice, float64
(
    PHASE0, PHASE1, PHASE2, INC, DETUNE, SPREAD, GAIN, PAN, LEVEL, ATTACK, DECAY, SUSTAIN, RELEASE, MORPH, MORPH_COEF,
    CUTOFF, SWEEP, SWEEP_COEF, Q, L1, L2, R1, R2, VIBRATO, VIBRATO_INC, VIBRATO_PHASE, DROP, DROP_COEF, TINE_PHASE,
    TINE_RATIO, TINE, TINE_COEF, NOISE, NOISE_COEF, DRIVE, G, INC_NOW,
    VOICE_FIELDS,
) = range(38)  # fmt: skip
# and int64
ACTIVE, PART, SLOT, MIP, STAGE, AGE, RANDOM, NOTE, UNISON, VOICE_INTS = range(10)
STAGE_ATTACK, STAGE_DECAY, STAGE_RELEASE = range(3)

# fields of a sounding drum sample
HIT_POS, HIT_RATE, HIT_LEFT, HIT_RIGHT, HIT_FADE, HIT_FADE_COEF, HIT_LOW, HIT_LOW_COEF, HIT_FIELDS = range(9)
HIT_START, HIT_END, HIT_KIND, HIT_INTS = range(4)  # HIT_END 0: silent

# parts on the desk
DRUMS, BASS, CHORD, ARP, LEAD, PARTS = range(6)


@numba.njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def white(state: int) -> int:
    """xorshift, 32 bits."""
    state ^= (state << 13) & 0xFFFFFFFF
    state ^= state >> 17
    state ^= (state << 5) & 0xFFFFFFFF
    return state & 0xFFFFFFFF


@numba.njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def soft(x: float) -> float:
    """A tanh that costs little (Pade), exactly 1 from 3 on."""
    if x > 3.0:
        return 1.0
    if x < -3.0:
        return -1.0
    return x * (27.0 + x * x) / (27.0 + 9.0 * x * x)


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def voices(f: F64, whole: I64, tables: F32, out: F32, start: int, end: int, bright: F64, rate: float) -> None:
    """Add all sounding voices to out[part, 2, start:end]; bright [PARTS, 3]: octaves now, octave step, frames left."""
    size = tables.shape[3] - 1
    for n in range(f.shape[0]):
        if whole[n, ACTIVE] == 0:
            continue
        v = f[n]
        part, mip, unison = whole[n, PART], whole[n, MIP], whole[n, UNISON]
        first, later = tables[whole[n, SLOT], 0, mip], tables[whole[n, SLOT], 1, mip]
        age, random, stage = whole[n, AGE], whole[n, RANDOM], whole[n, STAGE]
        pan_l = math.cos((v[PAN] + 1.0) * math.pi / 4.0) * math.sqrt(2.0)
        pan_r = math.sin((v[PAN] + 1.0) * math.pi / 4.0) * math.sqrt(2.0)
        k = 1.0 / v[Q]
        p0, p1, p2, tine_phase = v[PHASE0], v[PHASE1], v[PHASE2], v[TINE_PHASE]
        l1, l2, r1, r2, level = v[L1], v[L2], v[R1], v[R2], v[LEVEL]
        inc, g = v[INC_NOW], v[G]
        drive, gain = v[DRIVE], v[GAIN]
        attack, decay, sustain, release = v[ATTACK], v[DECAY], v[SUSTAIN], v[RELEASE]
        tine, tine_coef, tine_ratio = v[TINE], v[TINE_COEF], v[TINE_RATIO]
        breath, breath_coef = v[NOISE], v[NOISE_COEF]
        near, far = 0.406 * (1.0 + v[SPREAD]), 0.406 * (1.0 - v[SPREAD])
        gain_l, gain_r = gain * pan_l, gain * pan_r
        if drive > 0.0:
            gain_l, gain_r = gain_l / (1.0 + 1.5 * drive), gain_r / (1.0 + 1.5 * drive)
        push = 1.0 + 4.0 * drive
        alive = True
        i = start
        while i < end:
            if age % CONTROL == 0:
                left = max(0.0, bright[part, 2] - (i - start))
                open_ = bright[part, 0] + bright[part, 1] * left
                wobble = 0.0
                if v[VIBRATO] > 0.0:
                    onset = min(1.0, max(0.0, (age - 9600.0) / 14400.0))  # 0.2 s, then in over 0.3 s
                    wobble = v[VIBRATO] * onset * math.sin(2.0 * math.pi * v[VIBRATO_PHASE])
                    v[VIBRATO_PHASE] = (v[VIBRATO_PHASE] + v[VIBRATO_INC] * CONTROL) % 1.0
                v[DROP] *= v[DROP_COEF]
                inc = v[INC] * math.exp((wobble + v[DROP]) * 0.057762265)  # semitones to a ratio
                v[SWEEP] *= v[SWEEP_COEF]
                cutoff = v[CUTOFF] * math.exp((v[SWEEP] + open_) * 0.69314718)
                cutoff = min(max(cutoff, 40.0), 0.42 * rate)
                g = math.tan(math.pi * cutoff / rate)
                v[MORPH] *= v[MORPH_COEF]
            stop = min(end, i + CONTROL - age % CONTROL)
            a1 = 1.0 / (1.0 + g * (g + k))
            morph = v[MORPH]
            d1, d2 = inc * v[DETUNE], inc / v[DETUNE]
            while i < stop:
                # envelope
                if stage == 0:
                    level += (1.25 - level) * attack
                    if level >= 1.0:
                        level, stage = 1.0, 1
                elif stage == 1:
                    level += (sustain - level) * decay
                else:
                    level -= level * release
                # oscillators
                x = p0 * size
                j = int(x)
                r = x - j
                o0 = later[j] + (later[j + 1] - later[j]) * r
                if morph > 0.001:
                    o0 += (first[j] + (first[j + 1] - first[j]) * r - o0) * morph
                p0 += inc
                p0 -= math.floor(p0)
                left_in = o0
                right_in = o0
                if unison > 1:
                    x = p1 * size
                    j = int(x)
                    r = x - j
                    o1 = later[j] + (later[j + 1] - later[j]) * r
                    if morph > 0.001:
                        o1 += (first[j] + (first[j + 1] - first[j]) * r - o1) * morph
                    x = p2 * size
                    j = int(x)
                    r = x - j
                    o2 = later[j] + (later[j + 1] - later[j]) * r
                    if morph > 0.001:
                        o2 += (first[j] + (first[j + 1] - first[j]) * r - o2) * morph
                    p1 += d1
                    p1 -= math.floor(p1)
                    p2 += d2
                    p2 -= math.floor(p2)
                    left_in = 0.58 * o0 + near * o1 + far * o2
                    right_in = 0.58 * o0 + far * o1 + near * o2
                if tine > 0.0005:
                    struck = tine * math.sin(2.0 * math.pi * tine_phase)
                    tine_phase += inc * tine_ratio
                    tine_phase -= math.floor(tine_phase)
                    tine *= tine_coef
                    left_in += struck
                    right_in += struck
                if breath > 0.0005:
                    random = white(random)
                    blown = breath * (random / 2147483648.0 - 1.0)
                    breath *= breath_coef
                    left_in += blown
                    right_in += blown
                # filter (trapezoidal state variable, low-pass out)
                h = a1 * (left_in - l2 - (g + k) * l1)
                b = g * h + l1
                l1 = g * h + b
                low_l = g * b + l2
                l2 = g * b + low_l
                h = a1 * (right_in - r2 - (g + k) * r1)
                b = g * h + r1
                r1 = g * h + b
                low_r = g * b + r2
                r2 = g * b + low_r
                if drive > 0.0:
                    low_l, low_r = soft(low_l * push), soft(low_r * push)
                out[part, 0, i] += low_l * level * gain_l
                out[part, 1, i] += low_r * level * gain_r
                age += 1
                i += 1
            if stage > 0 and level < 5e-4 and (stage == 2 or sustain < 1e-4):
                alive = False
                break
        v[PHASE0], v[PHASE1], v[PHASE2], v[TINE_PHASE] = p0, p1, p2, tine_phase
        v[L1], v[L2], v[R1], v[R2], v[LEVEL] = l1, l2, r1, r2, level
        v[G], v[INC_NOW], v[TINE], v[NOISE] = g, inc, tine, breath
        whole[n, AGE], whole[n, RANDOM], whole[n, STAGE] = age, random, stage
        if not alive:
            whole[n, ACTIVE] = 0


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def hits(f: F64, whole: I64, samples: F32, out: F32, start: int, end: int) -> None:
    """Add all sounding drum samples to out[DRUMS, 2, start:end]."""
    for n in range(f.shape[0]):
        if whole[n, HIT_END] == 0:
            continue
        v = f[n]
        pos, fade, low = v[HIT_POS], v[HIT_FADE], v[HIT_LOW]
        begin, stop = whole[n, HIT_START], whole[n, HIT_END]
        for i in range(start, end):
            j = int(pos)
            at = begin + j
            if at + 1 >= stop or fade < 1e-4:
                whole[n, HIT_END] = 0
                break
            x = samples[at] + (samples[at + 1] - samples[at]) * (pos - j)
            low += (x - low) * v[HIT_LOW_COEF]
            out[DRUMS, 0, i] += low * v[HIT_LEFT] * fade
            out[DRUMS, 1, i] += low * v[HIT_RIGHT] * fade
            fade *= v[HIT_FADE_COEF]
            pos += v[HIT_RATE]
        v[HIT_POS], v[HIT_FADE], v[HIT_LOW] = pos, fade, low
