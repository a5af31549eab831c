"""What happens to a performance from outside: sound cards that go and come back, processes that are killed."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.conftest import JackServer, wait_until

TONE = 'format = 1\nwires = ["tone -> out"]\n[nodes.tone]\nkind = "sine"\nfreq = 1000\n[nodes.out]\nkind = "output"\nlevel = -20.0\n'
BAND = TONE.replace('out"]', 'out", "band -> out"]') + '[nodes.band]\nkind = "first_light"\nstyle = "warm piano"\n'


class Playing:
    """`graphflow play` in a process of its own; what it says is kept with the time at which it was said."""

    def __init__(self, *arguments: str, cwd: Path, server: str = "nobody") -> None:
        environment = {**os.environ, "JACK_DEFAULT_SERVER": server, "JACK_NO_START_SERVER": "1"}
        command = [sys.executable, "-m", "graphflow", "play", *arguments]
        self.process = subprocess.Popen(command, cwd=cwd, env=environment, stderr=subprocess.PIPE, text=True)
        self.said: list[tuple[float, str]] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stderr is not None
        with self.process.stderr as lines:
            for line in lines:
                self.said.append((time.monotonic(), line.rstrip()))

    def wait_for(self, word: str, seconds: float = 30.0, after: float = 0.0) -> float:
        """When a line with the word was said."""

        def found() -> list[float]:
            return [at for at, line in list(self.said) if word in line and at > after]

        wait_until(lambda: bool(found()) or self.process.poll() is not None, seconds, repr(word))
        assert found(), self.text
        return found()[0]

    @property
    def text(self) -> str:
        return "\n".join(line for _, line in self.said)

    @property
    def workers(self) -> list[int]:
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(word) for word in children.split()]

    def end(self, how: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(how)
        return self.wait()

    def wait(self) -> int:
        code = self.process.wait(40.0)
        self._reader.join(5.0)
        return code


@pytest.fixture
def patch(tmp_path: Path) -> Path:
    (tmp_path / "tone.toml").write_text(TONE)
    (tmp_path / "band.toml").write_text(BAND)
    return tmp_path


@pytest.fixture
def server(jack_session: JackServer) -> Iterator[JackServer]:
    """An audio server of this test's own, which may be killed."""
    own = JackServer(f"{jack_session.name}-cli")
    yield own
    own.stop()


SLEEPER = '''
import time

from graphflow import ControlNode, Outlet, Signal


class Sleeper(ControlNode):
    """Holds everybody up."""

    level = Outlet(Signal, "Nothing.")

    async def run(self):
        while True:
            time.sleep(1000.0)
'''


@pytest.mark.slow
def test_one_signal_is_enough_while_a_node_holds_everything_up(patch: Path):
    (patch / "own").mkdir()
    (patch / "own" / "sleeper.py").write_text(SLEEPER)
    wired = TONE.replace('out"]', 'out", "s -> tone.freq"]') + '[nodes.s]\nkind = "sleeper"\n'
    (patch / "held.toml").write_text(wired)
    playing = Playing("held.toml", "--nodes", "own", "--device", "null", cwd=patch)
    playing.wait_for("load")
    assert playing.end() == 0
    assert "nodes.s: own/sleeper.py:14 kept everything waiting; use await self.blocking(...) there" in playing.text


