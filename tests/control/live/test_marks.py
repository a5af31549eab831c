"""Mute and solo go where their nodes go, and nowhere else."""

from __future__ import annotations

from graphflow.session.marks import Marks
from tests.control.live.stages import Trial

TEXT = """
format = 1
wires = ["a -> out", "b -> out"]
[nodes.a]
kind = "steady"
value = 0.5
[nodes.b]
kind = "steady"
value = 0.25
[nodes.out]
kind = "out"
"""


def level(t: Trial) -> float:
    return round(float(t.hear(4096)[-1, 0]), 6)


def test_a_new_node_is_not_born_mute(trial):
    t = trial(TEXT)
    t.does("mute(a)\nsolo(a)")
    t.does("solo()")
    assert level(t) == 0.25
    t.does("del a")
    assert t.session.marks == Marks()
    t.does("a = steady(value=0.5)\na >> out")
    assert level(t) == 0.75


def test_what_is_taken_back_is_as_mute_as_it_was(trial):
    t = trial(TEXT)
    t.does("mute(a)\nsolo(a)")
    t.does("del a")
    t.does("a = steady(value=0.5)\na >> out")
    assert (t.session.muted, t.session.soloed) == (frozenset(), frozenset())
    t.does("undo()")
    assert t.session.marks == Marks()
    t.does("undo()")
    assert t.session.marks == Marks(frozenset({"a"}), frozenset({"a"}))
    assert level(t) == 0.0
    t.does("redo()")
    assert t.session.marks == Marks()
    t.does("redo()")
    assert t.session.marks == Marks()
    t.does("mute(a)\n")
    t.does("undo()\n")
    t.does("redo()")
    assert t.session.muted == {"a"}
    t.does("undo(2)")
    assert t.session.marks == Marks(frozenset({"a"}), frozenset({"a"}))


def test_the_session_alone_does_so_too(trial):
    t = trial(TEXT)
    session = t.session
    session.mute("a")
    session.play(session.patch.without_node("a"))
    assert session.muted == frozenset()
    session.play(session.history.back(session.patch), step="back")
    assert session.muted == {"a"}
    session.play(session.history.again(session.patch), step="again")
    session.play(session.history.back(session.patch), step="back")
    assert session.muted == {"a"}


def test_a_node_that_is_called_otherwise_stays_mute(trial):
    t = trial(TEXT)
    t.does("mute(a)")
    t.does("rename(a, 'c')\nrename(c, 'd')\na = steady(value=0.125)\na >> out")
    assert t.session.muted == {"d"}
    assert level(t) == 0.375
    t.does("undo()")
    assert t.session.muted == {"a"}
    assert level(t) == 0.25
    t.does("redo()")
    t.does("mute(d, False)")
    t.does("undo()")
    assert t.session.muted == frozenset()
    assert level(t) == 0.75
