"""Who may send: this computer, and the hosts of `--allow`."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable
from typing import TypeAlias

from graphflow.core.errors import UserError

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
TOLD = 32
"""Hosts that are told of; a whole network that knocks is not told host by host."""


class Gate:
    """Lets hosts in. What is turned away is counted, and each host is told of once."""

    def __init__(self, allowed: Iterable[str] = (), report: Callable[[str], None] = lambda line: None) -> None:
        """`allowed`: addresses, names, or networks such as 192.168.1.0/24. Raises UserError."""
        self.turned_away = 0
        self._networks = [network for host in allowed for network in networks(host)]
        self._report = report
        self._told: set[str] = set()
        self._known: dict[str, bool] = {}

    def lets_in(self, host: str) -> bool:
        """Whether a host's packets are taken."""
        known = self._known.get(host)
        if known is None:
            if len(self._known) > 4096:
                self._known.clear()
            known = self._known[host] = is_local(host) or self._allowed(host)
        if not known:
            self.turned_away += 1
            if host not in self._told and len(self._told) < TOLD:
                self._told.add(host)
                self._report(f"osc: {host} is not let in; play with --allow {host} if it may control this patch")
        return known

    def _allowed(self, host: str) -> bool:
        address = _address(host)
        return address is not None and any(address in network for network in self._networks)


def is_local(host: str) -> bool:
    """Whether an address is this computer's own loopback."""
    address = _address(host)
    return address is not None and address.is_loopback


def networks(host: str) -> list[Network]:
    """A name, an address or a network as networks. Raises UserError."""
    try:
        return [ipaddress.ip_network(host, strict=False)]
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except (OSError, UnicodeError):
        raise UserError(
            f"--allow {host}: no such host; expected addresses, names or networks like 192.168.1.0/24"
        ) from None
    return [ipaddress.ip_network(str(where[0]).partition("%")[0]) for *_, where in found]


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None
    mapped = getattr(address, "ipv4_mapped", None)  # an IPv4 host that came by an IPv6 socket
    return mapped if isinstance(mapped, ipaddress.IPv4Address) else address
