"""Nodes of somebody else's in a session: tried first, muted and named when they fail, left out when they cannot be made."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from kinds import LIBRARY, rendered

from graphflow.core.errors import PatchError
from graphflow.core.library import Library
from graphflow.core.patch_text import read
from graphflow.session import Session

PATCH = """
format = 1
wires = ["a -> out", "x -> out"]
[nodes.a]
kind = "steady"
[nodes.x]
kind = "theirs"
[nodes.out]
kind = "out"
"""
NODE = '''from graphflow import AudioNode, AudioOut, Ramp, sqrt


class Theirs(AudioNode):
    """Somebody else's."""

    value = Ramp(0.5, "A number.", min=-1.0, max=1.0)
    out = AudioOut("Sound.")

    @staticmethod
    def tick(value: float) -> float:
        return {}
'''
ENDLESS = """        count = 0.0
        while count < 1.0:
            count = count * value
        return count
"""


def session_with(tmp_path: Path, lines: list[str], code: str) -> Session:
    nodes = tmp_path / "nodes"
    nodes.mkdir()
    (nodes / "theirs.py").write_text(code)
    library = Library(*LIBRARY.values())
    assert library.scan(nodes) == []

    def report(line: str) -> None:
        if not line.startswith(("compiled ", "compiling ")):
            lines.append(line)

    return Session(library, report=report, lockstep=True, foreign=lambda spec: spec.file.is_relative_to(tmp_path))


def test_a_node_that_makes_no_number_is_muted_named_and_the_rest_plays(tmp_path: Path):
    lines: list[str] = []
    session = session_with(tmp_path, lines, NODE.format("sqrt(value - 1.0)"))
    session.play(read(PATCH)[0], fade=0.0)
    sound = rendered(session, 4096)
    assert np.all(sound == 0.25)
    session.close()
    assert len(lines) == 1
    assert f"{tmp_path / 'nodes' / 'theirs.py'}:12" in lines[0]
    assert lines[0].startswith("nodes.x: ")
    assert lines[0].endswith("; it is silent until it is edited")


def test_a_loop_that_never_ends_is_stopped_muted_and_named(tmp_path: Path):
    lines: list[str] = []
    session = session_with(tmp_path, lines, NODE.replace("        return {}\n", ENDLESS))
    session.play(read(PATCH)[0], fade=0.0)
    assert np.all(rendered(session, 2048) == 0.25)
    session.close()
    assert len(lines) == 1
    assert "theirs.py:1" in lines[0]


def test_what_cannot_be_compiled_is_refused_with_its_line_or_left_out(tmp_path: Path):
    lines: list[str] = []
    session = session_with(tmp_path, lines, NODE.format('value + "loud"'))
    with pytest.raises(PatchError, match=r"nodes\.x: .*theirs\.py:12 "):
        session.play(read(PATCH)[0], fade=0.0)
    session.play(read(PATCH)[0], fade=0.0, forgiving=True)
    assert np.all(rendered(session, 512) == 0.25)
    session.close()
    assert len(lines) == 1
    assert lines[0].startswith("x stays silent; nodes.x: ")
