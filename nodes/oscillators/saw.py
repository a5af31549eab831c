"""saw: all partials, band-limited."""

from graphflow import AudioNode, AudioOut, Ramp, State, float64

# The edge is the integral of a cubic B-spline (4 points), after Valimaki, Pekonen and Nam, "Perceptually informed
# synthesis of bandlimited classical waveforms using integrated polynomial interpolation", JASA 131(1), 2012.
# The spline dulls the top (-10 dB at 20 kHz); two equal poles bring it back: -0.5 dB at 10 kHz, -1.6 dB at 15 kHz.
# False tones lie below -55 dB under 15 kHz at every pitch (at 48 kHz).
POLE = -0.2
SHARPEN = (1.0 - POLE) * (1.0 - POLE)


def rounding(distance: float) -> float:
    """What a unit step lacks `distance` frames (0 or more) from its middle."""
    rest = max(2.0 - distance, 0.0)
    near = 0.5 - distance * (2.0 / 3.0) + distance * distance * distance * (1.0 / 3.0 - 0.125 * distance)
    return near if distance < 1.0 else rest * rest * rest * rest * (1.0 / 24.0)


class Saw(AudioNode):
    """A sawtooth, bright but without the false tones that fast edges make.

    Rises from -1 to 1; rounds like any band-limited saw, so its peaks reach 1.2.
    """

    freq = Ramp(440.0, "Pitch.", "Hz", min=0.1, max=20_000.0, warp="exp")
    phase = State(float64)  # in cycles
    y1, y2 = State(), State()
    out = AudioOut("The wave, about -1 to 1.")

    @staticmethod
    def tick(freq: float, phase: float, y1: float, y2: float, rate: float) -> tuple[float, float, float, float]:
        step = min(freq / rate, 0.5)
        at = float(phase)
        wave = 2.0 * at - 1.0 + 2.0 * (rounding(at / step) - rounding((1.0 - at) / step))
        y = SHARPEN * wave + 2.0 * POLE * y1 - POLE * POLE * y2
        return y, (phase + step) % 1.0, y, y1
