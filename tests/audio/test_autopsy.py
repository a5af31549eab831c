"""The line of a node that went wrong is named."""

from __future__ import annotations

from pathlib import Path

import broken_nodes
import pytest
from small_nodes import Level, Rig
from test_compile import FILE, line_of

from graphflow.audio.autopsy import explain
from graphflow.audio.trial import trial
from graphflow.core.node import AudioNode


@pytest.mark.parametrize(
    "cls, line, said",
    [
        (
            broken_nodes.OutOfBounds,
            line_of("line[0, (frame + i)"),
            "out_of_bounds.process raised IndexError: index 20 is out of bounds for axis 1 with size 10",
        ),
        (broken_nodes.Endless, line_of("while x"), "endless.tick goes round more than 100000 times"),
        (
            broken_nodes.TurnsBad,
            line_of("return 0.25 / root"),
            "turns_bad.tick made a non-finite sample: it divides by 0",
        ),
    ],
)
def test_the_authors_line_is_named(cls: type[AudioNode], line: int, said: str) -> None:
    rig = Rig()
    rig.play({"bad": cls}, ["bad.out -> device.out"], foreign=True)
    rig.run(2048)
    told = explain(rig.instances["bad"], 48_000.0, rig.engine.frame)
    if cls is broken_nodes.Endless:  # the loop is a line or two long
        assert told.rsplit(" ", 8)[0].split(":")[0] == FILE
        line = int(told.split(":")[1].split()[0])
        assert line in (line_of("while x"), line_of("x = x * 0.5"))
    assert told.startswith(f"{FILE}:{line} {said}")
    assert "\n" not in told


def test_what_cannot_be_made_to_happen_again_is_said() -> None:
    rig = Rig()
    rig.play({"good": Level}, ["good.out -> device.out"])
    rig.run(128)
    rig.instances["good"].fault[0] = 1
    assert "level raised in native code; the same does not happen in Python" in explain(rig.instances["good"], 48_000.0)


NODE = """
import numpy as np
from graphflow import AudioNode, AudioOut

def slow(x: float) -> float:
    for b in range(999999):
        x = x * 0.5 + 1.0
    return x

class Bad(AudioNode):
    out = AudioOut()

    @staticmethod
    def process(out: object, block: int) -> None:
        {body}
"""


@pytest.mark.parametrize(
    "body, said",
    [
        ("out[0, 0] = 1.0", None),
        ("out[0, 99999] = 1.0", None),  # a fault, which the engine deals with
        ("for a in range(999999):\n            out[0, 0] = slow(out[0, 0])", "did not come to an end within 1 s of a trial"),
        ("import os; os.abort()", None),  # never compiled, so never run
    ],
)  # fmt: skip
def test_a_trial_tells_what_would_have_stopped_the_sound(tmp_path: Path, body: str, said: str | None) -> None:
    file = tmp_path / "bad.py"
    file.write_text(NODE.format(body=body))
    told = trial(file, "bad", seconds=1.0)
    assert told is None if said is None else told is not None and told.startswith(f"{file}: bad {said}")


def test_a_crash_is_told_with_its_signal(tmp_path: Path) -> None:
    file = tmp_path / "bad.py"
    file.write_text("import os\nos.abort()\n")
    assert trial(file, "bad") == f"{file}: bad crashed in a trial (SIGABRT); it is left out"
