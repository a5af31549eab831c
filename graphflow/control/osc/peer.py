"""Who sends: where answers go, and when what was asked is to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

Transport: TypeAlias = Literal["udp", "tcp", "websocket"]
Key: TypeAlias = tuple[Transport, str, int]
"""Who it is among all others. A port of UDP and one of TCP have the same number by chance only."""


class Peer(Protocol):
    """Somebody at the other end, over whatever transport."""

    @property
    def transport(self) -> Transport:
        """What carries its packets."""

    @property
    def host(self) -> str:
        """The computer's address."""

    @property
    def port(self) -> int:
        """The port it sends from."""

    @property
    def local(self) -> bool:
        """Whether it is a program on this computer."""

    def send(self, data: bytes) -> None:
        """Send one packet back. Never waits, never raises: one that is gone or too slow loses it."""


def key_of(peer: Peer) -> Key:
    return peer.transport, peer.host, peer.port


@dataclass(frozen=True)
class Call:
    """Who asks, and for which frame of the engine: one to come, or one that was reached just now; 0: now."""

    peer: Peer
    frame: int = 0
