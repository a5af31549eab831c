from __future__ import annotations

import numpy as np
import pytest

from graphflow.audio.ring import FADE, Word
from graphflow.worker import pace as pacing
from graphflow.worker.channel import Order
from graphflow.worker.just_in_time import KEPT, MARGIN, SAFETY_FIRST, UNKNOWN
from graphflow.worker.layout import Control, Shape, SlotMemory
from graphflow.worker.pace import Pace
from graphflow.worker.together import Together

RATE, BLOCK, CHUNK = 48_000, 480, 1920
SHAPE = Shape.of(1, RATE)


class Clock:
    """Time as it is told, for everybody in the module."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pacing, "time", clock)
    return clock


@pytest.fixture
def memory() -> SlotMemory:
    memory = SlotMemory(np.zeros(SHAPE.size, np.uint8), SHAPE, create=True)
    memory.control[Control.LEAD], memory.control[Control.BLOCK] = 14_400, BLOCK
    memory.ring.restart(0)
    return memory


def pace(memory: SlotMemory, *, lockstep: bool = False, just_in_time: bool = True) -> Pace:
    made = Pace(Order(1, "fake", {}, RATE, 0, lockstep, False), memory, Together())
    made.just_in_time = just_in_time
    made.look()
    return made


def chunks(memory: SlotMemory, count: int = 1) -> None:
    for _ in range(count):
        memory.ring.write(np.zeros((1, CHUNK), np.float32))


def read(memory: SlotMemory, frame: int) -> None:
    memory.ring.words[Word.READ] = frame


def test_in_lockstep_a_chunk_is_made_when_it_is_asked_for(memory: SlotMemory) -> None:
    asked = pace(memory, lockstep=True)
    assert asked.wait() == 1.0
    memory.ring.target = 1
    assert asked.wait() == 0.0
    assert (asked.first, asked.too_late, asked.own) == (0, False, False)
    assert not asked.room_to_remake(192)


def test_the_ordinary_lead_is_the_sessions(memory: SlotMemory, clock: Clock) -> None:
    ahead = pace(memory, just_in_time=False)
    assert (ahead.lead, ahead.first, memory.control[Control.OWN_LEAD]) == (14_400, 14_400, 0)
    assert ahead.wait() == 0.0
    chunks(memory, 7)
    assert ahead.wait() == 0.0
    chunks(memory)
    assert ahead.wait() == pytest.approx((8 * CHUNK - 14_400) / RATE)
    assert str(ahead) == "0.300 s ahead"


def test_just_in_time_it_is_what_a_chunk_takes_and_what_the_card_reads_ahead(memory: SlotMemory, clock: Clock) -> None:
    just = pace(memory)
    lead = round((UNKNOWN + MARGIN + SAFETY_FIRST) * RATE) + BLOCK + FADE
    assert (just.lead, memory.control[Control.OWN_LEAD]) == (lead, lead)
    for _ in range(10):
        just.made(5000, 0.005, 0.04)
    just.look()
    lead = round(just._lead.seconds * RATE) + BLOCK + FADE
    assert 0.0099 * RATE < lead - BLOCK - FADE < 0.0101 * RATE
    assert (just.lead, memory.control[Control.OWN_LEAD]) == (lead, lead)


def test_the_next_chunk_is_begun_a_lead_before_it_is_due_between_two_blocks_too(
    memory: SlotMemory, clock: Clock
) -> None:
    just = pace(memory)
    for _ in range(10):
        just.made(5000, 0.005, 0.04)
    chunks(memory, 50)
    for block in range(1, 21):  # the card reads a block every 10 ms
        clock.now = 100.0 + 0.01 * block
        read(memory, BLOCK * block)
        just.look()
    begin = 100.0 + (50 * CHUNK - just.lead) / RATE
    assert just.wait() == pacing.LOOK_SECONDS
    blocks = int((begin - 100.0) / 0.01)
    for block in range(21, blocks + 1):
        clock.now = 100.0 + 0.01 * block
        read(memory, BLOCK * block)
        just.look()
    clock.now = begin - 0.001
    just.look()
    assert just.wait() == pytest.approx(0.001, abs=1e-4)
    clock.now = begin + 0.0001
    just.look()
    assert just.wait() == 0.0


def test_it_begins_where_the_patch_does_before_the_clock_runs_else_a_lead_ahead(memory: SlotMemory) -> None:
    just = pace(memory)
    assert just.first == 0
    read(memory, 4800)
    assert just.first == 4800 + just.lead
    assert just.wait() == 0.0  # the first chunk waits for nothing


def test_a_late_chunk_is_counted_and_makes_the_lead_longer(memory: SlotMemory, clock: Clock) -> None:
    just = pace(memory)
    for _ in range(10):
        just.made(5000, 0.005, 0.04)
    chunks(memory)
    before = just.lead
    just.made(FADE, 0.005, 0.04)
    assert memory.control[Control.MISSES] == 0
    just.made(FADE - 480, 0.005, 0.04)
    assert memory.control[Control.MISSES] == 1
    assert just.lead - before == pytest.approx(480, abs=2)


def test_the_first_chunk_of_all_is_late_for_nobody(memory: SlotMemory) -> None:
    just = pace(memory)
    just.made(-100, 0.005, 0.04)
    assert memory.control[Control.MISSES] == 0


def test_a_machine_that_is_too_slow_goes_back_to_the_sessions_lead(memory: SlotMemory, clock: Clock) -> None:
    just = pace(memory)
    for _ in range(20):
        just.made(5000, 0.05, 0.04)
    just.look()
    assert (just.own, just.lead, memory.control[Control.OWN_LEAD]) == (False, 14_400, 0)
    assert not just.room_to_remake(192)


def test_a_chunk_can_be_made_again_while_enough_is_left_of_it(memory: SlotMemory, clock: Clock) -> None:
    just = pace(memory)
    for _ in range(10):
        just.made(5000, 0.005, 0.04)
    chunks(memory, 2)
    just.look()
    needs = max(just.guard + 192, just.lead) + 0.005 * RATE
    assert just.guard == BLOCK + FADE + 240
    for left, room in ((needs + 2, True), (needs - 2, False)):
        just._clock.position = 2 * CHUNK - left
        assert just.room_to_remake(192) == room
    just._clock.position = 2 * CHUNK - (needs + 2)
    just.remade(0.006)  # it takes longer than making one in the first place
    just._clock.position = 2 * CHUNK - (needs + 2)
    assert not just.room_to_remake(192)


def test_one_that_takes_longer_to_make_again_than_most_is_no_reason_to_leave_it(
    memory: SlotMemory, clock: Clock
) -> None:
    just = pace(memory)
    for spent in (0.006, 0.019, 0.006):
        just.made(5000, 0.005, 0.04)
        just.remade(spent)
    for _ in range(10):
        just.made(5000, 0.005, 0.04)
    chunks(memory, 2)
    just.look()
    just._clock.position = 2 * CHUNK - (max(just.guard + 192, just.lead) + 0.006 * RATE + 2)
    assert just.room_to_remake(192)


def test_a_chunk_with_a_new_state_is_begun_earlier_and_at_once_where_it_is_too_late_for_that(
    memory: SlotMemory, clock: Clock
) -> None:
    just = pace(memory)
    for _ in range(10):
        just.made(5000, 0.005, 0.04)
    just.made(5000, 0.015, 0.04, anew=True)
    chunks(memory, 2)
    just.look()
    just._clock.position = 2 * CHUNK - just.lead - 0.011 * RATE  # 10 ms more than a plain one takes, and 1
    assert just.time_for_news
    assert just.wait(anew=True) == pytest.approx(0.001, abs=1e-4)
    just._clock.position = 2 * CHUNK - just.lead - 0.005 * RATE
    assert not just.time_for_news
    assert (just.wait(anew=True), just.wait()) == (0.0, pacing.LOOK_SECONDS)
    just.remade(0.03)  # more than half of a chunk: none is made again, so that waiting is in vain
    just._clock.position = 2 * CHUNK - just.lead - 0.005 * RATE
    assert just.time_for_news


def test_making_again_takes_no_more_than_half_of_a_chunks_time(memory: SlotMemory, clock: Clock) -> None:
    just = pace(memory)
    for _ in range(10):
        just.made(5000, 0.005, 0.04)
    chunks(memory, 10)
    for again in range(5):
        assert just.room_to_remake(192) == (again < 4)
        just.remade(0.005)
    just.made(5000, 0.005, 0.04)
    assert just.room_to_remake(192)


def test_one_that_took_long_to_make_again_is_forgotten_after_a_while(memory: SlotMemory, clock: Clock) -> None:
    just = pace(memory)
    for _ in range(10):
        just.made(5000, 0.005, 0.04)
    chunks(memory, 10)
    just.remade(0.025)
    for _ in range(KEPT - 1):
        just.made(5000, 0.005, 0.04)
    assert not just.room_to_remake(192)
    just.made(5000, 0.005, 0.04)
    assert just.room_to_remake(192)


def test_it_begins_again_when_it_could_not_catch_up(memory: SlotMemory) -> None:
    just = pace(memory)
    chunks(memory)
    for spent, late in ((0.02, False), (0.05, True)):  # of 0.04: RTF 2 and 0.8
        memory.note_chunk(0, round(spent * 1e9), CHUNK)
        for _ in range(8):
            memory.note_chunk(0, round(spent * 1e9), CHUNK)
        read(memory, CHUNK - 1)
        assert not just.too_late
        read(memory, CHUNK + 4800)
        assert just.too_late == late
    just.skipped()
    assert memory.control[Control.SKIPS] == 1
