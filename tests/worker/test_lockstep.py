from __future__ import annotations

import os
import select
import signal
import time
from typing import Any

import numpy as np
import pytest

from graphflow.worker.events import WorkerError
from graphflow.worker.link import GeneratorLink
from graphflow.worker.workers import Workers

FAKE = "fake_generators"
BLOCK = 128


def open_link(workers: Workers, settings: dict[str, Any] | None = None, **rest: Any) -> GeneratorLink:
    rest = {"rate": 48_000, "channels": 2, "start_frame": 0, "lockstep": True, **rest}
    return workers.open("band", FAKE, {"device": "cpu", **(settings or {})}, **rest)


def render(workers: Workers, frames: int, settings: dict[str, Any] | None = None) -> np.ndarray:
    """Block by block, with a new state now and then, as an offline render does."""
    link = open_link(workers, settings)
    blocks = []
    for start in range(0, frames, BLOCK):
        if start % 1280 == 0:
            link.publish({"value": start / 65536}, start)
        link.fill(start + BLOCK)
        blocks.append(link.ring.frames(start, start + BLOCK))
        link.ring.words[8] = start + BLOCK
    workers.close()
    return np.concatenate(blocks, axis=1)


def test_a_render_is_the_same_to_the_sample_from_run_to_run(workers: Workers) -> None:
    once = render(workers, 1 << 15)
    np.testing.assert_array_equal(render(workers, 1 << 15), once)
    np.testing.assert_array_equal(once[0], np.arange(1 << 15) * 2.0**-20)
    chunks = once[1].reshape(-1, 1024)
    assert np.unique(chunks[:, 0]).size > 20
    assert (chunks == chunks[:, :1]).all()  # a state takes effect at a chunk's edge


def test_a_render_at_another_rate_is_the_same_too(workers: Workers) -> None:
    once = render(workers, 1 << 14, {"is": "tone"})
    np.testing.assert_array_equal(render(workers, 1 << 14, {"is": "tone"}), once)
    expected = np.sin(2.0 * np.pi * 1000.0 * np.arange(1 << 14) / 48_000)
    assert np.abs(once[0] - expected)[500:].max() < 1e-3


def test_only_the_chunks_that_are_needed_are_made(workers: Workers) -> None:
    link = open_link(workers, start_frame=10_000)
    link.fill(10_000 + 900)
    assert (link.ring.written, link.statistics().chunk) == (11_024, 1)
    link.fill(10_000 + 960)
    assert link.statistics().chunk == 1
    link.fill(10_000 + 961)  # the fade reads 64 frames ahead
    assert (link.ring.written, link.statistics().chunk) == (12_048, 2)


def test_the_latest_state_wins_and_is_echoed_with_its_chunk_and_frame(workers: Workers) -> None:
    link = open_link(workers)
    numbers = [link.publish({"value": value}, 0) for value in (1, 2, 3)]
    link.fill(1)
    events = workers.poll(0)
    deadline = time.monotonic() + 20.0
    while not link.ready:  # the frames may be here before the word that it is open
        assert time.monotonic() < deadline
        select.select([], [], [], 0.005)
        events += workers.poll(0)
    again = link.publish({"value": 3}, 0)
    last = link.publish({"value": 4}, 500)
    link.fill(2000)
    events += workers.poll(0)
    deadline = time.monotonic() + 20.0
    while sum(event.kind == "echo" for event in events) < 2:  # the frames may be here before the word of them
        assert time.monotonic() < deadline
        select.select([], [], [], 0.005)
        events += workers.poll(0)
    assert numbers == [1, 2, 3]
    assert (again, last) == (3, 4)
    echoes = [(event.seq, event.chunk, event.frame, event.epoch) for event in events if event.kind == "echo"]
    assert echoes == [(3, 0, 0, 1), (4, 1, 1024, 1)]
    assert str(events[-1]) == "nodes.band: state 4 in effect from frame 1024"
    assert link.ring.frames(0, 2048)[1].tolist() == [3.0] * 1024 + [4.0] * 1024
    assert link.statistics().applied_seq == 4
    assert link.statistics().latency_p50 == pytest.approx((1024 - 500) / 48_000)


def test_a_state_that_is_too_large_is_refused_in_one_line(workers: Workers) -> None:
    link = open_link(workers)
    with pytest.raises(WorkerError) as refused:
        link.publish({"style": "x" * 3_000_000}, 0)
    line = "nodes.band: its state is 3000013 bytes; expected at most 2097152; shorten its texts"
    assert str(refused.value) == line


