"""How each style sounds: which instruments play, on which drum kit, in what room.

A sound is a continuous function of a style vector, so a blend of prompts moves every knob smoothly.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from graphflow.models.first_light import desk as board
from graphflow.models.first_light import instruments, kernels, kits, style
from graphflow.models.first_light.genres import SPECS
from graphflow.models.first_light.levels import LEVELS

MELODIC = ("bass", "chord", "arp", "lead")


@dataclass(frozen=True)
class Genre:
    """The desk of one genre. Levels in dB; sends, depths and amounts 0 to 1."""

    kit: dict[str, float]
    bass: dict[str, float]
    chord: dict[str, float]
    arp: dict[str, float]
    lead: dict[str, float]
    reverb: tuple[float, float, float, float, float]  # drums, bass, chord, arp, lead
    echo: tuple[float, float, float, float, float]
    room: float  # 0 small to 1 endless
    pump: float = 0.0
    tape: float = 0.1
    tone: float = 18000.0  # Hz, where the top ends
    wow: float = 0.0
    hiss: float = 0.0
    width: float = 1.0
    feedback: float = 0.35
    loose: float = 0.2  # 0 machine to 1 hand-played timing
    bright: float = 0.0  # octaves on all filters


GENRES: dict[str, Genre] = {
    "ambient": Genre(
        {"cinema": 1.0}, {"soft_bass": 0.5, "sub": 0.5}, {"pad": 0.75, "choir": 0.25}, {"bell": 0.6, "pluck": 0.4},
        {"flute": 0.5, "pad": 0.5}, (0.5, 0.1, 0.6, 0.7, 0.65), (0.2, 0, 0.1, 0.5, 0.4), 0.95,
        0.0, 0.1, 12000, 0.1, 0.05, 1.25, 0.55, 0.5, -0.3),
    "techno": Genre(
        {"electro": 1.0}, {"acid": 0.5, "sub": 0.5}, {"stab": 1.0}, {"pluck": 0.6, "square": 0.4}, {"saw": 1.0},
        (0.10, 0.03, 0.45, 0.3, 0.35), (0.03, 0, 0.4, 0.35, 0.3), 0.72,
        0.75, 0.35, 18000, 0, 0.02, 1.1, 0.5, 0.0, -0.2),
    "house": Genre(
        {"electro": 1.0}, {"saw_bass": 0.6, "sub": 0.4}, {"organ": 0.4, "stab": 0.3, "electric_piano": 0.3},
        {"pluck": 1.0}, {"saw": 0.5, "flute": 0.5}, (0.10, 0.02, 0.28, 0.3, 0.3),
        (0.02, 0, 0.15, 0.3, 0.3), 0.6, 0.65, 0.2, 18000, 0, 0, 1.1, 0.4, 0.1, 0.1),
    "dnb": Genre(
        {"breaks": 0.8, "electro": 0.2}, {"reese": 0.75, "sub": 0.25}, {"pad": 1.0}, {"pluck": 0.7, "bell": 0.3},
        {"saw": 1.0}, (0.08, 0.0, 0.45, 0.4, 0.35), (0.02, 0, 0.1, 0.3, 0.3), 0.7,
        0.35, 0.35, 18000, 0, 0, 1.15, 0.4, 0.1, 0.2),
    "lofi": Genre(
        {"dusty": 1.0}, {"soft_bass": 0.6, "upright": 0.4}, {"electric_piano": 0.8, "grand_piano": 0.2},
        {"mallet": 0.5, "electric_piano": 0.5}, {"flute": 0.4, "electric_piano": 0.3, "reed": 0.3},
        (0.12, 0.02, 0.25, 0.35, 0.35), (0, 0, 0.05, 0.25, 0.2), 0.5,
        0.3, 0.45, 5200, 0.55, 0.35, 0.85, 0.35, 0.7, -0.5),
    "jazz": Genre(
        {"acoustic": 1.0}, {"upright": 1.0}, {"grand_piano": 0.8, "electric_piano": 0.2}, {"grand_piano": 1.0},
        {"reed": 0.75, "brass": 0.25}, (0.18, 0.08, 0.2, 0.25, 0.28), (0, 0, 0, 0, 0), 0.5,
        0.0, 0.1, 15000, 0, 0, 0.9, 0.2, 0.85, 0.1),
    "chiptune": Genre(
        {"chip": 1.0}, {"triangle": 1.0}, {"square": 1.0}, {"square": 1.0}, {"square": 0.85, "saw": 0.15},
        (0.0, 0, 0.02, 0.02, 0.03), (0, 0, 0, 0.12, 0.15), 0.2,
        0.0, 0.1, 18000, 0, 0, 0.5, 0.3, 0.0, 0.8),
    "synthwave": Genre(
        {"gated": 1.0}, {"saw_bass": 1.0}, {"pad": 0.6, "strings": 0.2, "brass": 0.2}, {"pluck": 0.7, "square": 0.3},
        {"saw": 0.8, "square": 0.2}, (0.25, 0.0, 0.4, 0.35, 0.4), (0.03, 0, 0.1, 0.4, 0.45), 0.75,
        0.45, 0.3, 16000, 0.08, 0.03, 1.2, 0.5, 0.05, 0.2),
    "trap": Genre(
        {"eight": 1.0}, {"eight08": 1.0}, {"pad": 0.4, "bell": 0.3, "choir": 0.3}, {"bell": 0.7, "pluck": 0.3},
        {"flute": 0.4, "bell": 0.6}, (0.06, 0.0, 0.4, 0.4, 0.4), (0.02, 0, 0.1, 0.25, 0.25), 0.65,
        0.2, 0.4, 17000, 0, 0, 1.1, 0.4, 0.05, -0.2),
    "orchestral": Genre(
        {"cinema": 1.0}, {"cello": 1.0}, {"strings": 0.7, "brass": 0.3}, {"strings": 0.5, "mallet": 0.2, "flute": 0.3},
        {"brass": 0.35, "flute": 0.3, "strings": 0.35}, (0.45, 0.3, 0.45, 0.45, 0.45),
        (0, 0, 0, 0, 0), 0.82, 0.0, 0.05, 16000, 0, 0, 1.2, 0.2, 0.6, 0.1),
    "funk": Genre(
        {"acoustic": 0.7, "breaks": 0.3}, {"slap": 1.0}, {"clav": 0.6, "electric_piano": 0.2, "organ": 0.2},
        {"clav": 1.0}, {"brass": 0.7, "saw": 0.3}, (0.10, 0.02, 0.12, 0.15, 0.2),
        (0, 0, 0.05, 0.1, 0.1), 0.4, 0.1, 0.25, 17000, 0, 0, 0.95, 0.3, 0.4, 0.3),
    "piano": Genre(
        {"acoustic": 0.6, "cinema": 0.4}, {"grand_piano": 1.0}, {"grand_piano": 1.0}, {"grand_piano": 1.0},
        {"grand_piano": 1.0}, (0.3, 0.3, 0.32, 0.32, 0.32), (0, 0, 0, 0, 0), 0.68,
        0.0, 0.05, 14000, 0, 0.01, 1.0, 0.2, 0.8, 0.0),
}  # fmt: skip

# Instruments that a trait brings into the parts it names; 1.0 takes the part over.
TRAIT_INSTRUMENTS: dict[str, dict[str, dict[str, float]]] = {
    "acid": {"bass": {"acid": 3.0}},
    "sub": {"bass": {"sub": 2.0}},
    "grand_piano": {"chord": {"grand_piano": 3.0}, "arp": {"grand_piano": 1.5}, "lead": {"grand_piano": 0.7}},
    "electric_piano": {"chord": {"electric_piano": 3.0}, "arp": {"electric_piano": 1.0}},
    "organ": {"chord": {"organ": 3.0}},
    "strings": {"chord": {"strings": 3.0}, "lead": {"strings": 0.5}},
    "pad": {"chord": {"pad": 3.0}},
    "pluck": {"arp": {"pluck": 3.0}, "chord": {"pluck": 0.7}, "lead": {"pluck": 0.6}},
    "bell": {"arp": {"bell": 3.0}, "lead": {"bell": 1.5}},
    "brass": {"lead": {"brass": 3.0}, "chord": {"brass": 1.0}},
    "choir": {"chord": {"choir": 3.0}, "lead": {"choir": 1.0}},
    "saw": {"lead": {"saw": 3.0}, "chord": {"stab": 0.8}, "bass": {"saw_bass": 1.0}},
    "square": {"lead": {"square": 3.0}, "arp": {"square": 2.0}},
    "mallet": {"arp": {"mallet": 3.0}, "lead": {"mallet": 2.0}},
    "flute": {"lead": {"flute": 3.0}},
    "acoustic": {"bass": {"upright": 1.0}, "chord": {"grand_piano": 0.6}},
    "electronic": {"chord": {"stab": 0.4}, "arp": {"pluck": 0.4}, "bass": {"saw_bass": 0.5}},
}
TRAIT_KITS: dict[str, dict[str, float]] = {
    "acoustic": {"acoustic": 1.5},
    "electronic": {"electro": 1.0},
    "lofi_sound": {"dusty": 1.5},
}


@dataclass(frozen=True)
class Sound:
    """Everything the renderer needs to know about a style."""

    weights: dict[str, tuple[tuple[str, float], ...]]  # melodic part: instruments and their shares
    kit: tuple[tuple[int, float], ...]  # one or two kits and their shares
    desk: npt.NDArray[np.float64]  # what desk.mix_down is set to, without tempo
    bright: tuple[float, ...]  # octaves on the filters of the desk's five parts
    loose: float
    swing: float  # of 16ths, 0 straight to 1 triplets
    swing_eighths: float
    tempo: float  # bpm that the style suggests


def _instruments(styled: style.Vector, part: str, genres: style.Vector) -> tuple[tuple[str, float], ...]:
    shares: dict[str, float] = {}
    for name, weight in zip(style.GENRES, genres, strict=True):
        for instrument, share in getattr(GENRES[name], part).items():
            shares[instrument] = shares.get(instrument, 0.0) + share * float(weight)
    for trait, wanted in TRAIT_INSTRUMENTS.items():
        amount = float(np.clip(styled[style.INDEX[trait]], 0.0, 1.0))
        for instrument, share in wanted.get(part, {}).items():
            shares[instrument] = shares.get(instrument, 0.0) + share * amount
    total = sum(shares.values())
    # coarse steps, so that a slow blend asks for new waves only now and then
    kept = {name: round(share / total * 24) / 24 for name, share in shares.items()}
    return tuple((name, share) for name, share in sorted(kept.items()) if share > 0.0)


def _kits(styled: style.Vector, genres: style.Vector) -> tuple[tuple[int, float], ...]:
    shares = dict.fromkeys(kits.KITS, 0.0)
    for name, weight in zip(style.GENRES, genres, strict=True):
        for kit, share in GENRES[name].kit.items():
            shares[kit] += share * float(weight)
    for trait, wanted in TRAIT_KITS.items():
        for kit, share in wanted.items():
            shares[kit] += share * float(np.clip(styled[style.INDEX[trait]], 0.0, 1.0))
    best = sorted(shares.items(), key=lambda pair: -pair[1])[:2]
    total = sum(share for _, share in best)
    return tuple((kits.KITS.index(kit), share / total) for kit, share in best if share / total > 0.08)


def suggested_tempo(styled: style.Vector) -> float:
    """The tempo a style asks for, in bpm; between styles it moves evenly in its logarithm."""
    genres = style.genre_weights(styled)
    centre: float = sum(
        float(w) * math.log(sum(SPECS[name].tempo) / 2) for name, w in zip(style.GENRES, genres, strict=True)
    )
    mood = {name: float(w) for name, w in zip(style.MOODS, style.mood_weights(styled), strict=True)}
    push = 0.05 * (mood["energetic"] + mood["aggressive"] - mood["calm"] - 0.5 * mood["dreamy"])
    push += 0.14 * float(styled[style.INDEX["fast"]] - styled[style.INDEX["slow"]])
    return round(float(np.clip(math.exp(centre + push), 40.0, 240.0)), 2)


def sound(styled: style.Vector, brightness: float, rate: int) -> Sound:
    """A style's sound; brightness 0 to 1, 0.5 as the style has it."""
    genres = style.genre_weights(styled)

    def mean(value: str) -> float:
        return sum(float(w) * float(getattr(GENRES[n], value)) for n, w in zip(style.GENRES, genres, strict=True))

    def each(value: str, part: int) -> float:
        return sum(float(w) * float(getattr(GENRES[n], value)[part]) for n, w in zip(style.GENRES, genres, strict=True))

    def trait(name: str) -> float:
        return float(np.clip(styled[style.INDEX[name]], 0.0, 1.0))

    mood = {name: float(w) for name, w in zip(style.MOODS, style.mood_weights(styled), strict=True)}
    wet = 1.0 + 1.2 * trait("reverb") + 0.5 * mood["dreamy"] + 0.2 * mood["calm"]
    wet *= (1.0 - 0.85 * trait("dry")) * (1.0 - 0.25 * mood["aggressive"])
    levels = [
        sum(float(w) * LEVELS[name][n] for name, w in zip(style.GENRES, genres, strict=True))
        for n in range(kernels.PARTS + 1)
    ]
    desk = np.zeros(board.DESK_FIELDS)
    for part in range(kernels.PARTS):
        desk[part] = 10.0 ** (levels[part] / 20.0)
        desk[board.SEND_REVERB + part] = min(1.0, each("reverb", part) * wet + 0.15 * trait("reverb") * (part != 1))
        desk[board.SEND_DELAY + part] = min(
            0.8, each("echo", part) * (1.0 - trait("dry")) + 0.4 * trait("echo") * (part >= 3) + 0.15 * trait("echo")
            * (part == 2)
        )  # fmt: skip
    lofi = trait("lofi_sound")
    open_ = 2.0 * (brightness - 0.5)
    tone = math.log2(mean("tone")) * (1.0 - 0.7 * lofi) + 0.7 * lofi * math.log2(4800.0)
    tone += min(0.0, 0.5 * open_) - 0.4 * trait("warm") - 0.25 * mood["dark"] + 0.3 * trait("bright")
    cutoff = min(2.0**tone, 19000.0)
    desk[board.TONE] = math.tan(math.pi * cutoff / rate)
    desk[board.PUMP] = mean("pump")
    desk[board.TAPE] = min(
        1.0, mean("tape") + 0.5 * trait("distorted") + 0.2 * mood["aggressive"] + 0.15 * trait("warm")
    )
    desk[board.WOW] = min(1.0, mean("wow") + 0.6 * lofi)
    desk[board.HISS] = 0.02 * min(1.0, mean("hiss") + 0.5 * lofi)
    desk[board.CRACKLE] = 0.09 * min(1.0, max(0.0, mean("hiss") - 0.06) + 0.5 * lofi)
    desk[board.WIDTH] = min(1.6, mean("width") + 0.4 * trait("wide"))
    desk[board.ROOM] = 0.55 + 0.43 * min(1.0, mean("room") * (1.0 - 0.4 * trait("dry")) + 0.15 * trait("reverb"))
    desk[board.DAMP] = 0.32 + 0.15 * open_ + 0.1 * trait("bright") - 0.1 * mood["dark"]
    desk[board.ECHO_BACK] = min(0.75, mean("feedback") + 0.15 * trait("echo"))
    desk[board.MASTER] = 10.0 ** (levels[-1] / 20.0)
    lift = mean("bright") + 1.6 * open_ * 0.5 + 0.5 * trait("bright") - 0.5 * trait("warm")
    lift += 0.3 * mood["happy"] - 0.4 * mood["dark"] + 0.3 * mood["aggressive"] - 0.15 * mood["dreamy"]
    swung = {n: SPECS[n].swing * float(w) for n, w in zip(style.GENRES, genres, strict=True)}
    return Sound(
        weights={part: _instruments(styled, part, genres) for part in MELODIC},
        kit=_kits(styled, genres),
        desk=desk,
        bright=(0.0, lift * 0.5, lift, lift, lift * 0.8),
        loose=mean("loose"),
        swing=min(1.0, sum(swung.values()) - swung["jazz"] + 0.4 * trait("swing")),
        swing_eighths=swung["jazz"],
        tempo=suggested_tempo(styled),
    )


def patch(shares: tuple[tuple[str, float], ...]) -> instruments.Patch:
    return instruments.mixture(dict(shares))
