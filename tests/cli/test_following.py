"""A performance follows the files it was made of, as a user sees it."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

import pytest

from graphflow.cli import following as followed
from graphflow.cli import main
from graphflow.cli.opening import Opened
from graphflow.core.library import Library
from graphflow.core.patch import Patch
from graphflow.session import Session
from graphflow.session.home import Home

PATCH = """
format = 1
wires = ["tone -> wobble -> out"]
[nodes.tone]
kind = "sine"
[nodes.wobble]
kind = "wobble"
[nodes.out]
kind = "output"
level = -12.0
"""


class Performance:
    """`graphflow play`, and what it says."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "graphflow", "play", "night.toml", "--device", "null", "--no-attach", *arguments],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.lines: list[str] = []
        self._heard: queue.SimpleQueue[str] = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()

    def until(self, words: str, seconds: float = 60.0) -> str:
        """The next line with these words."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                self.lines.append(self._heard.get(timeout=0.5))
            except queue.Empty:
                continue
            if words in self.lines[-1]:
                return self.lines[-1]
        raise AssertionError(f"{words!r} was not said, but {self.lines}")

    def _listen(self) -> None:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self._heard.put(line.rstrip("\n"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    (tmp_path / "night.toml").write_text(PATCH)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="ended by a signal")
def test_a_node_is_written_and_mended_while_it_plays(folder: Path):
    playing = Performance(folder)
    playing.until("wobble stays silent")
    playing.until("load")
    assert main(["new", "node", "wobble", "--patch", "night.toml"]) == 0
    playing.until("wobble.py: wobble plays as saved")
    node = folder / "nodes" / "wobble.py"
    text = node.read_text()
    node.write_text(text.replace("sin(TAU", "sinn(TAU"))
    assert playing.until("sinn").startswith(f"nodes.wobble: {node}:21 uses 'sinn'")
    node.write_text(text.replace("0.7", "0.6"))
    playing.until("wobble.py: wobble plays as saved")
    patch = folder / "night.toml"
    patch.write_text(PATCH.replace("-12.0", "-9.0"))
    assert playing.until("night.toml: ") == "night.toml: ~ out.level -12.0 -> -9.0"
    patch.write_text(PATCH.replace("-12.0", "-900"))
    assert playing.until("night.toml: ") == (
        "night.toml: nodes.out.level is -900 dB; expected -60 to 12 dB; what played before plays on"
    )
    node.unlink()
    node.parent.rmdir()
    playing.until("wobble is gone from it; it plays on as it was while the patch uses it")
    playing.process.send_signal(signal.SIGINT)
    assert playing.process.wait(10.0) == 0


@pytest.mark.slow
def test_nothing_is_followed_where_that_is_not_wanted(folder: Path):
    playing = Performance(folder, "--no-reload", "--seconds", "4")
    playing.until("load")
    (folder / "night.toml").write_text(PATCH.replace("-12.0", "-9.0"))
    playing.until("played 4.0 s")
    assert not [line for line in playing.lines if line.startswith("night.toml: ~")]
    assert playing.process.wait(10.0) == 0


def test_the_folder_of_node_files_is_that_of_the_patch_that_plays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(followed, "is_trusted", lambda folder: True)
    session = Session(Library(), folder=tmp_path / "one")
    arguments = Namespace(nodes=[], repl=False)
    opened = Opened(Patch(), Library(), tmp_path / "one" / "night.toml")
    reloading = followed.following(session, opened, arguments, lambda line: None)
    assert tmp_path / "one" / "nodes" in reloading._folders()
    session.home = Home(tmp_path / "two")
    assert tmp_path / "two" / "nodes" in reloading._folders()
    assert tmp_path / "one" / "nodes" not in reloading._folders()
    session.close()
