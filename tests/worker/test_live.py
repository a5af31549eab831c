from __future__ import annotations

import os
import signal
from typing import Any

import numpy as np
import pytest

from graphflow.audio.ring import FADE
from graphflow.worker import workers as supervision
from graphflow.worker.link import GeneratorLink
from graphflow.worker.workers import Workers

FAKE = "fake_generators"


def open_link(workers: Workers, node: str = "band", **settings: Any) -> GeneratorLink:
    return workers.open(node, FAKE, {"device": "cpu", **settings}, rate=48_000, channels=2, start_frame=0)


def test_it_plays_without_a_gap_about_its_lead_ahead(workers: Workers, player: Any) -> None:
    link = open_link(workers)
    play = player(workers, link)
    play.until(lambda: link.ready)
    play.seconds(1.0)
    assert link.state == "playing"
    ahead = link.ring.written - play.frame
    assert 0.2 * 48_000 < ahead < 0.5 * 48_000
    begin = link.ring.start + FADE
    sound = play.sound()[0, begin:]
    np.testing.assert_array_equal(sound, (FADE + np.arange(len(sound))) * 2.0**-20)
    assert link.statistics().underruns == 0
    assert str(play.of("ready")[0]).startswith("nodes.band: ready after ")


def test_the_first_chunk_does_not_wait_for_the_clock(workers: Workers, player: Any) -> None:
    link = open_link(workers, chunk=4096)
    play = player(workers)
    while not link.ready:
        play.events += workers.poll(0)
    assert [event.frame for event in play.of("ready")] == [link.ring.start]
    assert link.ring.written == link.ring.start + 4096
    assert str(link).startswith("band playing: lead 0.30 s, latency - (95 %: -), RTF ")
    assert str(link).endswith(", 0 frames missed, 0 late chunks, 0 skips, epoch 1, 0 restarts, chunk 1, state 0")


def test_a_change_is_heard_within_lead_and_a_chunk(workers: Workers, player: Any) -> None:
    link = open_link(workers)
    play = player(workers, link)
    play.until(lambda: link.ready)
    for value in range(1, 6):
        seq = link.publish({"value": value}, play.frame)
        play.until(lambda wanted=seq: any(event.seq == wanted for event in play.of("echo")))
    heard = play.of("echo")[-1].frame
    play.until(lambda: play.frame > heard)
    assert play.sound()[1, heard - 1 : heard + 1].tolist() == [4.0, 5.0]
    statistics = link.statistics()
    assert 0.2 < statistics.latency_p50 <= statistics.latency_p95 < 0.45


def test_a_killed_worker_is_back_from_its_snapshot_and_the_others_play_on(workers: Workers, player: Any) -> None:
    link, other = open_link(workers), open_link(workers, "choir", device="other")
    play = player(workers, link, other)
    play.until(lambda: link.ready and other.ready)
    link.publish({"value": 0.5}, play.frame)
    play.seconds(1.5)
    link.request_snapshot()
    play.until(lambda: play.of("snapshot"))
    snapshot = link.snapshot()
    assert snapshot is not None
    made = int(snapshot.data.split(b",")[0][1:])
    play.seconds(0.3)
    victim = next(statistics.pid for statistics in workers.statistics() if statistics.nodes == ("band",))
    killed = play.frame
    os.kill(victim, signal.SIGKILL)
    play.until(lambda: play.of("restarted"))
    assert link.statistics().restarts == 1
    assert link.ring.epoch == 2
    begin = link.ring.start
    play.until(lambda: play.frame > begin + 10_000)
    sound = play.sound()
    assert begin - killed < 5 * 48_000
    assert not sound[:, begin - 100 : begin].any()
    np.testing.assert_array_equal(sound[0, begin + FADE : begin + 10_000], (made + np.arange(FADE, 10_000)) * 2.0**-20)
    assert (sound[1, begin + FADE : begin + 10_000] == 0.5).all()
    assert np.abs(np.diff(sound[1])).max() <= 0.5 / FADE + 1e-6 or sound[1, killed] == 0.5
    assert other.ring.written > begin
    assert (other.ring.epoch, other.statistics().restarts, other.statistics().skips) == (1, 0, 0)
    assert [str(event) for event in play.of("died")] == [
        "nodes.band: its worker was killed by SIGKILL; starting it again"
    ]
    taken_at = (begin - snapshot.frame) / 48_000
    assert str(play.of("restarted")[0]).startswith("nodes.band: plays again after ")
    assert str(play.of("restarted")[0]).endswith(f" s, from {taken_at:.1f} s before")


def test_a_generator_that_raises_is_begun_again_in_the_same_process(workers: Workers, player: Any) -> None:
    link = open_link(workers)
    play = player(workers, link)
    play.until(lambda: link.ready)
    play.seconds(1.2)
    pid = workers.statistics()[0].pid
    link.publish({"raise": True}, play.frame)
    play.until(lambda: play.of("died"))
    link.publish({"value": 0.25}, play.frame)
    play.until(lambda: play.of("restarted"))
    assert workers.statistics()[0].pid == pid
    assert str(play.of("died")[0]).startswith("nodes.band: ArithmeticError: told to raise (fake_generators.py:")


