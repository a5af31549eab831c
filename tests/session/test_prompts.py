"""Prompts from outside, and what else is set from there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kinds import change, opened, rendered

from graphflow.core.errors import PatchError, UserError
from graphflow.session import Session

PATCH = """
format = 1
wires = ["w -> band", "band -> out", "a -> out"]
[transport]
tempo = 120
[nodes.w]
kind = "words"
[nodes.band]
kind = "band"
value = 0.5
[nodes.a]
kind = "steady"
value = 0.0
[nodes.l]
kind = "level"
[nodes.out]
kind = "out"
[scenes.night]
"a.value" = -0.5
[expose.both]
params = ["a.value", "band.value"]
"""


@pytest.fixture
def session() -> Iterator[Session]:
    session = opened(PATCH)
    yield session
    session.close()


def heard(session: Session) -> str:
    """What the generator's style is now."""
    session.loop.run_until_complete(session.settle())
    return str(session._flow._post.inlet("band", "style"))


def right(session: Session) -> float:
    """The generator's right channel: its param, turned round by the word choir."""
    return float(rendered(session, 9600)[-1, 1])


def test_slots_are_mixed_with_what_is_wired_and_outlive_edits(session: Session):
    assert heard(session) == "1 dust"
    session.prompt("band", 2, "choir", 0.5)
    assert heard(session) == "1 dust + 0.5 choir"
    change(session, PATCH.replace('"w -> band", ', ""))
    assert heard(session) == "0.5 choir"
    assert right(session) == -0.5  # it has reached the generator
    session.prompt("band", 2, weight=0.0)
    assert heard(session) == "None"
    session.prompt("band", 2, weight=9.0)
    assert heard(session) == "2 choir"
    session.prompt("band", 2, "")
    assert heard(session) == "None"


def test_slots_go_with_their_node(session: Session):
    session.prompt("band", 0, "choir")
    change(
        session,
        PATCH.replace('kind = "band"', 'kind = "parrot"')
        .replace("value = 0.5", "")
        .replace('"w -> band", ', "")
        .replace(', "band.value"', ""),
    )
    change(session, PATCH)
    assert heard(session) == "1 dust"
    assert session.prompts("band")[0].text == ""


@pytest.mark.parametrize(
    "node, slot, line",
    [
        ("a", 0, "nodes.a: steady takes no prompts; generators with a style do"),
        ("bend", 0, "no node is called 'bend'; did you mean 'band'?"),
        ("band", 8, "nodes.band: slot 8; expected 0 to 7"),
    ],
)
def test_what_takes_no_prompt_says_so(session: Session, node: str, slot: int, line: str):
    with pytest.raises(UserError) as told:
        session.prompt(node, slot, "choir")
    assert str(told.value) == line


def test_a_value_for_later_is_set_when_it_is_time_wherever_the_node_runs(session: Session):
    session.set("a", "value", 0.25, frame=1000)
    session.set("l", "value", 0.75, frame=1000)
    assert session.get("l", "value") == 0.5
    rendered(session, 512)
    assert session.get("l", "value") == 0.5
    rendered(session, 1024)
    assert session.get("l", "value") == 0.75


def test_a_later_value_for_a_node_that_is_gone_is_nobodys(session: Session):
    session.set("l", "value", 0.75, frame=1000)
    change(session, PATCH.replace('[nodes.l]\nkind = "level"', ""))
    rendered(session, 2048)
    assert "l" not in session.graph.nodes


def test_scenes_and_macros_take_a_frame(session: Session):
    change(session, PATCH.replace('"w -> band", "band -> out", ', ""))
    session.scene("night", frame=2000)
    sound = rendered(session, 4000)[:, 0]
    assert sound[1999] == 0.0 and sound[2001] < 0.0
    session.macro("both", 0.5, frame=6000)
    sound = rendered(session, 4000)[:, 0]
    assert sound[1999] == -0.5 and sound[2001] > -0.5


def test_a_tempo_set_by_hand_stays_until_the_patch_says_another(session: Session):
    rendered(session, 48000)
    assert session.transport.beat_at(session.engine.frame) == 2.0
    session.tempo(60.0)
    rendered(session, 48000)
    assert session.transport.beat_at(session.engine.frame) == 3.0
    change(session, PATCH.replace("value = 0.0", "value = 0.1"))
    assert session.transport.tempo == 60.0
    assert session.with_values_left().transport.tempo == 60.0
    change(session, PATCH.replace("tempo = 120", "tempo = 90"))
    assert session.transport.tempo == 90.0
    with pytest.raises(UserError, match=r"^transport.tempo is 5 bpm; expected 20 to 400 bpm$"):
        session.tempo(5.0)
    session.tempo(None)
    assert session.transport.tempo is None


def test_slots_are_left_behind_like_every_other_value(session: Session):
    assert session.with_values_left() == session.patch
    session.prompt("band", 2, "choir", 0.5)
    session.prompt("band", 4, weight=0.0)
    left = session.with_values_left()
    written = ["", "", {"text": "choir", "weight": 0.5}, "", {"text": "", "weight": 0.0}]
    assert left.nodes["band"].values == {"value": 0.5, "prompts": written}
    session.play(left)
    assert session.with_values_left() == left and heard(session) == "1 dust + 0.5 choir"
    session.prompt("band", 2, "")
    session.prompt("band", 2, weight=1.0)
    session.prompt("band", 4, weight=1.0)
    assert session.with_values_left().nodes["band"].values == {"value": 0.5}


def test_a_patch_says_what_slots_hold(session: Session):
    said = PATCH.replace("value = 0.5", 'prompts = ["choir", { text = "jazz", weight = 0.25 }]')
    change(session, said)
    assert heard(session) == "1 dust + 1 choir + 0.25 jazz"
    assert [slot.text for slot in session.prompts("band")][:3] == ["choir", "jazz", ""]
    session.prompt("band", 0, "piano")
    change(session, said.replace("value = 0.0", "value = 0.1"))  # an edit elsewhere leaves them alone
    assert heard(session) == "1 dust + 1 piano + 0.25 jazz"
    session.play(session.patch, by_hand=[("band", "prompts")])
    assert heard(session) == "1 dust + 1 choir + 0.25 jazz"
    change(session, PATCH)
    assert heard(session) == "1 dust"


@pytest.mark.parametrize(
    "written, line",
    [
        ("3", 'nodes.band.prompts is 3; expected text, or a list of texts and { text = "...", weight = 1.0 }'),
        ('[{ text = "a", weight = 3.0 }]', "nodes.band.prompts has the weight 3 in number 1; expected 0 to 2"),
        (str(["a"] * 9), "nodes.band.prompts has 9 prompts; expected at most 8"),
    ],
)
def test_prompts_that_make_no_sense_are_said(session: Session, written: str, line: str):
    with pytest.raises(PatchError) as told:
        change(session, PATCH.replace("value = 0.5", f"prompts = {written}"))
    assert str(told.value) == line
