"""Hot reload on the manual clock: patch and node files are saved, and what plays follows."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary, ref

import numpy as np
import pytest
from kinds import LIBRARY, rendered

from graphflow import AudioNode, AudioOut, State, float64
from graphflow.audio import compile as compiler
from graphflow.audio.trial import Trials
from graphflow.core.library import Library, user_package
from graphflow.core.patch_text import read
from graphflow.core.patch_write import write
from graphflow.session import Session
from graphflow.session.live import Live
from graphflow.session.output import Output
from graphflow.session.reload import Reloading
from tests.conftest import wait_until

PATCH = """format = 1
wires = ["n -> out", "a -> out"]

[nodes.n] # counts
kind = "tally"

[nodes.a]
kind = "steady"
value = 0.25

[nodes.out]
kind = "out"
"""
NODE = '''from graphflow import AudioNode, AudioOut, Ramp, State, float64, sqrt


class Theirs(AudioNode):
    """Somebody else's."""

    value = Ramp(0.5, "A number.", min=-1.0, max=1.0)
    seen = State(float64)
    out = AudioOut("Sound.")

    @staticmethod
    def tick(value: float, seen: float) -> tuple[float, float]:
        return {}, seen + 1.0
'''
STEADY = "value"
COUNTS = "float(seen) * 0.0001"


class Tally(AudioNode):
    """Counts frames: 0, 0.0001, 0.0002 and so on, so that a lost one would be seen."""

    seen = State(float64)
    out = AudioOut("The count.")

    @staticmethod
    def tick(seen: float) -> tuple[float, float]:
        return float(seen) * 0.0001, seen + 1.0


def tally(first: int, end: int) -> np.ndarray:
    return np.arange(first, end) * 0.0001


class Untried(Trials):
    """Lets every file pass, where a test is about something else: a process takes seconds."""

    def run(self, file: Path, kinds: Any, **how: Any) -> str | None:
        return None


class Stage:
    """A session that plays a patch from a folder, and what reloads it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.lines = folder, list[str]()
        self.path = folder / "night.toml"
        self.nodes = folder / "nodes"
        self.library = Library(*LIBRARY.values(), Tally)
        self.session: Session
        self.reloading: Reloading

    def open(self, text: str = PATCH, *, tried: bool = False, foreign: bool = False, **nodes: str) -> Stage:
        self.path.write_text(text)
        for name, code in nodes.items():
            self.put(name, code)
        if self.nodes.is_dir():
            assert self.library.scan(self.nodes) == []
        self.session = Session(
            self.library,
            report=self.report,
            lockstep=True,
            foreign=lambda spec: (tried or foreign) and spec.file.is_relative_to(self.folder),
        )
        if not tried:
            self.session._parts.trials = Untried()
        written = read(text)[0]
        self.session.play(written, fade=0.0, forgiving=True)
        self.reloading = Reloading(self.session, self.path, lambda: [self.nodes], self.report, written=written)
        return self

    def report(self, line: str) -> None:
        if not line.startswith(("compiled ", "compiling ")):
            self.lines.append(line)

    def put(self, name: str, code: str) -> Path:
        self.nodes.mkdir(exist_ok=True)
        file = self.nodes / f"{name}.py"
        file.write_text(code)
        return file

    def save(self, text: str) -> list[str]:
        """Save the patch; what is told about it."""
        self.path.write_text(text)
        self.lines.clear()
        self.reloading.patch.changed()
        return list(self.lines)

    def save_node(self, name: str, code: str) -> list[str]:
        file = self.put(name, code)
        return self.look(file)

    def look(self, *files: Path) -> list[str]:
        self.lines.clear()
        self.reloading.nodes.changed(files)
        return list(self.lines)

    def play(self, frames: int) -> np.ndarray:
        return rendered(self.session, frames)[:, 0]


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.reloading.stop()
    made.session.close()
    for name in [name for name in sys.modules if name.startswith(user_package(tmp_path / "nodes"))]:
        del sys.modules[name]


# --- the patch --------------------------------------------------------------------------------------------------------


def test_a_saved_value_is_heard_and_the_rest_plays_on_to_the_sample(stage: Stage):
    stage.open()
    stage.play(128)
    assert stage.save(PATCH.replace("0.25", "0.5")) == ["night.toml: ~ a.value 0.25 -> 0.5"]
    sound = stage.play(2048)
    assert np.allclose(sound[960:], 0.5 + tally(128 + 960, 128 + 2048), atol=1e-6)
    assert stage.session.history.past  # it can be undone


def test_nodes_and_wires_come_and_go(stage: Stage):
    stage.open()
    stage.play(128)
    lines = stage.save(
        PATCH.replace(', "a -> out"', ', "b -> out"').replace("[nodes.a]", "[nodes.b]") + "[transport]\ntempo = 90.0\n"
    )
    assert lines == ["night.toml: + b, - a, + b.out -> out.input, - a.out -> out.input"]
    stage.play(2048)
    assert list(stage.session.graph.nodes) == ["n", "b", "out"]
    assert stage.session.transport.tempo == 90.0


def test_what_was_changed_live_and_not_in_the_file_stays(stage: Stage):
    stage.open()
    session = stage.session
    session.edit(session.patch, session.patch.with_node("b", "steady", value=0.125).with_wires("b -> out"))
    session.set("a", "value", 0.75)  # a controller's
    assert stage.save(PATCH + '[scenes.night]\n"a.value" = 0.1\n') == []
    assert (session.get("a", "value"), session.get("b", "value")) == (0.75, 0.125)
    assert session.patch.scenes == {"night": {"a.value": 0.1}}


def test_what_was_saved_from_here_takes_nothing_back_that_was_typed_since(stage: Stage):
    stage.open()
    session, saved = stage.session, PATCH.replace("0.25", "0.5")
    session.play(session.patch.with_value("a", "value", 0.5))
    stage.reloading.elsewhere = lambda: (stage.path, saved)
    session.play(session.patch.with_value("a", "value", 0.75))  # before the file is noticed
    assert stage.save(saved) == []
    assert session.get("a", "value") == 0.75
    assert stage.save(saved.replace("0.5", "0.125")) == [
        "night.toml: nodes.a.value: the file has 0.125, live it was 0.75; the file counts",
        "night.toml: ~ a.value 0.75 -> 0.125",
    ]


def test_a_value_typed_into_the_file_wins_over_a_controller_and_a_conflict_is_told(stage: Stage):
    stage.open()
    session = stage.session
    session.set("a", "value", 0.75)
    assert stage.save(PATCH.replace("0.25", "0.5")) == ["night.toml: ~ a.value 0.75 -> 0.5"]
    session.edit(session.patch, session.patch.with_value("a", "value", 0.6))
    assert stage.save(PATCH.replace("0.25", "0.1")) == [
        "night.toml: nodes.a.value: the file has 0.1, live it was 0.6; the file counts",
        "night.toml: ~ a.value 0.6 -> 0.1",
    ]


def test_our_own_save_changes_nothing(stage: Stage):
    stage.open()
    session = stage.session
    session.edit(session.patch, session.patch.with_node("b", "steady").with_value("a", "value", 0.5))
    session.set("a", "value", 0.75)  # a controller's, which the save leaves alone
    stage.play(2048)
    undo = len(session.history.past)
    number = session.engine._edits._number
    assert stage.save(write(PATCH, session.patch)) == []
    assert (session.engine._edits._number, len(session.history.past)) == (number, undo)
    # and the next change is made on top of it
    assert stage.save(write(PATCH, session.patch).replace("0.5", "0.125")) == ["night.toml: ~ a.value 0.75 -> 0.125"]


@pytest.mark.parametrize(
    "text, line",
    [
        (PATCH.replace('kind = "out"', 'kind = "ou'), "line 12, column 11: not TOML: illegal character '\\n'"),
        (PATCH.replace('"a -> out"', '"b -> out"'), "wires: \"b -> out\": no node is called 'b'"),
        (PATCH.replace("0.25", "25"), "nodes.a.value is 25; expected -1 to 1"),
        ("x = 1\n", "format is missing; write format = 1 as the first line (and 1 more)"),
    ],
)
def test_a_broken_file_is_told_in_one_line_and_what_played_plays_on(stage: Stage, text: str, line: str):
    stage.open()
    stage.play(128)
    assert stage.save(text) == [f"night.toml: {line}; what played before plays on"]
    assert np.allclose(stage.play(500), 0.25 + tally(128, 628), atol=1e-6)
    stage.reloading.patch.changed()  # seen twice, told once
    assert len(stage.lines) == 1
    assert stage.save(PATCH.replace("0.25", "0.5")) == ["night.toml: ~ a.value 0.25 -> 0.5"]


def test_an_empty_file_is_waited_for_and_a_lost_one_is_told_once(stage: Stage):
    stage.open()
    assert stage.save("") == []
    assert stage.save("\n") == []
    stage.path.unlink()
    stage.lines.clear()
    stage.reloading.patch.changed()
    stage.reloading.patch.changed()
    assert stage.lines == ["night.toml: it is gone; what played before plays on"]
    assert stage.save(PATCH.replace("0.25", "0.5")) == ["night.toml: ~ a.value 0.25 -> 0.5"]


def test_rate_and_block_cannot_change_while_it_plays(stage: Stage):
    stage.open()
    assert stage.save(PATCH + "[engine]\nrate = 44100\nblock = 256\nfade = 5.0\n") == [
        "night.toml: engine.rate is 44100 Hz; it stays 48000 while it plays: start again to hear it",
        "night.toml: engine.block is 256 frames; it stays 128 while it plays: start again to hear it",
    ]
    assert stage.session.patch.engine.fade == 5.0
    assert stage.session.engine.rate == 48000.0


def test_a_wire_that_both_hands_put_in_is_there_once_and_a_param_keeps_one(stage: Stage):
    stage.open()
    session = stage.session
    live = session.patch.with_node("b", "steady").with_wires("b.out -> out.input", "n -> a.value")
    session.edit(session.patch, live)
    text = PATCH.replace('"a -> out"', '"a -> out", "b -> out", "b -> a.value"') + '[nodes.b]\nkind = "steady"\n'
    assert stage.save(text) == [
        "night.toml: wires: b.out -> a.value comes in place of n.out -> a.value, as a.value takes one wire",
        "night.toml: + b.out -> a.value, - n.out -> a.value",
    ]
    assert [str(wire) for wire in session.graph.wires].count("b.out -> out.input") == 1


# --- nodes ------------------------------------------------------------------------------------------------------------

THEIRS = PATCH.replace('"a -> out"', '"x -> out"') + '[nodes.x]\nkind = "theirs"\n'


def test_a_saved_node_goes_on_with_its_state_and_its_values(stage: Stage):
    stage.open(THEIRS.replace('"n -> out", ', ""), tried=True, theirs=NODE.format(COUNTS))
    stage.session.set("x", "value", 0.125)
    stage.play(1000)
    (line,) = stage.save_node("theirs", NODE.format(f"{COUNTS} + value"))
    assert line.startswith("theirs.py: theirs plays as saved ")
    sound = stage.play(2048)
    assert np.allclose(sound[960:], tally(1960, 3048) + 0.125, atol=1e-5)
    assert stage.session.get("x", "value") == 0.125
    assert stage.reloading.statistics().nodes == 1
    assert stage.session.trials.statistics().tried == 2  # the first play, and the save


def test_what_a_saved_node_was_before_is_let_go_of(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    stage.open(PATCH.replace('"steady"', '"theirs"'), theirs=NODE.format(STEADY))
    made, modules = WeakKeyDictionary[type, Any](), lambda: {name for name in sys.modules if ".k_theirs_" in name}
    monkeypatch.setattr(compiler, "_made", made)
    earlier = modules()
    before = [ref(stage.session.library["theirs"])]
    for number in range(1, 5):
        stage.save_node("theirs", NODE.format(f"value + {number}.0"))
        stage.play(4096)
        before.append(ref(stage.session.library["theirs"]))
    gc.collect()
    # the first is in the library that the patch was opened with
    assert [one() is None for one in before] == [False, True, True, True, False]
    assert [cls.spec.kind for cls in made].count("theirs") == len(modules() - earlier) == 1


def test_what_else_plays_is_the_same_to_the_sample(stage: Stage):
    stage.open(THEIRS, theirs=NODE.format("0.0"))
    stage.play(1000)
    stage.save_node("theirs", NODE.format("0.0 * value"))
    assert np.array_equal(stage.play(3000), (np.arange(1000, 4000).astype(np.float32) * np.float32(0.0001)))


@pytest.mark.parametrize(
    "code, line",
    [
        ("x = (\n", "theirs.py:1: not Python: '(' was never closed; what it held before plays on"),
        ("import sys\nsys.exit(1)\n", "theirs.py:2: SystemExit: 1; what it held before plays on"),
        (NODE.format('value + "loud"'), "theirs.py:13 theirs cannot be compiled"),
        pytest.param(
            "import os\nos.abort()\n",
            "theirs.py: theirs crashed in a trial (SIGABRT); what it held before plays on",
            marks=pytest.mark.slow,
        ),
        (NODE.replace("value = Ramp", "level = Ramp").replace("value: float", "level: float").format("level"), "nodes.x.value: theirs has no 'value'"),
    ],
)  # fmt: skip
def test_a_file_that_fails_leaves_the_old_version_and_says_where(stage: Stage, code: str, line: str):
    stage.open(THEIRS + "value = 0.5\n", tried="abort" in code, theirs=NODE.format("0.25 * value"))
    stage.play(128)
    lines = stage.save_node("theirs", code)
    assert len(lines) == 1
    assert line in lines[0]
    assert lines[0].endswith("; what it held before plays on")
    assert np.allclose(stage.play(500), 0.125 + tally(128, 628), atol=1e-6)
    assert stage.save_node("theirs", NODE.format("0.5 * value"))[0].startswith("theirs.py: theirs plays as saved")


BAD = {
    "no number": "        return sqrt(value - 1.0), seen + 1.0\n",
    "an endless loop": "        while value < 1.0:\n            value = value * 0.5\n        return value, seen + 1.0\n",
    "out of bounds": "        return TABLE[int(seen)], seen + 1.0\n",
}


@pytest.mark.parametrize("what", BAD)
def test_a_node_that_would_be_mute_at_once_leaves_the_old_version_playing(stage: Stage, what: str):
    good = "        return value, seen + 1.0\n"
    code = NODE.replace("        return {}, seen + 1.0\n", good).replace("class", "TABLE = (0.5, 0.25)\n\n\nclass", 1)
    stage.open(THEIRS, foreign=True, tried=True, theirs=code)
    stage.play(128)
    (line,) = stage.save_node("theirs", code.replace(good, BAD[what]))
    assert "theirs.py:1" in line
    assert line.endswith("; it would be mute; what it held before plays on")
    assert np.allclose(stage.play(2048), 0.5 + tally(128, 128 + 2048), atol=1e-5)
    assert stage.session.statistics().faults == ()


LATER = {
    "no number": "        return sqrt(3e3 - seen), seen + 1.0\n",
    "out of bounds": "        return TABLE[int(seen / 1500.0)], seen + 1.0\n",
}
"""Wrong from frame 3000 on, which no trial waits for."""


@pytest.mark.parametrize("what", LATER)
def test_a_node_that_turns_bad_on_stage_is_muted_named_and_comes_back_when_it_is_mended(stage: Stage, what: str):
    good = "        return value, seen + 1.0\n"
    code = NODE.replace("        return {}, seen + 1.0\n", good).replace("class", "TABLE = (0.5, 0.25)\n\n\nclass", 1)
    stage.open(THEIRS, foreign=True, theirs=code)
    stage.play(128)
    stage.save_node("theirs", code.replace(good, LATER[what]))
    stage.play(4_000)
    assert np.allclose(stage.play(500), tally(4_128, 4_628), atol=1e-5)
    stage.session.pump()
    wait_until(lambda: any("silent until it is edited" in line for line in told(stage)), 10.0, "the word about it")
    assert stage.session.statistics().faults == ("x",)
    (line,) = [line for line in stage.lines if "silent until it is edited" in line]
    assert line.startswith("nodes.x: ")
    assert "theirs.py:1" in line
    stage.save_node("theirs", code.replace(good, good.replace("value,", "0.25 * value,")))
    assert np.allclose(stage.play(2048)[960:], 0.125 + tally(4_628 + 960, 4_628 + 2048), atol=1e-5)
    assert stage.session.statistics().faults == ()


def told(stage: Stage) -> list[str]:
    """What was told, after the session had a turn."""
    stage.session.loop.run_until_complete(asyncio.sleep(0))
    return stage.lines


def test_a_new_file_brings_a_placeholder_to_life(stage: Stage):
    stage.open(THEIRS)
    assert stage.lines == ["x stays silent; nodes.x.kind is 'theirs'; no node is of that kind"]
    stage.play(128)
    (line,) = stage.save_node("theirs", NODE.format(STEADY))
    assert line.startswith("theirs.py: theirs plays as saved ")
    assert np.allclose(stage.play(2048)[960:], 0.5 + tally(128 + 960, 128 + 2048), atol=1e-6)


def test_a_new_kind_that_nothing_uses_yet_can_be_used(stage: Stage):
    stage.open()
    assert stage.save_node("theirs", NODE.format(STEADY)) == ["theirs.py: theirs can be used"]
    assert "theirs" in stage.session.library
    assert stage.save(THEIRS) == ["night.toml: + x, + x.out -> out.input, - a.out -> out.input"]


def test_a_kind_whose_file_is_gone_stays_while_it_is_used(stage: Stage):
    stage.open(THEIRS, theirs=NODE.format(STEADY), more=NODE.format(STEADY).replace("Theirs", "More"))
    file = stage.nodes / "theirs.py"
    file.unlink()
    assert stage.look(file) == ["theirs.py: theirs is gone from it; it plays on as it was while the patch uses it"]
    assert stage.look(file) == []
    assert stage.play(128)[0] == 0.5
    stage.save(PATCH)
    more = stage.nodes / "more.py"
    more.unlink()
    assert stage.look(more) == ["theirs.py: theirs is gone from it", "more.py: more is gone from it"]
    assert "theirs" not in stage.session.library


def test_a_folder_that_vanishes_raises_nothing(stage: Stage):
    stage.open(THEIRS, theirs=NODE.format(STEADY))
    (stage.nodes / "theirs.py").unlink()
    stage.nodes.rmdir()
    assert len(stage.look(stage.nodes / "theirs.py")) == 1
    assert stage.play(128)[0] == 0.5


def test_one_bad_file_does_not_keep_another_back(stage: Stage):
    more = NODE.replace("Theirs", "More")
    text = THEIRS.replace('"x -> out"', '"x -> out", "y -> out"') + '[nodes.y]\nkind = "more"\n'
    stage.open(text, theirs=NODE.format(STEADY), more=more.format(STEADY))
    files = stage.put("theirs", NODE.format('value + "loud"')), stage.put("more", more.format("0.25 * value"))
    lines = stage.look(*files)
    assert "theirs.py:13 theirs cannot be compiled" in lines[0]
    assert lines[1].startswith("more.py: more plays as saved ")
    assert len(lines) == 2


def test_a_helper_that_a_node_imports_is_followed(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(stage.nodes))
    helper = stage.put("_shape_of_theirs", "def shape(x: float) -> float:\n    return x * 0.5\n")
    stage.open(
        THEIRS.replace('"n -> out", ', ""),
        theirs="from _shape_of_theirs import shape\n" + NODE.format("shape(value)"),
    )
    assert stage.play(128)[0] == 0.25
    helper.write_text("def shape(x: float) -> float:\n    return x * 0.7\n")
    (line,) = stage.look(helper)
    assert line.startswith("theirs.py: theirs plays as saved ")
    assert np.allclose(stage.play(2048)[960:], 0.35, atol=1e-6)
    del sys.modules["_shape_of_theirs"]


CONTROL = '''from graphflow import ControlNode, Held, Outlet, Signal


