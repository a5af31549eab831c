"""How the composer writes single lines: basses, arpeggios and melodies over a chord."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from graphflow.models.first_light import symbols as sy

BASS_RHYTHMS: dict[str, tuple[str, ...]] = {
    "drone": ("R---------------",),
    "long": ("R---------------", "R-------R-------", "R-----------F---"),
    "rumble": ("..rr..rr..rr..rr", ".rrr.rrr.rrr.rrr", "..r...r...r...rr"),
    "offbeat": ("..R-..R-..R-..R-", "..R...R...R...R.", "..R-..R-..O-..R."),
    "sixteenth": ("RrrrRrrrRrrrRrrr", "RrrrRrrrRrrrOrrr", "R.rrR.rrR.rrR.rr"),
    "acid": ("R.rO.rR.r.OrR.ro", "RrO.RrrOr.RrO.Fr", "R..Or.R.OrF.R.rO"),
    "pulse": ("R-..R-..R-..R-..", "R...R...R...R..."),
    "syncopated": ("R--..R--R.....F.", "R-....R-..R-..A.", "R--R--..R-..F-A.", "R-..R-....R-..A-"),
    "octaves": ("R.O.R.O.R.O.R.O.", "RrOoRrOoRrOoRrOo", "R.O.R.O.R.O.F.A."),
    "garage": ("R..R..R-..R..O..", "R--..R-...R-.O-.", ".R.R..R-...R..F-"),
    "reese": ("R---------------", "R-------R-----A-", "R-----R---F-----", "R---------R---F-"),
    "jump": ("R-.R-.O-..R-F-..", "R..R..O...R..F.."),
    "sub": ("R-------........", "R-----....R-....", "R-------R---...."),
    "root": ("R-------R-------", "R---------R---..", "R-----R-R-----A-"),
    "lazy": (".R------.R----A-", "R-----..R-..F---", "R----R--R---..A-"),
    "walking": ("R---3---F---A---", "R---W---W---A---", "R---F---3---A---", "R---W---F---A-A-"),
    "two": ("R-------F-------", "R-------F-----A-"),
    "eighth": ("R-R-R-R-R-R-R-R-", "R-R-R-R-R-R-F-O-"),
    "gallop": ("R-rrR-rrR-rrR-rr", "R.rrR.rrR.rrO.rr"),
    "eight08": ("R-------........", "R-----R---......", "R-------..R---O-", "R---........R-F-"),
    "strings": ("R-------F-------", "R-------3---F---", "R---------------"),
    "pedal": ("R-----------....", "R-------R-------"),
    "funk": ("R..R..O.r.R..F.A", "R.rO..R..r.R.F.A", "R....rR.O..R.r.A", "Rr.R..OrR..F.rAA"),
    "left_hand": ("R-F-O-3-F-O-F-3-", "R---F---O---F---", "R-F-O-F-R-F-O-F-", "R-------O---F---"),
}

_MOVES = (-4, -2, -2, -1, -1, -1, -1, 0, 0, 1, 1, 1, 1, 2, 2, 3)  # scale degrees: mostly steps, falling a little


def clamp(value: int, low: int, high: int) -> int:
    return low if value < low else high if value > high else value


def degree_note(scale: Sequence[int], degree: int) -> int:
    """Semitones above the tonic of a scale degree counted from 0; degrees below 0 and above 6 change octave."""
    octave, place = divmod(degree, len(scale))
    return 12 * octave + scale[place]


def nearest(pool: Sequence[int], note: int) -> int:
    """The note of the pool's pitch classes that is nearest to note."""
    return min((note + d for d in range(-6, 7) if (note + d) % 12 in pool), key=lambda n: abs(n - note))


