"""What a patch asks of Magenta, read from plain data; what is not understood is counted and left, never a crash."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graphflow.models.magenta.config import CODES, PITCHES
from graphflow.models.magenta.controls import DRUMS, EVERYTHING, Controls

PROMPTS = 8
"""Prompts of the node's own, besides what is wired in."""
MOST_SEED = 2**31
"""Seeds lie below it: the bits above are the rescues' (see `rescue`)."""
LARGEST = 1e300
"""Beyond it a whole number may be none that a float can be."""
_NUMBERS = {
    "temperature": (0.0, 3.0),
    "guidance_style": (-1.0, 7.0),
    "guidance_notes": (-1.0, 7.0),
    "guidance_drums": (-1.0, 7.0),
}
_WHOLE = {"top_k": (1, CODES), "unmask": (0, EVERYTHING), "seed": (-MOST_SEED, MOST_SEED - 1)}
_WORDS = {"drums": tuple(DRUMS), "onsets": ("free", "exact")}
_KEYS = {"params", "style", "notes", "transport"}

Part = Mapping[str, Any]


@dataclass(frozen=True)
class Wish:
    """One state. `controls`: values of `Controls` but style, held and strikes; `notes`: velocity and strikes by pitch.

    `resets` and `continues` are counters: when one goes up, the stream begins anew, or goes on from what was heard.
    """

    parts: tuple[Part, ...] = ()
    controls: Mapping[str, Any] = field(default_factory=dict)
    notes: Mapping[int, tuple[float, int]] = field(default_factory=dict)
    bypass: bool = False
    resets: float = 0.0
    continues: float = 0.0
    ignored: int = 0


class _Reader:
    """Takes values out of untrusted data and counts what it had to leave."""

    def __init__(self) -> None:
        self.ignored = 0

    def number(self, value: object, default: float, low: float = -math.inf, high: float = math.inf) -> float:
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST:
            self.ignored += 1
            return default
        return float(min(max(value, low), high))

    def table(self, value: object) -> Mapping[str, Any]:
        if isinstance(value, Mapping):
            return value
        self.ignored += value is not None
        return {}

    def rows(self, value: object) -> Sequence[Any]:
        if isinstance(value, list | tuple):
            return value
        self.ignored += value is not None
        return ()


def read(state: Mapping[str, Any], folder: Path = Path()) -> Wish:
    """The wish of a full state: what it leaves out is as `Controls` has it. Names of sound files begin in `folder`."""
    r = _Reader()
    r.ignored += len(set(state) - _KEYS)
    params = r.table(state.get("params"))
    controls: dict[str, Any] = {}
    for name, (low, high) in _NUMBERS.items():
        controls[name] = r.number(params.get(name, getattr(Controls, name)), getattr(Controls, name), low, high)
    for name, (least, most) in _WHOLE.items():
        default = getattr(Controls, name)
        controls[name] = round(r.number(params.get(name, default), default, least, most))
    for name, words in _WORDS.items():
        word = params.get(name, getattr(Controls, name))
        r.ignored += word not in words
        controls[name] = word if word in words else getattr(Controls, name)
    return Wish(
        parts=(*_own(r, params), *_wired(r, state, folder)),
        controls=controls,
        notes=_notes(r, state.get("notes")),
        bypass=bool(params.get("bypass", False)),
        resets=r.number(params.get("reset", 0.0), 0.0),
        continues=r.number(params.get("continue_from", 0.0), 0.0),
        ignored=r.ignored,
    )


def _own(r: _Reader, params: Mapping[str, Any]) -> list[Part]:
    """The node's own prompts that say something."""
    parts: list[Part] = []
    for number in range(1, PROMPTS + 1):
        text = params.get(f"prompt{number}", "")
        weight = r.number(params.get(f"weight{number}", 1.0), 0.0, 0.0)
        if not isinstance(text, str):
            r.ignored += 1
        elif text.strip() and weight > 0.0:
            parts.append({"text": text, "weight": weight})
    return parts


def _wired(r: _Reader, state: Mapping[str, Any], folder: Path) -> list[Part]:
    style = r.table(state.get("style"))
    return [_placed(part, folder) for part in r.rows(style.get("parts", [])) if r.table(part)]


def _placed(part: Part, folder: Path) -> Part:
    """With a recording's name as it is found from anywhere."""
    audio = part.get("audio")
    return {**part, "audio": str(folder / Path(audio).expanduser())} if isinstance(audio, str) and audio else part


def _notes(r: _Reader, rows: object) -> dict[int, tuple[float, int]]:
    """Of [pitch, velocity, strikes] and of [pitch, velocity]."""
    notes: dict[int, tuple[float, int]] = {}
    for row in r.rows(rows):
        before = r.ignored
        values = r.rows(row)
        pitch, velocity, strikes = (r.number(value, -1.0) for value in (*values, 0, 0, 0)[:3])
        if r.ignored > before or not values or pitch % 1 or not 0 <= pitch < PITCHES:
            r.ignored = before + 1
            continue
        notes[int(pitch)] = (velocity, int(strikes))
    return notes


class Strikes:
    """How often each pitch was struck while we listened. Senders come, go and begin to count anew; this only grows."""

    def __init__(self) -> None:
        self._heard: dict[int, int] | None = None
        self.counts: dict[int, int] = {}

    def follow(self, notes: Mapping[int, tuple[float, int]]) -> dict[int, int]:
        """The counts after the newest notes. What was struck before the first of them is past."""
        known = self._heard
        self._heard = {pitch: strikes for pitch, (_, strikes) in notes.items()}
        if known is not None:
            for pitch, strikes in self._heard.items():
                if (new := strikes - known.get(pitch, 0)) > 0:
                    self.counts[pitch] = self.counts.get(pitch, 0) + new
        return dict(self.counts)
