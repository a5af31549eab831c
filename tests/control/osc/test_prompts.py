"""Prompts over OSC, in the argument order of Magenta's own externals."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from desk import Desk, Watch, until
from kinds import LIBRARY, rendered

from graphflow import AudioOut, Held, Inlet, Setting, Style, Text, WorkerNode
from graphflow.control.osc import OscServer
from graphflow.core.library import Library
from graphflow.core.patch_text import read
from graphflow.session import Session
from tests.conftest import unless_compiling

PATCH = """
format = 1
wires = ["w -> band", "band -> out", "choir -> out"]
[nodes.w]
kind = "words"
[nodes.band]
kind = "band"
[nodes.choir]
kind = "choir"
[nodes.out]
kind = "out"
"""


class Choir(WorkerNode):
    """A generator with prompts that are params, and a beginning."""

    generator = "session_fakes"
    style = Inlet(Style, "What to sing.")
    prompt1, prompt2, prompt3, prompt4, prompt5, prompt6, prompt7, prompt8 = (Text("", "Words.") for _ in range(8))
    weight1, weight2, weight3, weight4, weight5, weight6, weight7, weight8 = (
        Held(1.0, "How much.", min=0.0, max=2.0) for _ in range(8)
    )
    reset = Held(0.0, "Begins anew whenever this goes up.", min=0.0, max=3.0, step=1.0)
    hears = Setting(False, "It does not.")
    out = AudioOut("Its sound.", channels=2)


@pytest.fixture
def session(lines: list[str]) -> Iterator[Session]:
    session = Session(Library(*LIBRARY.values(), Choir), report=unless_compiling(lines), lockstep=True)
    patch, problems = read(PATCH)
    assert not problems
    session.play(patch, fade=0.0)
    yield session
    session.close()


@pytest.fixture
def desk(session: Session, watch: Watch) -> Iterator[Desk]:
    server = OscServer(session, port=0, steady=watch)
    session.loop.run_until_complete(server.start())
    desk = Desk(session, server)
    yield desk
    desk.close()
    server.close()


def slots(session: Session, node: str) -> dict[int, tuple[str, float]]:
    return {k: (slot.text, slot.weight) for k, slot in enumerate(session.prompts(node)) if slot.text}


@pytest.mark.parametrize("node", ["band", "choir"])
def test_slot_words_weight_and_whatever_is_left_out(session: Session, desk: Desk, node: str):
    prompt = f"/gf/node/{node}/prompt"
    steps: list[tuple[tuple[Any, ...], dict[int, tuple[str, float]]]] = [
        ((2, "jazz", 0.5), {2: ("jazz", 0.5)}),
        ((2, "blues"), {2: ("blues", 0.5)}),  # other words, as loud as it was
        ((2, 0.25), {2: ("blues", 0.25)}),
        ((2.0, "blues", 1), {2: ("blues", 1.0)}),  # Pd sends floats
        (("dusk",), {0: ("dusk", 1.0), 2: ("blues", 1.0)}),
        (("dawn", 0.5), {0: ("dawn", 0.5), 2: ("blues", 1.0)}),
        ((0,), {2: ("blues", 1.0)}),
        ((2, "blues", 9.0), {2: ("blues", 2.0)}),
    ]
    for arguments, expected in steps:
        assert desk.send(prompt, *arguments) == []
        assert slots(session, node) == expected


@pytest.mark.parametrize("node", ["band", "choir"])
def test_weights_in_one_message_and_what_a_question_is_answered(session: Session, desk: Desk, node: str):
    desk.send(f"/gf/node/{node}/prompt", 1, "jazz", 0.5)
    desk.send(f"/gf/node/{node}/weights", 0.1, 0.2, 0.3)
    (weights,) = desk.send(f"/gf/node/{node}/weights")
    assert weights[1] == pytest.approx([0.1, 0.2, 0.3, 1.0, 1.0, 1.0, 1.0, 1.0])
    answers = desk.send(f"/gf/node/{node}/prompt")
    assert len(answers) == 8
    assert answers[1] == (f"/gf/node/{node}/prompt", [1, "jazz", pytest.approx(0.2)])


@pytest.mark.parametrize(
    "address, arguments, line",
    [
        ("prompt", (8, "x"), "nodes.band: slot 8; expected 0 to 7"),
        ("prompt", (0.5, "x"), "/gf/node/band/prompt is 0.5; expected a whole number"),
        ("prompt", (0, "x", 1.0, 2.0), "/gf/node/band/prompt: 4 arguments; expected 1 to 3, or none to ask"),
        ("prompt", (0, "x", "y"), "/gf/node/band/prompt is 'y'; expected a number"),
        ("prompt", (0, 0.5, "y"), "/gf/node/band/prompt: [0, 0.5, 'y']; expected slot, words, weight"),
        ("prompt", (0, "x", float("nan")), "/gf/node/band/prompt is nan; expected a number"),
        ("weights", (0.1, "x"), "/gf/node/band/weights is 'x'; expected a number"),
        ("weights", (0.1,) * 9, "/gf/node/band/weights: 9 arguments; expected 1 to 8, or none to ask"),
    ],
)
def test_what_is_wrong_changes_nothing(
    session: Session, desk: Desk, address: str, arguments: tuple[Any, ...], line: str
):
    ((_, told),) = desk.send(f"/gf/node/band/{address}", *arguments)
    assert told[1] == line
    assert slots(session, "band") == {} and {slot.weight for slot in session.prompts("band")} == {1.0}


def test_a_prompt_reaches_the_generator_and_other_controllers(session: Session, desk: Desk):
    other = Desk(session, desk.server)
    other.send("/gf/subscribe", "/gf/node/band/prompt")
    other.look(0.1)
    desk.send("/gf/node/band/value", 0.5)
    desk.send("/gf/node/w/weight", 0.0)
    desk.send("/gf/node/band/prompt", 3, "choir")
    assert rendered(session, 9600)[-1, 1] == -0.5
    told = other.look(0.5)  # a socket nobody knows may be of the same program
    assert ("/gf/node/band/prompt", [3, "choir", 1.0]) in told
    other.close()


def test_reset_counts_up_and_round(session: Session, desk: Desk):
    for expected in (1.0, 2.0, 3.0, 0.0):
        assert desk.send("/gf/node/choir/reset") == []
        assert session.get("choir", "reset") == expected
    desk.send("/gf/node/choir/reset", 2)
    assert session.get("choir", "reset") == 2.0


def test_only_generators_have_prompts(desk: Desk):
    entries = desk.server.space.entries
    assert "/gf/node/band/prompt" in entries and "/gf/node/w/prompt" not in entries
    assert desk.send("/gf/node/w/prompt", 0, "x")[0][1][1] == "nodes.w: words has no 'prompt'"


def test_a_save_has_the_prompts_too_and_a_load_brings_them_back(
    session: Session, watch: Watch, tmp_path: Path, lines: list[str]
):
    (tmp_path / "test.toml").write_text(PATCH)
    server = OscServer(session, port=0, steady=watch, path=tmp_path / "test.toml")
    session.loop.run_until_complete(server.start())
    desk = Desk(session, server)
    desk.send("/gf/node/choir/prompt", 0, "jazz", 0.5)
    assert desk.send("/gf/patch/save") == [("/gf/patch/save", ["test"])] and lines == []
    assert read((tmp_path / "test.toml").read_text())[0].nodes["choir"].values == {"prompt1": "jazz", "weight1": 0.5}
    desk.send("/gf/node/band/prompt", 0, "jazz", 0.5)
    assert desk.send("/gf/patch/save") == [("/gf/patch/save", ["test"])]
    held = [{"text": "jazz", "weight": 0.5}]
    assert read((tmp_path / "test.toml").read_text())[0].nodes["band"].values == {"prompts": held}
    desk.send("/gf/node/band/prompt", 0, "blues", 1.0)
    desk.send("/gf/patch/reload")
    until(session, lambda: slots(session, "band") == {0: ("jazz", 0.5)})
    assert lines == []
    desk.close()
    server.close()
