"""What a performer's hand is owed: values survive edits, edits are taken back, sounds are muted, scenes are glided to."""

from __future__ import annotations

import threading

import numpy as np
import pytest
from kinds import change, opened, rendered

from graphflow.core.errors import PatchError, UserError
from graphflow.core.patch_text import read
from graphflow.session import Session

TWO = """
format = 1
wires = ["a -> out", "b -> out"]
[nodes.a]
kind = "steady"
[nodes.b]
kind = "steady"
value = 0.5
[nodes.out]
kind = "out"
[scenes.high]
"a.value" = 0.75
"b.value" = 0.0
"""


def edit(session: Session, text: str, **how: object) -> list[str]:
    patch, problems = read(text)
    assert not problems
    return session.edit(session.patch, patch, fade=0.0, **how)  # type: ignore[arg-type]


def test_a_value_that_a_controller_moved_survives_an_edit_elsewhere():
    session = opened(TWO)
    session.set("a", "value", 0.125)
    edit(session, TWO.replace("value = 0.5", "value = 0.25"))
    assert session.get("a", "value") == 0.125
    rendered(session, 2048)
    assert np.all(rendered(session, 64) == 0.375)
    session.close()


def test_a_value_that_is_set_by_hand_counts_even_where_the_patch_says_the_same():
    session = opened(TWO)
    session.set("b", "value", 0.125)
    edit(session, TWO, by_hand={("b", "value")})
    assert session.get("b", "value") == 0.5
    session.close()


def test_what_controllers_left_behind_is_saved_when_asked_for():
    session = opened(TWO)
    session.set("a", "value", 0.125)
    session.set("b", "value", 0.25)  # its default
    assert session.patch.nodes["a"].values == {}
    assert session.with_values_left().nodes["a"].values == {"value": 0.125}
    assert session.with_values_left().nodes["b"].values == {}
    session.close()


def test_edits_are_taken_back_one_by_one_and_done_again():
    session = opened(TWO)
    edit(session, TWO.replace("value = 0.5", "value = 0.25"))
    edit(session, TWO.replace("value = 0.5", "value = 0.25").replace(', "b -> out"', ""))
    assert str(session.history) == "2 edits to undo, 0 to redo"
    session.play(session.history.back(session.patch), step="back", fade=0.0)
    assert session.patch.wires == ("a -> out", "b -> out")
    session.play(session.history.back(session.patch), step="back", fade=0.0)
    assert session.get("b", "value") == 0.5
    with pytest.raises(UserError, match=r"^nothing to undo$"):
        session.history.back(session.patch)
    session.play(session.history.again(session.patch), step="again", fade=0.0)
    assert session.get("b", "value") == 0.25
    assert str(session.history) == "1 edits to undo, 1 to redo"
    edit(session, TWO)
    with pytest.raises(UserError, match=r"^nothing to redo$"):
        session.history.again(session.patch)
    session.close()


def test_undo_leaves_what_came_after_from_elsewhere():
    session = opened(TWO)
    edit(session, TWO.replace("value = 0.5", "value = 0.25"))
    later = session.patch.with_value("a", "value", 0.75)
    session.play(later, step="none", fade=0.0)
    session.play(session.history.back(session.patch), step="back", fade=0.0)
    assert (session.get("a", "value"), session.get("b", "value")) == (0.75, 0.5)
    session.close()


def test_two_edits_of_one_patch_come_together():
    session = opened(TWO)
    base = session.patch
    assert session.edit(base, base.with_value("a", "value", 0.75), fade=0.0) == []
    assert session.edit(base, base.with_value("b", "value", 0.75), fade=0.0) == []
    assert (session.get("a", "value"), session.get("b", "value")) == (0.75, 0.75)
    lines = session.edit(base, base.with_value("a", "value", -1.0), fade=0.0)
    assert lines == ["nodes.a.value: this edit has -1.0, meanwhile it was 0.75; this edit counts"]
    session.close()


def test_a_wrong_edit_leaves_history_and_sound():
    session = opened(TWO)
    with pytest.raises(PatchError):
        edit(session, TWO.replace("b -> out", "b -> nowhere"))
    assert str(session.history) == "0 edits to undo, 0 to redo"
    assert np.all(rendered(session, 64) == 0.75)
    session.close()


def test_prepare_checks_and_changes_nothing():
    session = opened(TWO)
    good, _ = read(TWO.replace("value = 0.5", "value = 0.25"))
    session.prepare(good)
    with pytest.raises(PatchError, match="nothing would be heard"):
        session.prepare(good.without_node("out"))
    assert np.all(rendered(session, 64) == 0.75)
    session.close()


