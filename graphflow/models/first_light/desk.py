"""Compiled mixing desk: levels, pump, echo, room, tape and limiter behind the synth bank.

It moves on frame by frame with all of its state in arrays, as the voices do.
"""

from __future__ import annotations

import math

import numba
import numpy as np
import numpy.typing as npt

from graphflow.models.first_light.kernels import DRUMS, PARTS, soft, white

F32 = npt.NDArray[np.float32]
F64 = npt.NDArray[np.float64]
I64 = npt.NDArray[np.int64]

STEM_OF = np.array([0, 1, 2, 2, 3])  # which stem each part belongs to

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


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def mix_down(
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
        random = white(random)
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
        out_l, out_r = soft(out_l * amount) / (1.0 + 1.6 * p[TAPE]), soft(out_r * amount) / (1.0 + 1.6 * p[TAPE])
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