@pytest.mark.slow
def test_one_signal_is_enough_where_a_node_holds_up_the_fade(patch: Path):
    (patch / "own").mkdir()
    waits = "        await asyncio.sleep(0.5)\n        Path('plays').touch()\n"
    waits += "        while not Path('now').exists():\n            await asyncio.sleep(0.01)\n"
    waits += "        await asyncio.sleep(0.05)\n"
    sleeper = SLEEPER.replace("        while True", f"{waits}        while True")
    sleeper = sleeper.replace("import time\n", "import asyncio\nimport time\nfrom pathlib import Path\n")
    (patch / "own" / "sleeper.py").write_text(sleeper)
    wired = TONE.replace('out"]', 'out", "s -> tone.freq"]') + '[nodes.s]\nkind = "sleeper"\n'
    (patch / "held.toml").write_text(wired)
    playing = Playing("held.toml", "--nodes", "own", "--device", "null", cwd=patch)
    wait_until((patch / "plays").exists, 30.0, "half a second of music")
    (patch / "now").touch()
    assert playing.end() == 0
    assert "nodes.s: own/sleeper.py:21 kept everything waiting" in playing.text


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_it_compiles(patch: Path, how: signal.Signals, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("GRAPHFLOW_CACHE", str(patch / "cache"))
    playing = Playing("tone.toml", "--device", "null", cwd=patch)
    playing.wait_for("tone: unheard")
    assert playing.end(how) == 0
    assert "Traceback" not in playing.text


@pytest.mark.slow
@pytest.mark.audio
def test_a_card_at_another_rate_says_what_to_type(patch: Path, server: JackServer):
    server.start(44_100)
    refused = Playing("tone.toml", "--seconds", "1", cwd=patch, server=server.name)
    assert refused.wait() == 2
    assert refused.said[-1][1] == (
        "device 'system' runs at 44100 Hz, patch wants 48000 Hz; play with --rate 44100, or set rate = 44100 in [engine]"
    )
    obeyed = Playing("tone.toml", "--seconds", "1", "--rate", "44100", cwd=patch, server=server.name)
    assert obeyed.wait() == 0, obeyed.text


@pytest.mark.audio
def test_two_play_at_once(patch: Path, server: JackServer):
    server.start()
    both = [Playing("tone.toml", cwd=patch, server=server.name) for _ in range(2)]
    for playing in both:
        playing.wait_for("load")
    assert [playing.end() for playing in both] == [0, 0]
    assert all("played" in playing.text for playing in both)


@pytest.mark.slow
@pytest.mark.audio
def test_a_lost_card_comes_back(patch: Path, server: JackServer):
    server.start()
    playing = Playing("tone.toml", cwd=patch, server=server.name)
    playing.wait_for("load")
    server.stop(kill=True)
    lost = playing.wait_for("device 'system' has gone; playing on without sound, looking for it again")
    playing.wait_for("no sound card", after=lost)  # in the status line
    server.start()
    back = playing.wait_for("device 'system' is back")
    playing.wait_for("-20.0 dB", after=back)
    assert playing.end() == 0, playing.text
    frames = float(playing.text.rpartition("played ")[2].split(" s")[0])
    assert frames > back - lost, "the graph went on meanwhile"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_a_killed_worker_is_back_within_5_s_and_the_rest_plays_on(patch: Path):
    playing = Playing("band.toml", "--device", "x.wav", "--set", "tone.freq=7000", cwd=patch)
    playing.wait_for("band: ready", 60.0)
    ready = playing.wait_for("RTF")
    (worker,) = playing.workers
    wait_until(lambda: time.monotonic() > ready + 3.0, 10.0, "a snapshot")
    os.kill(worker, signal.SIGKILL)
    died = playing.wait_for("band: its worker was killed by SIGKILL; starting it again")
    back = playing.wait_for("band: plays again after")
    assert back - died < 5.0
    wait_until(lambda: time.monotonic() > back + 2.0, 10.0, "some music")
    assert playing.end() == 0
    sound, rate = soundfile.read(patch / "x.wav")
    mono = sound.mean(1)[rate : -rate // 2]
    tenths = mono[: len(mono) // 4800 * 4800].reshape(-1, 4800) * np.hanning(4800)
    spectra = np.abs(np.fft.rfft(tenths, axis=1))
    tone = spectra[:, 699:702].max(1)
    assert tone.min() > 0.8 * np.median(tone), "the tone never stops"
    band = 20.0 * np.log10(spectra[:, 5:400].max(1))
    assert band.min() < np.median(band) - 20.0, "the band was away"
    assert band[-10:].max() > np.median(band) - 10.0, "and is back"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="needs pidfd_open and /proc")
def test_nothing_is_left_of_a_killed_performance(patch: Path):
    memory = set(Path("/dev/shm").iterdir())
    playing = Playing("band.toml", "--device", "null", cwd=patch)
    playing.wait_for("band: ready", 60.0)
    descriptors = [os.pidfd_open(pid) for pid in playing.workers]
    assert len(descriptors) == 1
    assert playing.end(signal.SIGKILL) == -signal.SIGKILL
    assert select.select(descriptors, [], [], 5.0)[0] == descriptors
    assert {entry for entry in Path("/dev/shm").iterdir() if "jack" not in entry.name} <= memory
    for descriptor in descriptors:
        os.close(descriptor)
