"""magenta as a node: a tiny model in a real worker process, played by a session."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from graphflow.cli import main
from graphflow.core.library import Library
from graphflow.core.patch_text import read
from graphflow.models.magenta import controls, settings, wish
from graphflow.session import Session
from graphflow.session.offline import render
from graphflow.worker.workers import Workers
from tests.models.magenta.tiny_build import write_saved
from tests.worker.conftest import Player

PATCH = """
format = 1
wires = ["harmony -> one", "harmony -> two", "one -> out", "two -> out"]
[nodes.harmony]
kind = "chord"
[nodes.one]
kind = "magenta"
model = "tiny"
device = "cpu"
prompt1 = "musiccoca:1,2,3,4,5,6,7,8,9,10,11,12"
[nodes.two]
kind = "magenta"
model = "tiny"
device = "cpu"
prompt1 = "musiccoca:1,2,3,4,5,6,7,8,9,10,11,12"
[nodes.out]
kind = "output"
"""


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that a patch lies in, with a model in it."""
    folder = tmp_path_factory.mktemp("patch")
    write_saved(folder / "tiny")
    return folder


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where others compute too, torch's threads wait for each other most of the time."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


class Render:
    """A session in lockstep; what every generator made, and what was said."""

    def __init__(self, text: str, folder: Path) -> None:
        self.said: list[str] = []
        self.session = Session(Library.builtin(), folder=folder, report=self.said.append, lockstep=True)
        patch, problems = read(text)
        assert problems == []
        self.session.play(patch, quant="now")

    def hear(self, frames: int) -> np.ndarray:
        """[frames, 2]."""
        return np.concatenate(list(render(self.session, frames)))

    def made(self, name: str, frames: int) -> np.ndarray:
        """The first frames of one generator, [2, frames]."""
        return self.session._parts.generators[name].ring.frames(0, frames)


def test_two_nodes_of_a_model_share_a_worker_and_play_as_if_alone(tiny: Path) -> None:
    played = Render(PATCH, tiny)
    sound = played.hear(3 * 1920)
    assert np.isfinite(sound).all()
    assert np.abs(sound).max() > 0.01
    one, other = played.made("one", 3 * 1920), played.made("two", 3 * 1920)
    np.testing.assert_array_equal(one, other)
    (worker,) = played.session._parts.workers.statistics()
    assert worker.nodes == ("one", "two")
    played.session.set("one", "seed", 5.0)
    played.session.set("harmony", "text", "D3 F3")
    for change in range(6):
        played.session.set("two", "temperature", 1.0 + change / 50)
        played.hear(960)
    one, other = played.made("one", 6 * 1920), played.made("two", 6 * 1920)
    assert np.abs(one[:, 5 * 1920 :] - other[:, 5 * 1920 :]).max() > 0.01
    played.session.close()
    assert [line for line in played.said if line.startswith(("one: ", "two: ")) and "ready after" not in line] == []


@pytest.mark.slow
def test_two_renders_are_the_same_to_the_sample(tiny: Path) -> None:
    takes = []
    for _ in range(2):
        played = Render(PATCH.replace('"one -> out"', '"one -> two.input", "one -> out"'), tiny)
        parts = [played.hear(20_000)]
        played.session.set("two", "continue_from", 1.0)
        played.session.set("one", "reset", 1.0)
        parts.append(played.hear(10_000))
        takes.append(np.concatenate(parts))
        played.session.close()
    np.testing.assert_array_equal(*takes)


@pytest.fixture
def workers() -> Iterator[Workers]:
    workers = Workers()
    yield workers
    workers.close()


def open_live(workers: Workers, tiny: Path, count: int) -> Player:
    chosen = {"model": str(tiny / "tiny"), "device": "cpu"}
    links = [workers.open(f"band{n}", "magenta", chosen, rate=48_000, channels=2, start_frame=0) for n in range(count)]
    for number, link in enumerate(links):
        link.publish({"params": {"seed": number}}, 0)
    player = Player(workers, *links)
    player.until(lambda: all(link.ready for link in links), 60.0)
    return player


@pytest.mark.slow
def test_a_worker_that_is_killed_goes_on_from_its_last_snapshot(workers: Workers, tiny: Path) -> None:
    player = open_live(workers, tiny, 1)
    player.until(lambda: player.of("snapshot"), 60.0)
    player.seconds(0.5)
    (worker,) = workers.statistics()
    os.kill(worker.pid, signal.SIGKILL)
    player.until(lambda: player.of("restarted"), 60.0)
    assert [str(event) for event in player.of("died")] == [
        "nodes.band0: its worker was killed by SIGKILL; starting it again"
    ]
    assert " s before" in player.of("restarted")[0].text
    begin = player.frame
    player.until(lambda: np.abs(player.sound()[:, begin:]).max(initial=0.0) > 0.001, 30.0)


@pytest.mark.slow
def test_live_two_nodes_are_one_batch(workers: Workers, tiny: Path) -> None:
    player = open_live(workers, tiny, 2)

    def batched() -> bool:
        return all(float(link.figures.get("batch", 1.0)) > 1.0 for link in workers._links)

    player.until(batched, 60.0)
    player.until(lambda: np.abs(player.sound(0) - player.sound(1)).max() > 0.001, 30.0)


@pytest.mark.slow
@pytest.mark.parametrize("command", ["render 08-magenta -o OUT", "play 08-magenta --device OUT"])
def test_without_weights_a_line_says_so_and_the_rest_sounds(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("GRAPHFLOW_HOME", "XDG_DATA_HOME", "MAGENTA_HOME"):
        monkeypatch.setenv(name, str(tmp_path))
    out = tmp_path / "out.wav"
    assert main([*command.replace("OUT", str(out)).split(), "--seconds", "2"]) == 0
    said = [line for line in capsys.readouterr().err.splitlines() if line.startswith("band: ")]
    assert len(said) == 1
    assert said[0].startswith("band: mrt2-small: no checkpoints/mrt2_small.safetensors in ")
    assert said[0].endswith("; graphflow models download mrt2-small")
    sound, _ = soundfile.read(out)
    assert 0.01 < np.abs(sound).max() < 0.2


def test_the_node_and_the_model_mean_the_same() -> None:
    spec = Library.builtin()["magenta"].spec
    asked = controls.Controls()
    for name in ("temperature", "top_k", "guidance_style", "guidance_notes", "guidance_drums", "unmask", "seed"):
        assert spec.params[name].default == getattr(asked, name), name
    for name, words in (("drums", tuple(controls.DRUMS)), ("onsets", ("free", "exact"))):
        assert (spec.params[name].default, spec.params[name].choices) == (getattr(asked, name), words)
    own = settings.Settings()
    assert {name: declared.default for name, declared in spec.settings.items()} == {
        name: getattr(own, name) for name in spec.settings
    }
    assert set(own.__dataclass_fields__) - set(spec.settings) == {"lockstep", "folder", "repeats"}
    every = {name: declared.default for name, declared in spec.params.items()}
    assert wish.read({"params": every}) == wish.read({})
    assert sum(name.startswith("prompt") for name in every) == wish.PROMPTS


def test_both_ends_of_every_range_are_understood() -> None:
    spec = Library.builtin()["magenta"].spec
    for end in ("min", "max"):
        values = {name: getattr(declared, end) for name, declared in spec.numeric.items()}
        read_values = wish.read({"params": values})
        assert read_values.ignored == 0
        for name, value in read_values.controls.items():
            if name in values:
                assert value == values[name], name
            controls.Controls(**{name: value}).check()