def test_three_deaths_without_sound_are_enough_until_the_state_changes(
    workers: Workers, player: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = open_link(workers)
    link.publish({"die": True, "say": "out of ink\nINFO: all is well"}, 0)
    play = player(workers, link)
    play.until(lambda: link.state == "failed")
    play.seconds(0.1)
    assert [event.kind for event in play.events if event.kind in ("died", "failed")] == ["died", "died", "failed"]
    assert str(play.of("failed")[0]) == (
        "nodes.band: its worker was killed by SIGKILL, last saying: out of ink, 3 times before making sound; "
        "not started again until the patch changes"
    )
    assert [event.text for event in play.of("log")] == ["out of ink"] * 3
    assert workers.statistics() == ()
    link.publish({"die": True}, play.frame)
    play.until(lambda: len(play.of("failed")) == 2)
    link.publish({"value": 0.5}, play.frame)
    play.seconds(0.1)
    assert link.state == "failed"  # a state that keeps changing must not begin it again and again
    monkeypatch.setattr(supervision, "TRIES_SECONDS", 0.0)
    play.until(lambda: link.ready)
    assert link.statistics().applied_seq == 3


def test_a_model_that_cannot_be_opened_is_not_tried_again(workers: Workers, player: Any) -> None:
    link = open_link(workers, **{"is": "missing"})
    play = player(workers, link)
    play.until(lambda: link.state == "failed")
    link.publish({"value": 1}, play.frame)
    play.seconds(0.2)
    assert [str(event) for event in play.events] == [
        "nodes.band: weights of fake are not there; run graphflow models get fake"
    ]
    assert link.state == "failed"


def test_a_card_without_memory_for_a_model_costs_one_line_and_the_rest_plays(workers: Workers, player: Any) -> None:
    link, other = open_link(workers, **{"is": "large"}), open_link(workers, "choir")
    play = player(workers, link, other)
    play.until(lambda: link.state == "failed" and other.ready)
    play.seconds(0.2)
    (failed,) = play.of("failed")
    assert str(failed).startswith(
        "nodes.band: RuntimeError: CUDA out of memory. Tried to allocate 9.00 GiB. GPU 0 has 7.79 GiB in all. (fake_gen"
    )
    assert (other.state, other.statistics().restarts, other.statistics().underruns) == ("playing", 0, 0)


def test_a_chunk_that_is_no_numbers_is_silent_and_told_once(workers: Workers, player: Any) -> None:
    link = open_link(workers, **{"is": "cracked"})
    play = player(workers, link)
    play.until(lambda: link.ready)
    for value in (0.5, 1.0, 0.5, 1.0, 0.75):
        link.publish({"value": value}, play.frame)
        play.until(lambda seq=link._memory.state.seq: any(event.seq == seq for event in play.of("echo")))
    last = play.of("echo")[-1].frame
    play.until(lambda: play.frame > last + FADE + 192)
    assert [str(event) for event in play.of("log")] == [
        "nodes.band: its model made a non-finite sample; such a chunk is silent"
    ]
    assert link.statistics().bad_chunks == 2
    sound = play.sound()[1]
    for echo in (event for event in play.of("echo") if event.seq in (2, 4)):
        chunk = sound[echo.frame : echo.frame + 1024]
        np.testing.assert_allclose(chunk[:192], 0.5 * (1.0 - np.arange(1, 193) / 192), atol=1e-6)
        assert not chunk[192:].any()
    assert np.isfinite(sound).all()
    assert np.abs(np.diff(sound[play.of("echo")[0].frame :])).max() <= 0.25 + 1e-6
    assert sound[-1] == 0.75


def test_a_generator_that_makes_no_numbers_any_more_goes_back_to_its_snapshot(
    workers: Workers, player: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = open_link(workers, **{"is": "cracked"})
    play = player(workers, link)
    link.publish({"value": 0.5}, 0)
    play.until(lambda: link.statistics().applied_seq == 1)
    link.request_snapshot()
    play.until(lambda: play.of("snapshot"))
    link.publish({"value": 2.0}, play.frame)
    play.until(lambda: len(play.of("log")) == 2)
    link.request_snapshot()  # none is taken of what is broken
    link.publish({"value": 0.75}, play.frame)
    play.until(lambda: link.ring.frames(link.ring.written - 1, link.ring.written)[1] == 0.75)
    assert str(play.of("log")[1]) == "nodes.band: made no numbers for 1 s; it goes on from its last snapshot"
    assert link.statistics().bad_chunks > 40
    assert (link.statistics().restarts, link.state) == (0, "playing")


def test_what_a_generator_shows_and_how_it_ends(workers: Workers, player: Any) -> None:
    link, other = open_link(workers, **{"is": "nimble"}), open_link(workers, "choir", **{"is": "mute"})
    play = player(workers, link, other)
    play.until(lambda: link.statistics().figures and play.of("log"))
    figures = link.statistics().figures
    assert (figures["rewound"], figures["words"]) == (link.statistics().rollbacks, "x" * 200)
    assert str(link).endswith(f"state 0, rewound {figures['rewound']}, apart -1, words {'x' * 200}")
    (line,) = play.of("log")
    assert str(line).startswith("nodes.choir: shows no more figures; KeyError: 'figures' (fake_generators.py:")
    assert (other.state, dict(other.statistics().figures)) == ("playing", {})
    link.close()
    play.until(lambda: any(event.text == "closed" for event in play.of("log")))
    assert other.state == "playing"


@pytest.mark.slow
def test_a_hung_generator_is_replaced(workers: Workers, player: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphflow.worker.life.STALL_SECONDS", 1.0)
    link = open_link(workers, **{"is": "hung", "chunks": 100})
    play = player(workers, link)
    play.until(lambda: link.ready)
    link.request_snapshot()
    play.until(lambda: play.of("restarted"))
    assert [str(event) for event in play.of("died")] == ["nodes.band: its worker stalled; starting it again"]
    play.seconds(0.5)
    assert link.state == "playing"
    assert link.statistics().restarts == 1


def test_a_generator_that_only_just_makes_it_gets_a_longer_lead(workers: Workers, player: Any) -> None:
    link = open_link(workers, **{"is": "slow", "seconds": 0.27, "chunk": 16_384})
    play = player(workers, link)
    play.until(lambda: link.lead > 0.33)
    assert 1.0 < link.statistics().rtf < 1.5
    assert link.statistics().state == "playing"


def test_a_generator_slower_than_time_plays_in_pieces(workers: Workers, player: Any) -> None:
    link = open_link(workers, **{"is": "slow", "seconds": 0.2, "chunk": 4096})
    link.publish({"value": 0.5}, 0)
    play = player(workers, link)
    play.until(lambda: link.statistics().skips >= 2)
    sound = play.sound()[1]
    assert (sound == 0.5).sum() > 4096
    assert np.abs(np.diff(sound)).max() <= 0.5 / FADE + 1e-6
    assert link.statistics().underruns > 0
    assert link.lead > 0.4


def test_what_a_worker_says_arrives_line_by_line(workers: Workers, player: Any) -> None:
    link = open_link(workers)
    link.publish({"say": "tuning the piano\n\nloading\rloading more"}, 0)
    play = player(workers, link)
    play.until(lambda: len(play.of("log")) == 3)
    assert [str(event) for event in play.of("log")] == [
        "nodes.band: tuning the piano",
        "nodes.band: loading",
        "nodes.band: loading more",
    ]


def test_a_worker_goes_on_while_its_session_is_busy(workers: Workers, player: Any) -> None:
    link = open_link(workers)
    play = player(workers, link)
    play.until(lambda: link.ready)
    busy = player(Workers(), link)  # the audio thread alone: nobody polls the worker's session
    busy.frame, busy._began = play.frame, play._began
    busy.seconds(1.5)
    assert link.ring.written > busy.frame
    assert link.statistics().underruns == 0
    play.frame = busy.frame
    play.seconds(0.1)
    assert link.statistics().restarts == 0


def test_a_snapshot_that_fails_is_no_reason_to_stop(workers: Workers, player: Any) -> None:
    link = open_link(workers, **{"is": "forgetful"})
    play = player(workers, link)
    play.until(lambda: link.ready)
    link.request_snapshot()
    play.until(lambda: play.of("log"))
    play.seconds(0.2)
    assert str(play.of("log")[0]).startswith("nodes.band: no more snapshots of it; NotImplementedError (fake_gen")
    assert (link.state, link.statistics().restarts, link.statistics().underruns) == ("playing", 0, 0)
    assert link.snapshot() is None


def test_a_snapshot_that_cannot_be_restored_is_left_behind(workers: Workers, player: Any) -> None:
    link = open_link(workers, **{"is": "stubborn"})
    play = player(workers, link)
    play.until(lambda: link.ready)
    link.request_snapshot()
    play.until(lambda: play.of("snapshot"))
    os.kill(workers.statistics()[0].pid, signal.SIGKILL)
    play.until(lambda: play.of("restarted") and play.of("log"))  # the sound may be here before the word of it
    assert str(play.of("log")[0]).startswith("nodes.band: its snapshot cannot be restored, so it begins anew; ValueErr")
    assert str(play.of("restarted")[0]).endswith(" s")  # and no word of how long before
    assert link.ring.frames(link.ring.start, link.ring.start + 2)[0].tolist() == [0.0, 2.0**-20]
