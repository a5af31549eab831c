"""How many may be connected at once: who says nothing takes a place too, until the time for it is up."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from websockets.asyncio.server import ServerConnection

OPEN = 320
"""Connections at once. A process has 1024 files where nobody has changed that, and the patch needs some."""


def door(most: int, turned_away: Callable[[], None]) -> type[ServerConnection]:
    """What makes a server's connections, of which no more than so many stay open."""
    from websockets.asyncio.server import ServerConnection

    inside: set[ServerConnection] = set()

    class Bounded(ServerConnection):
        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            if len(inside) < most:
                inside.add(self)
            else:
                turned_away()
                transport.abort()

        def connection_lost(self, exc: Exception | None) -> None:
            inside.discard(self)
            super().connection_lost(exc)

    return Bounded


__all__ = ["OPEN", "door"]
