"""The line that tells how the performance goes: in place on a terminal, every few seconds elsewhere."""

from __future__ import annotations

import time

from graphflow.cli.terminal import Terminal
from graphflow.core.units import level_of
from graphflow.session import Session
from graphflow.session.glance import level, playing
from graphflow.session.live import Live

TERMINAL_EVERY, ELSEWHERE_EVERY = 0.25, 5.0
"""Seconds between two status lines."""


class Status:
    """Writes to stderr: single lines when something happens, one status line that is written over."""

    def __init__(self) -> None:
        self._terminal = Terminal()
        self._last = 0.0

    def line(self, text: str) -> None:
        """Something the user should know."""
        self._terminal.line(text)

    def show(self, live: Live) -> None:
        """Draw the status line, if it is time."""
        now = time.monotonic()
        if now - self._last < (TERMINAL_EVERY if self._terminal.rewrites else ELSEWHERE_EVERY):
            return
        self._last = now
        if self._terminal.rewrites:
            self._terminal.draw(describe(live))
        else:
            self._terminal.line(describe(live))

    def end(self) -> None:
        self._terminal.keep()

    def summary(self, session: Session) -> list[str]:
        """What is worth knowing after the end."""
        engine = session.engine.statistics()
        lines = [f"played {engine.frame / session.rate:.1f} s, {engine.xruns} xruns, {engine.late} late blocks"]
        lines += [str(generator) for generator in session.statistics().generators]
        for tape in session.finished_tapes:
            lines.append(f"{tape.file}: {tape.frames / session.rate:.1f} s recorded, {tape.dropped} frames dropped")
        return lines


def describe(live: Live) -> str:
    """time, level, load, xruns, and per generator its lead, latency and speed."""
    statistics = live.session.statistics()
    engine = statistics.engine
    peak = level_of(max(engine.peak))
    minutes, seconds = divmod(statistics.seconds, 60.0)
    parts = [
        f"{int(minutes):02d}:{seconds:04.1f}",
        level(peak),
        f"load {engine.load:.1%}",
        f"{engine.xruns} xruns",
    ]
    if live.begun and live.output.wants_card and not live.output.has_card:
        parts.insert(1, "no sound card")
    if engine.late:
        parts.append(f"{engine.late} late")
    parts += [playing(generator, live.session.rate) for generator in statistics.generators]
    parts += [f"{name} is mute" for name in statistics.faults]
    return "  ".join(parts)
