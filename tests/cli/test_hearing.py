"""OSC from the command line: options that do not go together, and a performance that is played from outside."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from graphflow.cli import main
from graphflow.control.osc.packet import message, written

PATCH = """
format = 1
wires = ["tone -> out", "hand.value -> tone.freq"]
[nodes.tone]
kind = "sine"
[nodes.hand]
kind = "osc_in"
low = 100
high = 1000
[nodes.out]
kind = "output"
"""


@pytest.fixture(autouse=True)
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("t.toml").write_text(PATCH)


@pytest.mark.parametrize(
    "options, line",
    [
        (["--listen", "0.0.0.0"], "--listen is about OSC; add --osc"),
        (["--allow", "10.0.0.7"], "--allow is about OSC; add --osc"),
        (["--osc", "--allow", "10.0.0.7"], "--allow: no other computer is listened to; add --listen ADDR, like --listen 0.0.0.0"),
        (["--osc", "--allow-files"], "--allow-files: no other computer is listened to; add --listen ADDR, like --listen 0.0.0.0"),
        (["--osc", "--listen", "0.0.0.0", "--allow", ","], "--allow is ','; expected hosts like 192.168.1.7,phone.local"),
        (["--osc", "--listen", "0.0.0.0", "--allow", "no such host"], "--allow no such host: no such host; expected addresses, names or networks like 192.168.1.0/24"),
        (["--osc", "--listen", "203.0.113.77"], "--listen 203.0.113.77: this computer has no such address (Cannot assign requested address); 0.0.0.0 takes all of them"),
    ],
)  # fmt: skip
def test_options_that_mean_nothing_are_refused_in_one_line(
    options: list[str], line: str, capsys: pytest.CaptureFixture[str]
):
    assert main(["play", "t.toml", "--device", "null", "--seconds", "1", "--no-attach", *options]) == 2
    assert capsys.readouterr().err == f"{line}\n"


def test_a_performance_is_asked_and_told_and_says_what_it_cannot_hear():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as desk:
        desk.bind(("127.0.0.1", 0))
        desk.settimeout(0.2)
        port = desk.getsockname()[1] + 1
        command = [sys.executable, "-m", "graphflow", "play", "t.toml", "--device", "null", "--no-attach"]
        played = subprocess.Popen([*command, "--osc", str(port)], stderr=subprocess.PIPE, text=True)
        try:
            answers: list[bytes] = []
            end = time.monotonic() + 60.0
            while not answers and time.monotonic() < end:
                desk.sendto(written("/gf/node/out/level", []), ("127.0.0.1", port))
                try:
                    answers.append(desk.recv(1000))
                except (TimeoutError, ConnectionError):
                    continue
            assert message(answers[0]).arguments in [(0.0,), (-6.0,)]
            desk.sendto(written("/fader1", [0.5]), ("127.0.0.1", port))
        finally:
            played.terminate()
            _, told = played.communicate(timeout=20.0)
    assert f"OSC on 127.0.0.1:{port}, like /gf/node/NAME/PARAM value\n" in told
    assert "\nOSC: " in told and " messages\n" in told
    assert "Traceback" not in told


def test_a_patch_that_hears_osc_says_that_it_does_not():
    done = subprocess.run(
        [sys.executable, "-m", "graphflow", "play", "t.toml", "--device", "null", "--seconds", "0.5", "--no-attach"],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert "hand: hears nothing without --osc\n" in done.stderr


def test_other_computers_are_not_spoken_of_where_none_can_come(capfd: pytest.CaptureFixture[str]):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = ["play", "t.toml", "--device", "null", "--seconds", "0.2", "--no-attach", "--osc", str(port)]
    assert main([*command, "--listen", "localhost"]) == 0
    told = capfd.readouterr().err
    assert f"OSC on localhost:{port}, like" in told and "other computers" not in told
