"""How the composer sets a bar of chords and a bar of melody."""

from __future__ import annotations

import numpy as np

from graphflow.models.first_light import lines
from graphflow.models.first_light import symbols as sy
from graphflow.models.first_light.form import BREAK, INTRO
from graphflow.models.first_light.genres import Genre


def chords(
    genre: Genre, now: list[int], index: int, section: int, choices: dict[str, str],
    written: sy.Symbols, bar: int,
) -> list[int]:  # fmt: skip
    """One bar of chord symbols: attacks where the comping says so, held or let go between them."""
    pattern = choices["other"] if index == 3 else choices["comping"]
    sustained = genre.sustain or section in (INTRO, BREAK)
    if section in (INTRO, BREAK):
        pattern = "X..............."
    last = int(written[bar * 16 - 1, sy.CHORD]) if bar else sy.REST
    if pattern.strip(".") == "X" and pattern[0] == "X" and index % 2 and genre.sustain and last == sy.HOLD:
        previous = next((int(s) for s in written[: bar * 16, sy.CHORD][::-1] if s >= 2), -1)
        if previous == now[0] and now[0] == now[1] and genre.colour < 0.75:
            return [sy.HOLD] * 16
    line: list[int] = []
    held = 0
    for step in range(16):
        symbol = now[step // 8]
        changed = step == 8 and now[0] != now[1]
        if pattern[step] != "." or (changed and sustained):
            line.append(symbol)
            held = 0
        elif line and line[-1] != sy.REST:
            held += 1
            line.append(sy.HOLD if sustained or held < 2 else sy.REST)
        else:
            line.append(sy.REST)
    return line


def lead(
    tunes: dict[str, tuple[int, list[tuple[int, int, int]], int]], kind: str, place: int, scale: tuple[int, ...],
    tones_at: list[list[int]], genre: Genre, dark: float, rng: np.random.Generator,
) -> list[int]:  # fmt: skip
    """One bar cut out of a tune: bars go A B A C, the last bar of four breathes."""
    length, tune, start = tunes["lift" if kind == "lift" else "main"]
    bars = length // 16
    part = place % bars
    cut = [(s - 16 * part, min(n, 16 * part + 16 - s), m) for s, n, m in tune if 16 * part <= s < 16 * part + 16]
    drift = sum(m for s, _, m in tune if s < 16 * part)
    begin = lines.clamp(start + drift, -3, 7)
    if place % 4 == 3:
        cut = [note for note in cut if note[0] < 10]
    octave = genre.lead_octave - (1 if dark > 0.6 else 0)
    return lines.melody(cut, 16, scale, tones_at, octave, begin, 0.25 if place % 4 == 2 else 0.0, rng)
