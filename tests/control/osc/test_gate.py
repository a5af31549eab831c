"""Who is let in, and who holds a port."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

import pytest

from graphflow.control.osc.gate import Gate, is_local
from graphflow.control.osc.holder import holder_of
from graphflow.core.errors import UserError


def test_without_a_list_only_this_computer_is_let_in_and_others_are_told_of_once():
    lines: list[str] = []
    gate = Gate(report=lines.append)
    assert gate.lets_in("127.0.0.1") and gate.lets_in("::1") and gate.lets_in("::ffff:127.0.0.1")
    assert not any(gate.lets_in("10.0.0.7") for _ in range(5))
    assert gate.turned_away == 5
    assert lines == ["osc: 10.0.0.7 is not let in; play with --allow 10.0.0.7 if it may control this patch"]


def test_the_list_takes_addresses_names_and_networks():
    gate = Gate(["10.0.0.7", "192.168.1.0/24", "localhost"])
    for host, yes in (("10.0.0.7", True), ("::ffff:10.0.0.7", True), ("192.168.1.99", True), ("10.0.0.8", False)):
        assert gate.lets_in(host) is yes
    assert not gate.lets_in("nonsense")
    with pytest.raises(UserError, match=r"^--allow no such host!: no such host; expected addresses"):
        Gate(["no such host!"])


@pytest.mark.parametrize(
    "allowed, host",
    [
        ("::ffff:10.0.0.7", "10.0.0.7"),
        ("::ffff:10.0.0.7", "::ffff:10.0.0.7"),
        ("::ffff:10.0.0.0/104", "10.9.8.7"),
        ("[fd00::7]", "fd00::7"),
        ("fe80::/10", "fe80::1%eth0"),
        ("192.168.1.77/24", "192.168.1.3"),
        ("::/0", "fd00::7"),
    ],
)
def test_addresses_in_all_their_spellings(allowed: str, host: str):
    assert Gate([allowed]).lets_in(host)
    assert not Gate([allowed]).lets_in("203.0.113.1")


def test_an_ipv4_host_that_came_by_ipv6_is_told_by_its_own_address():
    lines: list[str] = []
    gate = Gate(report=lines.append)
    gate.lets_in("::ffff:10.0.0.7")
    assert lines == ["osc: 10.0.0.7 is not let in; play with --allow 10.0.0.7 if it may control this patch"]


def test_a_network_that_knocks_fills_neither_the_log_nor_the_memory():
    lines: list[str] = []
    gate = Gate(report=lines.append)
    for k in range(6000):
        gate.lets_in(f"10.1.{k // 250}.{k % 250}")
    assert gate.turned_away == 6000
    assert len(lines) == 32
    assert len(gate._known) <= 4097


def test_what_is_local():
    assert is_local("127.3.2.1") and not is_local("192.168.1.1") and not is_local("") and is_local("::1%lo")


@pytest.mark.skipif(sys.platform != "linux", reason="only /proc tells")
def test_who_holds_a_port_is_found():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
        udp.bind(("127.0.0.1", 0))
        tcp.bind(("127.0.0.1", 0))
        me = f"{Path('/proc/self/comm').read_text().strip()} (pid {os.getpid()})"
        assert holder_of(udp.getsockname()[1], "udp") == me
        assert holder_of(tcp.getsockname()[1], "tcp") == ""  # it does not listen yet
        tcp.listen()
        assert holder_of(tcp.getsockname()[1], "tcp") == me
        assert holder_of(udp.getsockname()[1], "udp", Path("/nowhere")) == ""
