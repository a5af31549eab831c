"""lfo: slow movement for any param."""

from graphflow import TAU, AudioNode, AudioOut, Choice, Ramp, State, cos, float64, random_bipolar, random_next, uint32


class Lfo(AudioNode):
    """A slow wave that moves a param to and fro.

    Every shape begins at `low`, but for `random`, which takes a new value in each cycle. The output is in the unit
    of what it drives; `low` may lie above `high`.
    """

    rate = Ramp(1.0, "How often it comes round.", "Hz", min=0.001, max=100.0, warp="exp")
    low = Ramp(0.0, "Where it is lowest, in the unit of what it drives.", min=-20_000.0, max=20_000.0)
    high = Ramp(1.0, "Where it is highest, in the unit of what it drives.", min=-20_000.0, max=20_000.0)
    shape = Choice("sine", "How it moves.", choices=("sine", "triangle", "saw", "square", "random"))
    phase = State(float64)  # in cycles
    seed = State(uint32)
    out = AudioOut("The movement, from low to high.")

    @staticmethod
    def tick(
        rate: float, low: float, high: float, shape: int, phase: float, seed: int, engine_rate: float
    ) -> tuple[float, float, int]:
        at = float(phase)
        sine = 0.5 - 0.5 * cos(TAU * at)
        triangle = 2.0 * min(at, 1.0 - at)
        square = 0.0 if at < 0.5 else 1.0
        chance = 0.5 + 0.5 * random_bipolar(seed)
        height = (
            sine if shape == 0 else triangle if shape == 1 else at if shape == 2 else square if shape == 3 else chance
        )
        moved = phase + rate / engine_rate
        return low + (high - low) * height, moved % 1.0, random_next(seed) if moved >= 1.0 else seed
