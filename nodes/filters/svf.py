"""svf: low, band and high from one filter."""

from graphflow import PI, AudioIn, AudioNode, AudioOut, Coefficient, Ramp, State, tan


class Svf(AudioNode):
    """A state-variable filter that stays calm while its cutoff moves.

    Trapezoidal integrators without delay in the loop (V. Zavalishin, "The Art of VA Filter Design", chapter 4).
    The band has a gain of 1 at the cutoff whatever the q; low and high peak there by q.
    """

    input = AudioIn("What to filter.")
    cutoff = Ramp(1000.0, "Where it bends.", "Hz", min=20.0, max=20_000.0, warp="exp")
    q = Ramp(0.707, "How sharply.", min=0.3, max=40.0, warp="exp")
    g, k, share = Coefficient(), Coefficient(), Coefficient()
    s1, s2 = State(), State()
    low = AudioOut("What lies below the cutoff.")
    band = AudioOut("What lies around the cutoff.")
    high = AudioOut("What lies above the cutoff.")

    @staticmethod
    def coefficients(cutoff: float, q: float, rate: float) -> tuple[float, float, float]:
        g, k = tan(PI * min(cutoff / rate, 0.49)), 1.0 / q
        return g, k, 1.0 / (1.0 + g * (g + k))

    @staticmethod
    def tick(
        input: float, g: float, k: float, share: float, s1: float, s2: float
    ) -> tuple[float, float, float, float, float]:
        middle = share * (g * (input - s2) + s1)
        low = s2 + g * middle
        band = k * middle
        return low, band, input - band - low, 2.0 * middle - s1, 2.0 * low - s2
