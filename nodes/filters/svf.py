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
    damping, first, second, k = Coefficient(), Coefficient(), Coefficient(), Coefficient()
    s1, s2 = State(), State()
    low = AudioOut("What lies below the cutoff.")
    band = AudioOut("What lies around the cutoff.")
    high = AudioOut("What lies above the cutoff.")

    @staticmethod
    def coefficients(cutoff: float, q: float, rate: float) -> tuple[float, float, float, float]:
        g, k = tan(PI * min(cutoff / rate, 0.49)), 1.0 / q
        first = 2.0 * g / (1.0 + g * (g + k))
        return -first * (g + k), first, first * g, k

    @staticmethod
    def tick(
        input: float, damping: float, first: float, second: float, k: float, s1: float, s2: float
    ) -> tuple[float, float, float, float, float]:
        # Both states from the old ones alone, as steps: half the waiting of the textbook's order (each result feeds
        # the next there), and exact at low cutoffs, where a step is a millionth of the state.
        apart = input - s2
        next1 = s1 + (damping * s1 + first * apart)
        next2 = s2 + (first * s1 + second * apart)
        low = 0.5 * (s2 + next2)
        band = k * (0.5 * (s1 + next1))
        return low, band, input - band - low, next1, next2
