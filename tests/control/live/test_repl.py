"""Keys in, cells and lines out: the real prompt, driven through its own pipe."""

from __future__ import annotations

import io
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from desks import Notebook
from prompt_toolkit.data_structures import Size
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput
from prompt_toolkit.output.vt100 import Vt100_Output

from graphflow.control.live.above import Above, shown
from graphflow.control.live.repl import STYLE, Repl
from graphflow.control.live.toolbar import Lookout, xruns_of
from tests.conftest import wait_until

ENTER, ALT_ENTER, CTRL_C, CTRL_D, TAB = "\r", "\x1b\r", "\x03", "\x04", "\t"
F1, F2, F4 = "\x1bOP", "\x1bOQ", "\x1bOS"


class Screen(io.StringIO):
    """What a terminal was told."""

    encoding = "utf-8"  # type: ignore[assignment]


class Typist:
    """A prompt at a notebook, and hands."""

    def __init__(self, pipe: PipeInput, **options: object) -> None:
        self.desk = Notebook()
        self.left = threading.Event()
        self.screen = Screen()
        output = Vt100_Output(self.screen, lambda: Size(rows=40, columns=100), term="xterm", enable_cpr=False)
        self.pipe = pipe
        self.repl = Repl(self.desk, left=self.left.set, input=pipe, output=output, **options)  # type: ignore[arg-type]
        self.repl.start()
        wait_until(lambda: "gf>" in self.text, 10.0, "the prompt")

    @property
    def text(self) -> str:
        """What was written, without the terminal's codes."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[>=]|\x1b\][^\x07]*\x07", "", self.screen.getvalue()).replace(
            "\r", ""
        )

    def type(self, *keys: str) -> None:
        for key in keys:
            self.pipe.send_text(key)

    def entered(self, count: int) -> list[str]:
        wait_until(lambda: len(self.desk.sources) >= count, 10.0, f"entry {count}")
        return self.desk.sources

    def wait_for(self, words: str) -> None:
        wait_until(lambda: words in self.text, 10.0, repr(words))


@contextmanager
def typing() -> Iterator[Typist]:
    with create_pipe_input() as pipe:
        hands = Typist(pipe)
        yield hands
        hands.repl.end()
        assert hands.repl.join(5.0)


@pytest.fixture
def typist() -> Iterator[Typist]:
    with typing() as hands:
        yield hands


def test_enter_runs_a_complete_entry_and_shows_what_it_is(typist: Typist):
    typist.type("20 + 3", ENTER)
    assert typist.entered(1) == ["20 + 3"]
    typist.wait_for("23\n")


def test_an_entry_that_is_unfinished_goes_on_with_its_indentation(typist: Typist):
    typist.type("for n in range(3):", ENTER, "x = n", ENTER, ENTER, "x", ENTER)
    assert typist.entered(2) == ["for n in range(3):\n    x = n", "x"]
    assert "... " in typist.text


def test_alt_enter_begins_a_line(typist: Typist):
    typist.type("a = 1", ALT_ENTER, "b = 2", ENTER)
    assert typist.entered(1) == ["a = 1\nb = 2"]


def test_a_pasted_block_is_one_entry(typist: Typist):
    typist.type("\x1b[200~a = 1\nb = a + 1\n\nc = b\n\x1b[201~", ENTER)
    assert typist.entered(1) == ["a = 1\nb = a + 1\n\nc = b"]
    wait_until(lambda: typist.desk.names.get("c") == 2, 5.0, "the block")


def test_the_menu_completes_and_shows_docs(typist: Typist):
    typist.type("ba")
    typist.wait_for("Low notes.")
    typist.type(TAB, ENTER)
    assert typist.desk.sources == []
    typist.type(" = 5", ENTER)
    assert typist.entered(1) == ["band = 5"]


def test_ctrl_c_clears_the_line_where_nothing_runs(typist: Typist):
    typist.type("wrong", CTRL_C)
    wait_until(lambda: typist.repl._prompt.default_buffer.text == "", 5.0, "the line's end")  # type: ignore[union-attr]
    typist.type("1", ENTER)
    assert typist.entered(1) == ["1"]
    assert not typist.left.is_set()


def test_ctrl_c_stops_the_cell_that_runs_and_keeps_the_line(typist: Typist):
    typist.type("while True: pass", ENTER, ENTER)
    wait_until(lambda: typist.desk.running == 1, 5.0, "the cell")
    typist.type("half", CTRL_C)
    typist.wait_for("cell 1: stopped")
    typist.type("= 2", ENTER)
    assert typist.entered(2)[1] == "half= 2"


def test_the_prompt_is_back_while_a_cell_runs(typist: Typist):
    typist.type(
        "import threading; gate = threading.Event()", ENTER, "gate.wait(20.0)", ENTER, "3 + 4", ENTER, "gate", ENTER
    )
    assert typist.entered(4)[2:] == ["3 + 4", "gate"]
    assert "7\n" not in typist.text
    typist.desk.names["gate"].set()
    typist.wait_for("7\n")


@pytest.mark.parametrize("keys", [(CTRL_D,), ("quit()", ENTER), ("exit()", ENTER), (" quit ", ENTER)])
def test_leaving_is_told_once(typist: Typist, keys: tuple[str, ...]):
    typist.type(*keys)
    assert typist.repl.join(5.0)
    assert typist.left.is_set()
    assert typist.desk.sources == []
    assert typist.desk.heard == []


def test_an_end_from_outside_is_no_leaving(typist: Typist):
    typist.type("half a li")
    typist.repl.end()
    assert typist.repl.join(5.0)
    assert not typist.left.is_set()


def test_what_is_said_stands_above_the_prompt_and_cannot_steer_the_terminal(typist: Typist):
    typist.desk.tell("band: \x1b]0;owned\x07 ready")
    typist.wait_for("band: ?]0;owned? ready")
    assert "\x1b]0;" not in typist.screen.getvalue()


def test_what_a_cell_prints_stands_above_the_prompt():
    before = sys.stdout
    with typing() as typist:
        assert isinstance(sys.stdout, Above)
        typist.type("print('eins', 'zwei')", ENTER)
        typist.wait_for("eins zwei\n")
    assert sys.stdout is before


def test_the_toolbar_is_shown_and_xruns_turn_the_prompt_red(typist: Typist):
    typist.desk.bar = "bar 2 beat 1  0 xruns"
    green = typist.repl._message()[0][0]
    wait_until(lambda: typist.repl._bar == "bar 2 beat 1  0 xruns", 5.0, "the toolbar")
    typist.desk.bar = "bar 3 beat 1  2 xruns"
    wait_until(lambda: typist.repl._message()[0][0] != green, 5.0, "the red prompt")
    assert typist.repl._message() == [("class:prompt.trouble", "gf> ")]


def test_a_desk_that_does_not_answer_leaves_the_prompt_alone(typist: Typist):
    typist.desk.free.clear()
    typist.type("1 + 1", ENTER)
    typist.wait_for("2\n")
    typist.desk.free.set()


def test_a_toolbar_that_fails_says_so_and_the_next_is_shown(typist: Typist, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(typist.desk, "toolbar", lambda: 1 // 0)
    wait_until(lambda: typist.repl._bar.startswith("no toolbar: ZeroDivisionError"), 5.0, "the fault")
    monkeypatch.undo()
    wait_until(lambda: typist.repl._bar == typist.desk.bar, 5.0, "the toolbar")


def test_a_toolbar_never_wraps(typist: Typist):
    typist.desk.bar = "x" * 500
    wait_until(lambda: typist.repl._toolbar() == "x" * 99, 5.0, "the toolbar")


def test_f2_shows_the_traceback_of_the_last_error(typist: Typist):
    typist.type("1 / 0", ENTER)
    typist.wait_for("cell 1: ZeroDivisionError: division by zero")
    assert "Traceback" not in typist.text
    typist.type(F2)
    typist.wait_for("Traceback (most recent call last)")


def test_f4_toggles_vi_and_emacs(typist: Typist):
    typist.type(F4)
    wait_until(lambda: typist.repl._toolbar().startswith("vi  "), 5.0, "vi")
    typist.type("12", "\x1b")
    wait_until(lambda: typist.repl._prompt.app.vi_state.input_mode.value == "vi-navigation", 5.0, "navigation")  # type: ignore[union-attr]
    typist.type("x", ENTER)
    assert typist.entered(1) == ["1"]
    typist.type(F4)
    wait_until(lambda: not typist.repl._toolbar().startswith("vi"), 5.0, "emacs")


def test_f1_names_the_keys(typist: Typist):
    typist.type(F1)
    typist.wait_for("Ctrl-C stops a cell or clears the line")


def test_a_flood_of_prints_loses_the_older_lines_and_says_so():
    with typing() as typist:
        typist.type("for n in range(100_000): print(n)", ENTER, ENTER)
        typist.wait_for("99999\n")
        assert "lines were left out" in typist.text
        assert len(typist.text.splitlines()) < 50_000


def test_the_editor_has_the_terminal_to_itself(typist: Typist, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    editor = tmp_path / "editor"
    editor.write_text(f"#!/bin/sh\nread x < {tmp_path}/go\necho '40 + 2' > $1\n")
    editor.chmod(0o755)
    os.mkfifo(tmp_path / "go")
    monkeypatch.setenv("VISUAL", str(editor))
    typist.type("4", "\x18\x05")
    wait_until(lambda: typist.repl._above.held, 5.0, "the editor")
    typist.desk.tell("held back")
    assert typist.repl.interrupt()  # Ctrl-C in the editor reaches the process as a signal
    (tmp_path / "go").write_text("\n")
    typist.wait_for("held back")
    typist.type(ENTER)
    assert typist.entered(1) == ["40 + 2"]


def test_history_is_kept_in_a_file_of_the_users_alone(tmp_path: Path):
    file = tmp_path / "config" / "history"
    for _ in range(2):
        with create_pipe_input() as pipe:
            hands = Typist(pipe, history=file)
            hands.type("a = 1", ENTER) if not _ else hands.type("\x1b[A", ENTER)
            assert hands.entered(1) == ["a = 1"]
            hands.repl.end()
    assert file.stat().st_mode & 0o777 == 0o600


def test_a_history_that_cannot_be_kept_is_told(tmp_path: Path):
    (tmp_path / "file").touch()
    with create_pipe_input() as pipe:
        hands = Typist(pipe, history=tmp_path / "file" / "history")
        hands.wait_for("what you type is not kept")
        hands.type("1", ENTER)
        assert hands.entered(1) == ["1"]
        hands.repl.end()


def test_a_prompt_that_is_lost_says_so_and_ends_alone(capsys: pytest.CaptureFixture[str]):
    class Torn(DummyOutput):
        def flush(self) -> None:
            raise OSError("the terminal is gone")

    with create_pipe_input() as pipe:
        repl = Repl(Notebook(), input=pipe, output=Torn())
        repl.start()
        assert repl.join(10.0)
    assert "the terminal is gone; the music plays on" in capsys.readouterr().err


def test_control_characters_are_shown_as_question_marks():
    assert shown("a\x00b\x7f\u202ec\td\ne") == "a?b??c  d\ne"
    assert shown("größer 雨") == "größer 雨"


def test_half_lines_wait_for_their_end():
    above = Above(STYLE)
    above.write("ei")
    assert above._take() == []
    above.write("ns\nzw")
    assert above._take() == [("", "eins")]


def test_the_lookout_sees_xruns_and_long_cells():
    now = [0.0]
    lookout = Lookout(clock=lambda: now[0])
    assert lookout.look("9 xruns", 0) == "9 xruns"
    assert not lookout.trouble  # those were there before anybody looked
    assert lookout.look("10 xruns", 4) == "10 xruns"
    assert lookout.trouble
    now[0] = 3.0
    assert lookout.look("10 xruns", 4) == "cell 4 has run for 3 s  10 xruns"
    now[0] = 5.1
    assert lookout.look("10 xruns", 5) == "10 xruns"
    assert not lookout.trouble
    assert xruns_of("load 3%") == 0
