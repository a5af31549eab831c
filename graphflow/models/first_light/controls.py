"""What a player asks of First Light, read from plain data; what is not understood is counted, never a crash."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from graphflow.models.first_light import symbols as sy
from graphflow.models.first_light.clock import Transport

_RANGES = {
    "temperature": (0.0, 2.0),
    "density": (0.0, 1.0),
    "brightness": (0.0, 1.0),
    "swing": (-1.0, 1.0),
    "guidance": (0.0, 8.0),
}
MODE_ALIASES = {"ionian": "major", "aeolian": "minor", "natural_minor": "minor", "harmonic": "harmonic_minor"}
_FLATS = {"DB": "C#", "EB": "D#", "GB": "F#", "AB": "G#", "BB": "A#", "CB": "B", "FB": "E", "E#": "F", "B#": "C"}


@dataclass(frozen=True)
class Part:
    """One ingredient of the style: words or an image's features, and how much they count."""

    weight: float
    text: str = ""
    image: tuple[tuple[str, object], ...] = ()


@dataclass(frozen=True)
class Controls:
    parts: tuple[Part, ...] = ()
    temperature: float = 1.0
    density: float = 0.5
    brightness: float = 0.5
    swing: float = -1.0  # below 0: as the style has it
    guidance: float = 2.0
    tempo: float = 0.0  # bpm; 0: not set
    key: str = "auto"
    mode: str = "auto"
    seed: int = 1
    switches: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(sy.PARTS, True))
    transport: Transport | None = None
    beats_per_bar: int = 4


def key_name(text: str) -> str:
    """C to B with sharps, from any usual spelling; empty when it is none."""
    name = text.strip().replace("♯", "#").replace("♭", "b").upper()
    name = _FLATS.get(name, name)
    return name if name in sy.NOTE_NAMES else ""


def mode_name(text: str) -> str:
    """A mode First Light knows; empty when it is none."""
    name = text.strip().lower().replace(" ", "_").replace("-", "_")
    name = MODE_ALIASES.get(name, name)
    return name if name in sy.MODES else ""


class _Reader:
    """Takes numbers out of untrusted data and counts what it had to leave."""

    def __init__(self) -> None:
        self.ignored = 0

    def number(self, value: object, default: float, low: float, high: float) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            self.ignored += 1
            return default
        return min(max(float(value), low), high)

    def table(self, value: object) -> Mapping[str, object]:
        if isinstance(value, Mapping):
            return value
        self.ignored += value is not None
        return {}


def read(state: Mapping[str, object]) -> tuple[Controls, int]:
    """Controls from a full state, and how many entries of it were not understood."""
    r = _Reader()
    r.ignored += len(set(state) - {"style", "params", "transport"})
    parts = _parts(r, r.table(state.get("style")))
    values: dict[str, object] = {}
    switches = dict.fromkeys(sy.PARTS, True)
    for name, value in r.table(state.get("params")).items():
        if name in _RANGES:
            low, high = _RANGES[name]
            values[name] = r.number(value, getattr(Controls, name), low, high)
        elif name == "tempo":
            tempo = r.number(value, 0.0, 0.0, 1000.0)
            values[name] = min(max(tempo, 40.0), 240.0) if tempo > 0.0 else 0.0
        elif name in switches:
            switches[name] = bool(value)
        elif name == "seed":
            values[name] = int(r.number(value, 1.0, -(2.0**53), 2.0**53))
        elif name in ("key", "mode"):
            text = str(value)
            found = key_name(text) if name == "key" else mode_name(text)
            r.ignored += not found and text != "auto"
            values[name] = found or "auto"
        else:
            r.ignored += 1
    outside = r.table(state.get("transport"))
    r.ignored += len(set(outside) - {"tempo", "beats_per_bar", "frame", "beat"})
    if outside.get("tempo") is not None:
        tempo = r.number(outside["tempo"], 0.0, 0.0, 1000.0)
        if tempo > 0.0:
            values["transport"] = Transport(
                min(max(tempo, 20.0), 400.0),
                r.number(outside.get("frame", 0), 0.0, -1e15, 1e15),
                r.number(outside.get("beat", 0.0), 0.0, -1e12, 1e12),
            )
    values["beats_per_bar"] = int(r.number(outside.get("beats_per_bar", 4), 4.0, 1.0, 16.0))
    return Controls(parts=parts, switches=switches, **values), r.ignored  # type: ignore[arg-type]


def _parts(r: _Reader, style: Mapping[str, object]) -> tuple[Part, ...]:
    r.ignored += len(set(style) - {"parts"})
    given = style.get("parts", [])
    if not isinstance(given, list | tuple):
        r.ignored += 1
        return ()
    parts = []
    for entry in given:
        table = r.table(entry)
        weight = r.number(table.get("weight", 1.0), 1.0, 0.0, 1000.0)
        if isinstance(table.get("text"), str):
            parts.append(Part(weight, text=str(table["text"])))
        elif isinstance(table.get("image"), Mapping):
            image = r.table(table["image"])
            parts.append(Part(weight, image=tuple(sorted((str(k), v) for k, v in image.items()))))
        else:
            r.ignored += 1
    return tuple(parts)
