"""How the composer plays drums: patterns of a genre, ghost notes, fills, builds and rests."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from graphflow.models.first_light import symbols as sy
from graphflow.models.first_light.form import BREAK, BUILD, DROP, INTRO, LIFT
from graphflow.models.first_light.genres import Genre

_STRENGTH = {".": 0, "o": 1, "x": 1, "X": 2, "O": 3, "H": 3}


@dataclass
class Kit:
    """The patterns one piece keeps, two bars each."""

    kick: list[str]
    snare: list[str]
    hat: list[str]
    perc: list[str]
    perc_kind: int
    clap: bool
    ghosts: float
    thin: float  # share of weak hits left out
    thick: float  # share of empty hat places filled


def choose(genre: Genre, density: float, aggressive: float, calm: float, rng: np.random.Generator) -> Kit:
    def pair(patterns: tuple[str, ...], change: float) -> list[str]:
        first = patterns[int(rng.integers(len(patterns)))]
        second = patterns[int(rng.integers(len(patterns)))] if rng.random() < change else first
        return [first, second]

    return Kit(
        kick=pair(genre.kicks, 0.4),
        snare=pair(genre.snares, 0.25),
        hat=pair(genre.hats, 0.2),
        perc=pair(genre.percs, 0.3),
        perc_kind=genre.perc if rng.random() < 0.75 else int(rng.choice([1, 2, 3, 5])),
        clap=bool(rng.random() < genre.clap),
        ghosts=0.25 * density,
        thin=float(np.clip(1.1 * (0.5 - density) + 0.25 * calm, 0.0, 0.7)),
        thick=float(np.clip(0.9 * (density - 0.5) + 0.15 * aggressive, 0.0, 0.6)),
    )


def _hat(letter: str) -> int:
    if letter in "OH":
        return sy.HAT_OPEN
    return {".": sy.HAT_NONE, "o": sy.HAT_SOFT, "x": sy.HAT_SOFT, "X": sy.HAT_HARD}[letter]


def bar(
    kit: Kit, section: int, index: int, fill: int, first: bool, rng: np.random.Generator
) -> list[tuple[int, int, int, int]]:
    """One bar of (kick, snare, hat, perc) per step; index counts bars in the section, first opens a section."""
    hits: list[tuple[int, int, int, int]] = []
    half = index % 2
    for step in range(16):
        weak = step % 4 != 0
        kick = min(_STRENGTH[kit.kick[half][step]], 2)
        letter = kit.snare[half][step]
        snare = {".": 0, "o": sy.SNARE_GHOST, "x": sy.SNARE_HIT, "X": sy.SNARE_HIT}[letter]
        if snare == sy.SNARE_HIT and kit.clap:
            snare = sy.SNARE_CLAP
        hat = _hat(kit.hat[half][step])
        if hat == sy.HAT_SOFT and step % 4 == 2 and kit.hat[half][step] == "x":
            hat = sy.HAT_HARD
        perc = kit.perc_kind if kit.perc[half][step] != "." else sy.PERC_NONE
        if weak and rng.random() < kit.thin:
            kick = kick if kick == 2 and rng.random() < 0.7 else 0
            hat = hat if hat == sy.HAT_OPEN else 0
            perc = 0
        if snare == 0 and step % 2 == 1 and letter == "." and rng.random() < kit.ghosts * 0.25 and kit.ghosts > 0.08:
            snare = sy.SNARE_GHOST
        if hat == 0 and kit.hat[half].strip(".") and rng.random() < kit.thick:
            hat = sy.HAT_SOFT
        if section == INTRO:
            snare, perc = 0, (perc if index >= 2 else 0)
        elif section == BREAK:
            kick, snare = (kick if index == 0 and step == 0 else 0), 0
            hat = min(hat, sy.HAT_SOFT)
        elif section == BUILD:
            every = (8, 4, 2, 1)[index]
            if step % every == 0 and kit.snare[0].strip("."):
                snare = sy.SNARE_CLAP if kit.clap else sy.SNARE_HIT
            if index == 3 and step >= 8:
                kick, hat = 0, 0
            perc = 0
        elif section == LIFT and perc == 0 and step % 4 == 2 and kit.perc[0].strip("."):
            perc = kit.perc_kind
        hits.append((kick, snare, hat, perc))
    busy = kit.snare[0].strip(".") or kit.kick[0].strip(".")
    if fill and busy and section != BUILD:
        hits = _fill(hits, fill, kit, rng)
    if first and busy and section in (DROP, LIFT):
        kick, snare, hat, _ = hits[0]
        hits[0] = (max(kick, 2) if kit.kick[0].strip(".") else kick, snare, hat, sy.PERC_CRASH)
    return hits


def _fill(
    hits: list[tuple[int, int, int, int]], fill: int, kit: Kit, rng: np.random.Generator
) -> list[tuple[int, int, int, int]]:
    start = 8 if fill == 2 else 12
    kind = int(rng.integers(4))
    drummed = bool(kit.snare[0].strip("."))
    filled = list(hits)
    for step in range(start, 16):
        kick, snare, hat, perc = filled[step]
        if kind == 0 and drummed:  # a roll
            snare = sy.SNARE_HIT if step % 2 == 0 or step >= 13 else sy.SNARE_GHOST
        elif kind == 1:  # toms
            perc = sy.PERC_TOM if (step - start) % 3 != 2 else perc
            kick = 1 if (step - start) % 3 == 2 and kit.kick[0].strip(".") else 0
        elif kind == 2:  # the kick rests
            kick = 0
            hat = sy.HAT_OPEN if step % 4 == 2 and hat else hat
        elif drummed and rng.random() < 0.5:  # scattered
            snare = sy.SNARE_HIT if rng.random() < 0.5 else sy.SNARE_GHOST
            hat = 0
        filled[step] = (kick, snare, hat, perc)
    return filled
