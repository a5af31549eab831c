"""Macros glide, say where they stand and stand through edits; scenes are made of what plays."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kinds import change, opened, rendered

from graphflow.core.errors import UserError
from graphflow.session import Session

PATCH = """
format = 1
wires = ["a -> out", "b -> out", "l -> b.value"]
[nodes.a]
kind = "steady"
value = 0.0
[nodes.b]
kind = "steady"
[nodes.l]
kind = "level"
[nodes.w]
kind = "words"
[nodes.out]
kind = "out"
[expose.warmth]
params = ["a.value", "w.weight"]
min = 0.0
max = 0.5
glide = 1000.0
[scenes.low]
"a.value" = -0.5
"""


@pytest.fixture
def session() -> Iterator[Session]:
    session = opened(PATCH)
    rendered(session, 512)
    yield session
    session.close()


def test_a_macro_glides_and_says_at_once_where_it_goes(session: Session) -> None:
    session.macro("warmth", 0.4)
    assert session.macro_value("warmth") == 0.4
    assert session.get("a", "value") == 0.0
    rendered(session, 24_000)
    assert session.get("a", "value") == pytest.approx(0.2, abs=0.01)
    assert session.get("w", "weight") == pytest.approx(0.7, abs=0.01)
    rendered(session, 25_000)
    assert (session.get("a", "value"), session.get("w", "weight")) == (0.4, 0.4)
    assert session.macro_value("warmth") == 0.4


def test_a_macro_that_is_moved_on_the_way_goes_on_from_where_it_is(session: Session) -> None:
    session.macro("warmth", 0.4)
    rendered(session, 24_000)
    session.macro("warmth", 0.0)
    rendered(session, 24_000)
    assert 0.05 < session.get("a", "value") < 0.15
    rendered(session, 25_000)
    assert session.get("a", "value") == 0.0


def test_a_param_that_is_set_on_the_way_leaves_and_the_macro_stands_where_it_is(session: Session) -> None:
    session.macro("warmth", 0.4)
    rendered(session, 12_000)
    session.set("a", "value", 0.3)
    rendered(session, 48_000)
    assert session.get("a", "value") == 0.3
    assert session.macro_value("warmth") == 0.3


def test_a_macro_stands_through_an_edit_elsewhere(session: Session) -> None:
    session.macro("warmth", 0.4)
    rendered(session, 50_000)
    change(session, PATCH.replace("value = 0.0", "value = 0.0\nx-note = 1").replace('"b -> out", ', ""))
    rendered(session, 5_000)
    assert session.get("a", "value") == 0.4
    assert session.macro_value("warmth") == 0.4


def test_a_macro_that_nobody_has_moved_stands_where_its_first_param_does(session: Session) -> None:
    assert session.macro_value("warmth") == 0.0
    session.set("a", "value", 0.9)
    assert session.macro_value("warmth") == 0.5  # the end of its own range
    with pytest.raises(UserError, match=r"^no macro is called 'warmht'; did you mean 'warmth'\?$"):
        session.macro_value("warmht")


def test_a_scene_is_stored_as_an_edit_and_can_be_taken_back(session: Session) -> None:
    session.set("a", "value", 0.123456789)
    session.set("w", "text", "choir")
    stored = session.store_scene("day")
    # what the patch writes, what macros and scenes move, what was set; not what a wire drives
    assert stored == {"a.value": 0.123457, "w.text": "choir", "w.weight": 1.0}
    assert session.patch.scenes["day"] == stored
    session.scene("low")
    session.set("w", "text", "dust")
    session.scene("day")
    assert (session.get("a", "value"), session.get("w", "text")) == (0.123457, "choir")
    session.play(session.history.back(session.patch), step="back")
    assert list(session.patch.scenes) == ["low"]


def test_a_scene_that_is_there_keeps_to_its_own_params_unless_others_are_named(session: Session) -> None:
    session.set("a", "value", 0.25)
    session.set("w", "weight", 0.5)
    assert session.store_scene("low") == {"a.value": 0.25}
    assert session.store_scene("low", ["w.weight"]) == {"w.weight": 0.5}


def test_a_scene_that_cannot_be_stored_says_why(session: Session) -> None:
    with pytest.raises(UserError, match=r"^scenes.Day is no name; expected a small letter, then"):
        session.store_scene("Day")
    with pytest.raises(UserError, match=r"^a.valeu: steady has no param 'valeu'; did you mean 'value'\?$"):
        session.store_scene("day", ["a.valeu"])
    assert list(session.patch.scenes) == ["low"]
