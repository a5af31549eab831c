"""`graphflow live` and `attach` as they are used: real terminals, real sockets, real processes."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import ClassVar

import pytest
import soundfile

from graphflow.control.attach import place
from graphflow.control.attach.remote import RemoteDesk
from graphflow.control.live.toolbar import xruns_of
from tests.conftest import JackServer, wait_until

TONE = """\
format = 1
wires = ["tone -> trim -> out"]

[nodes.tone] # the only one
kind = "sine"

[nodes.trim]
kind = "gain"
level = -20.0

[nodes.out]
kind = "output"
"""
ENTER, CTRL_C, CTRL_D = "\r", "\x03", "\x04"
WHERE_IS_THE_CURSOR, HERE = b"\x1b[6n", b"\x1b[3;1R"
CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[>=]|\x1b\][^\x07]*\x07|[\r\b]")


class Terminal:
    """A process with a terminal of its own, somebody who types and one who reads."""

    open: ClassVar[list[Terminal]] = []

    def __init__(self, *arguments: str, cwd: Path, **environment: str) -> None:
        self._hand, end = pty.openpty()
        fcntl.ioctl(end, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 160, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "graphflow", *arguments],
            cwd=cwd,
            env={**os.environ, "TERM": "xterm", "JACK_NO_START_SERVER": "1", **environment},
            stdin=end,
            stdout=end,
            stderr=end,
            start_new_session=True,
        )
        os.close(end)
        self.open.append(self)
        self._said = b""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        while True:
            try:
                said = os.read(self._hand, 65536)
            except OSError:  # Linux's way to say that nobody is there any more
                return
            if not said:
                return
            self._said += said
            if WHERE_IS_THE_CURSOR in said:
                os.write(self._hand, HERE)

    @property
    def text(self) -> str:
        return CODES.sub("", self._said.decode(errors="replace"))

    @property
    def lines(self) -> list[str]:
        return [line.strip() for line in self.text.split("\n")]

    def type(self, *keys: str) -> None:
        for key in keys:
            os.write(self._hand, key.encode())

    def wait_for(self, words: str) -> None:
        """Wait for something that is drawn at once: of a toolbar, only what has changed is."""
        self._wait(lambda: words in self.text, words)

    def wait_for_line(self, line: str) -> None:
        """Wait for a line of an outcome; without the codes that moved the cursor it may stand behind a toolbar."""
        self._wait(lambda: any(f" {said}".endswith(f" {line}") for said in self.lines), line)

    def _wait(self, seen: Callable[[], bool], what: str) -> None:
        begun = time.monotonic()
        pause = threading.Event()
        while not seen() and self.process.poll() is None and time.monotonic() - begun < 30.0:
            pause.wait(0.01)
        assert seen(), f"{what!r} did not appear in {[line for line in self.lines if line]}"

    def end(self) -> int:
        self.open.remove(self)
        code = self.process.wait(20.0)
        self._reader.join(5.0)
        os.close(self._hand)
        return code


@pytest.fixture
def here(tmp_path: Path, socket_folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with a patch; settings and sockets lie in folders of this test."""
    (tmp_path / "tone.toml").write_text(TONE)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    runtime = str(socket_folder)
    monkeypatch.setenv("XDG_RUNTIME_DIR", runtime)
    monkeypatch.setenv("TMPDIR", runtime)
    monkeypatch.setattr("tempfile.tempdir", runtime)
    yield tmp_path
    for left in list(Terminal.open):  # a test has failed
        left.process.kill()
        left.end()


def nobody_left() -> bool:
    """Whether every engine has taken its socket away."""
    return not list(Path(os.environ["XDG_RUNTIME_DIR"]).rglob("*.sock"))


class Meter:
    """Looks at an engine from the outside, as a prompt that is attached does."""

    def __init__(self, engine: Terminal) -> None:
        self.desk = RemoteDesk(place.find(str(engine.process.pid)))
        self.desk.start()

    @property
    def seconds(self) -> float:
        """How long it has played."""
        minutes, seconds = re.findall(r"(\d\d):(\d\d\.\d)", self.desk.toolbar())[-1]
        return 60.0 * float(minutes) + float(seconds)

    @property
    def xruns(self) -> int:
        return xruns_of(self.desk.toolbar())

    def heard(self, level: str) -> None:
        wait_until(lambda: f" {level} dB" in self.desk.toolbar(), 10.0, f"a level of {level} dB")

    def plays_on(self, seconds: float) -> None:
        """In real time, whatever else happens."""
        before, at = self.seconds, time.monotonic()
        wait_until(lambda: self.seconds > before + seconds, seconds + 10.0, "music")
        assert time.monotonic() - at < seconds + 1.5


