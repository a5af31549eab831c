"""Who sends: where answers go, and when what was asked is to be."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class Peer(Protocol):
    """Somebody at the other end, over whatever transport."""

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


@dataclass(frozen=True)
class Call:
    """Who asks, and for which frame of the engine: one to come, or one that was reached just now; 0: now."""

    peer: Peer
    frame: int = 0