class Theirs(ControlNode):
    """Sends a number."""

    value = Held(0.5, "The number.", min=0.0, max=1.0)
    level = Outlet(Signal, "It.")

    async def run(self) -> None:
        async for _ in self.changes():
            self.level.send({})
'''


def test_a_node_of_messages_begins_anew_with_its_values(stage: Stage):
    text = THEIRS.replace('"x -> out"', '"a -> out", "x -> a.value"').replace('"n -> out", ', "")
    stage.open(text, theirs=CONTROL.format("self.value"))
    stage.session.set("x", "value", 0.25)
    assert np.allclose(stage.play(4096)[2048:], 0.25)
    (line,) = stage.save_node("theirs", CONTROL.format("self.value * 2.0"))
    assert line.startswith("theirs.py: theirs plays as saved")
    assert np.allclose(stage.play(4096)[2048:], 0.5)


# --- live ---------------------------------------------------------------------------------------------------------


def test_files_are_followed_while_a_performance_runs(stage: Stage):
    stage.open(THEIRS, theirs=NODE.format(STEADY))
    session, output = stage.session, Output(stage.session.engine, 128, stage.report)
    live, faults = Live(session, output), list[BaseException]()

    def told(words: str) -> Callable[[], bool]:
        return lambda: any(words in line for line in list(stage.lines))

    def perform() -> None:
        wait_until(lambda: bool(live.begun), 10.0, "the start")
        stage.path.write_text(THEIRS.replace('"n -> out", ', "") + "value = 0.25\n")
        wait_until(told("~ x.value 0.5 -> 0.25"), 5.0, "the patch's reload")
        stage.path.write_text("")  # as an editor may
        stage.path.write_text(THEIRS.replace('"n -> out", ', "") + "value = 0.125\n")
        wait_until(told("~ x.value 0.25 -> 0.125"), 5.0, "the second reload")
        stage.put("theirs", "x = (")
        wait_until(told("not Python"), 5.0, "the word about a broken node")
        stage.put("theirs", NODE.format("value * 2.0"))
        wait_until(told("theirs plays as saved"), 20.0, "the node's reload")
        stage.put("more", NODE.format(STEADY).replace("Theirs", "More"))
        wait_until(told("more can be used"), 20.0, "the new kind")

    def watched() -> None:
        try:
            perform()
        except BaseException as fault:  # noqa: BLE001 - told below, in the test's own thread
            faults.append(fault)
        session.loop.call_soon_threadsafe(live.end)

    performer = threading.Thread(target=watched)
    stage.reloading.start()
    performer.start()
    live.run(read(THEIRS)[0], output.prepare("null", None))
    performer.join()
    stage.reloading.stop()
    output.close()
    assert not faults, (faults, stage.lines)
    said = stage.reloading.statistics()
    assert (said.patches, said.nodes, said.refused) == (2, 2, 1)
    assert str(stage.reloading) == "2 patches and 2 node files taken up, 1 refused"
    assert 0.0 < said.taken.whole < 20.0
