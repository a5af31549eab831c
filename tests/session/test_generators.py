"""Generators in a session: a real worker process in lockstep."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from kinds import opened, rendered

from tests.conftest import wait_until

PATCH = """
format = 1
wires = ["w -> band", "band -> out"]
[nodes.w]
kind = "words"
[nodes.band]
kind = "band"
value = 0.25
[nodes.out]
kind = "out"
"""


@pytest.fixture(autouse=True)
def _fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))


def test_the_generators_sound_comes_from_its_first_frame():
    session = opened(PATCH)
    sound = rendered(session, 4096)
    faded = 64
    assert np.array_equal(sound[faded:, 0], (np.arange(4096) * 2.0**-20).astype(np.float32)[faded:])
    session.close()


def test_params_prompts_and_transport_reach_it():
    session = opened(PATCH)
    rendered(session, 2048)
    session.set("band", "value", 0.5)
    session.set("w", "text", "choir")
    sound = rendered(session, 8192)
    assert np.all(sound[-2048:, 1] == -0.5)  # the words make it negative
    assert session.get("w", "text") == "choir"
    session.close()


def test_a_signal_drives_a_generators_param():
    text = (
        PATCH.replace('"band -> out"]', '"band -> out", "s -> band.value"]')
        + '[nodes.s]\nkind = "steady"\nvalue = 0.75\n'
    )
    session = opened(text)
    assert np.all(rendered(session, 8192)[-2048:, 1] == 0.75)
    session.close()


def test_two_renders_are_the_same():
    takes = []
    for _ in range(2):
        session = opened(PATCH)
        parts = [rendered(session, 3000)]
        session.set("band", "value", -0.5)
        parts.append(rendered(session, 5000))
        takes.append(np.concatenate(parts))
        session.close()
    assert np.array_equal(*takes)


def test_a_state_too_large_to_send_is_told_once_and_the_rest_goes_on():
    lines: list[str] = []
    session = opened(PATCH, lines)
    session.set("w", "text", "x" * 300_000)
    rendered(session, 4096)
    session.set("w", "text", "choir")
    session.set("band", "value", 0.5)
    assert rendered(session, 8192)[-1, 1] == -0.5
    assert len([line for line in lines if "its state is 300" in line]) == 1
    session.close()


def test_a_generator_that_makes_no_numbers_is_named():
    lines: list[str] = []
    session = opened(PATCH.replace("value = 0.25", "value = 1.0").replace('"w -> band", ', ""), lines)
    rendered(session, 2048)
    session._parts.generators["band"].ring.data[:] = np.nan

    def said() -> bool:
        rendered(session, 512)
        return any("nodes.band: its model made a non-finite sample" in line for line in lines)

    wait_until(said, 10.0, "a line about the generator")
    session.close()
    assert sum(line.startswith("nodes.band: ") for line in lines) == 1
