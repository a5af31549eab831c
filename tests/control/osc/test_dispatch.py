"""Patterns, and how an address finds what it means."""

from __future__ import annotations

import time

import pytest

from graphflow.control.osc.dispatch import Dispatch
from graphflow.control.osc.entry import Entry
from graphflow.control.osc.pattern import matches


def entry(address: str, action: bool = False) -> Entry:
    return Entry(address, "f", "", "number", value=None if action else lambda: (0.0,))


ADDRESSES = [
    "/gf/node/lead/freq",
    "/gf/node/lead/freq/norm",
    "/gf/node/lead/level",
    "/gf/node/bass/freq",
    "/gf/node/bass/freq/norm",
    "/gf/macro/warmth",
]


@pytest.fixture
def dispatch() -> Dispatch:
    entries = [entry(address) for address in ADDRESSES] + [entry("/gf/hush", action=True)]
    return Dispatch({e.address: e for e in entries})


@pytest.mark.parametrize(
    "pattern, name, yes",
    [
        ("freq", "freq", True),
        ("fr?q", "freq", True),
        ("fr?", "freq", False),
        ("*", "freq", True),
        ("*", "", True),
        ("f*q", "freq", True),
        ("f*q", "fq", True),
        ("f*x", "freq", False),
        ("*e*", "freq", True),
        ("[a-f]req", "freq", True),
        ("[!a-f]req", "freq", False),
        ("[xyz-]req", "-req", True),
        ("{freq,level}", "level", True),
        ("{fr,le}*", "level", True),
        ("{,a}b", "b", True),
        ("{freq}", "fre", False),
        ("f.eq", "freq", False),
    ],
)
def test_a_pattern_means_names(pattern: str, name: str, yes: bool):
    assert matches(pattern, name) is yes


@pytest.mark.parametrize("pattern", ["[ab", "{ab", "a]", "a}"])
def test_a_broken_pattern_is_told(pattern: str):
    with pytest.raises(ValueError, match=r"not closed|nothing opens"):
        matches(pattern, "a")


def test_no_pattern_takes_long():
    began = time.perf_counter()
    for pattern in ("*a" * 120, "*?" * 120, "{,a}" * 60, "[!b]*" * 50):
        for _ in range(100):
            matches(pattern, "a" * 40 + "b")
    assert time.perf_counter() - began < 2.0


@pytest.mark.parametrize(
    "address, found",
    [
        ("/gf/node/lead/freq", ["/gf/node/lead/freq"]),
        ("/gf/node/*/freq", ["/gf/node/lead/freq", "/gf/node/bass/freq"]),
        ("/gf/node/*", []),
        ("/gf/*/*/*", ["/gf/node/lead/freq", "/gf/node/lead/level", "/gf/node/bass/freq"]),
        ("/gf/node/{lead,bass}/freq/nor?", ["/gf/node/lead/freq/norm", "/gf/node/bass/freq/norm"]),
        ("/gf/[!n]*/*", ["/gf/macro/warmth"]),
        ("/gf/hush", ["/gf/hush"]),
        ("/gf/hus?", []),
        ("/gf/node/nobody/freq", []),
        ("", []),
        ("/", []),
        ("/*//freq", []),
    ],
)
def test_an_address_finds_what_it_means(dispatch: Dispatch, address: str, found: list[str]):
    assert [e.address for e in dispatch.find(address)] == found


def test_what_a_pattern_means_is_forgotten_when_the_addresses_change(dispatch: Dispatch):
    assert len(dispatch.find("/gf/macro/*")) == 1
    dispatch.replace({e.address: e for e in [entry("/gf/macro/a"), entry("/gf/macro/b")]})
    assert [e.address for e in dispatch.find("/gf/macro/*")] == ["/gf/macro/a", "/gf/macro/b"]
    for k in range(1000):
        dispatch.find(f"/gf/macro/{k}*")
    assert len(dispatch._known) <= 256


def test_a_pattern_without_end_is_refused(dispatch: Dispatch):
    with pytest.raises(ValueError, match=r"a pattern of 60001 characters; expected at most 256"):
        dispatch.find("/" + "*" * 60_000)
