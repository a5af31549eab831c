from __future__ import annotations

import math

import pytest

from graphflow.worker.latencies import Latencies


def test_nothing_is_known_before_the_first_change() -> None:
    assert all(map(math.isnan, Latencies(1000).seconds()))


def test_half_and_95_percent_of_the_changes_stay_below() -> None:
    latencies = Latencies(1000)
    for seq in range(1, 102):
        latencies.sent(seq, 5000)
        latencies.heard(seq, 5000 + seq - 1)
    assert latencies.seconds() == pytest.approx((0.050, 0.095))


def test_a_state_that_a_newer_one_replaced_is_never_heard() -> None:
    latencies = Latencies(1000)
    latencies.sent(1, 0)
    latencies.sent(2, 900)
    latencies.heard(2, 1000)
    latencies.heard(1, 1000)
    assert latencies.seconds() == pytest.approx((0.1, 0.1))


def test_a_chunk_that_was_there_before_the_change_is_no_less_than_at_once() -> None:
    latencies = Latencies(1000)
    latencies.sent(1, 500)
    latencies.heard(1, 400)
    assert latencies.seconds() == (0.0, 0.0)
