"""What is shown on stderr, and that nothing there can end the music."""

from __future__ import annotations

import io
import os
from types import SimpleNamespace

import pytest

from graphflow.cli.progress import Progress
from graphflow.cli.terminal import NO_WIDTH, Terminal


class Screen(io.StringIO):
    """A terminal of 20 columns."""

    def isatty(self) -> bool:
        return True

    def fileno(self) -> int:
        return 2


@pytest.fixture
def screen(monkeypatch: pytest.MonkeyPatch) -> Screen:
    shown = Screen()
    # not in sys itself: pytest puts its own stderr back before the test begins
    monkeypatch.setattr("graphflow.cli.terminal.sys", SimpleNamespace(stderr=shown))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(os, "get_terminal_size", lambda descriptor: os.terminal_size((20, 24)))
    return shown


def test_a_drawn_line_never_wraps(screen: Screen):
    Terminal().draw("x" * 200)
    assert screen.getvalue() == "\r" + 19 * "x" + "\033[K"


def test_a_line_that_stays_takes_the_drawn_one_away(screen: Screen):
    terminal = Terminal()
    terminal.draw("00:01")
    terminal.line("band: ready")
    terminal.line("band: lost")
    assert screen.getvalue() == "\r00:01\033[K\r\033[Kband: ready\nband: lost\n"


def test_a_title_cannot_steer_the_terminal(screen: Screen):
    Terminal().line("A\033]0;owned\a\nB ü 雨")
    assert screen.getvalue() == "A?]0;owned??B ü 雨\n"


def test_a_terminal_that_cannot_rewrite_gets_lines(screen: Screen, monkeypatch: pytest.MonkeyPatch):
    assert Terminal().rewrites
    monkeypatch.setenv("TERM", "dumb")
    assert not Terminal().rewrites


def test_without_a_size_there_is_one(screen: Screen, monkeypatch: pytest.MonkeyPatch):
    def none(descriptor: int) -> os.terminal_size:
        raise OSError("no terminal")

    monkeypatch.setattr(os, "get_terminal_size", none)
    assert Terminal().columns() == NO_WIDTH


def test_progress_is_drawn_and_taken_away(screen: Screen, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("graphflow.cli.progress.time", SimpleNamespace(monotonic=iter([0.0, 0.05, 0.2]).__next__))
    progress = Progress("x.wav", 10.0, "s")
    progress.show(1.0)  # too soon after the start to be worth a line
    assert screen.getvalue() == ""
    progress.show(5.0)
    progress.end()
    assert screen.getvalue() == "\r[###############   \033[K\r\033[K"
