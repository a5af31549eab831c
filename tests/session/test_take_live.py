"""Takes of performances in real time: nothing of them is on a manual clock, and their replay is the same to the bit."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from performer import LIBRARY, PATCH, Performer, Sound, played_again, same
from take_fakes import Wanderer

from graphflow.core.errors import UserError
from graphflow.core.patch_text import read
from graphflow.session import Session, take
from graphflow.session.live import Live
from graphflow.session.output import Output
from graphflow.session.take_writer import record
from tests.conftest import JackServer, wait_until

HERE = Path(__file__).parent
BAND = """
[nodes.band]
kind = "wanderer"
how = "HOW"
[nodes.w]
kind = "words"
[nodes.slow]
kind = "lfo"
low = 0.05
high = 0.4
rate = 0.5
"""
BAND_WIRES = '"w -> band.style", "slow -> band.value", "band -> hall", "hiss -> bend'
FIRST_LIGHT = (
    PATCH.replace('"hiss -> bend', '"w -> band.style", "band -> hall", "hiss -> bend')
    + '[nodes.band]\nkind = "first_light"\n[nodes.w]\nkind = "words"\ntext = "dusty lo-fi drums, warm piano"\n'
)


@pytest.fixture(autouse=True)
def _fakes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(HERE))


def with_band(how: str) -> str:
    wires = ('"tick -> band", ' if how == "hears" else "") + BAND_WIRES
    return PATCH.replace('"hiss -> bend', wires) + BAND.replace("HOW", how)


def performed(
    folder: Path,
    text: str,
    seconds: float,
    *,
    device: str = "null",
    seed: int = 1,
    every: float = 0.1,
    disturb: Callable[[Session, float], None] = lambda session, now: None,
) -> list[str]:
    """Somebody plays for a while; what was said meanwhile."""
    lines: list[str] = []
    session = Session(LIBRARY, report=lines.append, seed=4)
    record(session, folder, text)
    output = Output(session.engine, 128, lines.append)
    somebody, dice = Performer(session, seed), random.Random(seed)
    due = [0.3]

    def show(live: Live) -> None:
        now = session.engine.frame / session.rate
        if live.begun and now > due[0]:
            due[0] = now + dice.random() * every
            somebody.act()
            if "w" in session.graph.nodes:
                session.set("w", "text", dice.choice(("warm piano", "hard techno", "dust", "strings")))
            disturb(session, now)

    try:
        Live(session, output).run(read(text)[0], output.prepare(device, None), seconds=seconds, show=show)
    finally:
        output.close()
        session.close()
    return lines


def own_sound(folder: Path) -> Sound:
    return np.ascontiguousarray(soundfile.read(folder / take.AUDIO, dtype="float32", always_2d=True)[0])


def check(folder: Path, seconds: float) -> None:
    """The same; on a machine that is too busy a chunk made again may have come too late, and then that is told."""
    said: list[str] = []
    own, again = own_sound(folder), played_again(folder, report=said.append)
    assert [line for line in said if "came too late" not in line] == []
    if not said:
        assert same(again, own) == ""
    assert len(own) >= seconds * 48_000
    assert np.abs(own).mean() > 1e-3


def test_on_the_null_clock(tmp_path: Path):
    performed(tmp_path / "take", PATCH, 1.5, every=0.03)
    check(tmp_path / "take", 1.5)


def test_on_a_sound_card(tmp_path: Path, jack: JackServer):
    performed(tmp_path / "take", PATCH, 1.5, device="system", every=0.03)
    check(tmp_path / "take", 1.5)


@pytest.mark.slow
def test_ten_seconds_on_a_sound_card(tmp_path: Path, jack: JackServer):
    performed(tmp_path / "take", with_band("just_in_time"), 10.0, device="system", every=0.02)
    check(tmp_path / "take", 10.0)


@pytest.mark.parametrize("how", [pytest.param("plain", marks=pytest.mark.slow), "hears", "just_in_time"])
def test_generators_are_told_the_same_in_the_same_chunks(tmp_path: Path, how: str):
    performed(tmp_path / "take", with_band(how), 1.2)
    check(tmp_path / "take", 1.2)
    told = [event for event in take.read_events(tmp_path / "take") if event.get("do") == "echo"]
    assert len(told) > 10
    assert any(event["again"] for event in told) == (how == "just_in_time")


@pytest.mark.slow
def test_a_generator_that_resamples(tmp_path: Path):
    performed(tmp_path / "take", with_band("slow_rate"), 3.0)
    check(tmp_path / "take", 3.0)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="a worker is held up by SIGSTOP; POSIX only")
def test_a_generator_that_was_too_late_is_as_late_again(tmp_path: Path):
    held: list[int] = []

    def disturb(session: Session, now: float) -> None:
        if now > 0.6 and not held:
            held.append(session._parts.workers.statistics()[0].pid)
            os.kill(held[0], signal.SIGSTOP)
        if now > 1.4 and held[-1] > 0:
            os.kill(held[0], signal.SIGCONT)
            held.append(0)

    performed(tmp_path / "take", with_band("plain"), 2.0, disturb=disturb)
    seen = [event for event in take.read_events(tmp_path / "take") if next(iter(event)) == "ring"]
    assert any(event["epoch"] and event["written"] is not None for event in seen)
    check(tmp_path / "take", 2.0)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX only")
def test_a_worker_that_dies_goes_on_from_the_same_snapshot(tmp_path: Path):
    """A slow one: it has told all that it did before it is killed, so that nothing is lost."""
    killed: list[int] = []

    def disturb(session: Session, now: float) -> None:
        if now > 7.0 and not killed:
            killed.append(session._parts.workers.statistics()[0].pid)
            os.kill(killed[0], signal.SIGKILL)

    text = with_band("plain").replace('"slow -> band.value", ', "")
    lines = performed(tmp_path / "take", text, 9.0, disturb=disturb)
    assert any("plays again after" in line for line in lines)
    begun = [event for event in take.read_events(tmp_path / "take") if event.get("do") == "begun"]
    assert [event["restored"] > 0 for event in begun] == [False, True]
    said: list[str] = []
    again = played_again(tmp_path / "take", report=said.append)
    if not said:
        assert same(again, own_sound(tmp_path / "take")) == ""


@pytest.mark.slow
def test_first_light(tmp_path: Path):
    performed(tmp_path / "take", FIRST_LIGHT, 8.0, every=0.3)
    check(tmp_path / "take", 8.0)


def test_a_model_that_is_not_here_is_told_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    performed(tmp_path / "take", with_band("plain"), 0.5)
    monkeypatch.setattr(Wanderer, "generator", "no_such_model")
    with pytest.raises(UserError, match=r"^nodes\.band: model no_such_model is unknown"):
        played_again(tmp_path / "take")


PERFORMANCE = """
import sys
from pathlib import Path
from test_take_live import performed, with_band
performed(Path(sys.argv[1]), with_band("plain"), 60.0)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="POSIX only")
def test_what_kill_9_leaves_is_a_take(tmp_path: Path):
    path = os.pathsep.join([str(HERE), str(HERE.parents[1])])
    env = {**os.environ, "PYTHONPATH": path}
    process = subprocess.Popen([sys.executable, "-c", PERFORMANCE, str(tmp_path / "take")], env=env)
    audio = tmp_path / "take" / take.AUDIO
    try:
        wait_until(lambda: audio.is_file() and audio.stat().st_size > 48_000 * 8, 60.0, "a second of a take")
    finally:
        process.kill()
        process.wait()
    check(tmp_path / "take", 1.0)


