"""Sockets at an address; at all addresses of IPv6 they hear IPv4 too, whatever the system has for usual."""

from __future__ import annotations

import ipaddress
import socket


def is_everywhere(host: str) -> bool:
    """Whether it is IPv6's word for all addresses."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.version == 6 and address.is_unspecified


def hear_both(opened: socket.socket, host: str) -> None:
    """To be called before it is bound."""
    if is_everywhere(host):
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)


def tcp_socket(host: str, port: int) -> socket.socket | None:
    """A TCP socket bound to all addresses; None for any other host, which asyncio does well. Raises OSError.

    asyncio would hear IPv6 alone there, and datagrams come by both.
    """
    if not is_everywhere(host):
        return None
    opened = socket.socket(socket.AF_INET6, socket.SOCK_STREAM)
    try:
        if hasattr(socket, "SO_REUSEADDR") and hasattr(socket, "AF_UNIX"):  # on Windows it lets two have one port
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        hear_both(opened, host)
        opened.bind((host, port))
    except OSError:
        opened.close()
        raise
    return opened