def test_a_muted_node_is_silent_until_it_is_not():
    session = opened(TWO)
    session.mute("b")
    rendered(session, 2048)
    assert np.all(rendered(session, 64) == 0.25)
    edit(session, TWO.replace("value = 0.5", "value = 0.125"))
    rendered(session, 2048)
    assert np.all(rendered(session, 64) == 0.25)
    session.mute("b", on=False)
    rendered(session, 2048)
    assert np.all(rendered(session, 64) == 0.375)
    with pytest.raises(UserError, match=r"^no node is called 'c'"):
        session.mute("c")
    session.close()


def test_an_output_can_be_muted():
    session = opened(TWO)
    session.mute("out")
    rendered(session, 2048)
    assert np.all(rendered(session, 64) == 0.0)
    session.close()


def test_solo_lets_its_way_through_and_nothing_else():
    session = opened(TWO)
    session.solo("a")
    rendered(session, 2048)
    assert np.all(rendered(session, 64) == 0.25)
    session.solo()
    rendered(session, 2048)
    assert np.all(rendered(session, 64) == 0.75)
    session.close()


def test_a_morph_arrives_on_its_way_in_even_steps():
    session = opened(TWO)
    session.scene("high", 1.0)
    sound = rendered(session, 48_000 + 2048)[:, 0]
    assert abs(sound[24_000] - 0.75) < 0.01  # half of 0.5 and half of 0.25: the sum stays
    assert np.all(sound[-64:] == 0.75)
    assert (session.get("a", "value"), session.get("b", "value")) == (0.75, 0.0)
    assert np.abs(np.diff(sound)).max() < 1e-3
    session.close()


def test_who_is_set_during_a_morph_goes_its_own_way():
    session = opened(TWO)
    session.scene("high", 1.0)
    rendered(session, 24_000)
    session.set("a", "value", -0.5)
    rendered(session, 26_000)
    assert (session.get("a", "value"), session.get("b", "value")) == (-0.5, 0.0)
    session.close()


def test_a_morph_that_is_meant_is_part_of_the_patch_and_can_be_undone():
    session = opened(TWO)
    session.morph({"a.value": 0.75}, 0.1, meant=True)
    rendered(session, 9600)
    assert session.patch.nodes["a"].values == {"value": 0.75}
    session.play(session.history.back(session.patch), step="back", fade=0.0)
    assert session.get("a", "value") == 0.25
    session.close()


def test_a_morph_to_what_is_not_there_is_refused_in_one_line():
    session = opened(TWO)
    with pytest.raises(UserError, match=r"^a\.volume: steady has no param 'volume'"):
        session.morph({"a.volume": 1.0}, 1.0)
    with pytest.raises(UserError, match=r"^a\.value is 7; expected -1 to 1$"):
        session.morph({"a.value": 7}, 1.0)
    session.close()


def test_an_edit_waits_for_a_grid_of_beats_or_for_its_frame():
    session = opened(TWO + "[transport]\ntempo = 120.0\n")
    rendered(session, 512)
    edit(session, TWO.replace('"a -> out", ', "") + "[transport]\ntempo = 120.0\n", quant=0.5)
    assert session.edit_frame == 12_000
    sound = rendered(session, 12_000)[:, 0]
    assert np.all(sound[: 12_000 - 512] == 0.75)
    assert np.all(sound[12_000 - 512 :] == 0.5)
    edit(session, TWO, at=20_001)
    sound = rendered(session, 12_000)[:, 0]
    assert int(np.flatnonzero(sound == 0.75)[0]) == 20_001 - 12_512
    session.close()


def test_other_threads_reach_the_session_through_its_own():
    session = opened(TWO)
    found: list[float] = []
    asking = threading.Thread(target=lambda: found.append(session.call(lambda: session.get("b", "value"))))
    asking.start()
    while asking.is_alive():
        rendered(session, 512)
    assert found == [0.5]
    assert session.call(lambda: 7) == 7
    session.close()


def test_listeners_hear_every_look():
    session = opened(TWO)
    frames: list[int] = []
    session.listeners.append(frames.append)
    rendered(session, 2048)
    assert frames == [0, 512, 1024, 1536]
    session.close()


def test_a_patch_can_be_changed_while_the_rest_holds_its_tone():
    session = opened(TWO)
    change(session, TWO.replace("value = 0.5", "value = 0.5\nx-note = 1"))
    assert np.all(rendered(session, 64) == 0.75)
    session.close()
