from __future__ import annotations

import pytest

from graphflow.worker.play_clock import PlayClock

RATE, BLOCK = 48_000, 480
"""Hz, and frames: 10 ms."""


def played(clock: PlayClock, seconds: float, *, begin: float = 0.0, late: float = 0.0, burst: int = 1) -> float:
    """Look every millisecond at a card that takes `burst` blocks at a time; the moment of the last look."""
    moment = begin
    for tick in range(round(1000 * seconds)):
        moment = begin + tick / 1000
        reads = int((moment - late) / 0.01 / burst) * burst
        clock.look(max(0, reads) * BLOCK, moment, BLOCK)
    return moment


def test_a_card_that_stands_still_has_played_what_it_has_read() -> None:
    clock = PlayClock(RATE)
    for tick in range(10):
        clock.look(0, 5.0 + tick, BLOCK)
    assert (clock.position, clock.stride) == (0, BLOCK)


def test_between_two_blocks_it_goes_on_with_the_time() -> None:
    clock = PlayClock(RATE)
    moment = played(clock, 1.0)
    assert clock.frame == pytest.approx(moment * RATE, abs=BLOCK)
    assert clock.position == pytest.approx(moment * RATE, abs=1)


def test_it_is_never_more_than_a_stride_ahead_of_what_was_read() -> None:
    clock = PlayClock(RATE)
    moment = played(clock, 1.0)
    clock.look(clock.frame, moment + 3.0, BLOCK)  # the card has stopped
    assert clock.position == clock.frame + BLOCK


def test_looks_that_come_late_do_not_put_it_back() -> None:
    clock = PlayClock(RATE)
    moment = played(clock, 1.0)
    for n in range(1, 20):
        moment += 0.017
        clock.look(int(moment / 0.01) * BLOCK, moment + 0.006, BLOCK)
        assert clock.position >= moment * RATE - 1, n


def test_a_card_that_falls_behind_is_followed_within_two_windows() -> None:
    clock = PlayClock(RATE)
    played(clock, 1.0)
    moment = played(clock, 2.5, begin=1.0, late=0.004)
    assert clock.position == pytest.approx((moment - 0.004) * RATE, abs=1)


def test_a_driver_that_takes_several_blocks_together_has_a_longer_stride() -> None:
    clock = PlayClock(RATE)
    played(clock, 1.0, burst=3)
    assert clock.stride == 3 * BLOCK
    played(clock, 3.0, begin=1.0)
    assert clock.stride == BLOCK


def test_what_passes_while_nobody_looks_is_no_stride() -> None:
    clock = PlayClock(RATE)
    moment = played(clock, 1.0)
    clock.look(clock.frame + 20 * BLOCK, moment + 0.2, BLOCK)
    assert clock.stride == BLOCK
