"""Compiled loops of the synth bank: pitched voices, drum samples, and the mixing desk behind them.

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
STEM_OF = np.array([0, 1, 2, 2, 3])

# what the desk is set to; ramped over 20 ms after every change
SEND_REVERB = PARTS  # five gains come first, then five reverb sends and five delay sends
SEND_DELAY = 2 * PARTS
(PUMP, PUMP_COEF, TAPE, TONE, WOW, HISS, WIDTH, ROOM, DAMP, ECHO_TIME, ECHO_BACK, MASTER, CRACKLE, DESK_FIELDS) = range(
    3 * PARTS, 3 * PARTS + 14
)

LINES = 8
LINE_FRAMES = np.array([1361, 1637, 1931, 2239, 2593, 2879, 3253, 3691])  # primes, 28 to 77 ms
LINE_SIZE = 4096
ECHO_SIZE = 131072
WOW_SIZE = 1024
PRE_SIZE = 1024
DIFFUSE_FRAMES = np.array([142, 379, 107, 277])
DIFFUSE_SIZE = 512

# desk state, float64
(
    DUCK, DUCK_TARGET, TONE_L1, TONE_L2, TONE_R1, TONE_R2, BLOCK_L, BLOCK_R, LIMIT, ECHO_LOW_L, ECHO_LOW_R, ECHO_NOW,
    WOW_PHASE, FLUTTER_PHASE, MOD_PHASE, HISS_LOW, SIDE_LOW, CLICK, RAMP_LEFT, ECHO_HIGH_L, ECHO_HIGH_R,
    DESK_STATES,
) = range(22)  # fmt: skip
LINE_STATES = DESK_STATES  # eight damping states follow
DESK_STATE_SIZE = DESK_STATES + LINES
# and int64
POSITION, DESK_RANDOM, DESK_INTS = range(3)
RAMP_FRAMES = 960  # 20 ms at 48 kHz
CEILING = 0.80  # of the limiter: -1.9 dB, which leaves true peaks below -1 dB


@numba.njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def _white(state: int) -> int:
    """xorshift, 32 bits."""
    state ^= (state << 13) & 0xFFFFFFFF
    state ^= state >> 17
    state ^= (state << 5) & 0xFFFFFFFF
    return state & 0xFFFFFFFF


@numba.njit(cache=True, nogil=True, inline="always")  # type: ignore[untyped-decorator]
def _soft(x: float) -> float:
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
                    random = _white(random)
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
                    low_l, low_r = _soft(low_l * push), _soft(low_r * push)
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


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def desk(
    parts: F32,
    kicks: F32,
    old: F64,
    new: F64,
    s: F64,
    whole: I64,
    lines: F32,
    diffuse: F32,
    pre: F32,
    echo: F32,
    wow: F32,
    stems: F32,
    mix: F32,
    rate: float,
) -> None:
    """Everything behind the voices: levels, pump, echo, room, tape, limiter. parts [5, 2, n] in, mix [2, n] out."""
    p = np.empty(DESK_FIELDS)
    heads = np.empty(LINES)
    position, random = whole[POSITION], whole[DESK_RANDOM]
    for i in range(parts.shape[2]):
        left = s[RAMP_LEFT] / RAMP_FRAMES
        for q in range(DESK_FIELDS):
            p[q] = new[q] + (old[q] - new[q]) * left
        s[RAMP_LEFT] = max(0.0, s[RAMP_LEFT] - 1.0)
        # the kick pushes the rest down
        if kicks[i] > 0.0:
            s[DUCK_TARGET] = kicks[i]
        s[DUCK] += (s[DUCK_TARGET] - s[DUCK]) * 0.012
        s[DUCK_TARGET] *= p[PUMP_COEF]
        duck = 1.0 - p[PUMP] * min(1.0, s[DUCK])
        out_l, out_r, send_l, send_r, echo_l, echo_r = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
        for q in range(4):
            stems[q, 0, i] = 0.0
            stems[q, 1, i] = 0.0
        for q in range(PARTS):
            gain = p[q] if q == DRUMS else p[q] * duck
            x, y = parts[q, 0, i] * gain, parts[q, 1, i] * gain
            stem = STEM_OF[q]
            stems[stem, 0, i] += x
            stems[stem, 1, i] += y
            out_l += x
            out_r += y
            send_l += x * p[SEND_REVERB + q]
            send_r += y * p[SEND_REVERB + q]
            echo_l += x * p[SEND_DELAY + q]
            echo_r += y * p[SEND_DELAY + q]
        # echo: ping-pong, darker and thinner at each repeat
        s[ECHO_NOW] += (p[ECHO_TIME] - s[ECHO_NOW]) * 0.0003
        back = position - s[ECHO_NOW]
        j = int(math.floor(back))
        frac = back - j
        j0, j1 = j & (ECHO_SIZE - 1), (j + 1) & (ECHO_SIZE - 1)
        tap_l = echo[0, j0] + (echo[0, j1] - echo[0, j0]) * frac
        tap_r = echo[1, j0] + (echo[1, j1] - echo[1, j0]) * frac
        s[ECHO_LOW_L] += (tap_l - s[ECHO_LOW_L]) * 0.35
        s[ECHO_LOW_R] += (tap_r - s[ECHO_LOW_R]) * 0.35
        s[ECHO_HIGH_L] += (s[ECHO_LOW_L] - s[ECHO_HIGH_L]) * 0.02
        s[ECHO_HIGH_R] += (s[ECHO_LOW_R] - s[ECHO_HIGH_R]) * 0.02
        at = position & (ECHO_SIZE - 1)
        wet_l, wet_r = s[ECHO_LOW_L] - s[ECHO_HIGH_L], s[ECHO_LOW_R] - s[ECHO_HIGH_R]
        echo[0, at] = 0.5 * (echo_l + echo_r) + wet_r * p[ECHO_BACK] + 1e-12
        echo[1, at] = wet_l * p[ECHO_BACK]
        out_l += wet_l
        out_r += wet_r
        send_l += 0.3 * wet_l
        send_r += 0.3 * wet_r
        # room: pre-delay, diffusion, eight lines through a Hadamard matrix
        at = position & (PRE_SIZE - 1)
        x, y = pre[0, at], pre[1, at]
        pre[0, at], pre[1, at] = send_l, send_r
        for q in range(2):
            at = position & (DIFFUSE_SIZE - 1)
            far = (position - DIFFUSE_FRAMES[q]) & (DIFFUSE_SIZE - 1)
            old_x = diffuse[q, far]
            diffuse[q, at] = x + 0.6 * old_x
            x = old_x - 0.6 * diffuse[q, at]
            far = (position - DIFFUSE_FRAMES[q + 2]) & (DIFFUSE_SIZE - 1)
            old_y = diffuse[q + 2, far]
            diffuse[q + 2, at] = y + 0.6 * old_y
            y = old_y - 0.6 * diffuse[q + 2, at]
        s[MOD_PHASE] = (s[MOD_PHASE] + 0.37 / rate) % 1.0
        swing = math.sin(2.0 * math.pi * s[MOD_PHASE]) * 9.0
        for q in range(LINES):
            back = position - LINE_FRAMES[q] + (swing if q % 2 else -swing)
            j = int(math.floor(back))
            frac = back - j
            near = lines[q, j & (LINE_SIZE - 1)]
            tap = near + (lines[q, (j + 1) & (LINE_SIZE - 1)] - near) * frac
            s[LINE_STATES + q] += (tap - s[LINE_STATES + q]) * p[DAMP]
            heads[q] = s[LINE_STATES + q]
        room_l = heads[0] + heads[2] - heads[4] + heads[6]
        room_r = heads[1] + heads[3] - heads[5] + heads[7]
        h = 1
        while h < LINES:
            for q in range(0, LINES, 2 * h):
                for w in range(q, q + h):
                    a, b = heads[w], heads[w + h]
                    heads[w], heads[w + h] = a + b, a - b
            h *= 2
        at = position & (LINE_SIZE - 1)
        for q in range(LINES):
            lines[q, at] = heads[q] * 0.35355339 * p[ROOM] + (x if q % 2 == 0 else y) * 0.5 + 1e-12  # no denormals
        out_l += room_l * 0.45
        out_r += room_r * 0.45
        # width: sides only above the bass
        mid, side = 0.5 * (out_l + out_r), 0.5 * (out_l - out_r)
        s[SIDE_LOW] += (side - s[SIDE_LOW]) * 0.02
        side = (side - s[SIDE_LOW]) * p[WIDTH]
        out_l, out_r = mid + side, mid - side
        # an old machine: hiss, crackle, wow and flutter, a dull top
        random = _white(random)
        s[HISS_LOW] += ((random / 2147483648.0 - 1.0) - s[HISS_LOW]) * 0.4
        if p[CRACKLE] > 0.0 and (random >> 8) % 16384 < 3:
            s[CLICK] = p[CRACKLE] * (random & 255) / 255.0
        s[CLICK] *= 0.86
        out_l += s[HISS_LOW] * p[HISS] + s[CLICK]
        out_r += s[HISS_LOW] * p[HISS] - 0.6 * s[CLICK]
        at = position & (WOW_SIZE - 1)
        wow[0, at], wow[1, at] = out_l, out_r
        s[WOW_PHASE] = (s[WOW_PHASE] + 0.55 / rate) % 1.0
        s[FLUTTER_PHASE] = (s[FLUTTER_PHASE] + 6.3 / rate) % 1.0
        drift = math.sin(2.0 * math.pi * s[WOW_PHASE]) + 0.06 * math.sin(2.0 * math.pi * s[FLUTTER_PHASE])
        back = position - p[WOW] * (1.07 + drift) * 200.0
        j = int(math.floor(back))
        frac = back - j
        j0, j1 = j & (WOW_SIZE - 1), (j + 1) & (WOW_SIZE - 1)
        if j1 == ((position + 1) & (WOW_SIZE - 1)):  # nothing lies ahead of the newest frame
            j1 = j0
        out_l = wow[0, j0] + (wow[0, j1] - wow[0, j0]) * frac
        out_r = wow[1, j0] + (wow[1, j1] - wow[1, j0]) * frac
        g = p[TONE]
        a1 = 1.0 / (1.0 + g * (g + 1.41))
        h_ = a1 * (out_l - s[TONE_L2] - (g + 1.41) * s[TONE_L1])
        b_ = g * h_ + s[TONE_L1]
        s[TONE_L1] = g * h_ + b_
        out_l = g * b_ + s[TONE_L2]
        s[TONE_L2] = g * b_ + out_l
        h_ = a1 * (out_r - s[TONE_R2] - (g + 1.41) * s[TONE_R1])
        b_ = g * h_ + s[TONE_R1]
        s[TONE_R1] = g * h_ + b_
        out_r = g * b_ + s[TONE_R2]
        s[TONE_R2] = g * b_ + out_r
        # tape, level, no direct current, limiter
        amount = 1.0 + 3.0 * p[TAPE]
        out_l, out_r = _soft(out_l * amount) / (1.0 + 1.6 * p[TAPE]), _soft(out_r * amount) / (1.0 + 1.6 * p[TAPE])
        s[BLOCK_L] += (out_l - s[BLOCK_L]) * 0.003
        s[BLOCK_R] += (out_r - s[BLOCK_R]) * 0.003
        out_l, out_r = (out_l - s[BLOCK_L]) * p[MASTER], (out_r - s[BLOCK_R]) * p[MASTER]
        peak = max(abs(out_l), abs(out_r))
        wanted = CEILING / peak if peak > CEILING else 1.0
        if wanted < s[LIMIT]:
            s[LIMIT] = wanted
        else:
            s[LIMIT] += (wanted - s[LIMIT]) * 0.0004
        mix[0, i], mix[1, i] = out_l * s[LIMIT], out_r * s[LIMIT]
        position += 1
    whole[POSITION], whole[DESK_RANDOM] = position, random
