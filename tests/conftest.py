"""A real audio server for tests that ask for `jack`: jackd with its dummy driver, 48000 Hz, blocks of 128 frames."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

# before anybody imports torch, here and in the processes that tests start: its threads wait in loops, and with more of
# them than cores they wait for each other
os.environ.setdefault("OMP_NUM_THREADS", "1")

from graphflow.audio import compile as compiler
from graphflow.audio.compile import compiled_forms, prepare
from graphflow.audio.portaudio import NoPortAudio, PortAudio
from graphflow.core.library import Library
from graphflow.core.node import AudioNode


@pytest.fixture(scope="session", autouse=True)
def _compiled() -> None:
    """The engine and graphflow's own kinds are compiled first, so that no test hears, or waits, that it is being done."""
    prepare(lambda line: None)
    specs = list(Library.builtin().specs.values())
    if os.environ.get("PYTEST_XDIST_WORKER") == "gw1":  # from the other end: each finds there what the other has made
        specs.reverse()
    for spec in specs:
        if issubclass(spec.cls, AudioNode) and spec.cls.native:
            compiled_forms(spec, foreign=False)
    compiler._made.clear()  # from here on they come from the disk, as at every later start


def unless_compiling(lines: list[str]) -> Callable[[str], None]:
    """A report that leaves out what is said once, where the kernel cache is cold."""
    return lambda line: None if line.startswith(("compiled ", "compiling ")) else lines.append(line)


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> float:
    """Seconds until the condition held. Fails when the deadline passes first."""
    start = time.monotonic()
    pause = threading.Event()
    while not condition():
        assert time.monotonic() - start < seconds, f"{what} did not happen within {seconds} s"
        pause.wait(0.01)
    return time.monotonic() - start


@pytest.fixture
def socket_folder() -> Iterator[Path]:
    """A folder for sockets, whose paths must be short: under macOS 104 bytes, and a parallel run's folders are deep."""
    with tempfile.TemporaryDirectory(prefix="gf", dir=tempfile.gettempdir(), ignore_cleanup_errors=True) as folder:
        yield Path(folder)


class JackServer:
    """jackd without real-time priority, under a name of its own."""

    rate = 48000
    block = 128

    def __init__(self, name: str) -> None:
        self.name = name
        self.socket = Path("/dev/shm") / f"jack_{name}_{os.getuid()}_0"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, rate: int = rate) -> None:
        driver = ["-d", "dummy", "-r", str(rate), "-p", str(self.block)]
        silent = subprocess.DEVNULL
        self.process = subprocess.Popen(["jackd", "-n", self.name, "-r", *driver], stdout=silent, stderr=silent)
        wait_until(self.is_ready, 10.0, "jackd's start")

    def is_ready(self) -> bool:
        """Whether it answers a client; that its socket is there is too early."""
        if not self.socket.exists():
            return False
        ports = subprocess.run(["jack_lsp", "-s", self.name], capture_output=True, timeout=10.0, check=False)
        return b"system:playback_2" in ports.stdout

    def stop(self, *, kill: bool = False) -> None:
        """Away; `kill`: without a word to its clients, as in a crash."""
        if self.process is None:
            return
        if kill:
            self.process.kill()
        else:
            self.process.terminate()
        self.process.wait(10.0)
        self.process = None
        for left in Path("/dev/shm").glob(f"jack*_{self.name}_*"):
            left.unlink(missing_ok=True)


@pytest.fixture(scope="session")
def jack_session() -> Iterator[JackServer]:
    tools = all(map(shutil.which, ("jackd", "jack_lsp")))
    missing = "" if tools else "jackd is missing: apt install jackd2"
    if not missing:
        try:
            PortAudio().close()
        except NoPortAudio as reason:
            missing = str(reason)
    if missing:
        if os.environ.get("GRAPHFLOW_REQUIRE_AUDIO"):
            pytest.fail(missing)
        pytest.skip(missing)
    os.environ["JACK_NO_START_SERVER"] = "1"
    os.environ["JACK_DEFAULT_SERVER"] = name = f"graphflow-{os.getpid()}"
    server = JackServer(name)
    yield server
    PortAudio().close()  # before the server goes, and whoever left it open
    server.stop()


@pytest.fixture
def jack(jack_session: JackServer) -> JackServer:
    """The server, running; PortAudio sees its device `system` (2 in, 2 out) from the next `Devices()` on."""
    if jack_session.process is None:
        jack_session.start()
    return jack_session
