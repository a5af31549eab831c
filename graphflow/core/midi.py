"""A MIDI message as plain data, and the knob, key or wheel of a device that a patch maps to a param."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from graphflow.core.declare import Setting

What = Literal[
    "on", "off", "key_pressure", "cc", "program", "pressure", "bend",
    "clock", "start", "continue", "stop", "position", "all_off",
]  # fmt: skip


@dataclass(frozen=True)
class Midi:
    """One MIDI message. `channel` counts from 1; `number` is a key's or a controller's, `value` as it is sent.

    0 to 127, but a bend is -8192 to 8191 and a position counts sixteenths. `all_off`: whatever `port` and `channel`
    hold is to be let go of ("" and 0: all of them), as when a device was unplugged.
    """

    what: What
    channel: int = 0
    number: int = 0
    value: int = 0
    port: str = ""

    def __str__(self) -> str:
        where = f" on channel {self.channel}" if self.channel else ""
        number = f" {self.number}" if self.what in ("on", "off", "key_pressure", "cc", "program") else ""
        value = f" = {self.value}" if self.what in ("on", "key_pressure", "cc", "pressure", "bend", "position") else ""
        return f"{self.what}{number}{value}{where}"


SOURCES = {
    "cc": Setting(0, "A controller.", min=0, max=127),
    "nrpn": Setting(0, "A non-registered parameter.", min=0, max=16_383),
    "note": Setting(0, "A key.", min=0, max=127),
    "program": Setting(0, "A program.", min=0, max=127),
    "bend": Setting(True, "The pitch wheel."),
    "pressure": Setting(True, "Channel pressure."),
}
"""What can be turned or pressed; a control names one of them."""

OPTIONS = {
    "channel": Setting(1, "The channel; without it any.", min=1, max=16),
    "port": Setting("", "Part of the device's name; without it any."),
    "bits": Setting(7, "How finely it sends: 7, or 14 as a pair of controllers.", min=7, max=14),
    "relative": Setting("", "How an endless knob sends its steps.", choices=("twos", "offset", "sign")),
    "takeover": Setting(
        "pickup", "Whether a knob waits until it is where the value is.", choices=("pickup", "scale", "jump")
    ),
    "min": Setting(0.0, "Where the knob begins, in the unit of what it turns.", min=-1e9, max=1e9),
    "max": Setting(0.0, "Where the knob ends; may lie below min.", min=-1e9, max=1e9),
    "seconds": Setting(0.0, "In how many seconds a scene is reached.", "s", min=0.0, max=3600.0),
}
"""The other keys of a control."""

SECTIONS = ("params", "macros", "scenes", "actions", "mutes")
"""The tables of [midi]: what controls are mapped to. A mute is named by its node."""

ACTIONS = {
    "play": "Lets the beats go on.",
    "stop": "Lets the beats stand still.",
    "running": "Both: whether the beats go on.",
    "hush": "Fades everything out, and in again.",
    "panic": "Silence now.",
}
"""What else keys and buttons do."""


@dataclass(frozen=True)
class Control:
    """A knob, key or wheel of a MIDI device, as a patch's [midi] names it. `channel` 0 and `port` "" are any.

    `source` is a key of SOURCES, `number` what it is given (0 for bend and pressure).
    """

    source: str
    number: int = 0
    channel: int = 0
    port: str = ""
    bits: int = 7
    relative: str = ""
    takeover: str = "pickup"
    min: float | None = None
    max: float | None = None
    seconds: float = 0.0

    @property
    def pressed(self) -> bool:
        """Whether it is a key or a program, which is pressed, and not turned."""
        return self.source in ("note", "program")

    def written(self) -> dict[str, object]:
        """As a patch has it: without what is as it would be anyway."""
        usual = Control(self.source)
        options = {key: getattr(self, key) for key in OPTIONS}
        whole = self.number if not isinstance(SOURCES[self.source].default, bool) else True
        return {self.source: whole, **{k: v for k, v in options.items() if v != getattr(usual, k)}}

    def __str__(self) -> str:
        name = {"cc": "CC", "nrpn": "NRPN", "bend": "the pitch wheel"}.get(self.source, self.source)
        number = "" if self.source in ("bend", "pressure") else f" {self.number}"
        fine = ", 14 bits" if self.bits == 14 and self.source == "cc" else ""
        endless = f", relative ({self.relative})" if self.relative else ""
        channel = f" on channel {self.channel}" if self.channel else ""
        return f"{name}{number}{channel}{fine}{endless}{f' of {self.port}' if self.port else ''}"
