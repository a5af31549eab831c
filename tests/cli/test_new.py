"""graphflow new: what it writes plays at once, and nothing that is there is touched."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from graphflow.cli import main
from graphflow.cli.following import node_folders
from graphflow.cli.trusted import is_trusted
from graphflow.core.library import Library, builtin_folder

PATCH = """
format = 1
wires = ["tone -> wobble -> out"]
[nodes.tone]
kind = "sine"
[nodes.wobble]
kind = "wobble"
depth = 1.0
[nodes.out]
kind = "output"
level = 0.0
"""


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["new", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_a_new_node_plays_beside_its_patch(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "set").mkdir()
    patch = tmp_path / "set" / "night.toml"
    patch.write_text(PATCH)
    assert main(["new", "node", "wobble", "--patch", "set/night.toml"]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out == [
        "set/nodes/wobble.py: wobble, with input, out, speed and depth; wire it in: ... -> wobble -> ...",
        "set/nodes is trusted, as you made it: graphflow trust --remove set/nodes takes that back",
    ]
    assert main(["render", str(patch), "-o", "take.wav", "--seconds", "0.25"]) == 0
    sound, _ = soundfile.read("take.wav")
    # it sinks to nothing and swells again within a quarter of a second
    peaks = [np.abs(part).max() for part in np.array_split(sound[:, 0], 25)]
    assert max(peaks) > 0.9
    assert min(peaks[3:]) < 0.05


def test_a_new_node_is_written_as_the_style_wants_it(tmp_path: Path):
    assert main(["new", "node", "slow_wobble"]) == 0
    library = Library()
    assert library.scan(tmp_path / "nodes") == []
    spec = library["slow_wobble"].spec
    assert spec.cls.__name__ == "SlowWobble"
    assert list(spec.declarations) == ["input", "speed", "depth", "phase", "out", "bypass"]
    assert all(declared.doc for name, declared in spec.declarations.items() if name != "phase")
    assert not [name for name in sys.modules if name == "slow_wobble"]


def test_a_second_node_joins_the_first_and_nothing_is_written_over(capsys: pytest.CaptureFixture[str]):
    assert main(["new", "node", "wobble"]) == 0
    assert is_trusted(Path("nodes"))
    assert main(["new", "node", "shimmer"]) == 0
    assert capsys.readouterr().out.splitlines()[2:] == [
        "nodes/shimmer.py: shimmer, with input, out, speed and depth; wire it in: ... -> shimmer -> ..."
    ]
    Path("nodes/wobble.py").write_text("# mine\n")
    line = refused(capsys, "node", "wobble")
    assert line == "nodes/wobble.py is there already; choose another name, or edit it"
    assert Path("nodes/wobble.py").read_text() == "# mine\n"


def test_a_folder_with_other_programs_is_not_trusted_by_the_way(capsys: pytest.CaptureFixture[str]):
    Path("nodes").mkdir()
    Path("nodes/theirs.py").write_text("raise SystemExit('it was run')\n")
    assert main(["new", "node", "wobble"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    assert captured.out.splitlines()[1] == (
        "nodes holds other programs and is not trusted; read what is in it, then: graphflow trust nodes"
    )
    assert not is_trusted(Path("nodes"))


def test_the_users_own_folder_needs_no_trust(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    own = tmp_path / "config" / "graphflow" / "nodes"
    assert main(["new", "node", "wobble", "--into", str(own)]) == 0
    assert capsys.readouterr().out.count("\n") == 1
    assert not is_trusted(own)
    assert main(["nodes", "wobble"]) == 0


@pytest.mark.parametrize(
    "name, line",
    [
        ("Wobble", "'Wobble' is no name; expected a small letter, then small letters, digits and _"),
        ("lambda", "'lambda' is a word of Python; choose another name"),
        ("loop", "'loop' is a verb of the REPL; choose another name"),
        ("a_b", "'a_b' makes no name for a class; expected words of two letters or more, joined by _"),
        ("../x", "'../x' is no name; expected a small letter, then small letters, digits and _"),
        ("reverb", f"the kind 'reverb' is there already, from {builtin_folder() / 'effects' / 'reverb.py'}; choose another name"),
    ],
)  # fmt: skip
def test_a_bad_name_is_refused_in_one_line(capsys: pytest.CaptureFixture[str], name: str, line: str):
    assert refused(capsys, "node", name) == line
    assert not Path("nodes").exists()


def test_a_patch_of_graphflows_own_has_no_folder_for_it(capsys: pytest.CaptureFixture[str]):
    assert refused(capsys, "node", "wobble", "--patch", "01-first-light").startswith(
        "01-first-light came with graphflow; use --into "
    )
    assert refused(capsys, "node", "wobble", "--patch", "not-there").startswith("not-there: no such patch")


def test_a_new_patch_plays(capsys: pytest.CaptureFixture[str]):
    assert main(["new", "patch", "late-night"]) == 0
    assert capsys.readouterr().out == "late-night.toml: hear it with graphflow play late-night.toml\n"
    assert 'title = "Late night"' in Path("late-night.toml").read_text()
    assert main(["check", "late-night.toml"]) == 0
    assert main(["render", "late-night.toml", "-o", "take.wav", "--seconds", "0.5"]) == 0
    sound, _ = soundfile.read("take.wav")
    assert 0.1 < np.abs(sound).max() <= 1.0
    assert refused(capsys, "patch", "late-night") == "late-night.toml is there already; choose another name"


def test_what_is_followed_while_it_plays(tmp_path: Path):
    own = tmp_path / "config" / "graphflow" / "nodes"
    assert node_folders(tmp_path, [Path("more")])[:2] == [own, Path("more")]
    assert tmp_path / "nodes" not in node_folders(tmp_path)
    assert main(["new", "node", "wobble"]) == 0
    assert tmp_path / "nodes" in node_folders(tmp_path)
    assert builtin_folder() in node_folders(tmp_path)  # in a checkout
