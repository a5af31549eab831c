"""`node.param=value`, as commands take it."""

from __future__ import annotations

from typing import Any

import pytest

from graphflow.core.address import assign
from graphflow.core.errors import PatchError
from graphflow.core.library import Library
from graphflow.core.patch import Patch

PATCH = Patch().with_node("hall", "hall").with_node("dusk", "words").with_node("band", "band").with_node("deck", "deck")


@pytest.mark.parametrize(
    "assignment, value",
    [
        ("hall.mix=0.5", 0.5),
        ("hall.mix = 1", 1),
        ("dusk.text=choir in a cave", "choir in a cave"),
        ("dusk.text=120 bpm = fast", "120 bpm = fast"),
        ("dusk.text=120", "120"),
        ('dusk.text="quoted"', "quoted"),
        ("dusk.text=", ""),
        ("band.drums=off", False),
        ("band.drums=True", True),
        ("band.key=C", "C"),
        ("band.device=cpu", "cpu"),
        ("band.style=warm rain", "warm rain"),
        ("deck.channels=4", 4),
    ],
)
def test_values_are_read_as_their_declaration_wants(library: Library, assignment: str, value: Any) -> None:
    node, _, key = assignment.partition("=")[0].strip().partition(".")
    assert assign(PATCH, library, assignment).nodes[node].values == {key: value}


@pytest.mark.parametrize(
    "assignment, message",
    [
        ("hall.mix", "--set hall.mix: expected node.param=value, like hall.mix=0.5"),
        ("mix=1", "--set mix=1: expected node.param=value, like hall.mix=0.5"),
        ("hal.mix=1", "--set hal.mix: no node is called 'hal'; did you mean 'hall'?"),
        ("hall.mixx=1", "--set hall.mixx: hall has no 'mixx'; did you mean 'mix'?"),
        ("hall.mix=3", "--set hall.mix is 3; expected 0 to 1"),
        ("hall.mix=lots", "--set hall.mix is 'lots'; expected a number, 0 to 1"),
        ("hall.mix=nan", "--set hall.mix is nan; expected 0 to 1"),
        ("band.drums=maybe", "--set band.drums is 'maybe'; expected true or false"),
        ("band.key=H", "--set band.key is 'H'; expected one of auto, C, D"),
        ("band.notes=60", "--set band.notes is 60; notes comes by wire only"),
    ],
)
def test_what_cannot_be_set(library: Library, assignment: str, message: str) -> None:
    with pytest.raises(PatchError) as fault:
        assign(PATCH, library, assignment)
    assert str(fault.value) == message


def test_a_node_of_an_unknown_kind(library: Library) -> None:
    with pytest.raises(PatchError) as fault:
        assign(Patch().with_node("x", "odd"), library, "x.y=1")
    assert str(fault.value) == "--set x.y: x is of the unknown kind 'odd'; its params are not known"


def test_faults_elsewhere_in_the_node_are_not_this_ones(library: Library) -> None:
    patch = Patch().with_node("hall", "hall", mix=7)
    assert assign(patch, library, "hall.steps=2").nodes["hall"].values == {"mix": 7, "steps": 2}
