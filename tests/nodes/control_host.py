"""A host for one control node: feeds it changes, keeps what it sends, and has a clock that never waits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from uncompiled import kinds

from graphflow.core.arrivals import Arrival
from graphflow.session.transport import Transport


class Over(Exception):
    """The script is at its end."""


class Host:
    """Runs a node through `script`, one mapping of new values per change; `seconds` is where its clock ends."""

    def __init__(self, kind: str, script: Sequence[Mapping[str, Any]], seconds: float = 0.0) -> None:
        spec = kinds()[kind]
        defaults = {name: d.default for name, d in {**spec.params, **spec.settings}.items()}
        self.values: dict[str, Any] = defaults | dict(script[0])
        self.script, self.seconds = script, seconds
        self.now, self.folder = 0.0, Path()
        self.reports: list[str] = []
        self.sent: list[tuple[float, str, Any]] = []
        self.glides: list[float | None] = []
        self.told: list[tuple[float, str, Any]] = []
        self.transport = Transport(self.rate)
        self.node: Any = spec.cls("tested", self.values, self)

    def run(self) -> list[tuple[float, str, Any]]:
        """Everything the node sent: when, from which outlet, what."""
        try:
            asyncio.run(self.node.run())
        except Over:
            pass
        return self.sent

    rate = 48_000.0

    @property
    def frame(self) -> int:
        return round(self.now * self.rate)

    def send(self, node: Any, outlet: str, message: Any, *, frame: int = 0, glide: float | None = None) -> None:
        self.sent.append((frame / self.rate or self.now, outlet, message))
        self.glides.append(glide)

    def tell(self, node: Any, outside: str, message: Any, frame: int) -> bool:
        self.told.append((frame / self.rate or self.now, outside, message))
        return True

    def report(self, node: Any, problem: str) -> None:
        self.reports.append(f"nodes.{node.name}{problem}")

    async def changes(self, node: Any) -> AsyncIterator[frozenset[str]]:
        for values in self.script:
            self.values.update(values)
            yield frozenset(values)

    async def arrivals(self, node: Any, outside: tuple[str, ...]) -> AsyncIterator[tuple[Arrival, ...]]:
        """Each mapping of the script is one batch; the key `frame` is when it counts, others may be an outside's."""
        yield ()
        for values in self.script[1:]:
            frame = values.get("frame", 0)
            own = {name: value for name, value in values.items() if name != "frame"}
            self.values.update({name: value for name, value in own.items() if name not in outside})
            yield tuple(Arrival(name, value, frame) for name, value in own.items())

    async def sleep(self, node: Any, seconds: float) -> None:
        self.now += seconds
        if self.now >= self.seconds:
            raise Over

    async def blocking(self, node: Any, function: Callable[..., Any], *arguments: Any) -> Any:
        return function(*arguments)
