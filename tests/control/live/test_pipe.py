"""Scripts: what a pipe says, cell by cell."""

from __future__ import annotations

import os
import threading

import pytest
from desks import Notebook

from graphflow.control.live.pipe import Pipe, cells
from tests.conftest import wait_until


def piped(script: bytes, desk: Notebook) -> tuple[list[str], threading.Event]:
    into, out = os.pipe()
    said: list[str] = []
    left = threading.Event()
    pipe = Pipe(desk, into, said=said.append, left=left.set)
    pipe.start()
    os.write(out, script)
    os.close(out)
    assert pipe.join(10.0)
    os.close(into)
    return said, left


def test_each_line_is_a_cell_and_its_outcome_is_said_in_order():
    desk = Notebook()
    said, left = piped(b"a = 20\na + 3\n\n\n1 / 0\r\n'gr\xc3\xb6\xc3\x9fer'", desk)
    assert desk.sources == ["a = 20", "a + 3", "1 / 0", "'größer'"]
    assert said == ["23", "cell 3: ZeroDivisionError: division by zero", "'größer'"]
    assert left.is_set()


@pytest.mark.parametrize(
    "script, expected",
    [
        ("for n in x:\n    a\n    b\n\nc", ["for n in x:\n    a\n    b\n", "c"]),
        ("x = (1 +\n2)\ny", ["x = (1 +\n2)", "y"]),
        ("@loop\nasync def f():\n    pass\n\ny", ["@loop\nasync def f():\n    pass\n", "y"]),
        ("if a:\n  b\nelse:\n  c", ["if a:\n  b\nelse:\n  c"]),
        ("", []),
        ("\n\n", []),
    ],
)
def test_blocks_end_with_an_empty_line(script: str, expected: list[str]):
    assert list(cells(iter(script.split("\n")), Notebook().unfinished)) == expected


def test_quit_ends_a_script_before_its_end():
    desk = Notebook()
    said, left = piped(b"1\nquit()\n2\n", desk)
    assert said == ["1"]
    assert left.is_set()


def test_an_end_from_outside_is_no_leaving():
    into, out = os.pipe()
    desk, left = Notebook(), threading.Event()
    pipe = Pipe(desk, into, said=lambda line: None, left=left.set)
    pipe.start()
    wait_until(lambda: pipe.listening, 5.0, "the pipe")
    pipe.end()
    os.close(out)
    assert pipe.join(5.0)
    os.close(into)
    assert not left.is_set()


def test_what_is_said_cannot_steer_a_terminal():
    desk = Notebook()
    said, _ = piped(b"print is None\n", desk)
    assert said == ["False"]
    into, out = os.pipe()
    pipe = Pipe(desk, into, said=said.append)
    pipe.start()
    wait_until(lambda: pipe.listening, 5.0, "the pipe")
    desk.tell("a\x1b[2Jb")
    assert said[-1] == "a?[2Jb"
    os.close(out)
    assert pipe.join(5.0)
    os.close(into)
