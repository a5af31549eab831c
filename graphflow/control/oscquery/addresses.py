"""The addresses of this computer: which are its own alone, and under which others reach it."""

from __future__ import annotations

import ipaddress
import socket

from graphflow.control.osc.gate import is_local

ANYWHERE = ("192.0.2.1", 9)
"""An address that is kept for examples; nothing is ever sent there."""


def resolved(host: str) -> str:
    """A name's address; an address as it is. Raises OSError, UnicodeError."""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])


def is_here_only(host: str) -> bool:
    """Whether only programs on this computer can come to a server at a host."""
    try:
        return is_local(resolved(host))
    except (OSError, UnicodeError):
        return False  # whoever listens there will say what is wrong


def reachable(host: str) -> str:
    """What others type to come to a server that listens at a host: for all addresses, the one on the network."""
    try:
        if not ipaddress.ip_address(resolved(host)).is_unspecified:
            return host
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as way:
            way.connect(ANYWHERE)  # finds the way out, and sends nothing
            return str(way.getsockname()[0])
    except (OSError, UnicodeError):  # no network, or no such name
        return host


def all_of(host: str) -> list[str]:
    """Every address under which others reach a server that listens at a host. Takes zeroconf's ifaddr."""
    address = resolved(host)
    if not ipaddress.ip_address(address).is_unspecified:
        return [address]
    import ifaddr

    found = [ip.ip for adapter in ifaddr.get_adapters() for ip in adapter.ips if isinstance(ip.ip, str)]
    return sorted(ip for ip in found if not is_local(ip))
