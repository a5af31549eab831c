"""This computer's addresses."""

from __future__ import annotations

import pytest

from graphflow.control.oscquery.addresses import all_of, is_here_only, reachable


@pytest.mark.parametrize(
    "host, here",
    [
        ("127.0.0.1", True),
        ("::1", True),
        ("localhost", True),
        ("0.0.0.0", False),
        ("192.168.1.2", False),
        ("a..b", False),
    ],
)
def test_who_can_come(host: str, here: bool):
    assert is_here_only(host) is here


def test_what_others_type():
    assert reachable("192.168.1.2") == "192.168.1.2"
    assert reachable("a..b") == "a..b"
    assert not reachable("0.0.0.0").startswith("127.")


def test_an_address_is_itself_and_all_addresses_are_those_of_the_network():
    pytest.importorskip("ifaddr", reason="zeroconf is missing: pip install 'graphflow-live[zeroconf]'")
    assert all_of("192.168.1.2") == ["192.168.1.2"]
    assert not any(address.startswith("127.") for address in all_of("0.0.0.0"))