def test_eight_long_prompts_are_not_too_large(workers: Workers) -> None:
    link = open_link(workers)
    link.publish({f"prompt{number}": "\N{MUSICAL KEYBOARD}" * 10_000 for number in range(8)} | {"value": 0.5}, 0)
    link.fill(1024)
    assert link.statistics().applied_seq == 1


def test_the_transport_counts_the_generators_own_frames(workers: Workers) -> None:
    link = open_link(workers, {"is": "transport"})
    link.publish({"transport": {"frame": 4800, "beat": 0.0}}, 0)
    link.fill(1000)
    assert link.ring.frames(800, 1000)[1] * 2.0**20 == pytest.approx(3200.0, rel=1e-4)


@pytest.mark.parametrize(
    "settings, line",
    [
        ({"is": "missing"}, "nodes.band: weights of fake are not there; run graphflow models get fake"),
        ({"is": "broken"}, "nodes.band: ValueError: no such thing (fake_generators.py:"),
        (
            {"is": "wild"},
            "nodes.band: its worker was killed by SIGSEGV, last saying: Fatal Python error: Segmentation fault",
        ),
        ({"is": "mortal"}, "nodes.band: its worker ended with exit code 3, last saying: out of paper"),
    ],
)
def test_a_model_that_cannot_be_opened_says_so_in_one_line(
    workers: Workers, settings: dict[str, Any], line: str
) -> None:
    link = open_link(workers, settings)
    with pytest.raises(WorkerError) as failed:
        link.fill(128)
    assert str(failed.value).startswith(line)
    assert "\n" not in str(failed.value)
    assert link.state == "failed"
    assert [event.kind for event in workers.poll(0) if event.kind != "log"] == ["failed"]


def test_an_unknown_model_is_named(workers: Workers) -> None:
    link = workers.open("band", "first_lihgt", {}, rate=48_000, channels=2, start_frame=0, lockstep=True)
    with pytest.raises(WorkerError, match=r"nodes\.band: model first_lihgt is unknown; expected a folder"):
        link.fill(128)


def test_a_generator_that_raises_ends_the_render_and_keeps_its_traceback(workers: Workers) -> None:
    link = open_link(workers)
    link.fill(128)
    link.publish({"raise": True}, 128)
    with pytest.raises(WorkerError) as failed:
        link.fill(4000)
    assert str(failed.value).startswith("nodes.band: ArithmeticError: told to raise (fake_generators.py:")
    assert link.traceback[-1] == "ArithmeticError: told to raise"


def test_a_worker_killed_in_a_render_ends_it(workers: Workers) -> None:
    link = open_link(workers)
    link.fill(128)
    os.kill(workers.statistics()[0].pid, signal.SIGKILL)
    with pytest.raises(WorkerError, match=r"nodes\.band: its worker was killed by SIGKILL"):
        link.fill(4000)


def test_generators_of_one_model_and_device_share_a_process(workers: Workers) -> None:
    links = [open_link(workers, {"device": device}) for device in ("cpu", "cpu", "other")]
    for value, link in enumerate(links):
        link.publish({"value": value}, 0)
        link.fill(2000)
    assert [(statistics.device, len(statistics.nodes)) for statistics in workers.statistics()] == [
        ("cpu", 2),
        ("other", 1),
    ]
    assert [float(link.ring.frames(1500, 1501)[1, 0]) for link in links] == [0.0, 1.0, 2.0]
    links[0].close()
    links[2].close()
    workers.poll(2000)
    assert [statistics.device for statistics in workers.statistics()] == ["cpu"]
    links[1].fill(4000)
    assert links[1].ring.written >= 4000


def test_what_a_generator_has_to_say_is_told_in_its_own_name(workers: Workers) -> None:
    other = workers.open("choir", FAKE, {"device": "cpu"}, rate=48_000, channels=2, start_frame=0, lockstep=True)
    link = open_link(workers, {"is": "talkative"})
    for one in (link, other):
        one.fill(5000)
    events = workers.poll(0)
    deadline = time.monotonic() + 20.0
    while sum(event.kind == "log" for event in events) < 2:
        assert time.monotonic() < deadline
        select.select([], [], [], 0.005)
        events += workers.poll(0)
    assert [str(event) for event in events if event.kind == "log"] == ["nodes.band: is halfway", "nodes.band: is tired"]
