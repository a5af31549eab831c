"""pan: from left to right."""

import numpy as np
from numpy.typing import NDArray

from graphflow import PI, AudioIn, AudioNode, AudioOut, Ramp, cos, sin


def sides(position: float, mono: bool) -> tuple[float, float]:
    """What stays on a side, and what goes over (for mono: left and right)."""
    angle = 0.25 * PI * (position + 1.0) if mono else 0.5 * PI * abs(position)
    return cos(angle), sin(angle)


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
        mono = len(input) == 1
        first = position[0]
        changes = 0
        for i in range(block):
            changes += 1 if position[i] != first else 0
        if changes == 0:  # it rests: two factors for the whole block, in loops that become SIMD
            stay, cross = sides(first, mono)
            for i in range(block):
                out[0, i] = input[0, i] * stay if mono or first >= 0.0 else input[0, i] + input[1, i] * cross
            if mono:
                for i in range(block):
                    out[1, i] = input[0, i] * cross
            else:
                for i in range(block):
                    out[1, i] = input[1, i] * stay if first < 0.0 else input[1, i] + input[0, i] * cross
        else:
            for i in range(block):
                stay, cross = sides(position[i], mono)
                if mono:
                    out[0, i], out[1, i] = input[0, i] * stay, input[0, i] * cross
                elif position[i] < 0.0:
                    out[0, i], out[1, i] = input[0, i] + input[1, i] * cross, input[1, i] * stay
                else:
                    out[0, i], out[1, i] = input[0, i] * stay, input[1, i] + input[0, i] * cross