def test_a_performance_from_the_first_key_to_the_last(here: Path):
    live = Terminal("live", "tone.toml", "--device", "null", cwd=here)
    live.wait_for("gf> ")
    live.type("trim.level = -6.0", ENTER, "trim.level", ENTER)
    live.wait_for_line("-6 dB")
    live.type("trim.level = 99", ENTER)
    live.wait_for("cell 3: ")
    meter = Meter(live)
    meter.heard("-6.0")

    live.type("while True: pass", ENTER, ENTER)
    live.wait_for("cell 4 has run for")
    meter.plays_on(0.5)
    live.type(CTRL_C)
    live.wait_for("cell 4 was stopped; nothing has changed")

    live.type("while 1: pass", ENTER, ENTER)
    wait_until(lambda: bool(meter.desk.toolbar()) and meter.desk.running == 5, 10.0, "the next one")
    live.process.send_signal(signal.SIGINT)  # as from an editor that has the terminal
    live.wait_for("cell 5 was stopped; nothing has changed")

    live.type("save()", ENTER)
    wait_until(lambda: "level = -6.0" in (here / "tone.toml").read_text(), 10.0, "the save")
    assert (here / "tone.toml").read_text() == TONE.replace("-20.0", "-6.0")
    live.type(CTRL_D)
    assert live.end() == 0
    assert re.search(r"played \d+\.\d s, 0 xruns", live.text)
    assert "trim.level = 99\n" in (here / "config" / "graphflow" / "history").read_text()
    assert nobody_left()


def test_a_prompt_attaches_and_leaves_and_the_music_plays_on(here: Path):
    engine = Terminal("play", "tone.toml", "--device", "null", cwd=here)
    engine.wait_for("load")
    prompt = Terminal("attach", cwd=here)
    prompt.wait_for("gf> ")
    prompt.type("trim.level = -12", ENTER, "trim.level", ENTER)
    prompt.wait_for_line("-12 dB")
    prompt.type("quit()", ENTER)
    assert prompt.end() == 0
    meter = Meter(engine)
    meter.heard("-12.0")
    meter.plays_on(0.3)
    engine.process.send_signal(signal.SIGTERM)
    assert engine.end() == 0
    assert nobody_left()


@pytest.mark.slow
def test_prompts_attach_and_are_killed_and_the_music_plays_on(here: Path):
    engine = Terminal("play", "tone.toml", "--device", "null", cwd=here)
    engine.wait_for("load")
    first = Terminal("attach", cwd=here)
    first.wait_for("gf> ")
    script = subprocess.run(
        [sys.executable, "-m", "graphflow", "attach", "tone"],
        cwd=here,
        input="trim.level = -12\ntrim.level\nfor n in range(2):\n    print(n)\n\nquit()\nnever",
        capture_output=True,
        text=True,
        timeout=30.0,
    )
    assert (script.returncode, script.stdout, script.stderr) == (0, "-12 dB\n0\n1\n", "")
    first.type("trim.level", ENTER)
    first.wait_for_line("-12 dB")
    first.type("while True: pass", ENTER, ENTER)
    first.wait_for("cell 5 still runs; Ctrl-C stops it")
    first.process.kill()
    first.end()

    second = Terminal("attach", str(engine.process.pid), cwd=here)
    second.wait_for("cell 5 has run for")
    second.type(CTRL_C, "20 + 3", ENTER)
    second.wait_for_line("23")
    engine.process.send_signal(signal.SIGTERM)
    assert engine.end() == 0
    assert re.search(r"played \d+\.\d s, 0 xruns", engine.text)
    assert second.end() == 0
    assert f"tone-{engine.process.pid} has ended" in second.text
    assert nobody_left()


def test_a_script_plays_and_ends(here: Path):
    played = subprocess.run(
        [sys.executable, "-m", "graphflow", "live", "tone.toml", "--device", "null", "--no-attach"],
        cwd=here,
        input="trim.level\ntrim.lvel = 3\n",
        capture_output=True,
        text=True,
        timeout=30.0,
    )
    assert played.returncode == 0
    first, second = played.stdout.splitlines()
    assert first == "-20 dB"
    assert second.startswith("cell 2: ")
    assert "level" in second
    assert "Traceback" not in played.stderr


def test_no_engine_is_one_line(here: Path):
    asked = subprocess.run(
        [sys.executable, "-m", "graphflow", "attach"], cwd=here, capture_output=True, text=True, timeout=30.0
    )
    assert asked.returncode == 2
    assert asked.stderr == "no engine runs that could be attached to; start one: graphflow play PATCH\n"


@pytest.mark.slow
def test_without_a_patch_there_is_a_small_one(here: Path):
    live = Terminal("live", "--device", "null", cwd=here)
    live.wait_for("nothing plays yet; try: ")
    live.type("tone = sine(freq=220); trim = gain(level=-12); tone >> trim >> guard", ENTER)
    Meter(live).heard("-12.0")
    live.type("save('mine.toml')", ENTER)
    wait_until((here / "mine.toml").exists, 10.0, "the file")
    live.type("quit()", ENTER)
    assert live.end() == 0
    checked = subprocess.run([sys.executable, "-m", "graphflow", "check", "mine.toml"], cwd=here, timeout=30.0)
    assert checked.returncode == 0


