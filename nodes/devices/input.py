"""input: from the microphones."""

import numpy as np
from numpy.typing import NDArray

from graphflow import AudioNode, AudioOut, DeviceIn, Ramp, db


class Input(AudioNode):
    """What the sound card hears: a microphone, an instrument; silent at the very bottom."""

    device = DeviceIn("The sound card's first two inputs.")
    level = Ramp(0.0, "How loud.", "dB", min=-60.0, max=12.0)
    out = AudioOut("The sound that comes in.", channels=2)

    @staticmethod
    def process(device: NDArray[np.float32], level: NDArray[np.float32], out: NDArray[np.float32], block: int) -> None:
        known = 1000.0  # the level whose gain is at hand; none yet
        gain = 0.0
        last = len(device) - 1
        for i in range(block):
            if level[i] != known:
                known = level[i]
                gain = db(known) if known > -60.0 else 0.0
            for channel in range(len(out)):
                out[channel, i] = device[min(channel, last), i] * gain
