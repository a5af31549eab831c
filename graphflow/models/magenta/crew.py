"""Cores that share a piece of work: whoever asks does a part, threads do the others, all wait for the last."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import pairwise
from typing import Any


class Crew:
    """`cores` threads, counting the caller's. What they run must leave the interpreter's lock alone to gain anything.

    One thread more than that stands by, for what runs beside the caller and shares work itself.
    """

    def __init__(self, cores: int, pool: ThreadPoolExecutor | None = None) -> None:
        self.cores = cores
        self._own = pool is None
        self._pool = pool or ThreadPoolExecutor(cores, "magenta")

    def half(self) -> Crew:
        """Half of the crew, for each of two who work side by side."""
        return Crew(max(1, self.cores // 2), self._pool)

    def start(self, function: Callable[..., Any], *arguments: Any) -> Future[Any]:
        """Run something beside the caller."""
        return self._pool.submit(function, *arguments)

    def share(self, count: int, function: Callable[[int, int], Any]) -> None:
        """function(first, last) for parts of 0..count that cover it."""
        parts = min(self.cores, count)
        edges = [count * part // parts for part in range(parts + 1)]
        others = [(edge, self._pool.submit(function, *edge)) for edge in pairwise(edges[1:])]
        function(0, edges[1])
        for edge, other in others:
            if other.cancel():  # nobody has begun it
                function(*edge)
            else:
                other.result()

    def close(self) -> None:
        if self._own:
            self._pool.shutdown()
