"""Moments on the wall's clock as frames."""

from __future__ import annotations

import random

import pytest

from graphflow.session.frame_clock import FrameClock


def test_before_any_block_nothing_is_known():
    assert FrameClock(48000).frame_at(10.0) == -1
    assert str(FrameClock(48000)) == "0 looks, jitter 0.00 ms"


def test_blocks_that_begin_early_and_late_do_not_move_the_clock():
    clock, chance = FrameClock(48000), random.Random(1)
    for k in range(1000):
        late = chance.uniform(-0.001, 0.001) + (0.01 if k % 50 == 0 else 0.0)
        clock.look(k * 128, 100.0 + k * 128 / 48000 + late)
    assert clock.frame_at(101.0) == pytest.approx(48000, abs=10)  # 0.2 ms
    assert 0.0005 < clock.statistics().jitter < 0.0011
    clock.look(999 * 128, 500.0)  # the same block again is no news
    assert clock.frame_at(101.0) == pytest.approx(48000, abs=10)


def test_a_drifting_card_is_followed():
    clock = FrameClock(48000)
    for k in range(60 * 375):
        clock.look(k * 128, k * 128 / 48000 * 1.0001)
    assert clock.frame_at(60.0 * 1.0001) == pytest.approx(60 * 48000, abs=5)  # what it drifts in half a second


def test_another_card_is_another_clock_at_once():
    clock = FrameClock(48000)
    for k in range(300):
        clock.look(k * 128, k * 128 / 48000)
    for k in range(300, 308):
        clock.look(k * 128, k * 128 / 48000 + 0.5)
    assert clock.frame_at(1.5) == 48000
    clock.look(0, 9.0)
    assert clock.frame_at(9.0) == 0


def looks(clock: FrameClock, seconds: float, lost: dict[float, float], jitter: float, late: float, tag: float) -> float:
    """A device that loses time now and then, looked at every 5 ms; by how many ms a moment 0.2 s ahead is missed."""
    chance = random.Random(2)
    for look in range(round(seconds / 0.005)):
        block = int(look * 0.005 * 375)
        begun = block * 128 / 48000 + chance.expovariate(1.0 / jitter)
        begun += chance.uniform(0.0, late) if chance.random() < 0.05 else 0.0
        clock.look(block * 128, begun + sum(by for at, by in lost.items() if block * 128 / 48000 >= at))
    return abs(clock.frame_at(tag) / 48000 + sum(lost.values()) - tag) * 1000.0


def test_a_device_that_loses_a_millisecond_is_another_clock_within_50_ms():
    for shift in (0.0004, 0.001, -0.001, 0.003):
        lost = {2.0: shift, 3.95: shift}
        assert looks(FrameClock(48000), 4.0, lost, 2e-5, 0.003, 4.2) < 0.1


def test_callbacks_that_come_late_one_by_one_are_no_other_clock():
    for jitter, late in ((2e-5, 0.01), (1e-4, 0.01), (3e-4, 0.005)):
        assert looks(FrameClock(48000), 4.0, {}, jitter, late, 4.2) < jitter * 1000.0 + 0.03