def bass_bar(
    manner: str, which: int, root: int, tones: Sequence[int], scale: Sequence[int], next_root: int, low: bool
) -> list[int]:
    """One bar of bass symbols; root and tones are pitch classes above the tonic."""
    rhythms = BASS_RHYTHMS[manner]
    rhythm = rhythms[which % len(rhythms)]
    base = 36 + root if root <= 6 else 24 + root
    if low and base >= 36:
        base -= 12
    if base < sy.BASS_LOWEST:
        base += 12
    fifth = base + (tones[2 % len(tones)] - root) % 12
    third = base + (tones[1] - root) % 12
    bar: list[int] = []
    for step, letter in enumerate(rhythm):
        if letter == ".":
            bar.append(sy.REST)
        elif letter == "-":
            bar.append(sy.HOLD if bar and bar[-1] != sy.REST else sy.REST)
        else:
            note = base
            if letter in "Oo":
                note = base + 12
            elif letter == "F":
                note = fifth
            elif letter == "3":
                note = third
            elif letter == "W":
                note = nearest(scale, base + 3 + (step // 4) * 2)
            elif letter == "A":
                target = nearest((next_root,), base)
                note = nearest(scale, target - 1) if step % 2 == 0 else target - 1
            bar.append(2 + clamp(note - sy.BASS_LOWEST, 0, sy.BASS_NOTES - 1))
    return bar


def arp_bar(
    shape: str, rate: int, tones: Sequence[int], octave: int, spread: int, start: int, fixed: Sequence[int], hold: bool
) -> list[int]:
    """One bar of arpeggio symbols; start counts the steps since the piece began, so that shapes run on over bars."""
    low = 60 + 12 * octave - (12 if spread > 1 else 0)
    ladder = sorted({low + (tone % 12) + 12 * o for tone in tones for o in range(spread + 1)})[: 4 + 3 * spread]
    bar: list[int] = []
    for step in range(16):
        count = (start + step) // rate
        if (start + step) % rate:
            bar.append(sy.HOLD if hold and bar and bar[-1] != sy.REST else sy.REST)
            continue
        size = len(ladder)
        if shape == "up":
            place = count % size
        elif shape == "updown":
            place = min(count % (2 * size - 2), 2 * size - 2 - count % (2 * size - 2))
        elif shape == "alberti":
            place = (0, 2, 1, 2)[count % 4] % size
        elif shape == "ostinato":
            place = (0, 1, 2, 1, 3, 1, 2, 1)[count % 8] % size
        elif shape == "pedal":
            place = 0 if count % 3 else 1 + (count // 3) % 2
        elif shape == "gentle":
            place = (0, 2, 3, 1, 4, 2)[count % 6] % size
        else:
            place = fixed[count % len(fixed)] % size
        if fixed[(count * 3) % len(fixed)] == 7 and shape in ("random", "fixed", "gentle"):
            bar.append(sy.REST)
            continue
        note = ladder[place]
        bar.append(2 + clamp(note - sy.ARP_LOWEST, 0, sy.ARP_NOTES - 1))
    return bar


def motif(density: float, length: int, rng: np.random.Generator) -> list[tuple[int, int, int]]:
    """A short tune as (step, length, scale degrees moved since the last note)."""
    notes: list[tuple[int, int, int]] = []
    step = 0 if rng.random() < 0.6 else int(rng.integers(1, 5))
    mean = 1.0 / max(density, 0.08)
    while step < length:
        gap = clamp(int((0.5, 1.0, 1.0, 1.5, 2.0)[int(rng.integers(5))] * mean), 1, 12)
        if gap > 2 and gap % 2:
            gap += 1
        move = _MOVES[int(rng.integers(len(_MOVES)))]
        long = gap if rng.random() < 0.7 else max(1, gap - 1)
        notes.append((step, min(long, length - step), move))
        step += gap
        if rng.random() < 0.12:
            step += 4
    return notes


def melody(
    tune: Sequence[tuple[int, int, int]],
    length: int,
    scale: Sequence[int],
    tones_at: Sequence[Sequence[int]],
    octave: int,
    start: int,
    varied: float,
    rng: np.random.Generator,
) -> list[int]:
    """A tune set over the chords sounding at each of its steps; strong beats land on chord tones."""
    line = [sy.REST] * length
    degree = start
    for step, long, move in tune:
        degree = clamp(degree + move, -4, 8)
        if varied > 0 and rng.random() < varied and step > length // 2:
            degree = clamp(degree + (1 if rng.random() < 0.5 else -1), -4, 8)
        note = 60 + 12 * octave + degree_note(scale, degree)
        if step % 4 == 0:
            note = nearest(tones_at[step], note)
        line[step] = 2 + clamp(note - sy.LEAD_LOWEST, 0, sy.LEAD_NOTES - 1)
        for held in range(step + 1, min(step + long, length)):
            line[held] = sy.HOLD
    return line
