"""pan: from left to right."""

import numpy as np
from numpy.typing import NDArray

from graphflow import PI, AudioIn, AudioNode, AudioOut, Ramp, cos, sin


class Pan(AudioNode):
    """Places a sound between left and right.

    A mono sound keeps its power wherever it is (-3 dB in each side at the centre). A stereo sound is untouched at
    the centre; towards one side, the other side is carried over to it, so nothing is lost.
    """

    input = AudioIn("What to place; mono or stereo.")
    position = Ramp(0.0, "From left (-1) to right (1).", min=-1.0, max=1.0)
    out = AudioOut("The placed sound.", channels=2)

    @staticmethod
    def process(
        input: NDArray[np.float32], position: NDArray[np.float32], out: NDArray[np.float32], block: int
    ) -> None:
        known = 2.0  # the position whose gains are at hand; none yet
        stay, cross = 1.0, 0.0
        mono = len(input) == 1
        for i in range(block):
            if position[i] != known:
                known = position[i]
                angle = 0.25 * PI * (known + 1.0) if mono else 0.5 * PI * abs(known)
                stay, cross = cos(angle), sin(angle)
            if mono:
                out[0, i] = input[0, i] * stay
                out[1, i] = input[0, i] * cross
            elif known < 0.0:
                out[0, i] = input[0, i] + input[1, i] * cross
                out[1, i] = input[1, i] * stay
            else:
                out[0, i] = input[0, i] * stay
                out[1, i] = input[1, i] + input[0, i] * cross
