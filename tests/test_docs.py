"""What the documents show is run: patches are checked, nodes compiled, commands executed."""

from __future__ import annotations

import importlib.util
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from graphflow.audio import solo
from graphflow.cli import main
from graphflow.cli.arguments import parser
from graphflow.core.check import check
from graphflow.core.library import Library

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


class Snippet(NamedTuple):
    document: str
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.document}:{self.line}"


def snippets(language: str) -> list[Snippet]:
    """Every fenced block of a language."""
    found = []
    for document in DOCUMENTS:
        whole = document.read_text(encoding="utf-8")
        for block in re.finditer(r"^```(\w+)\n(.*?)^```$", whole, re.M | re.S):
            if block[1] == language:
                line = whole.count("\n", 0, block.start()) + 2
                found.append(Snippet(document.name, line, language, block[2]))
    return found


def commands() -> list[str]:
    lines = [line.partition(" #")[0].strip() for snippet in snippets("sh") for line in snippet.text.splitlines()]
    return list(dict.fromkeys(filter(None, lines)))


def library_with(folder: Path, document: str) -> Library:
    """The built-in kinds and those a document shows."""
    library = Library.builtin()
    for number, snippet in enumerate(snippets("python")):
        if snippet.document == document:
            (folder / f"shown{number}.py").write_text(snippet.text)
    library.scan(folder)
    return library


@pytest.mark.parametrize("snippet", snippets("toml"), ids=str)
def test_a_shown_patch_is_well(snippet: Snippet, tmp_path: Path) -> None:
    problems = check(snippet.text.encode(), library_with(tmp_path, snippet.document), tmp_path)
    assert [str(problem) for problem in problems] == []


@pytest.mark.parametrize("snippet", snippets("python"), ids=str)
def test_a_shown_node_compiles_and_sounds(snippet: Snippet, tmp_path: Path) -> None:
    (tmp_path / "shown.py").write_text(snippet.text)
    library = Library()
    assert library.scan(tmp_path) == []
    assert len(library) == 1
    for spec in library.specs.values():
        inputs = {name: np.ones((1, 128), np.float32) for name in spec.audio_ins}
        outs, fault = solo.run(spec, inputs)
        assert fault == 0
        assert all(np.isfinite(out).all() and np.ptp(out) > 0.0 for out in outs.values())


def test_every_command_in_the_documents_is_known() -> None:
    assert commands()
    for command in commands():
        words = shlex.split(command)
        program = Path(words[0]).name
        if program == "graphflow":
            assert parser().parse_args(words[1:]).run is not None
        elif program == "python" and words[1] == "-m":
            assert importlib.util.find_spec(words[2]) is not None, command
        elif program == "python":
            assert (ROOT / words[1]).is_file(), command
        else:
            assert program == "make", command
            dry = subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, capture_output=True, text=True, check=False)
            assert dry.returncode == 0, dry.stderr


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the files the README speaks of."""
    (tmp_path / "my.toml").write_text(next(s.text for s in snippets("toml") if s.document == "README.md"))
    (tmp_path / "nodes").mkdir()
    monkeypatch.chdir(tmp_path)
    for place in ("XDG_CONFIG_HOME", "APPDATA"):
        monkeypatch.setenv(place, str(tmp_path / "config"))
    return tmp_path


QUICK = [
    command
    for command in commands()
    if re.match(r"graphflow (check|nodes|trust|osc|touchosc|maxpat|pd|new)\b", command)
]
LOUD = [command for command in commands() if re.match(r"graphflow (play|render|devices)\b", command)]


@pytest.mark.parametrize("command", QUICK)
def test_a_shown_command_does_its_work(command: str, desk: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(shlex.split(command)[1:]) == 0
    assert capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("command", LOUD)
def test_a_shown_command_that_plays_does_its_work(command: str, desk: Path, request: pytest.FixtureRequest) -> None:
    if "--midi" in command:
        request.getfixturevalue("jack")  # MIDI wants ALSA's sequencer or a JACK server
    graphflow = str(Path(sys.executable).parent / "graphflow")
    if re.match("graphflow (play|render)", command):
        command += " --seconds 2"
    if command.startswith("graphflow play"):
        command += " --device null"
    done = subprocess.run([graphflow, *shlex.split(command)[1:]], capture_output=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr.decode()
