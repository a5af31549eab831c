"""Rectangles and columns."""

from __future__ import annotations

from graphflow.control.layouts.place import Box, columns, overlaps


def test_what_touches_does_not_overlap():
    assert not Box(0, 0, 10, 10).overlaps(Box(10, 0, 10, 10))
    assert Box(0, 0, 10, 10).overlaps(Box(9, 9, 10, 10))
    assert overlaps([Box(0, 0, 4, 4), Box(4, 0, 4, 4), Box(1, 1, 1, 1)]) == [(Box(0, 0, 4, 4), Box(1, 1, 1, 1))]
    assert Box(0, 0, 4, 4).holds(Box(0, 2, 4, 2)) and not Box(0, 0, 4, 4).holds(Box(1, 0, 4, 4))


def test_groups_fill_columns_that_are_about_even():
    assert columns([(50, 40)] * 4, left=0, top=0, limit=150, gap=10) == [
        Box(0, 0, 50, 40),
        Box(0, 50, 50, 40),
        Box(60, 0, 50, 40),
        Box(60, 50, 50, 40),
    ]


def test_what_is_higher_than_a_column_has_one_of_its_own():
    assert [box.x for box in columns([(50, 20), (50, 900), (50, 20)], left=0, top=0, limit=100, gap=10)] == [0, 60, 120]
