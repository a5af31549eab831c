"""Writes the music First Light learns from: endless pieces whose every property is known.

Nothing here was taken from anybody's recordings or scores; the rules in genres.py, drums.py and lines.py are all.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphflow.models.first_light import comping, drums, lines, style
from graphflow.models.first_light import symbols as sy
from graphflow.models.first_light.form import BREAK, BUILD, DROP, INTRO, LIFT, MAIN, moment, plan
from graphflow.models.first_light.genres import MOOD_MODES, SPECS, Genre

_STEP = np.arange(16)
_ACCENT = np.where(_STEP == 0, 0.8, np.where(_STEP % 4 == 0, 0.3, np.where(_STEP % 2 == 1, -0.5, 0.0)))  # levels

PART_SHARE = {"drums": 0.35, "bass": 0.2, "harmony": 0.25, "lead": 0.2}  # of a hybrid's genre label


@dataclass(frozen=True)
class Piece:
    """A composed piece with its labels."""

    symbols: sy.Symbols  # [steps, 8]
    clock: npt.NDArray[np.uint8]  # [steps, 4]: step in bar, bar in phrase, section, fill
    chroma: npt.NDArray[np.uint8]  # [steps, 12]: pitch classes of the chord, above the tonic
    style: npt.NDArray[np.float32]  # [SCORE_SIZE]: genres, then moods
    density: float  # 0 to 1, 0.5 as the genre usually is
    mode: str
    tempo: float  # bpm
    swing: float  # 0 straight to 1 triplets
    genres: dict[str, float]
    moods: dict[str, float]

    def __str__(self) -> str:
        return "\n".join(sy.text(step) for step in self.symbols)


def pick_mode(genre: Genre, moods: dict[str, float], draw: float) -> str:
    """The mode a genre and its moods ask for; draw (0 to below 1) chooses among the likely ones."""
    weights = {name: genre.modes.get(name, 0.0) for name in sy.MODE_NAMES}
    total = sum(weights.values())
    for name in weights:
        pull = sum(amount * MOOD_MODES[mood].get(name, 0.0) / 6.0 for mood, amount in moods.items())
        weights[name] = weights[name] / total * (1.0 - 0.6 * min(1.0, sum(moods.values()))) + pull
    edge = draw * sum(weights.values())
    for name, weight in weights.items():
        edge -= weight
        if edge < 0:
            return name
    return "minor"


def _chord(degree: int, scale: tuple[int, ...], colour: float, dreamy: float, rng: np.random.Generator) -> int:
    """The symbol of the chord on a degree, with only tones of the scale."""
    root = scale[degree - 1]
    wanted: list[int] = []
    if rng.random() < colour:
        wanted += [5, 6, 7, 8] if rng.random() < 0.8 else [9]
    if rng.random() < 0.15 + 0.3 * dreamy:
        wanted += [3, 9, 4]
    wanted += [0, 1, 2, 4, 3]
    for quality in wanted:
        if all((root + tone) % 12 in scale for tone in sy.QUALITY_TONES[quality]):
            return sy.chord(root, quality)
    return sy.chord(root, 3)


def _progression(
    genre: Genre, scale: tuple[int, ...], dreamy: float, bars: int, rng: np.random.Generator
) -> list[list[int]]:
    """Chord symbols per half bar, [bars][2], a loop repeated over the section kind."""
    degrees = genre.progressions[int(rng.integers(len(genre.progressions)))]
    per = genre.bars_per_chord[int(rng.integers(len(genre.bars_per_chord)))]
    chords = [_chord(d, scale, genre.colour, dreamy, rng) for d in degrees]
    return [[chords[int((bar + half / 2) / per) % len(chords)] for half in (0, 1)] for bar in range(bars)]


def _activity(
    genres: dict[str, Genre], density: float, calm: float, rng: np.random.Generator
) -> dict[int, dict[str, bool]]:
    """Which parts play in each kind of section, kept over the piece."""
    lift = 0.6 * (density - 0.5)
    has = {
        "drums": rng.random() < genres["drums"].drums,
        "bass": rng.random() < genres["bass"].bass_share,
        "chord": rng.random() < 0.93,
        "arp": rng.random() < min(1.0, genres["harmony"].arp * 1.25 + lift * 0.5),
        "lead": rng.random() < min(1.0, genres["lead"].lead * 1.3 + lift * 0.5),
    }
    club = genres["drums"].drums >= 1.0
    if not any(has.values()) or not (has["chord"] or has["arp"] or has["lead"]):
        has["chord"] = True
    share = {
        INTRO: {"drums": 0.7, "bass": 0.35, "chord": 0.75, "arp": 0.4, "lead": 0.15},
        MAIN: {"drums": 1.0, "bass": 1.0, "chord": 0.95, "arp": 0.65, "lead": 0.55 - 0.15 * club},
        LIFT: {"drums": 1.0, "bass": 1.0, "chord": 1.0, "arp": 0.85, "lead": 0.95},
        BUILD: {"drums": 1.0, "bass": 0.55, "chord": 0.9, "arp": 0.8, "lead": 0.25},
        DROP: {"drums": 1.0, "bass": 1.0, "chord": 0.9, "arp": 0.8, "lead": 0.8},
        BREAK: {"drums": 0.45, "bass": 0.3, "chord": 1.0, "arp": 0.6, "lead": 0.45 + 0.2 * calm},
    }
    playing: dict[int, dict[str, bool]] = {}
    for section, shares in share.items():
        playing[section] = {part: bool(has[part] and rng.random() < p) for part, p in shares.items()}
        tuned = any(playing[section][part] for part in ("chord", "arp", "lead"))
        if not tuned and (section == BREAK or not club or rng.random() < 0.6):
            playing[section]["chord"] = True
    return playing


def compose(rng: np.random.Generator, genre: str = "", bars: int = 32, hybrid: float = 0.3) -> Piece:
    """One new piece; without a genre one is drawn, and a share of pieces mixes two.

    The result is a function of rng alone. Lengths are whole bars; the piece may begin anywhere in its form.
    """
    first = genre or style.GENRES[int(rng.integers(len(style.GENRES)))]
    second = style.GENRES[int(rng.integers(len(style.GENRES)))] if rng.random() < hybrid and not genre else first
    weight = rng.random()
    names = {part: first if rng.random() < weight or first == second else second for part in PART_SHARE}
    genres: dict[str, float] = {}
    for part, name in names.items():
        genres[name] = genres.get(name, 0.0) + PART_SHARE[part]
    spec = {part: SPECS[name] for part, name in names.items()}

    moods: dict[str, float] = {}
    if rng.random() < 0.75:
        moods[style.MOODS[int(rng.integers(6))]] = float(rng.choice([1.0, 1.0, 0.7, 0.4]))
        if rng.random() < 0.2:
            moods[style.MOODS[int(rng.integers(6))]] = 0.6
    mood = {name: moods.get(name, 0.0) for name in style.MOODS}
    density = float(np.clip(rng.normal(0.5, 0.22), 0.0, 1.0))
    felt = float(np.clip(density + 0.18 * (mood["energetic"] + mood["aggressive"]) - 0.22 * mood["calm"], 0.0, 1.0))
    mode = pick_mode(spec["harmony"], moods, float(rng.random()))
    scale = sy.MODES[mode]

    progressions = {
        kind: _progression(spec["harmony"], scale, mood["dreamy"], 4, rng) for kind in ("main", "lift", "break")
    }
    if rng.random() < 0.5:
        progressions["break"] = progressions["main"]
    if rng.random() < 0.4:
        progressions["lift"] = progressions["main"]
    playing = _activity(spec, felt, mood["calm"], rng)
    kit = drums.choose(spec["drums"], felt, mood["aggressive"], mood["calm"], rng)
    tunes = {kind: _tune(spec["lead"], felt, mood, rng) for kind in ("main", "lift")}
    choices = {
        "manner": str(rng.choice(spec["bass"].bass)),
        "shape": str(rng.choice(spec["harmony"].arp_shapes)),
        "comping": str(rng.choice(spec["harmony"].comping)),
        "other": str(rng.choice(spec["harmony"].comping)),
    }
    if mood["calm"] > 0.5 and choices["manner"] in ("sixteenth", "acid", "gallop") and rng.random() < 0.7:
        choices["manner"] = "pulse"

    start_bar = int(rng.integers(0, 2)) * 16
    first_phrase = 0 if rng.random() < 0.3 else 1
    lead_genre = names["drums"]
    plans = [plan(first_phrase + i, lead_genre, float(rng.random())) for i in range((start_bar + bars) // 16 + 1)]
    return _write(
        rng, bars, plans, start_bar % 16, spec, names, kit, playing, progressions, tunes, choices, scale, mode,
        genres, moods, mood, density, felt,
    )  # fmt: skip


def _tune(
    genre: Genre, felt: float, mood: dict[str, float], rng: np.random.Generator
) -> tuple[int, list[tuple[int, int, int]], int]:
    length = int(rng.choice([16, 32, 32]))
    density = genre.lead_density * (0.55 + 0.9 * felt) * (1.0 - 0.3 * mood["calm"])
    return length, lines.motif(density, length, rng), int(rng.integers(0, 5))


def _write(
    rng: np.random.Generator,
    bars: int,
    plans: list[tuple[int, ...]],
    start_bar: int,
    spec: dict[str, Genre],
    names: dict[str, str],
    kit: drums.Kit,
    playing: dict[int, dict[str, bool]],
    progressions: dict[str, list[list[int]]],
    tunes: dict[str, tuple[int, list[tuple[int, int, int]], int]],
    choices: dict[str, str],
    scale: tuple[int, ...],
    mode: str,
    genres: dict[str, float],
    moods: dict[str, float],
    mood: dict[str, float],
    density: float,
    felt: float,
) -> Piece:
    steps = bars * 16
    written = np.zeros((steps, len(sy.STREAMS)), dtype=np.uint8)
    clock = np.zeros((steps, 4), dtype=np.uint8)
    chroma = np.zeros((steps, 12), dtype=np.uint8)
    fixed = [int(n) for n in rng.integers(0, 8, 8)]
    rate = int(rng.choice(spec["harmony"].arp_rates))
    spread = 1 + int(rng.random() < 0.4 + 0.3 * mood["dreamy"])
    dark = mood["dark"] + 0.5 * mood["aggressive"]
    shape_of = {kind: int(rng.integers(6)) for kind in ("main", "lift", "break")}
    energy = {INTRO: 2.6, MAIN: 4.0, LIFT: 5.0, BUILD: 4.2, DROP: 6.0, BREAK: 2.2}
    sway = float(rng.choice([0.0, 0.0, 0.8, 1.3]))
    for bar in range(bars):
        place = start_bar + bar
        sections = plans[place // 16]
        here = moment(place % 16, 0, sections)
        index = place % 4
        kind = {LIFT: "lift", DROP: "lift", BREAK: "break"}.get(here.section, "main")
        active = playing[here.section]
        now = progressions[kind][index]
        after = progressions[kind][(index + 1) % 4]
        at = slice(bar * 16, bar * 16 + 16)
        moments = [moment(place % 16, step, sections) for step in range(16)]
        clock[at] = [(m.step, m.bar, m.section, m.fill) for m in moments]
        roots = [sy.split_chord(c)[0] for c in now]
        tones = [
            [(r + t) % 12 for t in sy.QUALITY_TONES[sy.split_chord(c)[1]]] for c, r in zip(now, roots, strict=True)
        ]
        tones_at = [tones[step // 8] for step in range(16)]
        for half in (0, 1):
            chroma[bar * 16 + half * 8 : bar * 16 + half * 8 + 8, tones[half]] = 1
        fill = moments[15].fill
        if active["drums"]:
            hits = drums.bar(kit, here.section, index, fill, place % 4 == 0, rng)
            written[at, sy.LOW] = [sy.low_drums(kick, snare) for kick, snare, _, _ in hits]
            written[at, sy.HIGH] = [sy.high_drums(hat, perc) for _, _, hat, perc in hits]
        if active["bass"]:
            which = shape_of[kind] + (1 if index % 2 else 0)
            low = dark > 0.6 or names["bass"] in ("dnb", "trap", "techno")
            line: list[int] = []
            for half in (0, 1):
                next_root = roots[1] if half == 0 else sy.split_chord(after[0])[0]
                written_bar = lines.bass_bar(choices["manner"], which, roots[half], tones[half], scale, next_root, low)
                line += written_bar[half * 8 : half * 8 + 8]
            if roots[0] != roots[1] and line[8] == sy.HOLD:
                line[8] = lines.bass_bar("long", 0, roots[1], tones[1], scale, roots[1], low)[0]
            if here.section == BUILD and index == 3:
                line[8:] = [sy.REST] * 8
            written[at, sy.BASS] = line
        if active["chord"]:
            written[at, sy.CHORD] = comping.chords(spec["harmony"], now, index, here.section, choices, written, bar)
        if active["arp"]:
            octave = spec["harmony"].arp_octave - (1 if dark > 0.6 else 0) + (1 if here.section == DROP else 0)
            full: list[int] = []
            for half in (0, 1):
                full += lines.arp_bar(
                    choices["shape"], 1 if here.section == BUILD and index >= 2 else rate, tones[half],
                    min(octave, 1), spread, bar * 16, fixed, names["harmony"] in ("ambient", "piano", "orchestral"),
                )[half * 8 : half * 8 + 8]  # fmt: skip
            written[at, sy.ARP] = full
        if active["lead"]:
            written[at, sy.LEAD] = comping.lead(tunes, kind, place, scale, tones_at, spec["lead"], dark, rng)
        lift = energy[here.section] + 1.2 * (mood["energetic"] + mood["aggressive"]) - 1.4 * mood["calm"]
        if here.section == BUILD:
            lift += 0.5 * index
        rise = (index * 16 + _STEP) / 64.0
        shine = lift - 0.5 * dark + 0.3 * mood["happy"] + sway * np.sin(2 * np.pi * rise)
        if here.section == BUILD:
            shine = shine + 3.0 * rise
        written[at, sy.DYNAMICS] = np.clip(np.rint(lift + _ACCENT + rng.normal(0, 0.25, 16)), 0, 7)
        written[at, sy.BRIGHTNESS] = np.clip(np.rint(shine), 0, 7)
    amount = style.vector({**genres, **moods})[: style.SCORE_SIZE]
    main = spec["drums"]
    tempo = float(rng.uniform(*main.tempo))
    tempo *= 1.0 + 0.05 * (mood["energetic"] + mood["aggressive"] - mood["calm"] - 0.5 * mood["dreamy"])
    swing = float(np.clip(main.swing + rng.normal(0, 0.06), 0.0, 1.0)) if main.swing else 0.0
    return Piece(written, clock, chroma, amount, density, mode, tempo, swing, genres, moods)
