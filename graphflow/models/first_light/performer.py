"""Turns written steps into timed notes and hits: voicing, touch, swing, transposition."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from graphflow.models.first_light import symbols as sy
from graphflow.models.first_light.chance import signed
from graphflow.models.first_light.renderer import Event, Hit, NoteOff, NoteOn

_STREAM_PART = {sy.BASS: "bass", sy.ARP: "arp", sy.LEAD: "lead"}
_HIGH_CENTRE = 63.0  # MIDI note around which chords are voiced


@dataclass(frozen=True)
class Touch:
    """How the next step is played."""

    frames: float  # one 16th note
    step: int  # in the bar
    swing: float = 0.0
    swing_eighths: float = 0.0
    loose: float = 0.0
    shift: int = 0  # semitones from C
    count: int = 0  # steps since the beginning, for what varies from step to step
    rate: int = 48000


@dataclass
class Performer:
    """What sounds now. `voicing` is the last chord's notes before transposition."""

    voicing: tuple[int, ...] = ()
    sounding: dict[str, list[int]] = field(default_factory=lambda: {p: [] for p in ("bass", "chord", "arp", "lead")})

    def play(self, step: npt.NDArray[np.uint8], touch: Touch) -> list[Event]:
        """Events of one step; offsets in frames after its start, always inside it."""
        events: list[Event] = []
        beat = swung(touch)
        dynamics = int(step[sy.DYNAMICS])
        bright = (int(step[sy.BRIGHTNESS]) - 3.5) * 0.25  # octaves

        def when(voice: int, early: float = 1.0) -> int:
            # hands are up to 14 ms late, never early: a chunk cannot reach back
            late = touch.loose * 0.014 * touch.rate * (0.5 + 0.5 * signed(touch.count, voice)) * early
            return int(min(beat + late, touch.frames - 2))

        def force(voice: int) -> float:
            shake = 1.0 + (0.04 + 0.08 * touch.loose) * signed(touch.count, voice, 7)
            return float(np.clip((0.42 + 0.075 * dynamics) * shake, 0.1, 1.0))

        kick, snare = sy.split_low(int(step[sy.LOW]))
        hat, perc = sy.split_high(int(step[sy.HIGH]))
        drum = 0.62 + 0.05 * dynamics
        if kick:
            events.append(Hit(when(0, 0.3), "kick", min(1.0, drum * (0.72, 1.1)[kick - 1])))
        if snare:
            name = ("ghost", "snare", "clap")[snare - 1]
            events.append(Hit(when(1, 0.6), name, min(1.0, drum * (1.0 + 0.1 * signed(touch.count, 11))), 0.05))
        if hat:
            accent = (0.68, 0.95, 0.9)[hat - 1] * (1.0 + 0.15 * signed(touch.count, 12))
            events.append(Hit(when(2, 0.5), "open" if hat == sy.HAT_OPEN else "hat", min(1.0, drum * accent), 0.22))
        if perc:
            name = ("shaker", "tom", "bell", "crash", "rim")[perc - 1]
            pan = {"shaker": -0.4, "tom": 0.5 * signed(touch.count, 13), "bell": -0.3, "rim": -0.25}.get(name, 0.1)
            events.append(Hit(when(3, 0.5), name, min(1.0, drum * (0.85 + 0.12 * signed(touch.count, 14))), pan))

        for stream, part in _STREAM_PART.items():
            symbol = int(step[stream])
            if symbol == sy.HOLD:
                continue
            at = when(20 + stream)
            if self.sounding[part]:
                events.append(NoteOff(at, part))
                self.sounding[part] = []
            if symbol >= 2:
                note = sy.LOWEST_NOTE[stream] + symbol - 2 + touch.shift
                pan = 0.35 * (1 if touch.count % 2 else -1) if part == "arp" else 0.0
                events.append(NoteOn(at, part, note, force(20 + stream), pan, bright))
                self.sounding[part] = [note]
        symbol = int(step[sy.CHORD])
        if symbol != sy.HOLD:
            at = when(30)
            if self.sounding["chord"]:
                events.append(NoteOff(at, "chord"))
                self.sounding["chord"] = []
            if symbol >= 2:
                self.voicing = voice(symbol, self.voicing)
                for n, note in enumerate(self.voicing):
                    strum = int(touch.loose * 0.006 * touch.rate * n)
                    place = 0.5 * (n / max(1, len(self.voicing) - 1) - 0.5)
                    start = int(min(at + strum, touch.frames - 2))
                    events.append(NoteOn(start, "chord", note + touch.shift, 0.85 * force(31 + n), place, bright))
                    self.sounding["chord"].append(note + touch.shift)
        return events

    def release(self, part: str) -> list[Event]:
        """Let go of what a part holds, now."""
        held, self.sounding[part] = self.sounding[part], []
        return [NoteOff(0, part)] if held else []


def swung(touch: Touch) -> float:
    """Frames from a step's straight place to where it is played."""
    late = touch.swing / 3.0 if touch.step % 2 else 0.0
    late += touch.swing_eighths * (0.0, 1.0 / 3.0, 2.0 / 3.0, 1.0 / 3.0)[touch.step % 4]
    return min(late, 0.72) * touch.frames


def voice(symbol: int, last: tuple[int, ...]) -> tuple[int, ...]:
    """The notes of a chord, laid so that the hands move little from the last one."""
    root, quality = sy.split_chord(symbol)
    classes = sorted((root + tone) % 12 for tone in sy.QUALITY_TONES[quality])
    best: tuple[float, tuple[int, ...]] = (1e9, ())
    for turn in range(len(classes)):
        order = classes[turn:] + [c + 12 for c in classes[:turn]]
        for octave in (48, 60):
            notes = tuple(octave + c for c in order)
            cost = 1.2 * abs(sum(notes) / len(notes) - _HIGH_CENTRE)
            if last:
                cost += sum(min(abs(n - o) for o in last) for n in notes)
            best = min(best, (cost, notes))
    return best[1]
