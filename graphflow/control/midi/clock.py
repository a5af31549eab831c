"""MIDI's clock: 24 ticks a beat, made even when it is followed, and given from the patch's own beats."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from graphflow.core.midi import Midi
from graphflow.session.transport import Transport

TICKS = 24
"""In a beat."""
SIXTEENTHS = 4
"""In a beat; a song position counts them."""
SLOWEST, FASTEST = 20.0, 400.0
"""bpm; ticks farther apart or closer together are no clock."""
WIDE, NARROW = 2.0, 0.25
"""Hz: how fast the loop follows at first, and once it has settled."""
SETTLE = 4 * TICKS
"""Ticks until then."""
LOST = 1.0
"""Seconds without a tick after which a clock is gone."""


class ClockIn:
    """A clock's ticks made even by a delay-locked loop (Adriaensen, "Using a DLL to filter time", 2005).

    `tempo` in bpm, 0 until it is known; `beat` is where the music was at `at` (seconds, smoothed), None until the
    sender has said where it begins.
    """

    def __init__(self) -> None:
        self.ticks = 0
        self.running: bool | None = None  # None: it has said neither start nor stop
        self.beat: float | None = None
        self.at = 0.0
        self._period = 0.0
        self._last = -math.inf
        self._astray = 0
        self._begins: float | None = None  # the beat on which the next tick falls

    @property
    def tempo(self) -> float:
        return 60.0 / (TICKS * self._period) if self._period else 0.0

    @property
    def settled(self) -> bool:
        """Whether the tempo is to be trusted."""
        return self.ticks >= TICKS // 2

    @property
    def waits(self) -> bool:
        """Whether it was told to go on, and has not ticked since."""
        return bool(self.running) and self._begins is not None

    def alive(self, now: float) -> bool:
        return now - self._last < LOST

    def hear(self, message: Midi, seconds: float) -> None:
        """One message of the sender's, at a moment."""
        if message.what == "clock":
            self._tick(seconds)
        elif message.what == "start":
            self._begins, self.running = 0.0, True
        elif message.what == "continue":
            self._begins = self._begins if self._begins is not None else self.beat
            self.running = True
        elif message.what == "stop":
            self.running = False
        elif message.what == "position":
            self._begins = message.value / SIXTEENTHS
            if not self.running:
                self.beat = self._begins

    def _tick(self, seconds: float) -> None:
        since = seconds - self._last
        self._last = seconds
        if since > 2.0 * 60.0 / SLOWEST / TICKS:
            self._begin(seconds)  # the first tick, or the first after a gap
        elif not self._period:
            self._period, self.at = since, seconds
        else:
            error = seconds - (self.at + self._period)
            self._astray = self._astray + 1 if abs(error) > 0.5 * self._period else 0
            if self._astray > 3:  # another tempo, and no stray tick
                self._begin(seconds)
            else:
                width = WIDE if self.ticks < SETTLE else NARROW
                turn = 2.0 * math.pi * width * self._period
                self.at += self._period + math.sqrt(2.0) * turn * error
                shortest, longest = 60.0 / FASTEST / TICKS, 60.0 / SLOWEST / TICKS
                self._period = min(max(self._period + turn * turn * error, shortest), longest)
        self.ticks += 1
        if self._begins is not None and self.running:
            self.beat, self._begins = self._begins, None
        elif self.running and self.beat is not None:
            self.beat += 1.0 / TICKS

    def _begin(self, seconds: float) -> None:
        self.ticks, self.at, self._period, self._astray = 0, seconds, 0.0, 0

    def __str__(self) -> str:
        state = {None: "", True: ", runs", False: ", stopped"}[self.running]
        return f"MIDI clock {self.tempo:.1f} bpm{state}" if self.tempo else "no MIDI clock"


PHASE = 0.001
"""Seconds of difference from which the beats are put right; below, they are left alone."""
JUMP = 0.02
"""Seconds of difference that are put right at once."""
EVERY = 0.25
"""Seconds between two corrections: each is told to generators, which make what they have ahead anew."""
TEMPO = 0.0005
"""The part of the tempo from which it is put right."""


@dataclass
class Follower:
    """Brings the patch's beats after a clock that is heard, with as few corrections as can be."""

    clock: ClockIn
    corrections: int = 0
    _next: float = 0.0

    def step(self, transport: Transport, now: float, frame: int) -> Transport | None:
        """The transport as it should be, or None where it is well. `frame` is that of the clock's latest tick."""
        clock, transport = self.clock, transport.at(frame)
        if clock.running is False and transport.running:
            beat = transport.beat_at(frame) if clock.beat is None else clock.beat
            return self._put(replace(transport, running=False, frame=frame, beat=beat), now)
        if clock.waits:
            return None
        if not clock.settled or not clock.tempo:
            # some send no ticks while they are stopped: the tempo is as before until it is known
            if clock.running and not transport.running and clock.beat is not None:
                return self._put(replace(transport, running=True, frame=frame, beat=clock.beat), now)
            return None
        tempo = round(clock.tempo, 2)
        beat = transport.beat_at(frame) if clock.beat is None else clock.beat
        if clock.running is False:  # it may be moved to another place meanwhile
            return None if transport.beat == beat else self._put(replace(transport, frame=frame, beat=beat), now)
        wrong = abs(beat - transport.beat_at(frame)) * 60.0 / tempo
        starts = not transport.running or transport.tempo is None
        other = transport.tempo is None or abs(tempo - transport.tempo) > TEMPO * tempo
        if starts or wrong > JUMP or (now >= self._next and (other or wrong > PHASE)):
            return self._put(replace(transport, tempo=tempo, frame=frame, beat=beat, running=True), now)
        return None

    def _put(self, transport: Transport, now: float) -> Transport:
        self._next = now + EVERY
        self.corrections += 1
        return transport


class ClockOut:
    """Gives a clock of the patch's beats: start, ticks, and where to go on after a jump."""

    def __init__(self) -> None:
        self._sent: int | None = None  # ticks up to here were sent; None: it does not run
        self._waits: int | None = None  # the sixteenth on which it goes on

    def due(self, transport: Transport, frame: int) -> list[Midi]:
        """What is to be sent by now."""
        transport = transport.at(frame)
        if not transport.tempo or not transport.running:
            return self.end()
        tick = math.floor(transport.beat_at(frame) * TICKS + 1e-6)
        if self._sent is not None and not -1 <= tick - self._sent <= TICKS:
            return [*self.end(), *self._wait(tick)]
        if self._sent is None:
            if self._waits is None:
                return self._wait(tick)
            begin = self._waits * TICKS // SIXTEENTHS
            if tick < begin:
                return [] if begin - tick <= TICKS else self._wait(tick)
            self._sent, self._waits = begin - 1, None
        count = max(tick - self._sent, 0)
        self._sent = max(tick, self._sent)
        return [Midi("clock")] * count

    def _wait(self, tick: int) -> list[Midi]:
        """Say where it begins: at the beginning, or on the next sixteenth."""
        self._sent = None
        self._waits = 0 if tick <= 1 else tick * SIXTEENTHS // TICKS + 1
        return [Midi("position", value=self._waits % 16_384), Midi("continue")] if self._waits else [Midi("start")]

    def end(self) -> list[Midi]:
        """Stop, if it runs."""
        runs = self._sent is not None or self._waits is not None
        self._sent = self._waits = None
        return [Midi("stop")] if runs else []
