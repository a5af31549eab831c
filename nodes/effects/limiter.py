"""limiter: nothing passes the ceiling."""

import numpy as np
from numpy.typing import NDArray

from graphflow import AudioIn, AudioNode, AudioOut, Ramp, State, db, expm1, float64

AHEAD = 127  # frames from in to out
HOLD = 7  # the least gain of the last 2**7 = 128 frames is kept
FIRST, SECOND = 64, 65  # frames of the two means that smooth the gain; together they span the 128 held frames


class Limiter(AudioNode):
    """Keeps a sound under a ceiling without distorting it: it looks ahead and turns down before the peak.

    No sample passes the ceiling, whatever comes in. The channels are turned down together, so the picture does not
    wander. The gain needed by each peak is held for 128 frames and smoothed by two means that span them, so it is
    reached in full when the peak comes out, without a corner.
    """

    latency = 127
    tail = 0.01

    input = AudioIn("What to keep under the ceiling.", channels=2)
    ceiling = Ramp(-1.0, "The highest sample let through.", "dB", min=-24.0, max=0.0)
    release = Ramp(0.1, "How fast it comes back up.", "s", min=0.005, max=2.0, warp="exp")
    late = State(size=256)  # the sound, waiting: left, then right, 128 frames each
    least = State(size=HOLD * 128)  # row k: the least gain of the last 2**k frames, for the last 128 frames
    recovered = State(size=128)  # the held gain with its release
    smooth = State(size=128)  # its first mean
    memory = State(float64, size=4)  # the two sums, the released gain, and 1 once these are set
    out = AudioOut("The limited sound.", channels=2)

    @staticmethod
    def process(
        input: NDArray[np.float32],
        ceiling: NDArray[np.float32],
        release: NDArray[np.float32],
        out: NDArray[np.float32],
        late: NDArray[np.float32],
        least: NDArray[np.float32],
        recovered: NDArray[np.float32],
        smooth: NDArray[np.float32],
        memory: NDArray[np.float64],
        rate: float,
        frame: int,
        block: int,
    ) -> None:
        if memory[0, 3] == 0.0:
            memory[0, 0], memory[0, 1], memory[0, 2], memory[0, 3] = FIRST, SECOND, 1.0, 1.0
            for k in range(HOLD * 128):
                least[0, k] = 1.0
            for k in range(128):
                recovered[0, k] = 1.0
                smooth[0, k] = 1.0
        known_ceiling, known_release = 1000.0, -1.0
        top, back = 1.0, 0.0
        for i in range(block):
            if ceiling[i] != known_ceiling:
                known_ceiling = ceiling[i]
                top = db(known_ceiling)
            if release[i] != known_release:
                known_release = release[i]
                back = -expm1(-1.0 / (known_release * rate))
            at = (frame + i) % 128
            peak = 0.0
            for channel in range(len(input)):
                peak = max(peak, abs(input[channel, i]))
            gain = top / peak if peak > top else 1.0
            # a running minimum in log2 steps: the least of 2**(k+1) frames from two of 2**k
            for k in range(HOLD):
                least[0, k * 128 + at] = gain
                gain = min(gain, least[0, k * 128 + (at - (1 << k)) % 128])
            # held gains above the way back are followed slowly, those below at once
            memory[0, 2] = min(gain, memory[0, 2] + back * (1.0 - memory[0, 2]))
            # the sums are float64 and take float32 gains one by one, which is exact: they do not drift
            recovered[0, at] = memory[0, 2]
            memory[0, 0] += recovered[0, at]
            memory[0, 0] -= recovered[0, (at - FIRST) % 128]
            smooth[0, at] = memory[0, 0] * (1.0 / FIRST)
            memory[0, 1] += smooth[0, at]
            memory[0, 1] -= smooth[0, (at - SECOND) % 128]
            gain = float(memory[0, 1]) * (1.0 / SECOND)
            for channel in range(len(out)):
                sound = late[0, channel * 128 + (at - AHEAD) % 128]
                late[0, channel * 128 + at] = input[channel, i]
                out[channel, i] = min(max(sound * gain, -top), top)
