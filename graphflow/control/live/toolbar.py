"""The line below the prompt: where the music is, how loud, and whether anything is late."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable

from graphflow.core.units import level_of
from graphflow.session import Session
from graphflow.session.glance import briefly, level

TROUBLE_LASTS = 5.0
"""Seconds for which the prompt stays red after an xrun."""
LONG = 2.0
"""Seconds after which a cell that still runs is shown."""


def toolbar(session: Session) -> str:
    """Bar and beat, level, load, xruns, then per generator its lead and latency. From the session's thread."""
    statistics = session.statistics()
    engine = statistics.engine
    parts = [
        position(session),
        level(level_of(max(engine.peak))),
        f"load {engine.load:.0%}",
        f"{engine.xruns} xruns",
    ]
    if engine.late:
        parts.append(f"{engine.late} late")
    if session.engine.gain == 0.0:
        parts.insert(2, "hushed")
    parts += [briefly(generator, session.rate) for generator in statistics.generators]
    parts += [f"{name} is mute" for name in statistics.faults]
    return "  ".join(parts)


def position(session: Session) -> str:
    """Bar and beat, counted from 1 as musicians do; minutes and seconds where there is no tempo."""
    frame = session.engine.frame
    transport = session.transport.at(frame)
    if not transport.tempo:
        minutes, seconds = divmod(frame / session.rate, 60.0)
        return f"{int(minutes):02d}:{seconds:04.1f}"
    bar, beat = divmod(transport.beat_at(frame), transport.beats_per_bar)
    stopped = "" if transport.running else ", stopped"
    return f"bar {int(bar) + 1} beat {int(beat) + 1} at {transport.tempo:g} bpm{stopped}"


def xruns_of(line: str) -> int:
    """The xruns that a toolbar tells."""
    told = re.search(r"\b(\d+) xruns\b", line)
    return int(told[1]) if told else 0


class Lookout:
    """Looks at toolbar after toolbar: whether there was trouble just now, and whether a cell has run for long."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._grew: deque[float] = deque(maxlen=1)
        self._xruns: int | None = None
        self._cell, self._since = 0, 0.0

    def look(self, line: str, running: int) -> str:
        """The toolbar to show: with the cell that has run for long."""
        now, xruns = self._clock(), xruns_of(line)
        if self._xruns is not None and xruns > self._xruns:
            self._grew.append(now)
        self._xruns = xruns
        if running != self._cell:
            self._cell, self._since = running, now
        if running and now - self._since >= LONG:
            line = f"cell {running} has run for {now - self._since:.0f} s  {line}"
        return line

    @property
    def trouble(self) -> bool:
        """Whether xruns came in the last seconds."""
        return bool(self._grew) and self._clock() - self._grew[-1] < TROUBLE_LASTS
