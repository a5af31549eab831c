"""player: a sound file."""

import numpy as np
from numpy.typing import NDArray

from graphflow import AudioNode, AudioOut, Ramp, SoundFile, State, Switch, db, float64


class Player(AudioNode):
    """Plays a sound file, once or round and round.

    It begins when the node does. A file of another rate has been brought to the patch's; of more than two channels,
    the first two are heard.
    """

    file = SoundFile("", "The file to play.")
    loop = Switch(True, "Whether it begins again at its end.")
    level = Ramp(0.0, "How loud; silent at the bottom.", "dB", min=-60.0, max=12.0)
    position = State(float64)  # in frames of the file
    out = AudioOut("The file's sound; a mono file on both sides.", channels=2)

    @staticmethod
    def process(
        file: NDArray[np.float32],
        loop: int,
        level: NDArray[np.float32],
        out: NDArray[np.float32],
        position: NDArray[np.float64],
        block: int,
    ) -> None:
        length = file.shape[1]
        last = len(file) - 1
        at = int(position[0])
        known = 1000.0  # the level whose gain is at hand; none yet
        gain = 0.0
        for i in range(block):
            if level[i] != known:
                known = level[i]
                gain = db(known) if known > -60.0 else 0.0
            if at >= length and loop:
                at = 0
            for channel in range(len(out)):
                out[channel, i] = file[min(channel, last), at] * gain if at < length else 0.0
            at = min(at + 1, length)
        position[0] = at
