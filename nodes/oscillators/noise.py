"""noise: chance as sound."""

from graphflow import AudioNode, AudioOut, Choice, State, random_bipolar, random_next, uint32


class Noise(AudioNode):
    """Hiss: white, the softer pink, or the rumbling brown.

    White fills -1 to 1 evenly. Pink falls 3 dB and brown 6 dB per octave; both are scaled to peak near 1.
    Every channel has its own chance. Pink is P. Kellet's sum of three poles, within 0.5 dB above 40 Hz.
    """

    color = Choice("white", "How the loudness falls towards the treble.", choices=("white", "pink", "brown"))
    seed = State(uint32)
    low, middle, high, walk = State(), State(), State(), State()
    out = AudioOut("The hiss.")

    @staticmethod
    def tick(
        color: int, seed: int, low: float, middle: float, high: float, walk: float
    ) -> tuple[float, int, float, float, float, float]:
        white = random_bipolar(seed)
        low = 0.99765 * low + 0.0990460 * white
        middle = 0.96300 * middle + 0.2965164 * white
        high = 0.57000 * high + 1.0526913 * white
        walk = 0.998 * walk + 0.0316 * white
        pink = 0.15 * (low + middle + high + 0.1848 * white)
        out = white if color == 0 else pink if color == 1 else walk
        return out, random_next(seed), low, middle, high, walk
