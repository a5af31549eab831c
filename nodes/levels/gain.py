"""gain: louder, softer."""

from graphflow import AudioIn, AudioNode, AudioOut, Coefficient, Ramp, db


class Gain(AudioNode):
    """Makes a sound louder or softer; silent at the very bottom."""

    input = AudioIn("What to scale.")
    level = Ramp(0.0, "How loud.", "dB", min=-60.0, max=12.0)
    amount = Ramp(1.0, "A factor on top of the level, for an envelope or an LFO to drive.", min=0.0, max=1.0)
    gain = Coefficient()
    out = AudioOut("The scaled sound.")

    @staticmethod
    def coefficients(level: float) -> tuple[float]:
        return (db(level) if level > -60.0 else 0.0,)

    @staticmethod
    def tick(input: float, amount: float, gain: float) -> tuple[float]:
        return (input * gain * amount,)
