"""Who may send: this computer, and the hosts of `--allow`."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Callable, Iterable
from typing import TypeAlias

from graphflow.core.errors import UserError

Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
MAPPED = 96
"""Bits before an IPv4 address in an IPv6 one."""
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
                name = bare(host)
                self._report(f"osc: {name} is not let in; play with --allow {name} if it may control this patch")
        return known

    def _allowed(self, host: str) -> bool:
        address = _address(host)
        return address is not None and any(address in network for network in self._networks)


def is_local(host: str) -> bool:
    """Whether an address is this computer's own loopback."""
    address = _address(host)
    return address is not None and address.is_loopback


def bare(host: str) -> str:
    """An address without brackets, and that of an IPv4 host that came by an IPv6 socket as its own."""
    inside = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    mapped = _mapped(inside)
    return inside if mapped is None else str(mapped)


def networks(host: str) -> list[Network]:
    """A name, an address or a network as networks. Raises UserError."""
    inside = bare(host)
    try:
        network = ipaddress.ip_network(inside, strict=False)
        outer = _mapped(str(network.network_address))
        if outer is not None and network.prefixlen >= MAPPED:
            return [ipaddress.ip_network((outer, network.prefixlen - MAPPED))]
        return [network]
    except ValueError:
        pass
    try:
        found = socket.getaddrinfo(inside, None, type=socket.SOCK_DGRAM)
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
    return _mapped(str(address)) or address


def _mapped(host: str) -> ipaddress.IPv4Address | None:
    """The IPv4 address inside an IPv6 one, where there is one."""
    try:
        return ipaddress.IPv6Address(host).ipv4_mapped
    except ValueError:
        return None
