"""reverb: a room."""

import numpy as np
from numpy.typing import NDArray

from graphflow import PI, AudioIn, AudioNode, AudioOut, Ramp, State, clamp, cos, exp, expm1, float64, sin, sqrt

# A feedback delay network (Jot and Chaigne, "Digital delay networks for designing artificial reverberators", AES 90,
# 1991) of eight lines, mixed by a Hadamard matrix, behind four all-pass diffusers per side. Even lines are the left
# side's, odd lines the right's; the matrix carries each side round to the other.
LENGTHS = (0.0317, 0.0371, 0.0433, 0.0491, 0.0577, 0.0673, 0.0779, 0.0893)  # s, at size 1
DIFFUSERS = (0.0041, 0.0067, 0.0097, 0.0131, 0.0047, 0.0061, 0.0103, 0.0121)  # s: four left, four right
DIFFUSION = 0.65
WANDER = (0.31, 0.37, 0.43, 0.53, 0.59, 0.67, 0.73, 0.83)  # Hz: how fast each line's length moves, against ringing
DEPTH = 0.00012  # s: how far it moves; the pitch stays within 2 ct
BEND = 0.03  # frames per frame: how fast the lines follow a new size, half a semitone
EARLY = 0.5  # gain of the diffused sound that has not been round
LOUD = 1.4  # what the damping takes from a usual sound
DAMPED = 5000.0  # Hz: where the decay time is the damped one
RUMBLE = 50.0  # Hz: below it nothing enters the room

LENGTH, GAIN, POLE = 0, 8, 16  # where `shape` holds each line's: frames, gain and damping per round
INTO, SIZE, DAMP, PLACED = 24, 25, 26, 27  # and the gain into the room, the size and damp they are for, 1 once placed


def between(x0: float, x1: float, x2: float, x3: float, part: float) -> float:
    """The curve through four frames, `part` of the way from x1 to x2 (Hermite)."""
    slope = 0.5 * (x2 - x0)
    twist = 0.5 * (x3 - x0) + 1.5 * (x1 - x2)
    bend = x0 - x1 + slope - twist
    return x1 + part * (slope + part * (bend + part * twist))


def damping(high: float, cosine: float) -> float:
    """The pole of the low-pass (1 - p) / (1 - p/z) whose gain is `high` where the frequency has this cosine."""
    power = high * high
    middle = 1.0 - power * cosine
    rest = 1.0 - power
    return (middle - sqrt(max(middle * middle - rest * rest, 0.0))) / rest if rest > 0.0001 else 0.0


