import pytest

from graphflow.core.declare import Held
from graphflow.core.macro import macro_values
from graphflow.core.patch import Expose

MIX = Held(0.3, "", min=0.0, max=1.0)
CUTOFF = Held(1000.0, "", "Hz", min=20.0, max=20_000.0, warp="exp")


def test_a_param_of_the_same_unit_takes_the_value_itself():
    macro = Expose(("hall.mix",), min=0.2, max=0.6)
    assert macro_values(macro, {"hall.mix": MIX}, 0.5) == {"hall.mix": 0.5}
    assert macro_values(macro, {"hall.mix": MIX}, 2.0) == {"hall.mix": 0.6}


def test_a_param_of_another_unit_goes_to_the_same_place_of_its_own_range():
    values = macro_values(Expose(("hall.mix", "tone.cutoff")), {"hall.mix": MIX, "tone.cutoff": CUTOFF}, 0.5)
    assert values["hall.mix"] == 0.5
    assert values["tone.cutoff"] == pytest.approx(632.455532)  # halfway on a knob from 20 to 20000 Hz


def test_a_macro_without_numbers_moves_nothing():
    assert macro_values(Expose(()), {}, 0.5) == {}
