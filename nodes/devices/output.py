"""output: to the loudspeakers."""

import numpy as np
from numpy.typing import NDArray

from graphflow import AudioIn, AudioNode, DeviceOut, Ramp, db


class Output(AudioNode):
    """What you hear: sends sound to the sound card, or to the file of a render; silent at the very bottom."""

    input = AudioIn("What to hear.", channels=2)
    level = Ramp(0.0, "How loud.", "dB", min=-60.0, max=12.0)
    device = DeviceOut("The loudspeakers.")

    @staticmethod
    def process(
        input: NDArray[np.float32], level: NDArray[np.float32], device: NDArray[np.float32], block: int
    ) -> None:
        known = 1000.0  # the level whose gain is at hand; none yet
        gain = 0.0
        for i in range(block):
            if level[i] != known:
                known = level[i]
                gain = db(known) if known > -60.0 else 0.0
            for channel in range(len(device)):
                device[channel, i] = input[channel, i] * gain
