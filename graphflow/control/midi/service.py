"""MIDI beside a session: devices come and go, keys reach nodes, knobs turn params, clocks are followed and given."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass

from graphflow.control.midi.clock import ClockIn, ClockOut, Follower
from graphflow.control.midi.decode import Decoder, encoded
from graphflow.control.midi.desk import connect
from graphflow.control.midi.lessons import Lessons
from graphflow.control.midi.maps import Maps
from graphflow.control.midi.ports import Backend, Ports
from graphflow.core.midi import Midi
from graphflow.session import Session

POLL = 0.002
"""Seconds between two looks at what devices have sent."""
CLOCK = frozenset({"clock", "start", "continue", "stop", "position"})
SOUND_OFF, NOTES_OFF = 120, 123
Key = tuple[str, int, int]
"""Device, channel, key."""


@dataclass(frozen=True)
class MidiStatistics:
    """One look at MIDI. `lost`: messages that could not be sent or decoded; `corrections`: of the followed clock."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    received: int
    sent: int
    lost: int
    held: int
    tempo: float
    corrections: int

    def __str__(self) -> str:
        tempo = f", clock {self.tempo:.1f} bpm" if self.tempo else ""
        heard, played = ", ".join(self.inputs) or "nobody", ", ".join(self.outputs)
        return f"MIDI: hears {heard}{f', plays {played}' if played else ''}, {self.received} in, {self.sent} out{tempo}"


