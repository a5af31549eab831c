"""Files that are saved in every way there is, on a real file system."""

from __future__ import annotations

import queue
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from graphflow.session import watch as watching
from graphflow.session.watch import Watch
from tests.conftest import wait_until


class Watcher:
    """A watch of a folder with night.toml and nodes/ in it."""

    def __init__(self, folder: Path) -> None:
        self.file, self.nodes = folder / "night.toml", folder / "nodes"
        self.heard: queue.SimpleQueue[set[Path]] = queue.SimpleQueue()
        self.watch = Watch(lambda: [self.file], lambda: [self.nodes], self.heard.put)

    def start(self) -> None:
        self.watch.start()
        wait_until(lambda: bool(self.watch._places), 5.0, "the first look")
        # the system's watches are set after the first look; what happens before them is seen at the second
        self.file.write_text("begun")
        while True:  # until nothing more is heard
            try:
                self.heard.get(timeout=0.4)
            except queue.Empty:
                return

    def until(self, *paths: Path) -> float:
        """Seconds until all of these have been heard of."""
        begun, left = time.monotonic(), set(paths)
        while left:
            left -= self.heard.get(timeout=5.0)
        return time.monotonic() - begun


@pytest.fixture
def watcher(tmp_path: Path) -> Iterator[Watcher]:
    made = Watcher(tmp_path)
    made.file.write_text("1")
    yield made
    made.watch.stop()


def replaced(file: Path, text: str) -> None:
    """As most editors save."""
    part = file.with_suffix(".part")
    part.write_text(text)
    part.replace(file)


@pytest.mark.parametrize("native", [True, False])
def test_every_way_to_save_is_heard_in_time(watcher: Watcher, monkeypatch: pytest.MonkeyPatch, native: bool):
    if not native:  # as where the system has no watches left
        monkeypatch.setattr(watching, "watch", lambda *places, **how: no_watches())
    node, deeper = watcher.nodes / "wobble.py", watcher.nodes / "drones" / "deep.py"
    deeper.parent.mkdir(parents=True)
    node.write_text("1")
    watcher.start()
    assert watcher.watch.polls == (not native)
    times = []
    for number in range(3):
        watcher.file.write_text(f"in place {number}")
        times.append(watcher.until(watcher.file))
        replaced(watcher.file, f"replaced {number}")
        times.append(watcher.until(watcher.file))
        node.write_text(f"node {number}")
        times.append(watcher.until(node))
        replaced(deeper, f"deeper {number}")
        times.append(watcher.until(deeper))
    node.unlink()
    times.append(watcher.until(node))
    assert sorted(times)[len(times) // 2] < 0.1


def no_watches() -> Iterator[set[tuple[int, str]]]:
    raise OSError("OS file watch limit reached")


def test_a_folder_that_is_made_later_is_followed(watcher: Watcher):
    watcher.start()
    watcher.nodes.mkdir()
    node = watcher.nodes / "wobble.py"
    node.write_text("1")
    watcher.until(node)
    node.write_text("2, longer")
    watcher.until(node)


def test_a_folder_that_vanishes_and_comes_back_is_followed_again(watcher: Watcher):
    watcher.nodes.mkdir()
    node = watcher.nodes / "wobble.py"
    node.write_text("1")
    watcher.start()
    shutil.rmtree(watcher.nodes)
    watcher.until(node)
    watcher.nodes.mkdir()
    node.write_text("2")
    watcher.until(node)
    node.write_text("3, longer")
    watcher.until(node)


def test_what_is_none_of_its_business_is_not_told(watcher: Watcher):
    watcher.nodes.mkdir()
    watcher.start()
    (watcher.file.parent / "take.wav").write_text("sound")
    (watcher.nodes / "notes.txt").write_text("text")
    (watcher.nodes / "__pycache__").mkdir()
    (watcher.nodes / "__pycache__" / "x.py").write_text("1")
    node = watcher.nodes / "wobble.py"
    node.write_text("1")
    assert watcher.heard.get(timeout=5.0) == {node}


def test_it_ends_at_once(watcher: Watcher):
    watcher.start()
    begun = time.monotonic()
    watcher.watch.stop()
    assert time.monotonic() - begun < 1.0
    assert not watcher.watch._thread.is_alive()


def test_what_cannot_be_looked_at_for_a_while_is_waited_for_without_haste(tmp_path: Path) -> None:
    looks = 0

    def files() -> list[Path]:
        nonlocal looks
        looks += 1
        if looks > 1:  # as where the folder that it was started in is gone
            raise FileNotFoundError("no such folder")
        return [tmp_path / "night.toml"]

    watch = Watch(files, list, lambda paths: None)
    watch.start()
    wait_until(lambda: looks > 4, 10.0, "the fifth look")
    begun, before = time.monotonic(), looks
    wait_until(lambda: time.monotonic() - begun > 0.5, 2.0, "half a second")
    watch.stop()
    assert looks - before <= 11  # one in 50 ms at most
