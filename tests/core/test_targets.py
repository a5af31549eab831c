"""Scenes and macros, seen beside the nodes they point at."""

from __future__ import annotations

from collections.abc import Callable

import pytest

NODES = """
format = 1
wires = ["t -> h -> o"]
[nodes.t]
kind = "tone"
[nodes.h]
kind = "hall"
[nodes.b]
kind = "band"
[nodes.o]
kind = "out"
"""


@pytest.mark.parametrize(
    "line, message",
    [
        ('"h.mix" = 2', "h.mix is 2; expected 0 to 1"),
        ('"h.mixx" = 2', "h.mixx: hall has no param 'mixx'; did you mean 'mix'?"),
        ('"q.mix" = 1', "q.mix: no node is called 'q'"),
        (
            '"b.device" = "cpu"',
            "b.device: device of band is a setting, which is fixed while it plays; expected a param",
        ),
        ("mix = 1", "mix is no param; expected node.param"),
        ('"b.key" = "H"', "b.key is 'H'; expected one of auto, C, D"),
    ],
)
def test_scenes(faults: Callable[[str], list[str]], line: str, message: str) -> None:
    assert faults(f"{NODES}[scenes.night]\n{line}\n") == [f"scenes.night.{message}"]


@pytest.mark.parametrize(
    "lines, message",
    [
        ('params = ["h.mix", "h.mix"]', ".params: h.mix is there twice; take one out"),
        ('params = ["b.drums"]', ".params: b.drums is no number; a macro moves numbers"),
        ('params = ["h.mixx"]', ".params: h.mixx: hall has no param 'mixx'; did you mean 'mix'?"),
        ('params = ["h.mix"]\nmin = 0.5\nmax = 0.5', " goes from 0.5 to 0.5; expected min below max"),
        ('params = ["h.mix"]\nmax = 2', ".max is 2; h.mix takes 0 to 1"),
        ('params = ["h.mix"]\nwarp = "exp"', ".min is 0; expected above 0 where warp is 'exp'"),
    ],
)
def test_macros(faults: Callable[[str], list[str]], lines: str, message: str) -> None:
    assert faults(f"{NODES}[expose.far]\n{lines}\n") == [f"expose.far{message}"]


def test_scenes_and_macros_that_fit(faults: Callable[[str], list[str]]) -> None:
    text = f"""{NODES}
[scenes.night]
"h.mix" = 1
"b.drums" = false
"b.key" = "D"
[expose.far]
params = ["h.mix", "t.freq"]
min = 0.1
max = 0.9
"""
    assert faults(text) == []


def test_a_macro_over_params_of_one_unit_takes_the_first_ones_range(faults: Callable[[str], list[str]]) -> None:
    assert faults(f'{NODES}[expose.pitch]\nparams = ["t.freq"]\nmin = 20\n') == []
