"""The voice's nodes as every engine has them: a naive saw, and a low-pass of two poles whose cutoff rests."""

from __future__ import annotations

from graphflow import TAU, AudioIn, AudioNode, AudioOut, Coefficient, Ramp, State, cos, float64, sin


class NaiveSaw(AudioNode):
    """A phase, drawn out to -1 to 1."""

    freq = Ramp(440.0, "Pitch.", "Hz", min=0.1, max=20_000.0, warp="exp")
    phase = State(float64)
    out = AudioOut()

    @staticmethod
    def tick(freq: float, phase: float, rate: float) -> tuple[float, float]:
        return 2.0 * float(phase) - 1.0, (phase + freq / rate) % 1.0


class LowPass(AudioNode):
    """A biquad low-pass (R. Bristow-Johnson, "Cookbook formulae for audio EQ biquad filter coefficients")."""

    input = AudioIn()
    cutoff = Ramp(1000.0, "Where it bends.", "Hz", min=20.0, max=20_000.0, warp="exp")
    q = Ramp(0.707, "How sharply.", min=0.3, max=40.0, warp="exp")
    b0, a1, a2 = Coefficient(), Coefficient(), Coefficient()
    s1, s2 = State(), State()
    out = AudioOut()

    @staticmethod
    def coefficients(cutoff: float, q: float, rate: float) -> tuple[float, float, float]:
        angle = TAU * cutoff / rate
        alpha = sin(angle) / (2.0 * q)
        a0 = 1.0 + alpha
        return 0.5 * (1.0 - cos(angle)) / a0, -2.0 * cos(angle) / a0, (1.0 - alpha) / a0

    @staticmethod
    def tick(input: float, b0: float, a1: float, a2: float, s1: float, s2: float) -> tuple[float, float, float]:
        x = b0 * input
        y = x + s1
        return y, 2.0 * x - a1 * y + s2, x - a2 * y


class Copy(AudioNode):
    """The least a node can do."""

    input = AudioIn()
    out = AudioOut()

    @staticmethod
    def tick(input: float) -> float:
        return input
