"""osc_in and osc_out: what they make of messages, and what they tell."""

from __future__ import annotations

import math
from typing import Any

import pytest
from control_host import Host

from graphflow import Heard, Notes, Osc


def heard(*script: Any, **values: Any) -> list[tuple[str, Any]]:
    """What osc_in sends after its start."""
    told = [{"osc": step} if isinstance(step, Osc) else step for step in script]
    sent = Host("osc_in", [values, *told]).run()
    return [(outlet, round(v, 6) if isinstance(v, float) else v) for _, outlet, v in sent[1:]]


def told(*script: dict[str, Any], **values: Any) -> list[tuple[str, tuple[Any, ...]]]:
    """What osc_out tells."""
    host = Host("osc_out", [values, *script])
    host.run()
    assert host.reports == []
    return [(message.address, message.arguments) for _, outside, message in host.told if outside == "osc"]


def test_numbers_and_words_of_one_address() -> None:
    assert heard(
        Osc("/fader1", (0.5,)),
        Osc("/fader2", (0.7,)),
        Osc("/fader1", ("dusk",)),
        Osc("/fader1", (1, 2)),
        Osc("/fader1"),
    ) == [("value", 0.5), ("text", "dusk"), ("value", 1.0), ("value", 1.0)]


def test_a_number_is_brought_to_the_unit_of_what_it_drives() -> None:
    assert heard(Osc("/fader1", (0.25,)), {"high": 300.0}, low=100.0, high=500.0) == [
        ("value", 200.0),
        ("value", 150.0),
    ]


def test_another_argument_may_count() -> None:
    assert heard(Osc("/fader1", (0.1, 0.2)), Osc("/fader1", (0.1,)), argument=1.0) == [("value", 0.2)]


@pytest.mark.parametrize("value", [math.nan, math.inf, 1e30, None, b"x", (1.0,)])
def test_what_is_neither_number_nor_words_is_left_out(value: Any) -> None:
    assert heard(Osc("/fader1", (value,))) == []


@pytest.mark.parametrize("address", ["fader", "/", "/gf/x", "/a//b", "/a b", "/a*", "/ü", ""])
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match=r"^is "):
        Heard("/fader1").parse(address)
    assert Heard("/fader1").parse("/1/xy-pad_2") == "/1/xy-pad_2"


def test_numbers_and_words_are_told_when_they_change() -> None:
    assert told({"value": 0.5}, {"text": "dusk"}) == [("/graphflow", (0.5,)), ("/graphflow", ("dusk",))]
    assert told({"value": 0.5}, value=0.25, address="/a") == [("/a", (0.25,)), ("/a", (0.5,))]
    assert told(text="dawn") == [("/graphflow", ("dawn",))]


def test_only_numbers_are_thinned() -> None:
    host = Host("osc_out", [{"rate": 10.0}, {"value": 0.5}, {"text": "x"}])
    host.run()
    assert [message.hz for _, _, message in host.told] == [10.0, 0.0]


def test_notes_are_struck_and_let_go_of_to_the_last_one() -> None:
    first = Notes().struck(60, 0.5)
    second = first.struck(64, 1.0)
    third = second.struck(60, 0.25).released(64)
    assert told({"notes": first}, {"notes": second}, {"notes": third}) == [
        ("/graphflow/note", (60, 0.5)),
        ("/graphflow/note", (64, 1.0)),
        ("/graphflow/note", (64, 0.0)),
        ("/graphflow/note", (60, 0.25)),
        ("/graphflow/note", (60, 0.0)),
    ]


@pytest.mark.parametrize(
    "key, value, line",
    [
        ("to", "lights", "nodes.tested.to is 'lights'; expected a host and a port, like 127.0.0.1:9000"),
        ("to", "lights:99999", "nodes.tested.to is 'lights:99999'; expected a host and a port, like 127.0.0.1:9000"),
        ("address", "x", "nodes.tested.address is 'x'; expected an address like /lights/1"),
    ],
)
def test_a_place_that_is_none_is_told(key: str, value: str, line: str) -> None:
    host = Host("osc_out", [{key: value}, {"value": 0.5}])
    host.run()
    assert (host.reports, host.told) == ([line], [])
