"""mix: four sounds into one, each with a level."""

from graphflow import AudioIn, AudioNode, AudioOut, Coefficient, Ramp, db


def gain(level: float) -> float:
    """The gain of a level in dB; none at the bottom of the range."""
    return db(level) if level > -60.0 else 0.0


class Mix(AudioNode):
    """A mixer of four inputs. Several wires into one input add, so four is no limit."""

    a = AudioIn("First sound.")
    b = AudioIn("Second sound.")
    c = AudioIn("Third sound.")
    d = AudioIn("Fourth sound.")
    a_level = Ramp(0.0, "How loud a is; silent at the bottom.", "dB", min=-60.0, max=12.0)
    b_level = Ramp(0.0, "How loud b is; silent at the bottom.", "dB", min=-60.0, max=12.0)
    c_level = Ramp(0.0, "How loud c is; silent at the bottom.", "dB", min=-60.0, max=12.0)
    d_level = Ramp(0.0, "How loud d is; silent at the bottom.", "dB", min=-60.0, max=12.0)
    a_gain, b_gain, c_gain, d_gain = Coefficient(), Coefficient(), Coefficient(), Coefficient()
    out = AudioOut("Their sum.")

    @staticmethod
    def coefficients(
        a_level: float, b_level: float, c_level: float, d_level: float
    ) -> tuple[float, float, float, float]:
        return gain(a_level), gain(b_level), gain(c_level), gain(d_level)

    @staticmethod
    def tick(
        a: float, b: float, c: float, d: float, a_gain: float, b_gain: float, c_gain: float, d_gain: float
    ) -> tuple[float]:
        return (a * a_gain + b * b_gain + c * c_gain + d * d_gain,)
