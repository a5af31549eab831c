"""A performance on the null clock, in real time."""

from __future__ import annotations

import gc
from pathlib import Path

import pytest
from kinds import LIBRARY

from graphflow.core.patch_text import read
from graphflow.session import Session
from graphflow.session.live import Live, fallback_file
from graphflow.session.output import Output

PATCH = """
format = 1
wires = ["a -> out"]
[nodes.a]
kind = "steady"
[nodes.out]
kind = "out"
"""


@pytest.fixture
def stage() -> tuple[Session, Output, list[str]]:
    lines: list[str] = []
    session = Session(LIBRARY, report=lines.append)
    return session, Output(session.engine, 128, lines.append), lines


def test_it_plays_as_long_as_asked_and_leaves_everything_as_it_was(stage: tuple[Session, Output, list[str]]):
    session, output, _ = stage
    live = Live(session, output)
    peaks: list[float] = []
    live.run(
        read(PATCH)[0],
        output.prepare("null", None),
        seconds=0.8,
        show=lambda live: peaks.append(max(live.session.statistics().engine.peak)),
    )
    output.close()
    assert session.engine.frame >= 0.8 * 48000
    assert session.engine.silent
    assert max(peaks) == pytest.approx(0.25)
    assert gc.isenabled()
    session.close()


def test_it_ends_when_asked(stage: tuple[Session, Output, list[str]]):
    session, output, _ = stage
    live = Live(session, output)
    live.run(
        read(PATCH)[0],
        output.prepare("null", None),
        show=lambda live: live.end() if live.session.engine.frame > 9600 and not live.ending else None,
    )
    output.close()
    assert session.engine.silent
    session.close()


def test_a_fault_of_ours_is_told_once_and_the_music_goes_on(
    stage: tuple[Session, Output, list[str]], monkeypatch: pytest.MonkeyPatch
):
    session, output, lines = stage
    live = Live(session, output)

    session.play(read(PATCH)[0])
    monkeypatch.setattr(session, "play", lambda *_, **__: None)

    async def supervise(now: float) -> None:
        raise ValueError("a driver's own")

    def start() -> None:
        output.prepare("null", None)()
        monkeypatch.setattr(session.engine, "poll", lambda: 1 // 0)
        monkeypatch.setattr(output, "supervise", supervise)

    live.run(read(PATCH)[0], start, seconds=0.4)
    output.close()
    faults = [line for line in lines if line.startswith("session: ")]
    assert len(faults) == 2
    assert "ZeroDivisionError" in faults[0]
    assert "a driver's own" in faults[1]
    assert session.engine.frame >= 0.4 * 48000
    session.close()


def test_the_file_that_stands_for_a_card_is_named_after_the_patch():
    assert fallback_file("01-first-light.toml") == Path("first-light.wav")
    assert fallback_file("night.toml") == Path("night.wav")
    assert fallback_file("99.toml") == Path("99.wav")