MAGENTA = """
format = 1
wires = ["w -> band.style", "slow -> band.temperature", "band -> out"]
[nodes.band]
kind = "magenta"
model = "tiny"
device = "cpu"
[nodes.w]
kind = "words"
[nodes.slow]
kind = "lfo"
low = 0.9
high = 1.2
rate = 0.3
[nodes.out]
kind = "output"
level = -20.0
"""


@pytest.mark.slow
def test_magenta_on_a_cpu(tmp_path: Path):
    """Chunks made again, and styles that were ready when they were; its weights are invented."""
    from tests.models.magenta.tiny_build import encoder_tensors, write_saved

    write_saved(tmp_path / "tiny", encoder=encoder_tensors())
    dice = random.Random(1)
    due = [0.2]
    session = Session(LIBRARY, folder=tmp_path)
    record(session, tmp_path / "take", MAGENTA)
    output = Output(session.engine, 128, session.report)

    def show(live: Live) -> None:
        now = session.engine.frame / session.rate
        if live.begun and now > due[0]:
            due[0] = now + dice.random() * 0.4
            session.set("w", "text", "musiccoca:" + ",".join(str(dice.randrange(1024)) for _ in range(12)))

    try:
        Live(session, output).run(read(MAGENTA)[0], output.prepare("null", None), seconds=5.0, show=show)
    finally:
        output.close()
        session.close()
    said: list[str] = []
    own, again = own_sound(tmp_path / "take"), played_again(tmp_path / "take", report=said.append)
    assert [line for line in said if "came too late" not in line] == []
    assert said or same(again, own) == ""
    assert len([event for event in take.read_events(tmp_path / "take") if event.get("do") == "told"]) > 5
