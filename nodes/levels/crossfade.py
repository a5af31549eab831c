"""crossfade: from one sound to another."""

from graphflow import PI, AudioIn, AudioNode, AudioOut, Coefficient, Ramp, cos, sin


class Crossfade(AudioNode):
    """Goes from one sound to another without a dip in loudness.

    Equal power: the gains are a quarter cosine and a quarter sine, so two unrelated sounds, which is what one fades
    between, keep their loudness; two copies of the same sound rise by 3 dB in the middle.
    """

    a = AudioIn("Heard at 0.")
    b = AudioIn("Heard at 1.")
    position = Ramp(0.0, "How far from a to b.", min=0.0, max=1.0)
    gain_a, gain_b = Coefficient(), Coefficient()
    out = AudioOut("The two, mixed.")

    @staticmethod
    def coefficients(position: float) -> tuple[float, float]:
        return cos(0.5 * PI * position), sin(0.5 * PI * position)

    @staticmethod
    def tick(a: float, b: float, gain_a: float, gain_b: float) -> tuple[float]:
        return (a * gain_a + b * gain_b,)
