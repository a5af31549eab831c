from __future__ import annotations

from graphflow.worker.lead import FIRST, LEAST, MOST, Lead

POLL = 0.02
"""Seconds."""


def test_it_stays_while_nothing_is_known() -> None:
    lead = Lead()
    lead.observe(POLL, 0, [])
    assert lead.seconds == FIRST


def test_missed_frames_raise_it_at_once_and_then_step_by_step() -> None:
    lead = Lead()
    lead.observe(POLL, 128, [])
    assert lead.seconds == FIRST * 1.5
    lead.observe(POLL, 128, [])
    assert lead.seconds == FIRST * 1.5
    for _ in range(500):
        lead.observe(POLL, 128, [])
    assert lead.seconds == MOST


def test_a_near_miss_raises_it_less() -> None:
    lead = Lead()
    lead.observe(POLL, 0, [0.25, 0.07, 0.2])
    assert lead.seconds == FIRST * 1.15


def test_it_comes_down_slowly_while_there_is_room_and_not_below_its_least() -> None:
    lead = Lead()
    polls = 0
    while lead.seconds > LEAST:
        lead.observe(POLL, 0, [0.9 * lead.seconds])
        polls += 1
        assert polls < 20_000
    assert 120.0 < polls * POLL < 240.0
    for _ in range(1000):
        lead.observe(POLL, 0, [0.9 * lead.seconds])
    assert lead.seconds == LEAST


def test_it_holds_where_room_is_neither_wide_nor_narrow() -> None:
    lead = Lead()
    for _ in range(2000):
        lead.observe(POLL, 0, [0.4 * lead.seconds])
    assert lead.seconds == FIRST
