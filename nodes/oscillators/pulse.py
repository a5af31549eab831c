"""pulse: a square wave of any width, band-limited."""

from graphflow import AudioNode, AudioOut, Ramp, State, float64

# The edges are made as the saw's are: a cubic B-spline's integral (Valimaki, Pekonen and Nam, JASA 131(1), 2012),
# its droop undone by two equal poles.
POLE = -0.2
SHARPEN = (1.0 - POLE) * (1.0 - POLE)


def rounding(distance: float) -> float:
    """What a unit step lacks `distance` frames (0 or more) from its middle."""
    rest = max(2.0 - distance, 0.0)
    near = 0.5 - distance * (2.0 / 3.0) + distance * distance * distance * (1.0 / 3.0 - 0.125 * distance)
    return near if distance < 1.0 else rest * rest * rest * rest * (1.0 / 24.0)


class Pulse(AudioNode):
    """A pulse wave: hollow when square, nasal when narrow.

    Its mean is 0 at every width, so moving the width does not push the speaker: a narrow pulse is high above the
    middle for a short time and a little below it for the rest.
    """

    freq = Ramp(440.0, "Pitch.", "Hz", min=0.1, max=20_000.0, warp="exp")
    width = Ramp(0.5, "The part of each cycle that is up.", min=0.01, max=0.99)
    phase = State(float64)  # in cycles
    y1, y2 = State(), State()
    out = AudioOut("The wave, -1 to 1 when square.")

    @staticmethod
    def tick(
        freq: float, width: float, phase: float, y1: float, y2: float, rate: float
    ) -> tuple[float, float, float, float]:
        step = min(freq / rate, 0.5)
        up = float(phase)
        down = (up - width) % 1.0  # the phase since the falling edge
        wave = (2.0 if up < width else 0.0) - 2.0 * width
        rising = rounding((1.0 - up) / step) - rounding(up / step)
        falling = rounding(down / step) - rounding((1.0 - down) / step)
        y = SHARPEN * (wave + 2.0 * (rising + falling)) + 2.0 * POLE * y1 - POLE * POLE * y2
        return y, (phase + step) % 1.0, y, y1
