"""Who may ask."""

from __future__ import annotations

import pytest

from graphflow.control.oscquery.guard import new_token, refused

HERE = {"Host": "localhost:7654"}


def test_this_computer_needs_no_token():
    assert refused("127.0.0.1", "/", HERE, "") == ""
    assert refused("::1", "/", {"Host": "[::1]:7654"}, "secret") == ""


def test_others_need_it():
    assert refused("192.168.1.9", "/", {"Host": "192.168.1.2:7654"}, "") == "only this computer may ask"
    assert refused("192.168.1.9", "/", {"Host": "192.168.1.2"}, "secret").startswith("a token is needed")


@pytest.mark.parametrize(
    "target, headers",
    [("/gf?token=secret", {}), ("/?HOST_INFO&token=secret", {}), ("/", {"Authorization": "Bearer secret"})],
)
def test_the_token_opens(target: str, headers: dict[str, str]):
    assert refused("192.168.1.9", target, headers, "secret") == ""


@pytest.mark.parametrize(
    "target, headers",
    [("/?token=", {}), ("/?token=secre", {}), ("/?token=é", {}), ("/", {"Authorization": "Basic secret"})],
)
def test_anything_else_does_not(target: str, headers: dict[str, str]):
    assert refused("192.168.1.9", target, headers, "secret")


def test_a_page_of_somebody_else_may_not_ask_this_computer():
    assert refused("127.0.0.1", "/", HERE | {"Origin": "http://evil.example"}, "").startswith("a page of")
    assert refused("127.0.0.1", "/", HERE | {"Origin": "null"}, "").startswith("a page of")
    assert refused("127.0.0.1", "/", {"Host": "evil.example:7654"}, "").startswith("asked for as 'evil.example:7654'")
    assert refused("127.0.0.1", "/", {"Host": "[broken"}, "")
    assert refused("127.0.0.1", "/", HERE | {"Origin": "http://localhost:3000"}, "") == ""


def test_tokens_differ_and_are_typed_with_ease():
    assert len({new_token() for _ in range(20)}) == 20
    assert 12 <= len(new_token()) <= 20
