"""From controllers' messages to where a knob stands: 7 bits, 14 bits in two messages, NRPNs, endless knobs."""

from __future__ import annotations

from dataclasses import dataclass

from graphflow.core.midi import Control, Midi

DATA, FINE_DATA = 6, 38
NRPN_FINE, NRPN, RPN_FINE, RPN = 98, 99, 100, 101
FINE = 32
"""A controller's second half is so many numbers above it."""
SEVEN, FOURTEEN = 127, 16_383
End = tuple[str, int]
"""A device and its channel."""


@dataclass(frozen=True)
class Move:
    """A control was moved: to a place `at` (0 to 1), or by `steps` where it knows no place, or it was pressed."""

    at: float | None = None
    steps: int = 0
    pressed: bool = False


def steps(value: int, relative: str) -> int:
    """How far an endless knob was turned."""
    if relative == "twos":
        return value if value < 64 else value - 128
    if relative == "offset":
        return value - 64
    return value if value < 64 else 64 - value


class Halves:
    """A number that comes in two messages, the coarse one first.

    A coarse half alone counts too. Where the fine one is known to follow, it is waited for until `flush`, so that a
    slow turn does not stutter from step to step.
    """

    def __init__(self) -> None:
        self._coarse: dict[End, int] = {}
        self._fine: dict[End, int] = {}
        self._pairs: set[End] = set()
        self._waits: dict[End, None] = {}

    def coarse(self, end: End, value: int) -> float | None:
        self._coarse[end], self._fine[end] = value, 0
        if end in self._pairs:
            self._waits[end] = None
            return None
        return self.at(end)

    def fine(self, end: End, value: int) -> float | None:
        self._pairs.add(end)
        self._waits.pop(end, None)
        if end not in self._coarse:
            return None
        self._fine[end] = value
        return self.at(end)

    def at(self, end: End) -> float:
        """Where it stands, 0 to 1; without fine halves 127 is the very end."""
        if end not in self._pairs:
            return self._coarse[end] / SEVEN
        return (128 * self._coarse[end] + self._fine[end]) / FOURTEEN

    def flush(self) -> list[float]:
        """Those whose fine half has not come."""
        waiting, self._waits = list(self._waits), {}
        return [self.at(end) for end in waiting]


class Knob:
    """One control of a patch, and what it makes of the messages that come."""

    def __init__(self, control: Control) -> None:
        self.control = control
        self._halves = Halves()
        self._chosen: dict[End, int] = {}  # the NRPN that the next data are for, -1: none
        self._half: dict[End, tuple[int, int]] = {}

    def hear(self, message: Midi) -> Move | None:
        """What a message means for this control; None where it is none of its."""
        control = self.control
        if control.port.lower() not in message.port.lower() or control.channel not in (0, message.channel):
            return None
        source = control.source
        if source == "cc" and message.what == "cc":
            return self._cc(message)
        if source == "nrpn" and message.what == "cc":
            return self._nrpn(message)
        if source == "note" and message.what in ("on", "off") and message.number == control.number:
            return Move(pressed=message.what == "on") if message.what == "on" else None
        if source == "program" and message.what == "program" and message.number == control.number:
            return Move(pressed=True)
        if source == "bend" and message.what == "bend":
            return Move((message.value + 8192) / FOURTEEN)
        if source == "pressure" and message.what == "pressure":
            return Move(message.value / SEVEN)
        return None

    def flush(self) -> list[Move]:
        """Moves that waited for a second half that did not come."""
        return [Move(at) for at in self._halves.flush()]

    def _cc(self, message: Midi) -> Move | None:
        control, end = self.control, (message.port, message.channel)
        if control.bits == 14:
            if message.number == control.number:
                return _moved(self._halves.coarse(end, message.value))
            if message.number == control.number + FINE:
                return _moved(self._halves.fine(end, message.value))
            return None
        if message.number != control.number:
            return None
        if control.relative:
            return Move(steps=steps(message.value, control.relative))
        return Move(message.value / SEVEN)

    def _nrpn(self, message: Midi) -> Move | None:
        end, number = (message.port, message.channel), message.number
        if number in (NRPN, NRPN_FINE):
            high, low = self._half.get(end, (0, 0))
            high, low = (message.value, low) if number == NRPN else (high, message.value)
            self._half[end] = high, low
            self._chosen[end] = 128 * high + low
        elif number in (RPN, RPN_FINE):
            self._chosen[end] = -1
        elif self._chosen.get(end) == self.control.number and number == DATA:
            return _moved(self._halves.coarse(end, message.value))
        elif self._chosen.get(end) == self.control.number and number == FINE_DATA:
            return _moved(self._halves.fine(end, message.value))
        return None


def _moved(at: float | None) -> Move | None:
    return None if at is None else Move(at)
