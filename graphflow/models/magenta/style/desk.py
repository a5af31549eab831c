"""Keeps a generator's style up to date beside it, so that no step ever waits for words to be understood."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphflow.core.errors import UserError
from graphflow.models.magenta.style.blend import Blend, Encoder, blend
from graphflow.models.magenta.style.codebooks import LEVELS

RETRY = 1.0  # seconds after which parts that failed are tried again when they are asked for again


@dataclass(frozen=True)
class Statistics:
    """How the desk is doing."""

    asked: int  # changes of parts
    blended: int  # of these, the ones carried out; the others were overtaken
    version: int
    blend_ms: float  # of the last blend, without encoding
    encoded: int  # texts and recordings since the encoder was made
    trouble: str


class StyleDesk:
    """`ask` for a style from any thread; `codes` is the newest one that is ready.

    A thread of the desk encodes and blends. The latest parts win: what is encoded for older ones is remembered, but
    they are not carried out. Close it when it is no longer needed.
    """

    def __init__(self, encoder: Encoder, *, levels: int = LEVELS, mapped: bool = True) -> None:
        if not 1 <= levels <= LEVELS:
            raise UserError(f"style levels is {levels}; expected 1 to {LEVELS}")
        self.encoder, self.levels, self.mapped = encoder, levels, mapped
        self._turn = threading.Condition()
        self._parts: tuple[dict[str, Any], ...] = ()
        self._now: tuple[int, Blend] = (0, Blend())
        self._asked = self._blended = self._done = 0
        self._blend_ms = self._retry_at = 0.0
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="style", daemon=True)
        self._thread.start()

    def ask(self, parts: Sequence[Mapping[str, Any]]) -> None:
        """Want these parts from now on. Comes back at once; asking for the same again costs nothing."""
        wanted = tuple(dict(part) for part in parts)
        with self._turn:
            failed = self._done == self._asked and self._now[1].trouble and time.monotonic() >= self._retry_at
            if wanted != self._parts or failed:
                self._parts = wanted
                self._asked += 1
                self._turn.notify_all()

    @property
    def now(self) -> tuple[int, Blend]:
        """Version and blend of one moment. The version grows by one with every change of the codes."""
        return self._now

    @property
    def codes(self) -> tuple[int, ...]:
        """Twelve style codes, -1 where masked."""
        return self._now[1].codes

    @property
    def version(self) -> int:
        return self._now[0]

    @property
    def trouble(self) -> str:
        """One line about the newest parts, the same as long as its cause lasts; empty when all is well."""
        return self._now[1].trouble

    def settle(self, timeout: float | None = None) -> bool:
        """Wait until everything asked for is carried out; False when `timeout` seconds were not enough."""
        with self._turn:
            return self._turn.wait_for(lambda: self._done == self._asked or self._closed, timeout)

    def close(self) -> None:
        """End the thread. An encoding under way is finished first."""
        with self._turn:
            self._closed = True
            self._turn.notify_all()
        self._thread.join()

    def _run(self) -> None:
        while True:
            with self._turn:
                self._turn.wait_for(lambda: self._done != self._asked or self._closed)
                if self._closed:
                    return
                asked, parts = self._asked, self._parts
            began = time.perf_counter()
            try:
                made = blend(parts, self.encoder, levels=self.levels, mapped=self.mapped, hasty=True)
            except Exception as error:  # noqa: BLE001 - of LiteRT, torch or whoever sent it; the last codes stay
                # a thread that ended would leave a render waiting, and live play with this style for ever
                reason = " ".join(str(error).split())
                made = Blend(self.codes, self._now[1].shares, f"style: {type(error).__name__}: {reason}")
            if made is None:  # something was encoded, which took long: look for newer parts first
                continue
            with self._turn:
                version, before = self._now
                self._now = (version + (made.codes != before.codes), made)
                self._blend_ms = 1000.0 * (time.perf_counter() - began)
                self._retry_at = time.monotonic() + RETRY
                self._blended += 1
                self._done = asked
                self._turn.notify_all()

    def statistics(self) -> Statistics:
        with self._turn:
            version, made = self._now
            return Statistics(self._asked, self._blended, version, self._blend_ms, self.encoder.encoded, made.trouble)

    def __str__(self) -> str:
        version, made = self._now
        return f"{made} (version {version}{f'; {made.trouble}' if made.trouble else ''})"
