"""From a prompt to a style: known phrases by the lexicon, other words by resemblance, exact wishes by the parser."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from graphflow.models.first_light import style
from graphflow.models.first_light.encoder import Encoder, likeness
from graphflow.models.first_light.lexicon import SILENT, lexicon
from graphflow.models.first_light.words import Demands, demands

LONGEST = 5  # words in a phrase
STRANGE = 0.45  # a word less like every known word than this is left aside
_WORD = re.compile(r"[a-z0-9][a-z0-9'&#-]*")
_ENDINGS = ("s", "es", "y", "ly", "ed", "d", "er", "est", "ing", "ish", "ness", "like")

# What a prompt without a genre leans to, by what else it says.
_LEANING: dict[str, dict[str, float]] = {
    "dark": {"techno": 0.5, "ambient": 0.5},
    "happy": {"house": 0.5, "funk": 0.3, "chiptune": 0.2},
    "calm": {"ambient": 0.6, "piano": 0.4},
    "energetic": {"techno": 0.5, "dnb": 0.5},
    "dreamy": {"ambient": 0.7, "synthwave": 0.3},
    "aggressive": {"dnb": 0.5, "techno": 0.5},
    "slow": {"ambient": 1.0},
    "fast": {"dnb": 1.0},
    "sparse": {"ambient": 0.5, "piano": 0.5},
    "dense": {"techno": 1.0},
    "bright": {"house": 1.0},
    "warm": {"lofi": 1.0},
    "acoustic": {"jazz": 0.4, "piano": 0.3, "funk": 0.3},
    "electronic": {"techno": 0.6, "synthwave": 0.4},
    "lofi_sound": {"lofi": 1.0},
    "reverb": {"ambient": 1.0},
    "dry": {"funk": 1.0},
    "echo": {"techno": 0.5, "ambient": 0.5},
    "distorted": {"techno": 0.5, "trap": 0.5},
    "wide": {"ambient": 0.5, "orchestral": 0.5},
    "swing": {"jazz": 0.6, "lofi": 0.4},
    "acid": {"techno": 1.0},
    "sub": {"dnb": 0.5, "trap": 0.5},
    "organ": {"house": 0.5, "funk": 0.5},
    "strings": {"orchestral": 1.0},
    "pad": {"ambient": 1.0},
    "pluck": {"house": 0.4, "ambient": 0.3, "piano": 0.3},
    "bell": {"ambient": 0.7, "chiptune": 0.3},
    "brass": {"funk": 0.5, "orchestral": 0.5},
    "choir": {"ambient": 0.6, "orchestral": 0.4},
    "saw": {"synthwave": 1.0},
    "square": {"chiptune": 1.0},
    "mallet": {"jazz": 0.4, "ambient": 0.6},
    "flute": {"ambient": 0.5, "orchestral": 0.5},
    "grand_piano": {"piano": 1.0},
    "electric_piano": {"lofi": 0.7, "jazz": 0.3},
}


@dataclass(frozen=True)
class Meaning:
    """What one prompt comes to."""

    style: style.Vector
    demands: Demands
    familiarity: float  # 0 to 1, the mean over its words; 1 when every word is known
    unknown: tuple[str, ...]  # words that had to be left aside


def _look_up(phrase: str) -> dict[str, float] | None:
    known = lexicon()
    if phrase in known:
        return known[phrase]
    for ending in _ENDINGS:
        if phrase.endswith(ending) and len(phrase) - len(ending) > 3:
            stem = phrase[: -len(ending)]
            for candidate in (stem, stem + "e", stem + "y"):
                if candidate in known:
                    return known[candidate]
    return None


def understand(prompt: str, encoder: Encoder) -> Meaning:
    """The style and the exact wishes of a prompt."""
    asked = demands(prompt)
    words = _WORD.findall(asked.rest)
    found: list[style.Vector] = []
    unknown: list[str] = []
    liked: list[float] = []
    at = 0
    while at < len(words):
        for long in range(min(LONGEST, len(words) - at), 0, -1):
            phrase = " ".join(words[at : at + long])
            tags = _look_up(phrase)
            if tags is not None and not (long == 1 and phrase in SILENT):
                found.append(style.vector(tags))
                liked += [1.0] * long
                at += long
                break
        else:
            word = words[at]
            at += 1
            if word in SILENT or len(word) < 3 or word.isdigit():
                continue
            alike, _ = likeness(word)
            guess = encoder.guess(word)
            if alike >= STRANGE and float(guess.max()) > 0.2:
                found.append(guess * np.float32(min(1.0, 0.4 + alike)))
                liked.append(alike)
            else:
                unknown.append(word)
                liked.append(alike * 0.5)
    styled = combine(found)
    for word in asked.unwanted:
        tags = _look_up(word)
        for tag in tags or {}:
            styled[style.INDEX[tag]] = 0.0
    return Meaning(complete(styled), asked, float(np.mean(liked)) if liked else 1.0, tuple(unknown))


def combine(found: list[style.Vector]) -> style.Vector:
    """Words together: genres share, moods and traits take the strongest."""
    if not found:
        return np.zeros(style.SIZE, dtype=np.float32)
    stack = np.stack(found)
    styled = np.asarray(stack.max(0), dtype=np.float32)
    styled[: len(style.GENRES)] = stack[:, : len(style.GENRES)].sum(0)
    return styled


def complete(styled: style.Vector) -> style.Vector:
    """The same style with genre amounts of sum 1; one that names no genre gets what its other tags lean to."""
    styled = styled.copy()
    genres = styled[: len(style.GENRES)]
    missing = max(0.0, 0.5 - float(genres.sum()))
    if missing > 0.0:
        lean = np.zeros(len(style.GENRES), dtype=np.float32)
        for tag, leaning in _LEANING.items():
            for genre, share in leaning.items():
                lean[style.GENRES.index(genre)] += share * float(styled[style.INDEX[tag]])
        if lean.sum() < 1e-6:
            lean[style.GENRES.index("lofi")], lean[style.GENRES.index("ambient")] = 0.6, 0.4
        genres = genres + lean / lean.sum() * missing
    styled[: len(style.GENRES)] = genres / genres.sum()
    return styled
