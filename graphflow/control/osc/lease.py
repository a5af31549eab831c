"""Who is sent values, and what was sent already."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from graphflow.control.osc.entry import Entry
from graphflow.control.osc.peer import Key, Peer, key_of
from graphflow.core.errors import UserError

Values: TypeAlias = tuple[Any, ...]


@dataclass(eq=False)
class Lease:
    """One receiver. `owner` is who asked: the same computer may have several programs."""

    target: Peer
    owner: Key
    until: float
    watches: dict[str, Watch] = field(default_factory=dict)

    @property
    def key(self) -> Key:
        return key_of(self.target)


@dataclass(eq=False)
class Watch:
    """One pattern of a receiver. `pending`: addresses that may have news; `held`: until when they are not sent."""

    lease: Lease
    pattern: str
    every: float
    due: float = 0.0
    entries: dict[str, Entry] = field(default_factory=dict)
    sent: dict[str, Values] = field(default_factory=dict)
    held: dict[str, float] = field(default_factory=dict)
    pending: dict[str, None] = field(default_factory=dict)
    queued: bool = False


def value_of(entry: Entry) -> Values | None:
    """What it holds; None for what holds nothing, or went just now."""
    if entry.value is None:
        return None
    try:
        return entry.value()
    except (KeyError, UserError):  # its node left since the last look
        return None


def messages_of(entry: Entry, value: Values) -> list[Values]:
    """The messages a value makes: one, or one for each prompt."""
    size = len(entry.types)
    return [value[at : at + size] for at in range(0, len(value), size)] if entry.what == "prompt" else [value]


def same(one: Sequence[Any], other: Sequence[Any] | None) -> bool:
    """Equal but for what is lost where numbers are told as float32."""
    if other is None or len(one) != len(other):
        return False
    return all(
        math.isclose(a, b, rel_tol=1e-6, abs_tol=1e-9)
        if isinstance(a, (int, float)) and isinstance(b, (int, float))
        else a == b
        for a, b in zip(one, other, strict=True)
    )
