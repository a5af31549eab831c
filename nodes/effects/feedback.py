"""feedback: the way back in a loop."""

import numpy as np
from numpy.typing import NDArray

from graphflow import AudioIn, AudioNode, AudioOut, Ramp, State, db

DELAY = 1024


class Feedback(AudioNode):
    """Closes a loop: what goes in comes out a moment later.

    The moment is 1024 frames (21.3 ms at 48 kHz), the longest block the engine plays, so that a loop sounds the
    same whatever the block. A level of 0 dB keeps a loop going for ever; the other nodes of the loop must not add
    gain then.
    """

    latency = DELAY
    tail = 4.0
    breaks_loop = True

    input = AudioIn("The end of the loop.")
    level = Ramp(-6.0, "How much goes round again; nothing at the bottom.", "dB", min=-60.0, max=0.0)
    line = State(size=DELAY)
    out = AudioOut("The start of the loop.")

    @staticmethod
    def receive(out: NDArray[np.float32], line: NDArray[np.float32], frame: int, block: int) -> None:
        for channel in range(len(out)):
            for i in range(block):
                out[channel, i] = line[channel, (frame + i) % DELAY]

    @staticmethod
    def send(
        input: NDArray[np.float32],
        level: NDArray[np.float32],
        line: NDArray[np.float32],
        frame: int,
        block: int,
    ) -> None:
        known = 1000.0  # the level whose gain is at hand; none yet
        gain = 0.0
        for i in range(block):
            if level[i] != known:
                known = level[i]
                gain = db(known) if known > -60.0 else 0.0
            for channel in range(len(input)):
                line[channel, (frame + i) % DELAY] = input[channel, i] * gain
