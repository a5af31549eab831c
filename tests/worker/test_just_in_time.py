from __future__ import annotations

import pytest

from graphflow.worker.just_in_time import MARGIN, SAFETY_FIRST, SAFETY_LEAST, SAFETY_MOST, UNKNOWN, JustInTime

CHUNK = 0.04
"""Seconds."""


def made(lead: JustInTime, count: int, spent: float) -> JustInTime:
    for _ in range(count):
        lead.observe(spent, CHUNK)
    return lead


def test_until_it_knows_the_machine_it_expects_a_slow_one() -> None:
    lead = JustInTime()
    assert lead.seconds == UNKNOWN + MARGIN + SAFETY_FIRST
    made(lead, 8, 0.005)
    assert lead.expected == UNKNOWN
    made(lead, 1, 0.005)
    assert lead.expected == 0.005


def test_the_first_chunk_warms_up_and_does_not_count() -> None:
    lead = JustInTime()
    lead.observe(3.0, CHUNK)
    made(lead, 20, 0.005)
    assert lead.expected == 0.005
    assert lead.usable


def test_it_is_what_all_but_one_of_a_hundred_chunks_took() -> None:
    lead = made(JustInTime(), 1, 1.0)
    for number in range(256):
        lead.observe(0.001 * (number % 32), CHUNK)
    assert lead.expected == 0.031
    lead = made(JustInTime(), 201, 0.005)
    made(lead, 1, 0.039)
    assert lead.expected == 0.005  # the single worst is left to the safety
    made(lead, 4, 0.02)
    assert lead.expected == 0.02


def test_chunks_with_a_new_state_are_expected_by_themselves() -> None:
    lead = made(JustInTime(), 40, 0.005)
    assert lead.seconds_anew == lead.seconds
    for _ in range(4):
        lead.observe(0.02, CHUNK, anew=True)
        made(lead, 5, 0.005)
    assert (lead.expected, lead.expected_anew) == (0.005, 0.02)
    assert lead.seconds_anew - lead.seconds == pytest.approx(0.015)


def test_where_every_chunk_has_a_new_state_that_is_what_they_take() -> None:
    lead = made(JustInTime(), 1, 0.005)
    for _ in range(20):
        lead.observe(0.02, CHUNK, anew=True)
    assert (lead.expected, lead.expected_anew) == (0.02, 0.02)


def test_old_chunks_are_forgotten() -> None:
    lead = made(JustInTime(), 50, 0.03)
    made(lead, 260, 0.005)
    assert lead.expected == 0.005


def test_the_safety_grows_with_a_miss_and_slowly_shrinks() -> None:
    lead = made(JustInTime(), 100, 0.005)
    calm = lead.seconds
    lead.missed(0.004)
    assert lead.seconds == pytest.approx(calm + 0.004)
    made(lead, 1500, 0.005)  # a minute
    assert lead.seconds == pytest.approx(0.005 + MARGIN + 0.5 * (calm + 0.004 - 0.005 - MARGIN))
    made(lead, 15_000, 0.005)
    assert lead.seconds == 0.005 + MARGIN + SAFETY_LEAST


def test_a_standstill_of_everything_costs_no_long_lead() -> None:
    lead = made(JustInTime(), 100, 0.005)
    lead.missed(10.0)
    assert lead.seconds < 0.005 + MARGIN + SAFETY_FIRST + 0.021


def test_the_safety_has_an_end_and_then_the_ordinary_lead_takes_over() -> None:
    lead = made(JustInTime(), 100, 0.005)
    for _ in range(5):
        lead.missed(0.02)
    assert lead.seconds == 0.005 + MARGIN + SAFETY_MOST
    assert lead.usable
    lead.missed(0.02)
    assert not lead.usable


def test_a_machine_that_is_too_slow_is_told_from_one_that_is_just_fast_enough() -> None:
    assert made(JustInTime(), 100, 0.85 * CHUNK).usable
    assert not made(JustInTime(), 100, 0.95 * CHUNK).usable


def test_it_is_tried_again_after_ten_calm_seconds() -> None:
    lead = made(JustInTime(), 100, 0.05)
    assert not lead.usable
    made(lead, 240, 0.005)
    assert not lead.usable
    made(lead, 30, 0.005)
    assert lead.usable
    assert str(lead) == "9.7 ms: 5.0 to make a chunk, 1.7 for safety"


def test_its_text_says_when_it_gives_up() -> None:
    assert str(made(JustInTime(), 100, 0.05)) == "54.9 ms: 50.0 to make a chunk, 1.9 for safety, too slow for it"
