"""Wires from two hands: each once, and one where one is taken."""

from __future__ import annotations

from dataclasses import replace

from graphflow.core.library import Library
from graphflow.core.patch import Patch
from graphflow.core.reconcile import reconciled

BASE = Patch().with_node("a", "tone").with_node("b", "tone").with_node("hall", "hall").with_node("out", "out")


def wired(*wires: str) -> Patch:
    return replace(BASE, wires=wires)


def test_a_wire_in_two_spellings_is_there_once_and_a_chain_is_cut_where_it_repeats(library: Library):
    merged = wired("a -> hall -> out", "a.out -> hall.input", "b -> hall -> out.input")
    patch, lines = reconciled(merged, wired("a -> hall -> out"), library)
    assert patch.wires == ("a -> hall -> out", "b -> hall")
    assert lines == []


def test_where_one_wire_is_taken_theirs_stays(library: Library):
    patch, lines = reconciled(wired("a -> hall.mix", "b -> hall.mix"), wired("b -> hall.mix"), library)
    assert patch.wires == ("b -> hall.mix",)
    assert lines == ["wires: b.out -> hall.mix comes in place of a.out -> hall.mix, as hall.mix takes one wire"]


def test_what_leads_nowhere_is_left_to_the_check(library: Library):
    odd = wired("a -> nowhere", "a -> -> b", "unknown -> out", "a -> out")
    assert reconciled(odd, wired(), library) == (odd, [])


def test_their_own_wires_are_not_looked_at(library: Library):
    twice = wired("a -> out", "a.out -> out.input")
    assert reconciled(twice, twice, library) == (twice, [])
