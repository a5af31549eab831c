"""Generators made just in time, whose chunks are taken back for a newer state."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from graphflow.audio.ring import FADE, Word
from graphflow.worker.events import WorkerEvent
from graphflow.worker.link import GeneratorLink
from graphflow.worker.workers import Workers

RATE, BLOCK, CHUNK, SEAM = 48_000, 480, 1920, 192
LONG = 19_200
"""Frames of a chunk so long that no machine is too slow for it: 0.4 s."""


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


def open_link(workers: Workers, node: str = "band", rate: int = RATE, **settings: Any) -> Any:
    settings = {"device": "cpu", "is": "nimble", "seconds": 0.002, **settings}
    return workers.open(node, "fake_generators", settings, rate=rate, channels=2, start_frame=0)


class Card:
    """A sound card that plays up to where it is told and stands still there."""

    def __init__(self, workers: Workers, link: GeneratorLink) -> None:
        self.workers, self.link = workers, link
        self.frame = 0
        self.events: list[WorkerEvent] = []

    def until(self, condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 20.0
        while not condition():
            assert time.monotonic() < deadline, [str(event) for event in self.events]
            select.select([], [], [], 0.002)
            self.events += self.workers.poll(self.frame, BLOCK)

    def play(self, frame: int) -> None:
        self.frame = frame
        self.link.ring.words[Word.READ] = frame
        self.events += self.workers.poll(frame, BLOCK)

    def chunks(self, count: int) -> None:
        """Play to where so many more are wanted, just before what is there ends."""
        for _ in range(count):
            written = self.link.ring.written
            self.play(written - 700)
            self.until(lambda end=written: self.link.ring.written > end)

    def publish(self, **state: Any) -> WorkerEvent:
        """Send a state and wait for its echo."""
        seq = self.link.publish(state, self.frame)
        self.until(lambda: self.link.statistics().applied_seq == seq and self.echoes(seq))
        return self.echoes(seq)[0]

    def echoes(self, seq: int) -> list[WorkerEvent]:
        return [event for event in self.events if event.kind == "echo" and event.seq == seq]


def card_with(workers: Workers, **settings: Any) -> tuple[Card, GeneratorLink]:
    """A card that has just begun a long chunk, of a generator whose speed is known."""
    link = open_link(workers, chunk=LONG, **settings)
    card = Card(workers, link)
    card.until(lambda: link.ready)
    card.chunks(10)
    return card, link


def left_counts(link: GeneratorLink, start: int, end: int) -> None:
    """Whatever was made again, the left channel counts the frames."""
    expected = (np.arange(start, end) - link.ring.start) * 2.0**-20
    np.testing.assert_array_equal(link.ring.frames(start, end)[0], expected.astype(np.float32))


def test_a_change_is_heard_in_the_chunk_that_plays(workers: Workers) -> None:
    card, link = card_with(workers)
    first, end = link.ring.written - LONG, link.ring.written
    card.play(first + 5000)
    echo = card.publish(value=4.0)
    guard = BLOCK + FADE + 240
    assert first + 5000 + guard <= echo.frame <= first + 5000 + BLOCK + guard
    assert str(echo) == f"nodes.band: state 1 in effect from frame {echo.frame}"
    assert echo.chunk == 10
    right = link.ring.frames(first, end)[1]
    at = echo.frame - first
    assert not right[:at].any()
    np.testing.assert_allclose(right[at : at + SEAM], 4.0 * np.arange(1, SEAM + 1) / (SEAM + 1), rtol=1e-6)
    assert (right[at + SEAM :] == 4.0).all()
    assert (link.ring.committed, link.ring.written) == (echo.frame, end)
    left_counts(link, first, end)
    statistics = link.statistics()
    assert (statistics.rollbacks, statistics.late_rollbacks, statistics.chunk) == (1, 0, 11)
    assert statistics.latency_p50 == pytest.approx((echo.frame - card.frame) / RATE)
    assert statistics.latency_p50 < 0.03


def test_several_changes_in_a_chunk_are_all_heard_and_the_next_chunk_goes_on_from_the_last(workers: Workers) -> None:
    card, link = card_with(workers)
    first, end = link.ring.written - LONG, link.ring.written
    frames = []
    for number in range(1, 4):
        card.play(first + 4000 * number)
        frames.append(card.publish(value=float(number)).frame)
    right = link.ring.frames(first, end)[1]
    for number, frame in enumerate(frames, 1):
        assert right[frame - first - 1] == number - 1
        assert right[frame - first + SEAM] == number
    card.chunks(1)
    assert (link.ring.frames(end, end + LONG)[1] == 3.0).all()
    left_counts(link, first, end + LONG)
    assert link.statistics().rollbacks == 3
    assert link.ring.committed == end


def test_a_chunk_that_has_not_begun_to_play_is_replaced_as_a_whole(workers: Workers) -> None:
    card, link = card_with(workers)
    first, end = link.ring.written - LONG, link.ring.written
    card.play(first - 5000)
    assert card.publish(value=4.0).frame == first
    assert (link.ring.frames(first, end)[1] == 4.0).all()
    assert not link.ring.frames(first - 100, first)[1].any()
    left_counts(link, first - LONG, end)


def test_a_change_that_comes_too_late_for_this_chunk_waits_for_the_next(workers: Workers) -> None:
    card, link = card_with(workers)
    first, end = link.ring.written - LONG, link.ring.written
    card.play(end - 700)
    assert end <= card.publish(value=4.0).frame < end + LONG
    assert not link.ring.frames(first, end)[1].any()
    assert link.ring.frames(end + LONG - 1, end + LONG)[1] == 4.0
    left_counts(link, first, end + LONG)


def test_latency_counts_to_the_first_sound_that_can_have_changed(workers: Workers) -> None:
    card, link = card_with(workers, latency=LONG)
    first = link.ring.written - LONG
    card.play(first + 5000)
    card.publish(value=4.0)
    assert link.statistics().rollbacks == 1
    assert link.statistics().latency_p50 == (LONG - 5000) / RATE


def test_a_state_that_changes_nothing_leaves_every_bit_as_it_was(workers: Workers) -> None:
    card, link = card_with(workers, noise=True)
    card.play(link.ring.written - LONG + 5000)
    before = link.ring.data.tobytes()
    card.publish(value=0.0, note="the same in other words")
    assert link.statistics().rollbacks == 1
    assert link.ring.data.tobytes() == before


def test_the_same_state_again_makes_nothing_again(workers: Workers) -> None:
    card, link = card_with(workers)
    card.chunks(1)
    link.publish({"value": 0.5}, card.frame)
    card.chunks(1)
    card.until(lambda: link.statistics().applied_seq == 1)
    before = link.statistics().rollbacks
    card.play(link.ring.written - LONG + 5000)
    link._memory.state.put(b'{"value": 0.5}', card.frame)  # a session would not send it twice
    card.publish(value=0.75)
    assert link.statistics().rollbacks == before + 1
    assert link.statistics().applied_seq == 3


def test_a_chunk_made_again_too_slowly_is_left_and_the_next_one_joins_it(workers: Workers) -> None:
    card, link = card_with(workers)
    first, end = link.ring.written - LONG, link.ring.written
    card.play(first + 5000)
    seq = link.publish({"value": 4.0, "pause": 0.5, "say": "pausing"}, card.frame)
    card.until(lambda: any(event.text == "pausing" for event in card.events))
    card.play(end - 300)
    card.until(lambda: card.echoes(seq))
    assert card.echoes(seq)[0].frame == end
    assert not link.ring.frames(first, end)[1].any()
    card.until(lambda: link.ring.written > end)
    right = link.ring.frames(end - 1, end + LONG)[1]
    assert np.abs(np.diff(right)).max() <= 4.0 / SEAM + 1e-6
    assert (right[1 + SEAM :] == 4.0).all()
    assert (link.statistics().rollbacks, link.statistics().late_rollbacks) == (1, 1)


def test_a_generator_that_cannot_go_back_is_not_asked_again(workers: Workers) -> None:
    card, link = card_with(workers, forward=True)
    link.publish({"value": 4.0}, card.frame)
    card.chunks(2)  # the first may have been made as it was guessed, before it was asked to go back
    card.until(lambda: card.echoes(1))
    end = link.ring.written
    link.publish({"value": 5.0}, card.frame)
    card.chunks(1)
    card.until(lambda: card.echoes(2))
    assert card.echoes(2)[0].frame == end
    assert link.statistics().rollbacks == 0


def test_what_comes_too_late_for_the_next_chunk_is_heard_in_it_all_the_same(workers: Workers) -> None:
    card, link = card_with(workers)
    end = link.ring.written
    link.publish({"value": 4.0}, card.frame)
    card.play(end - 700)  # time for a chunk, and not for one that costs more than any has
    card.until(lambda: card.echoes(1))
    (echo,) = card.echoes(1)
    assert end <= echo.frame < end + LONG
    right = link.ring.frames(echo.frame + SEAM, end + LONG)[1]
    assert (right == 4.0).all()


def test_one_that_makes_another_length_again_is_begun_again(workers: Workers) -> None:
    card, link = card_with(workers)
    card.play(link.ring.written - LONG + 5000)
    link.publish({"value": 4.0, "frames": 100}, card.frame)
    card.until(lambda: any(event.kind == "died" for event in card.events))
    died = next(event for event in card.events if event.kind == "died")
    assert "ValueError: a chunk of 19200 frames was made again with 100" in str(died)


def test_it_keeps_no_more_than_a_chunk_and_its_computing_time_ready(workers: Workers, player: Any) -> None:
    link = open_link(workers)
    play = player(workers, link)
    play.until(lambda: link.ready)
    assert link.ring.start % CHUNK == 0
    play.until(lambda: link.statistics().chunk > 20)
    ahead = []
    for _ in range(20):
        play.seconds(0.02)
        ahead.append(link.ring.written - play.frame - round(link.lead * RATE))
    assert link.lead < 0.3
    assert np.median(ahead) <= CHUNK + 2 * BLOCK
    begun, sound = CHUNK + FADE, play.sound()  # nobody says when the first chunk comes
    begin = link.ring.start + begun
    if not link.statistics().misses:
        np.testing.assert_array_equal(sound[0, begin:], (begun + np.arange(sound.shape[1] - begin)) * 2.0**-20)


def test_changes_while_it_plays_leave_the_rest_unbroken(workers: Workers, player: Any) -> None:
    link = open_link(workers)
    play = player(workers, link)
    play.until(lambda: link.statistics().chunk > 10)
    for value in range(1, 30):
        link.publish({"value": value}, play.frame)
        play.seconds(0.027)
    play.until(lambda: link.statistics().applied_seq == 29)
    begun, sound = CHUNK + FADE, play.sound()  # nobody says when the first chunk comes
    begin = link.ring.start + begun
    counts = sound[0, begin:] == (begun + np.arange(sound.shape[1] - begin)) * 2.0**-20
    assert counts.mean() > 0.9 or link.ring.epoch > 1
    if not link.statistics().misses:
        assert counts.all()
        assert np.abs(np.diff(sound[1, begin:])).max() <= 1.0 or link.statistics().late_rollbacks
    assert link.statistics().latency_p50 > 0.0


def test_a_generator_that_resamples_waits_for_the_next_chunk(workers: Workers, player: Any) -> None:
    link = open_link(workers, rate=44_100)
    play = player(workers, link)
    play.until(lambda: link.statistics().chunk > 10)
    assert link.ring.start % 1764 == 0
    for value in range(1, 4):
        link.publish({"value": value}, play.frame)
        play.until(lambda wanted=value: link.statistics().applied_seq == wanted)
    assert link.statistics().rollbacks == 0


def test_a_machine_that_is_too_slow_for_it_gets_the_ordinary_lead(workers: Workers, player: Any) -> None:
    link = open_link(workers, seconds=0.05)
    play = player(workers, link)
    play.until(lambda: link.statistics().chunk > 8 and link.lead >= 0.3)
    link.publish({"value": 1.0}, play.frame)
    play.until(lambda: link.statistics().applied_seq == 1)
    assert link.statistics().rollbacks == 0


def test_generators_of_one_process_begin_their_chunks_together(workers: Workers, player: Any) -> None:
    one, other = (
        open_link(workers, name, device="other", seconds=s) for name, s in (("band", 0.002), ("choir", 0.006))
    )
    play = player(workers, one, other)
    play.until(lambda: one.ready and other.ready)
    assert (one.ring.start - other.ring.start) % CHUNK == 0
    play.until(lambda: min(link.statistics().chunk for link in (one, other)) > 25)
    play.until(lambda: float(one.statistics().figures.get("apart", -1.0)) >= 0.0)
    assert float(one.statistics().figures["apart"]) < 10.0  # ms; a chunk lasts 40, and their leads are 4 apart
