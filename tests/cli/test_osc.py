"""graphflow osc, touchosc, maxpat and pd, as they are typed."""

from __future__ import annotations

import json
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from graphflow.cli import main

PATCH = """
format = 1
wires = ["tone -> out"]
[nodes.tone]
kind = "sine"
[nodes.out]
kind = "output"
"""


@pytest.fixture
def patch(tmp_path: Path) -> str:
    file = tmp_path / "tone.toml"
    file.write_text(PATCH)
    return str(file)


def test_the_addresses_of_a_patch_are_a_table(patch: str, capsys: pytest.CaptureFixture[str]):
    assert main(["osc", patch]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["address", "types", "takes", "default", "what", "it", "is"]
    assert lines[1].startswith("/gf/node/tone/freq")
    assert lines[1].split()[1:] == ["f", "0.1", "to", "20000", "Hz", "exp", "440", "Hz", "Pitch."]
    assert not any("/norm " in line for line in lines[:-1])
    assert lines[-1].startswith("Every number has a twin")


def test_as_markdown_and_as_data(patch: str, capsys: pytest.CaptureFixture[str]):
    assert main(["osc", patch, "--markdown"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1:3] == [
        "|---|---|---|---|---|",
        "| `/gf/node/tone/freq` | f | 0.1 to 20000 Hz exp | 440 Hz | Pitch. |",
    ]
    assert main(["osc", patch, "--json"]) == 0
    freq, norm, *_ = json.loads(capsys.readouterr().out)
    assert (freq["address"], freq["ranges"], freq["default"], freq["unit"], freq["warp"]) == (
        "/gf/node/tone/freq", [[0.1, 20000.0]], 440.0, "Hz", "exp"
    )  # fmt: skip
    assert (norm["address"], norm["ranges"]) == ("/gf/node/tone/freq/norm", [[0.0, 1.0]])


def test_a_list_of_addresses_starts_no_engine(patch: str):
    heavy = ("numba", "torch", "sounddevice", "prompt_toolkit", "websockets")
    look = f"import sys; from graphflow.cli import main; main(['osc', {patch!r}]); print([m for m in {heavy} if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, timeout=60.0, check=True)
    assert ran.stdout.splitlines()[-1] == "[]"


def test_each_controller_is_written_and_says_what_to_do_next(
    patch: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    for form, name, told in (
        (
            "touchosc",
            "a.tosc",
            "in TouchOSC: connection OSC 1, UDP, this computer's address, send port 7654, receive port 9000",
        ),
        ("maxpat", "a.maxpat", "play the patch with --osc 7654, then open the file"),
        ("pd", "a.pd", "play the patch with --osc 7654, then open the file"),
    ):
        file = tmp_path / name
        assert main([form, patch, "-o", str(file)]) == 0
        assert capsys.readouterr().out == f"{file}: 8 controls for tone.toml; {told}\n"
    assert b"/gf/node/tone/freq/norm" in zlib.decompress((tmp_path / "a.tosc").read_bytes())
    assert json.loads((tmp_path / "a.maxpat").read_text())["patcher"]["boxes"]
    assert (tmp_path / "a.pd").read_text().startswith("#N canvas")


def test_host_and_ports_are_written_into_them(patch: str, tmp_path: Path):
    pd, maxpat = tmp_path / "a.pd", tmp_path / "a.maxpat"
    assert main(["pd", patch, "-o", str(pd), "--host", "192.168.1.20", "--port", "7700"]) == 0
    assert "connect 192.168.1.20 7700;" in pd.read_text()
    more = ["--host", "stage.local", "--port", "7700", "--reply-port", "7800", "--only", "macros"]
    assert main(["maxpat", patch, "-o", str(maxpat), *more]) == 0
    assert "udpsend stage.local 7700" in maxpat.read_text() and "udpreceive 7800" in maxpat.read_text()
    assert "/gf/node/" not in maxpat.read_text()


@pytest.mark.parametrize(
    "arguments, line",
    [
        (["pd", "PATCH", "-o", "a.txt"], "-o a.txt: expected a name that ends in .pd"),
        (["pd", "PATCH", "-o", "none/a.pd"], "-o none/a.pd: no such folder "),
        (["pd", "PATCH", "-o", "a.pd", "--port", "0"], "--port is '0'; expected a port, 1 to 65535"),
        (["pd", "PATCH", "-o", "a.pd", "--host", "a b"], "--host is 'a b'; expected an address or a name"),
        (["pd", "PATCH"], "-o/--output is missing"),
        (["touchosc", "nowhere", "-o", "a.tosc"], "nowhere: no such patch"),
        (["osc", "nowhere"], "nowhere: no such patch"),
    ],
)
def test_what_is_wrong_is_one_line(arguments: list[str], line: str, patch: str, capsys: pytest.CaptureFixture[str]):
    assert main([patch if word == "PATCH" else word for word in arguments]) == 2
    said = capsys.readouterr()
    assert said.out == "" and len(said.err.splitlines()) == 1 and line in said.err
