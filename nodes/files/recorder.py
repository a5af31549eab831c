"""recorder: sound into a file."""

import numpy as np
from numpy.typing import NDArray

from graphflow import AudioIn, AudioNode, Setting, Tape


class Recorder(AudioNode):
    """Writes what it hears into a sound file, for as long as the node lives."""

    input = AudioIn("What to record.", channels=2)
    file = Setting("take.wav", "The file to write.")
    tape = Tape("The file.")

    @staticmethod
    def process(input: NDArray[np.float32], tape: NDArray[np.float32], block: int) -> None:
        for channel in range(len(tape)):
            for i in range(block):
                tape[channel, i] = input[channel, i]
