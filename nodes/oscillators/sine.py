"""sine: one partial."""

from graphflow import TAU, AudioNode, AudioOut, Ramp, State, float64, sin


class Sine(AudioNode):
    """A sine wave whose phase never jumps."""

    freq = Ramp(440.0, "Pitch.", "Hz", min=0.1, max=20_000.0, warp="exp")
    phase = State(float64)  # in cycles
    out = AudioOut("The wave, -1 to 1.")

    @staticmethod
    def tick(freq: float, phase: float, rate: float) -> tuple[float, float]:
        return sin(TAU * phase), (phase + freq / rate) % 1.0
