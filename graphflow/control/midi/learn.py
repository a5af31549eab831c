"""Learning which control is meant: the next one that is turned or pressed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace

from graphflow.control.midi.knobs import DATA, FINE, FINE_DATA, NRPN, NRPN_FINE
from graphflow.core.midi import Control, Midi

LISTENS = 0.3
"""Seconds for which a first turn is listened to, to tell pairs of controllers and NRPNs from single ones."""
MODES = 120
"""From this number on a controller is an order, not a knob."""


@dataclass
class Learning:
    """A wait for a control for one target. `pressed`: keys and programs count; `turned`: knobs do."""

    section: str
    target: str
    pressed: bool
    turned: bool
    options: dict[str, str] = field(default_factory=dict)
    _first: Midi | None = None
    _until: float = 0.0
    _seen: Counter[int] = field(default_factory=Counter)
    _values: dict[int, int] = field(default_factory=dict)

    def hear(self, message: Midi, now: float) -> Control | None:
        """The control, where this message decides it at once."""
        channel = message.channel
        if self.pressed and self._first is None:
            if message.what == "on":
                return Control("note", message.number, channel=channel)
            if message.what == "program":
                return Control("program", message.number, channel=channel)
        if not self.turned:
            return None
        if message.what in ("bend", "pressure") and self._first is None:
            return self._made(Control(message.what, channel=channel))
        if message.what == "cc" and message.number < MODES:
            if self._first is None:
                self._first, self._until = message, now + LISTENS
            if (message.channel, message.port) == (self._first.channel, self._first.port):
                self._seen[message.number] += 1
                self._values[message.number] = message.value
        return None

    def look(self, now: float) -> Control | None:
        """The control, once its first turn was listened to."""
        if self._first is None or now < self._until:
            return None
        channel = self._first.channel
        if {NRPN, NRPN_FINE} & self._seen.keys() and {DATA, FINE_DATA} & self._seen.keys():
            number = 128 * self._values.get(NRPN, 0) + self._values.get(NRPN_FINE, 0)
            return self._made(Control("nrpn", number, channel=channel))
        number, _ = self._seen.most_common(1)[0]
        pair = number - FINE if number >= FINE and number - FINE in self._seen else number
        bits = 14 if pair < FINE and pair + FINE in self._seen else 7
        return self._made(Control("cc", pair, channel=channel, bits=bits))

    def _made(self, control: Control) -> Control:
        if self.section not in ("params", "macros"):
            return control
        relative = self.options.get("relative", "") if control.source == "cc" and control.bits == 7 else ""
        return replace(control, relative=relative, takeover=self.options.get("takeover", control.takeover))