@pytest.mark.slow
def test_a_patch_that_came_with_graphflow_is_not_written_over(here: Path):
    live = Terminal("live", "02-night-bass", "--device", "null", cwd=here)
    live.wait_for("gf> ")
    live.type("tone.q = 9", ENTER, "save()", ENTER)
    live.wait_for("cell 2: ")
    live.type(CTRL_D)
    assert live.end() == 0


@pytest.mark.slow
def test_the_terminal_is_as_it_was_after_every_end(here: Path):
    for how in ("quit", "SIGTERM", "seconds"):
        more = ["--seconds", "2"] if how == "seconds" else []
        live = Terminal("live", "tone.toml", "--device", "null", *more, cwd=here)
        before = termios.tcgetattr(live._hand)[3]
        live.wait_for("gf> ")
        wait_until(lambda live=live: not termios.tcgetattr(live._hand)[3] & termios.ECHO, 10.0, "the raw mode")
        if how == "quit":
            live.type("quit()", ENTER)
        if how == "SIGTERM":
            live.process.send_signal(signal.SIGTERM)
        assert live.process.wait(20.0) == 0
        assert termios.tcgetattr(live._hand)[3] == before
        live.end()


@pytest.mark.slow
@pytest.mark.audio
def test_on_a_sound_card_a_runaway_cell_costs_no_block(here: Path, jack: JackServer):
    live = Terminal("live", "tone.toml", cwd=here, JACK_DEFAULT_SERVER=jack.name)
    live.wait_for("gf> ")
    meter = Meter(live)
    live.type("trim.level = -3", ENTER, "trim.level", ENTER)
    live.wait_for_line("-3 dB")
    meter.heard("-3.0")

    # how many blocks this machine loses by itself when another process is as busy as the cell will be
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        before = meter.xruns
        meter.plays_on(3.0)
        control = meter.xruns - before
        busy.kill()

    live.type("while True: pass", ENTER, ENTER)
    live.wait_for("cell 3 has run for")
    before = meter.xruns
    meter.plays_on(3.0)
    assert meter.xruns - before <= 2 * control + 5, f"of 1125 blocks; {control} while another process was as busy"
    live.type(CTRL_C)
    live.wait_for("cell 3 was stopped; nothing has changed")
    live.type(CTRL_D)
    assert live.end() == 0


@pytest.mark.slow
def test_an_engine_that_was_killed_is_forgotten_at_the_next_start(here: Path):
    killed = Terminal("play", "tone.toml", "--device", "null", cwd=here)
    killed.wait_for("load")
    folder = Path(os.environ["XDG_RUNTIME_DIR"]) / "graphflow"
    socket = folder / f"tone-{killed.process.pid}.sock"
    assert socket.stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700
    killed.process.kill()
    killed.end()
    assert socket.exists()
    following = Terminal("play", "tone.toml", "--device", "null", "--seconds", "0.5", cwd=here)
    following.wait_for("played")
    assert following.end() == 0
    assert not socket.exists()


SLEEPER = '''
import time

from graphflow import ControlNode, Outlet, Signal


class Sleeper(ControlNode):
    """Holds everybody up."""

    level = Outlet(Signal, "Nothing.")

    async def run(self):
        while True:
            time.sleep(1000.0)
'''


@pytest.mark.slow
def test_a_panic_is_heard_while_a_node_holds_everything_up(here: Path):
    (here / "own").mkdir()
    (here / "own" / "sleeper.py").write_text(SLEEPER)
    held = '\n[nodes.held]\nkind = "sleeper"\n\n[nodes.unheard]\nkind = "sine"\n'
    (here / "held.toml").write_text(TONE.replace('out"]', 'out", "held -> unheard.freq"]') + held)
    engine = Terminal("play", "held.toml", "--nodes", "own", "--device", "heard.wav", cwd=here)
    wait_until(lambda: (here / "heard.wav").exists() and place.running() != [], 30.0, "the engine")
    desk = RemoteDesk(place.find("held"))
    desk.start()
    wait_until(lambda: desk.toolbar() == "the session is busy", 10.0, "a session that is held up")
    assert desk.enter("panic()").result(5.0).ok
    begun = time.monotonic()
    wait_until(lambda: time.monotonic() - begun > 0.7, 5.0, "some silence")
    engine.process.send_signal(signal.SIGTERM)
    assert engine.end() == 0
    heard, rate = soundfile.read(here / "heard.wav")
    assert abs(heard).max() > 0.05
    assert abs(heard[-rate // 2 :]).max() == 0.0
