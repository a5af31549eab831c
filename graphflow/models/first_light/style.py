"""What a style is inside First Light: a vector whose every number has a name.

Prompts, images and blends all end up as such a vector. Genres and moods steer what is composed, traits steer
how it sounds.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

Vector = npt.NDArray[np.float32]  # [SIZE]

GENRES = (
    "ambient",
    "techno",
    "house",
    "dnb",
    "lofi",
    "jazz",
    "chiptune",
    "synthwave",
    "trap",
    "orchestral",
    "funk",
    "piano",
)
MOODS = ("dark", "happy", "calm", "energetic", "dreamy", "aggressive")
TRAITS = (
    "slow",
    "fast",
    "sparse",
    "dense",
    "bright",
    "warm",
    "acoustic",
    "electronic",
    "lofi_sound",
    "reverb",
    "dry",
    "echo",
    "distorted",
    "wide",
    "swing",
    "acid",
    "sub",
    "grand_piano",
    "electric_piano",
    "organ",
    "strings",
    "pad",
    "pluck",
    "bell",
    "brass",
    "choir",
    "saw",
    "square",
    "mallet",
    "flute",
)
NAMES = GENRES + MOODS + TRAITS
SIZE = len(NAMES)
INDEX = {name: i for i, name in enumerate(NAMES)}
SCORE_SIZE = len(GENRES) + len(MOODS)  # the part the transformer sees, in front


def vector(tags: Mapping[str, float]) -> Vector:
    """A style from named amounts, each 0 to 1."""
    style = np.zeros(SIZE, dtype=np.float32)
    for name, amount in tags.items():
        style[INDEX[name]] = amount
    return style


def blend(parts: Sequence[tuple[Vector, float]]) -> Vector:
    """The weighted mean of styles; all zeros when no weight is above 0."""
    total = sum(max(0.0, weight) for _, weight in parts)
    style = np.zeros(SIZE, dtype=np.float32)
    if total > 0.0:
        for part, weight in parts:
            style += part * np.float32(max(0.0, weight) / total)
    return style


def genre_weights(style: Vector) -> Vector:
    """The twelve genre amounts scaled to sum 1; an even spread when the style names none."""
    weights = np.maximum(style[: len(GENRES)], 0.0)
    total = float(weights.sum())
    if total < 1e-6:
        return np.full(len(GENRES), 1.0 / len(GENRES), dtype=np.float32)
    return np.asarray(weights / np.float32(total), dtype=np.float32)


def mood_weights(style: Vector) -> Vector:
    """The six mood amounts, 0 to 1 each; they need not sum to 1."""
    return np.clip(style[len(GENRES) : SCORE_SIZE], 0.0, 1.0)


def text(style: Vector) -> str:
    """A style as words to read: `lofi 0.80, warm 0.60`, strongest first."""
    named = [(float(amount), name) for amount, name in zip(style, NAMES, strict=True) if amount >= 0.1]
    return ", ".join(f"{name} {amount:.2f}" for amount, name in sorted(named, reverse=True)) or "nothing"
