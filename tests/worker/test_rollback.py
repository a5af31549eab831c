"""Generators made just in time, whose chunks are taken back for a newer state."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphflow.audio.ring import FADE
from graphflow.worker.link import GeneratorLink
from graphflow.worker.workers import Workers

RATE, CHUNK, SEAM = 48_000, 1920, 192


@pytest.fixture(scope="module")
def busy() -> Iterator[Workers]:
    """Workers whose process is there already: a silent generator keeps it."""
    with pytest.MonkeyPatch.context() as patched:
        patched.syspath_prepend(Path(__file__).parent)
        workers = Workers()
        keeper = workers.open(
            "keeper", "fake_generators", {"device": "cpu"}, rate=RATE, channels=1, start_frame=0, lockstep=True
        )
        keeper.fill(1)
        yield workers
        workers.close()


@pytest.fixture
def workers(busy: Workers) -> Iterator[Workers]:
    yield busy
    for link in busy._links[1:]:
        link.close()
    busy.poll(0)


def open_link(workers: Workers, node: str = "band", kind: str = "nimble", rate: int = RATE, **settings: Any) -> Any:
    settings = {"device": "cpu", "is": kind, "seconds": 0.002, **settings}
    return workers.open(node, "fake_generators", settings, rate=rate, channels=2, start_frame=0)


def unbroken(link: GeneratorLink, sound: np.ndarray) -> None:
    """The left channel counts frames, whatever was made again, but where the machine stood still."""
    begin = link.ring.start + FADE
    left = sound[0, begin:]
    expected = (FADE + np.arange(len(left))) * 2.0**-20
    if not link.statistics().underruns and not link.statistics().misses:
        np.testing.assert_array_equal(left, expected)
    assert link.statistics().epoch > 1 or (left == expected).mean() > 0.9


def test_it_keeps_no_more_than_a_chunk_and_its_computing_time_ready(workers: Workers, player: Any) -> None:
    link = open_link(workers)
    play = player(workers, link)
    play.until(lambda: link.ready)
    assert link.ring.start % CHUNK == 0
    play.until(lambda: link.statistics().chunk > 20)
    ahead = []
    for _ in range(20):
        play.seconds(0.02)
        ahead.append(link.ring.written - play.frame)
    lead = round(link.lead * RATE)
    assert lead < 0.1 * RATE
    assert np.median(ahead) < lead + CHUNK + 480  # the sound card takes a block at once
    assert str(link).startswith(f"band playing: lead {1000 * link.lead:.0f} ms, latency nan s")
    unbroken(link, play.sound())


def test_a_change_is_heard_in_the_chunk_that_plays(workers: Workers, player: Any) -> None:
    link = open_link(workers)
    play = player(workers, link)
    play.until(lambda: link.statistics().chunk > 10)
    value, echoes = 0, play.of("echo")
    while link.statistics().rollbacks < 5:
        value += 1
        assert value < 100
        link.publish({"value": value}, play.frame)
        play.seconds(0.023)
    echoes = play.of("echo")
    play.until(lambda: play.frame > echoes[-1].frame + SEAM)
    right = play.sound()[1]
    inside = 0
    for echo, before in zip(echoes[1:], echoes[:-1], strict=True):
        if link.statistics().late_rollbacks or echo.frame - before.frame < SEAM or echo.epoch > 1:
            continue
        assert right[echo.frame - 1] == before.seq
        assert right[echo.frame] > before.seq
        assert right[echo.frame + SEAM] >= echo.seq
        inside += echo.frame % CHUNK > 0
    assert inside or link.statistics().late_rollbacks
    assert np.abs(np.diff(right[link.ring.start + FADE : echoes[-1].frame])).max() <= value
    assert link.statistics().latency_p50 < link.lead + CHUNK / RATE
    unbroken(link, play.sound())


def test_latency_counts_to_the_first_sound_that_can_have_changed(workers: Workers, player: Any) -> None:
    link = open_link(workers, latency=CHUNK)
    play = player(workers, link)
    play.until(lambda: link.statistics().chunk > 10)
    sent = {}
    for value in range(1, 8):
        sent[link.publish({"value": value}, play.frame)] = play.frame
        play.until(lambda: len(play.of("echo")) == len(sent))
    for echo in play.of("echo"):  # sound changes a chunk after the one that took the state, wherever that was replaced
        begin = echo.frame - echo.frame % CHUNK
        assert begin + CHUNK > sent[echo.seq]
    latencies = [(e.frame - e.frame % CHUNK + CHUNK - sent[e.seq]) / RATE for e in play.of("echo")]
    assert abs(link.statistics().latency_p50 - np.median(latencies)) < 1e-9


def test_a_state_that_changes_nothing_leaves_the_sound_as_it_was(workers: Workers, player: Any) -> None:
    link = open_link(workers)
    play = player(workers, link)
    link.publish({"value": 0.5}, 0)
    play.until(lambda: link.statistics().applied_seq == 1 and link.statistics().chunk > 10)
    for n in range(100):
        if link.statistics().rollbacks >= 3:
            break
        link.publish({"value": 0.5, "note": n}, play.frame)
        play.seconds(0.023)
    assert link.statistics().rollbacks >= 3
    sound = play.sound()
    unbroken(link, sound)
    if not link.statistics().misses:
        assert (sound[1, link.ring.start + FADE :] == 0.5).all()


def test_the_same_state_again_makes_nothing_again(workers: Workers, player: Any) -> None:
    link = open_link(workers)
    play = player(workers, link)
    link.publish({"value": 0.5}, 0)
    play.until(lambda: link.statistics().applied_seq == 1 and link.statistics().chunk > 10)
    before = link.statistics().rollbacks
    for _ in range(5):
        link._memory.state.put(b'{"value": 0.5}', play.frame)  # a session would not send it twice
        play.seconds(0.05)
    assert link.statistics().rollbacks == before
    assert link.statistics().applied_seq == 6


def test_a_generator_that_resamples_waits_for_the_next_chunk(workers: Workers, player: Any) -> None:
    link = open_link(workers, rate=44_100)
    play = player(workers, link)
    play.until(lambda: link.statistics().chunk > 10)
    assert link.ring.start % 1764 == 0
    for value in range(1, 4):
        link.publish({"value": value}, play.frame)
        play.until(lambda wanted=value: link.statistics().applied_seq == wanted)
    assert link.statistics().rollbacks == 0
    assert link.lead < 0.2


def test_a_machine_that_is_too_slow_for_it_gets_the_ordinary_lead(workers: Workers, player: Any) -> None:
    link = open_link(workers, seconds=0.05)
    play = player(workers, link)
    play.until(lambda: link.lead >= 0.3)
    link.publish({"value": 1.0}, play.frame)
    play.until(lambda: link.statistics().applied_seq == 1)
    assert link.statistics().rollbacks == 0


def test_generators_of_one_process_begin_their_chunks_together(workers: Workers, player: Any) -> None:
    one, other = (
        open_link(workers, name, device="other", seconds=s) for name, s in (("band", 0.002), ("choir", 0.006))
    )
    play = player(workers, one, other)
    play.until(lambda: one.ready and other.ready)
    play.until(lambda: min(link.statistics().chunk for link in (one, other)) > 25)
    assert (one.ring.start - other.ring.start) % CHUNK == 0
    play.until(lambda: float(one.statistics().figures.get("apart", -1.0)) >= 0.0)
    play.seconds(0.6)
    assert 0.0 <= float(one.statistics().figures["apart"]) < 5.0  # ms; a chunk lasts 40
    assert len(str(one.statistics().figures["words"])) == 200
    other.close()
    play.until(lambda: any(event.text == "closed" for event in play.of("log")))
    assert one.state == "playing"


def test_one_that_raises_in_its_figures_and_its_end_plays_all_the_same(workers: Workers, player: Any) -> None:
    link, other = open_link(workers, kind="mute"), open_link(workers, "choir")
    play = player(workers, link, other)
    play.until(lambda: play.of("log"))
    assert [str(event) for event in play.of("log")] == [
        "nodes.band: shows no more figures; KeyError: 'figures' (fake_generators.py:"
        + str(play.of("log")[0]).rpartition(":")[2]
    ]
    play.seconds(0.2)
    assert (link.state, dict(link.statistics().figures)) == ("playing", {})
