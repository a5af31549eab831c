from __future__ import annotations

from graphflow.worker.together import Together


def test_all_begin_the_same_chunk_with_the_first() -> None:
    together = Together()
    assert together.moment(1, 1920, 10.0) == 10.0
    assert together.moment(2, 1920, 9.5) == 9.5
    assert together.moment(1, 1920, 10.0) == 9.5
    assert together.moment(3, 3840, 9.0) == 9.0
    assert together.moment(1, 1920, 10.1) == 9.5


def test_nobody_waits_for_one_that_has_left_or_gone_on() -> None:
    together = Together()
    together.moment(1, 1920, 9.0)
    together.moment(2, 1920, 9.2)
    together.moment(1, 3840, 9.04)
    assert together.moment(2, 1920, 9.2) == 9.2
    together.leave(1)
    together.leave(1)
    assert together.moment(2, 3840, 9.3) == 9.3