class MidiService:
    """All of it. Lives in the session's thread; `look` does everything and never waits.

    `wanted` is part of the names of the devices that count; `clock` is "in" (followed whatever the patch says),
    "out" or "". `frame_at` tells on which frame a moment of `now` falls.
    """

    def __init__(
        self,
        session: Session,
        backend: Backend,
        *,
        wanted: str = "",
        clock: str = "",
        now: Callable[[], float] = time.monotonic,
        frame_at: Callable[[float], int] | None = None,
    ) -> None:
        self.session, self._now = session, now
        self._report = session.report
        self._frame_at = frame_at or session.frame_clock.frame_at
        self.ports = Ports(backend, wanted, came=self._came, went=self._went, report=self._report)
        self.ports.playing = clock == "out"
        self.maps = Maps(session, self._report)
        self.clock_in, self._clock = ClockIn(), clock
        self._clock_port = ""  # the device whose clock counts: the first that has one
        self._follower = Follower(self.clock_in)
        self._told_clock = False
        self._told_fault = ""
        self._clock_out = ClockOut() if clock == "out" else None
        self._decoders: dict[str, Decoder] = {}
        self._waiting: list[tuple[int, int, Midi]] = []
        self._order = itertools.count()
        self._held: dict[Key, None] = {}  # what our messages hold outside
        self.lessons = Lessons(session, self.maps, self._report)
        self._begun = self._ended = False
        self._gone: set[tuple[str, bool]] = set()
        self._received = self._sent = self._lost = 0
        self._timer: asyncio.TimerHandle | None = None
        session.serve("midi", self.take)
        session.panics.append(self.panic)
        connect(session, self)

    # --- its life -----------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Look by itself from now on, in the session's loop."""
        self.ports.refresh()
        self._begun = True
        self._again()

    def _again(self) -> None:
        self._timer = self.session.loop.call_later(POLL, self._again)
        try:
            self.look()
        except Exception as error:  # noqa: BLE001 - a fault of ours must not end MIDI; it is told, once
            line = f"MIDI: {type(error).__name__}: {error}; going on, please report this line"
            if line != self._told_fault:
                self._told_fault = line
                self._report(line)

    def close(self) -> None:
        """Let go of all that is held, stop the clock, and give the devices back. The session may be closed already."""
        if self._timer is not None:
            self._timer.cancel()
        self.session.serve("midi", None)
        connect(self.session, None)
        if self.panic in self.session.panics:
            self.session.panics.remove(self.panic)
        if self._clock_out is not None:
            self._send_all(self._clock_out.end())
        self._waiting = [late for late in self._waiting if late[2].what == "off"]
        self._flush(None)
        self._release_outside()
        self._ended = True
        self.ports.close()

    def look(self) -> None:
        """Take in what has come, send what is due. To be called every few ms."""
        now = self._now()
        self.ports.look(now)
        for port, seconds, data in self.ports.read(now):
            for message in self._decoder(port).messages(data):
                self._received += 1
                self._hear(message, seconds, now)
        self.maps.flush()
        self.lessons.look(now)
        self._tell_clock(now)
        self._flush(self.session.engine.frame)
        if self._clock_out is not None:
            self._send_all(self._clock_out.due(self.session.transport, self._frame(now)))

    def _decoder(self, port: str) -> Decoder:
        if port not in self._decoders:
            self._decoders[port] = Decoder(port)
        return self._decoders[port]

    def _frame(self, seconds: float) -> int:
        frame = self._frame_at(seconds)
        return self.session.engine.frame if frame < 0 else frame

    # --- in -----------------------------------------------------------------------------------------------------------

    def _hear(self, message: Midi, seconds: float, now: float) -> None:
        if message.what in CLOCK:
            self._follow(message, seconds, now)
            return
        if self.lessons.hear(message, now):
            return
        self.session.enter("midi", message)
        self.maps.hear(message)

    def _follow(self, message: Midi, seconds: float, now: float) -> None:
        """One device's clock; another's counts only once that is gone."""
        if self._clock_port != message.port:
            if self._clock_port and self.clock_in.alive(now):
                return
            self._clock_port = message.port
        self.clock_in.hear(message, seconds)
        if self.follows:
            moment = self.clock_in.at if message.what == "clock" else seconds
            after = self._follower.step(self.session.transport, now, self._frame(moment))
            if after is not None:
                self.session.follow(after)

    @property
    def follows(self) -> bool:
        """Whether the beats are those of a MIDI clock, where there is one."""
        return self._clock == "in" or (self._clock != "out" and self.session.patch.transport.follow == "midi")

    @property
    def leader(self) -> str:
        """The device whose clock the beats follow now, or ""."""
        return self._clock_port if self.follows and self.clock_in.alive(self._now()) else ""

    def _tell_clock(self, now: float) -> None:
        """Say when a clock that counts has come, and when it has gone."""
        alive = self.follows and self.clock_in.alive(now)
        if alive and self.clock_in.settled and not self._told_clock:
            self._told_clock = True
            self._report(f"follows the MIDI clock of '{self._clock_port}', {self.clock_in.tempo:.1f} bpm")
        elif self._told_clock and not alive:
            self._told_clock = False
            tempo = self.session.transport.tempo or 0.0
            self._report(f"MIDI clock of '{self._clock_port}' is gone; going on at {tempo:g} bpm")

    # --- out ----------------------------------------------------------------------------------------------------------

    def take(self, node: str, message: Midi, frame: int) -> None:
        """A node wants this to be sent, at a frame or at once."""
        if frame > self.session.engine.frame:
            heapq.heappush(self._waiting, (frame, next(self._order), message))
        else:
            self._send(message)

    def _flush(self, frame: int | None) -> None:
        """Send what is due by a frame, or all of it."""
        while self._waiting and (frame is None or self._waiting[0][0] <= frame):
            self._send(heapq.heappop(self._waiting)[2])

    def _send_all(self, messages: list[Midi]) -> None:
        for message in messages:
            self._send(message)

    def _send(self, message: Midi) -> None:
        try:
            reached = self.ports.send(encoded(message), message.port)
        except (ValueError, TypeError):  # a number that no MIDI message takes
            self._lost += 1
            return
        self._sent += bool(reached)
        self._lost += not reached
        for port in reached:
            key = port, message.channel, message.number
            if message.what == "on":
                self._held[key] = None
            elif message.what == "off":
                self._held.pop(key, None)

    def panic(self) -> None:
        """Let go of everything, inside and outside: every key by itself, then all notes of all channels."""
        self.session.enter("midi", Midi("all_off"))
        self._waiting.clear()
        self._release_outside()
        if self.ports.playing:
            for channel in range(1, 17):
                for number in (SOUND_OFF, NOTES_OFF):
                    self._send(Midi("cc", channel, number, 0))

    def _release_outside(self) -> None:
        for port, channel, key in list(self._held):
            self._send(Midi("off", channel, key, port=port))
        self._held.clear()

    # --- devices ------------------------------------------------------------------------------------------------------

    def _came(self, name: str, plays: bool) -> None:
        again = (name, plays) in self._gone
        self._gone.discard((name, plays))
        if again or self._begun:
            verb = "is heard" if plays else "is played"
            self._report(f"MIDI device '{name}' {'is back' if again else verb}")

    def _went(self, name: str, plays: bool) -> None:
        self._gone.add((name, plays))
        if plays:
            self._decoders.pop(name, None)  # what was cut off there is of no use
            self.session.enter("midi", Midi("all_off", port=name))
        else:
            self._held = {key: None for key in self._held if key[0] != name}
        if not self._ended:
            self._report(f"MIDI device '{name}' is gone; its notes are let go of, looking for it again")

    # --- what it says -------------------------------------------------------------------------------------------------

    def statistics(self) -> MidiStatistics:
        alive = self.clock_in.alive(self._now())
        return MidiStatistics(
            inputs=tuple(self.ports.inputs),
            outputs=tuple(self.ports.outputs),
            received=self._received,
            sent=self._sent,
            lost=self._lost,
            held=len(self._held),
            tempo=self.clock_in.tempo if alive else 0.0,
            corrections=self._follower.corrections,
        )

    def __str__(self) -> str:
        return f"{self.ports}\n{self.maps}"
