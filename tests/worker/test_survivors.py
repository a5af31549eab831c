"""Nothing outlives the session, however it ends."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from graphflow.worker.workers import Workers

linux = pytest.mark.skipif(sys.platform != "linux", reason="needs pidfd_open and /proc")

MAIN = """
import sys
sys.path.insert(0, {folder!r})
from graphflow.worker.workers import Workers
workers = Workers()
for device in {devices!r}.split():
    workers.open(device, "fake_generators", dict(device=device, **{settings!r}), rate=48000, channels=2, start_frame=0)
say, frame = {say!r}, 0  # a frame per look: sound falls due
while say and not any(event.text == say for event in workers.poll(frame)):
    frame += 1
print(*[statistics.pid for statistics in workers.statistics()], flush=True)
{end}
"""


def start_main(end: str, devices: str = "cpu", say: str = "", **settings: object) -> subprocess.Popen[str]:
    folder = str(Path(__file__).parent)
    text = MAIN.format(folder=folder, devices=devices, settings=settings, say=say, end=end)
    return subprocess.Popen([sys.executable, "-c", text], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def worker_pids(main: subprocess.Popen[str]) -> list[int]:
    assert main.stdout is not None
    return [int(word) for word in main.stdout.readline().split()]


def named_memory() -> set[str]:
    """Shared memory that has a name, but for an audio server's."""
    return {entry.name for entry in Path("/dev/shm").iterdir() if "jack" not in entry.name}


def ended_within(seconds: float, descriptors: list[int]) -> bool:
    """Whether all these processes end in time; a pidfd is readable once its process has."""
    return all(select.select([descriptor], [], [], seconds)[0] for descriptor in descriptors)


@linux
@pytest.mark.parametrize(
    "settings, say",
    [
        ({}, ""),  # at once: the worker is still starting
        ({"is": "slow", "seconds": 1000}, ""),
        ({"is": "greedy"}, "holding"),  # in a step that holds the GIL
    ],
)
def test_a_killed_session_takes_its_workers_with_it(settings: dict[str, object], say: str) -> None:
    memory = named_memory()
    main = start_main("input()", "cpu other", say, **settings)
    descriptors = [os.pidfd_open(pid) for pid in worker_pids(main)]
    assert len(descriptors) == 2
    assert not select.select(descriptors, [], [], 0.0)[0]
    main.kill()
    assert main.wait() == -signal.SIGKILL
    assert ended_within(2.0, descriptors)
    assert named_memory() <= memory
    for descriptor in descriptors:
        os.close(descriptor)
    assert main.stdout is not None
    main.stdout.close()


@linux
def test_a_session_that_forgets_to_close_leaves_nothing_either() -> None:
    main = start_main("input()")
    (pid,) = worker_pids(main)
    descriptor = os.pidfd_open(pid)
    main.communicate(timeout=10.0)  # its input ends, and with it the script
    assert ended_within(2.0, [descriptor])
    os.close(descriptor)


@linux
def test_close_leaves_no_process_no_memory_and_no_descriptor(workers: Workers) -> None:
    memory = named_memory()
    before = len(list(Path("/proc/self/fd").iterdir()))
    mapped = Path("/proc/self/maps").read_text().count("memfd:graphflow")
    for _ in range(3):
        links = [
            workers.open("band", "fake_generators", {"device": device}, rate=48_000, channels=2, start_frame=0)
            for device in ("cpu", "cpu", "other")
        ]
        pids = [statistics.pid for statistics in workers.statistics()]
        workers.close()
        assert [Path(f"/proc/{pid}").exists() for pid in pids] == [False, False]
        del links
    assert len(list(Path("/proc/self/fd").iterdir())) <= before
    assert named_memory() <= memory
    assert Path("/proc/self/maps").read_text().count("memfd:graphflow") <= mapped


@linux
def test_ctrl_c_in_the_terminal_does_not_reach_the_worker(workers: Workers) -> None:
    workers.open("band", "fake_generators", {"device": "cpu"}, rate=48_000, channels=2, start_frame=0)
    (statistics,) = workers.statistics()
    assert os.getsid(statistics.pid) == statistics.pid != os.getsid(0)
    assert str(statistics).startswith(f"fake_generators on cpu, process {statistics.pid}, 0 s: band")
