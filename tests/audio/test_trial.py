"""The process in which somebody else's node is tried: it waits warm, is used once, and nothing in it reaches us."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from graphflow.audio import trial as trying
from graphflow.audio.trial import Trials
from tests.conftest import wait_until

NODE = '''"""A file."""

from graphflow import AudioNode, AudioOut, Ramp

{first}


class Mine(AudioNode):
    """Mine."""

    value = Ramp(0.5, "A number.")
    out = AudioOut("It.")

    @staticmethod
    def tick(value: float) -> float:
        return value
'''


@pytest.fixture
def trials() -> Iterator[Trials]:
    made = Trials()
    yield made
    made.close()


def node(folder: Path, first: str = "") -> Path:
    file = folder / "mine.py"
    file.write_text(NODE.format(first=first))
    return file


def test_a_process_that_waits_is_used_once_and_another_takes_its_place(trials: Trials, tmp_path: Path) -> None:
    trials.keep_warm()
    first = trials._waiting
    trials.keep_warm()
    assert trials._waiting is first
    assert trials.run(node(tmp_path, "print('done')"), ["mine", "output"]) is None
    assert first is not None
    assert not first.alive
    assert trials._waiting is not first
    assert str(trials) == "1 files tried, 0 refused, a process waits"
    second = trials._waiting
    trials.close()
    assert second is not None
    assert not second.alive
    assert str(trials) == "1 files tried, 0 refused"


def test_one_that_died_while_it_waited_is_not_missed(trials: Trials, tmp_path: Path) -> None:
    trials.keep_warm()
    assert trials._waiting is not None
    trials._waiting._child.kill()
    trials._waiting._child.wait()
    assert trials.run(node(tmp_path), ["mine"]) is None


def test_a_file_that_never_ends_is_given_up(trials: Trials, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trying, "LOAD_WITHIN", 0.5)
    file = node(tmp_path, "while True:\n    pass")
    assert trials.run(file, ["mine"]) == f"{file}: mine did not load within 0.5 s of a trial"
    assert trials.statistics().refused == 1


def test_what_cannot_be_imported_is_left_to_the_caller(trials: Trials, tmp_path: Path) -> None:
    assert trials.run(node(tmp_path, "import not_there"), ["mine"]) is None


def test_closing_ends_a_trial_that_runs(trials: Trials, tmp_path: Path) -> None:
    said: list[str | None] = []
    file = node(tmp_path, "while True:\n    pass")
    thread = threading.Thread(target=lambda: said.append(trials.run(file, ["mine"])))
    thread.start()
    wait_until(lambda: bool(trials._working), 5.0, "the trial's start")
    trials.close()
    thread.join(10.0)
    assert said == [f"{file}: mine crashed in a trial (SIGKILL)"]


def test_no_process_is_started_once_it_is_closed(trials: Trials, tmp_path: Path) -> None:
    trials.close()
    trials.keep_warm()
    file = node(tmp_path)
    assert trials.run(file, ["mine"]) == f"{file}: it was not tried, as the session has ended"
    assert str(trials) == "0 files tried, 0 refused"
