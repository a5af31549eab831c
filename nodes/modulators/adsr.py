"""adsr: the rise and fall of a note."""

from graphflow import AudioIn, AudioNode, AudioOut, Coefficient, Ramp, State, expm1, float64


def approach(seconds: float, time_constants: float, rate: float) -> float:
    """The part of the way to its target that a curve goes in one frame."""
    return -expm1(-time_constants / max(seconds * rate, 1.0))


# An attack aims at 1.3 and turns at 1: ln(1.3 / 0.3) time constants. A release aims at -0.001 and rests at 0:
# ln(1.001 / 0.001). A decay comes within a thousandth of its way, ln(1000).
AIM = 1.3
ATTACK_CONSTANTS = 1.466337
REST = -0.001
RELEASE_CONSTANTS = 6.908755
DECAY_CONSTANTS = 6.907755


class Adsr(AudioNode):
    """An envelope: rises when its gate opens, holds, and falls when the gate closes.

    The curves are those of a capacitor. A gate that opens again lifts the envelope from where it is, so nothing
    clicks.
    """

    gate = AudioIn("Open while above 0.5.")
    attack = Ramp(0.01, "Time from silence to the top.", "s", min=0.001, max=10.0, warp="exp")
    decay = Ramp(0.2, "Time from the top to the sustain.", "s", min=0.001, max=10.0, warp="exp")
    sustain = Ramp(0.7, "Height while the gate stays open.", min=0.0, max=1.0)
    release = Ramp(0.3, "Time from the top to silence once the gate has closed.", "s", min=0.001, max=20.0, warp="exp")
    rise, fall, leave = Coefficient(), Coefficient(), Coefficient()
    height = State(float64)  # a slow curve's steps are too small for float32
    rising, was_open = State(), State()
    out = AudioOut("The envelope, 0 to 1.")

    @staticmethod
    def coefficients(attack: float, decay: float, release: float, rate: float) -> tuple[float, float, float]:
        return (
            approach(attack, ATTACK_CONSTANTS, rate),
            approach(decay, DECAY_CONSTANTS, rate),
            approach(release, RELEASE_CONSTANTS, rate),
        )

    @staticmethod
    def tick(
        gate: float,
        sustain: float,
        rise: float,
        fall: float,
        leave: float,
        height: float,
        rising: float,
        was_open: float,
    ) -> tuple[float, float, float, float]:
        is_open = 1.0 if gate > 0.5 else 0.0
        rising = 1.0 if is_open > was_open else rising * is_open
        aim = AIM if rising > 0.5 else sustain if is_open > 0.5 else REST
        speed = rise if rising > 0.5 else fall if is_open > 0.5 else leave
        height = min(max(height + speed * (aim - height), 0.0), 1.0)
        rising = 0.0 if height >= 1.0 else rising
        return float(height), height, rising, is_open