class Reverb(AudioNode):
    """A room, from a chamber to a hall, smooth to its end.

    Size sets the length of the decay, from 0.4 s through 2 s in the middle to 10 s, and the distance of the walls;
    moving it bends the pitch of the tail by at most half a semitone. Damp shortens the treble's decay, up to ten
    times. A sustained sound has about the same level in rooms of every size. Dry and wet are mixed with equal power.
    """

    tail = 12.0

    input = AudioIn("What is played in the room.", channels=2)
    size = Ramp(0.5, "From a chamber to a hall.", min=0.0, max=1.0)
    damp = Ramp(0.5, "From bare stone to curtains.", min=0.0, max=1.0)
    mix = Ramp(0.3, "From the dry sound to the room alone.", min=0.0, max=1.0)
    lines = State(seconds=0.8)  # eight lines of 0.1 s
    diffusers = State(seconds=0.128)  # eight of 16 ms
    head = State(float64, size=8)  # frames from a line's end to its start, now
    shape = State(size=28)
    tap = State(size=8)  # what leaves the lines in this frame
    dark = State(size=8)  # the memory of each line's damping
    rumble = State(size=2)  # per side
    out = AudioOut("The sound in its room.", channels=2)

    @staticmethod
    def process(
        input: NDArray[np.float32],
        size: NDArray[np.float32],
        damp: NDArray[np.float32],
        mix: NDArray[np.float32],
        out: NDArray[np.float32],
        lines: NDArray[np.float32],
        diffusers: NDArray[np.float32],
        head: NDArray[np.float64],
        shape: NDArray[np.float32],
        tap: NDArray[np.float32],
        dark: NDArray[np.float32],
        rumble: NDArray[np.float32],
        rate: float,
        frame: int,
        block: int,
    ) -> None:
        span = lines.shape[1] // 8
        short = diffusers.shape[1] // 8
        longest = span - 4.0 - 2.0 * DEPTH * rate
        per_frame = 1.0 / rate
        cosine = cos(2.0 * PI * min(DAMPED / rate, 0.49))
        cut = -expm1(-2.0 * PI * RUMBLE / rate)
        known = -1.0  # the mix whose gains are at hand; none yet
        dry, wet = 1.0, 0.0
        for i in range(block):
            if size[i] != shape[0, SIZE] or damp[i] != shape[0, DAMP] or shape[0, PLACED] == 0.0:
                shape[0, SIZE], shape[0, DAMP] = size[i], damp[i]
                decay = 0.4 * exp(3.218876 * size[i])  # s, to -60 dB; ln(25)
                slower = 9.0 * damp[i] * damp[i]
                for k in range(8):
                    seconds = LENGTHS[k] * (0.35 + 0.65 * size[i])
                    loss = 6.907755 * seconds / decay  # ln(1000)
                    shape[0, LENGTH + k] = clamp(seconds * rate, 2.0 + DEPTH * rate, longest)
                    shape[0, GAIN + k] = exp(-loss)
                    shape[0, POLE + k] = damping(exp(-loss * slower), cosine)
                shape[0, INTO] = LOUD * sqrt(1.0 - shape[0, GAIN + 4] * shape[0, GAIN + 4])
                if shape[0, PLACED] == 0.0:
                    shape[0, PLACED] = 1.0
                    for k in range(8):
                        head[0, k] = shape[0, LENGTH + k]
            if mix[i] != known:
                known = mix[i]
                dry, wet = cos(0.5 * PI * known), sin(0.5 * PI * known)

            at = (frame + i) % span
            now = (frame + i) * per_frame
            for k in range(8):
                head[0, k] += clamp(shape[0, LENGTH + k] - head[0, k], -BEND, BEND)
                cycle = float((now * WANDER[k]) % 1.0) * 2.0 - 1.0
                distance = head[0, k] + DEPTH * rate * 4.0 * cycle * (1.0 - abs(cycle))
                whole = int(distance)
                first = at - whole + 1  # the line is read backwards from here
                x0 = lines[0, k * span + (first if first >= 0 else first + span)]
                x1 = lines[0, k * span + (first - 1 if first >= 1 else first - 1 + span)]
                x2 = lines[0, k * span + (first - 2 if first >= 2 else first - 2 + span)]
                x3 = lines[0, k * span + (first - 3 if first >= 3 else first - 3 + span)]
                end = shape[0, GAIN + k] * between(x0, x1, x2, x3, float(distance - whole))
                dark[0, k] = end + shape[0, POLE + k] * (dark[0, k] - end)
                tap[0, k] = dark[0, k]

            place = (frame + i) % short
            for side in range(2):
                rumble[0, side] += cut * (input[side, i] - rumble[0, side])
                sound = input[side, i] - rumble[0, side]
                for k in range(4):
                    row = side * 4 + k
                    back = max(int(DIFFUSERS[row] * rate), 1)
                    from_there = row * short + (place - back if place >= back else place - back + short)
                    passed = diffusers[0, from_there] - DIFFUSION * sound
                    diffusers[0, row * short + place] = sound + DIFFUSION * passed
                    sound = passed
                sound *= shape[0, INTO]
                room = tap[0, side] - tap[0, side + 2] + tap[0, side + 4] - tap[0, side + 6]
                out[side, i] = dry * input[side, i] + wet * (room + EARLY * sound)
                # into the side's own lines, to be joined by what comes round
                for k in range(4):
                    lines[0, (2 * k + side) * span + at] = 0.5 * sound

            # the Hadamard matrix: three rounds of sums and differences
            for k in range(0, 8, 2):
                a, b = tap[0, k], tap[0, k + 1]
                tap[0, k], tap[0, k + 1] = a + b, a - b
            for k in range(2):
                for j in range(k, 8, 4):
                    a, b = tap[0, j], tap[0, j + 2]
                    tap[0, j], tap[0, j + 2] = a + b, a - b
            for k in range(4):
                a, b = tap[0, k], tap[0, k + 4]
                tap[0, k], tap[0, k + 4] = a + b, a - b
            for k in range(8):
                lines[0, k * span + at] += 0.35355339 * tap[0, k]
