"""delay: echoes."""

import numpy as np
from numpy.typing import NDArray

from graphflow import PI, AudioIn, AudioNode, AudioOut, Ramp, State, clamp, cos, expm1, float64, sin

LOOP_LOW, LOOP_HIGH = 60.0, 7000.0  # Hz: what each round loses below and above
GLIDE = 0.03  # s: how softly the head starts and stops to move
NEAR = 0.001  # frames: the head has arrived
FASTEST_DOWN, FASTEST_UP = 0.5, 1.0  # frames per frame: an octave below, an octave above while the time changes


def between(x0: float, x1: float, x2: float, x3: float, part: float) -> float:
    """The curve through four frames, `part` of the way from x1 to x2 (Hermite)."""
    slope = 0.5 * (x2 - x0)
    twist = 0.5 * (x3 - x0) + 1.5 * (x1 - x2)
    bend = x0 - x1 + slope - twist
    return x1 + part * (slope + part * (bend + part * twist))


class Delay(AudioNode):
    """Echoes that grow softer and darker; a new time is reached as a tape machine would, with a bend in pitch.

    The bend stays within an octave. Dry and wet are mixed with equal power. The first echo is exact; each further
    round passes a low-pass at 7 kHz and a high-pass at 60 Hz.
    """

    tail = 8.0

    input = AudioIn("What to repeat.")
    time = Ramp(0.375, "From one echo to the next.", "s", min=0.001, max=4.0, warp="exp")
    feedback = Ramp(0.4, "How much of an echo comes back.", min=0.0, max=0.95)
    mix = Ramp(0.3, "From the dry sound to the echoes alone.", min=0.0, max=1.0)
    line = State(seconds=4.1)
    head = State(float64)  # frames behind the newest; 0: not yet placed
    dark, bass = State(), State()
    out = AudioOut("The sound and its echoes.")

    @staticmethod
    def process(
        input: NDArray[np.float32],
        time: NDArray[np.float32],
        feedback: NDArray[np.float32],
        mix: NDArray[np.float32],
        out: NDArray[np.float32],
        line: NDArray[np.float32],
        head: NDArray[np.float64],
        dark: NDArray[np.float32],
        bass: NDArray[np.float32],
        rate: float,
        frame: int,
        block: int,
    ) -> None:
        size = line.shape[1]
        keep_high = -expm1(-2.0 * PI * LOOP_HIGH / rate)
        keep_low = -expm1(-2.0 * PI * LOOP_LOW / rate)
        follow = -expm1(-1.0 / (GLIDE * rate))
        for channel in range(len(input)):
            at = frame % size
            distance = head[channel]
            smooth, mud = dark[channel], bass[channel]
            known = -1.0  # the mix whose gains are at hand; none yet
            dry, wet = 1.0, 0.0
            for i in range(block):
                aim = clamp(time[i] * rate, 2.0, size - 4.0)
                way = aim - distance
                if distance == 0.0 or abs(way) < NEAR:
                    distance = aim
                else:
                    distance += clamp(follow * way, -FASTEST_UP, FASTEST_DOWN)
                whole = int(distance)
                first = at - whole + 1  # the line is read backwards from here
                x0 = line[channel, first if first >= 0 else first + size]
                x1 = line[channel, first - 1 if first >= 1 else first - 1 + size]
                x2 = line[channel, first - 2 if first >= 2 else first - 2 + size]
                x3 = line[channel, first - 3 if first >= 3 else first - 3 + size]
                echo = between(x0, x1, x2, x3, float(distance - whole))
                smooth += keep_high * (echo - smooth)
                mud += keep_low * (smooth - mud)
                line[channel, at] = input[channel, i] + feedback[i] * (smooth - mud)
                if mix[i] != known:
                    known = mix[i]
                    dry, wet = cos(0.5 * PI * known), sin(0.5 * PI * known)
                out[channel, i] = dry * input[channel, i] + wet * echo
                at = at + 1 if at + 1 < size else 0
            head[channel] = distance
            dark[channel], bass[channel] = smooth, mud
