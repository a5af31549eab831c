"""Reads the parts of a style as they come over a wire, and says what is wrong with them."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphflow.core.errors import UserError
from graphflow.models.magenta.style.codebooks import CODES, LEVELS
from graphflow.models.magenta.style.pictures import phrases
from graphflow.models.magenta.style.quantizer import MASKED

MOST = 8  # parts that are blended
_MARK = "musiccoca:"  # begins a text that is raw tokens
_SHOWN = 40  # characters of a name


@dataclass(frozen=True)
class Ingredient:
    """One part with weight: words (one text, or a picture's phrases with their shares), a sound file, or codes."""

    name: str
    weight: float
    texts: tuple[tuple[str, float], ...] = ()
    audio: str = ""
    codes: tuple[int, ...] = ()


def read_codes(values: Sequence[Any]) -> tuple[int, ...]:
    """Twelve codes of as many values or fewer; the rest is masked."""
    if len(values) > LEVELS:
        raise UserError(f"style tokens: {len(values)} codes; expected at most {LEVELS}")
    codes = []
    for level, value in enumerate(values, start=1):
        try:
            code = int(value)
        except (TypeError, ValueError, OverflowError):
            code = -2
        if not MASKED <= code < CODES or code != (value if isinstance(value, int | float) else code):
            shown = str(value).strip()[:_SHOWN]
            raise UserError(f"style tokens: code {level} is '{shown}'; expected 0 to {CODES - 1}, or -1 for masked")
        codes.append(code)
    return tuple(codes) + (MASKED,) * (LEVELS - len(codes))


def _weight(part: Mapping[str, Any], name: str) -> float:
    weight = part.get("weight", 1.0)
    if isinstance(weight, bool) or not isinstance(weight, int | float) or not math.isfinite(weight):
        raise UserError(f"style: the weight of {name} is {weight!r}; expected a number")
    return float(weight)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 3]}..."


def _read(part: Mapping[str, Any]) -> Ingredient | None:
    """None for a part that says nothing: no weight, an empty prompt."""
    text, image, audio, tokens = (part.get(key) for key in ("text", "image", "audio", "tokens"))
    if isinstance(text, str) and text.strip().lower().startswith(_MARK):
        numbers = text.strip()[len(_MARK) :]
        text, tokens = None, numbers.split(",") if numbers.strip() else []
    if isinstance(text, str):
        weight = _weight(part, f"'{_short(text)}'")
        return Ingredient(_short(text), weight, texts=((text, 1.0),)) if text.strip() and weight > 0.0 else None
    if isinstance(image, Mapping):
        weight = _weight(part, "a picture")
        return Ingredient("picture", weight, texts=phrases(image)) if weight > 0.0 else None
    if isinstance(audio, str):
        weight = _weight(part, f"recording {audio}")
        return Ingredient(audio, weight, audio=audio) if audio and weight > 0.0 else None
    if isinstance(tokens, Sequence) and not isinstance(tokens, str):
        weight, codes = _weight(part, "tokens"), read_codes(tokens)
        return Ingredient("tokens", weight, codes=codes) if set(codes) != {MASKED} and weight > 0.0 else None
    raise UserError(f"style: a part has {', '.join(sorted(part)) or 'nothing'}; expected text, image, audio or tokens")


def read_parts(parts: Sequence[Mapping[str, Any]]) -> tuple[list[Ingredient], list[str]]:
    """What is to be blended, at most eight, in order; and one line for everything that is wrong."""
    read, troubles = [], []
    for part in parts:
        try:
            found = _read(part)
        except UserError as error:
            troubles.append(str(error))
            continue
        if found:
            read.append(found)
    if len(read) > MOST:
        troubles.append(f"style has {len(read)} parts; the {MOST} heaviest count")
        heaviest = sorted(range(len(read)), key=lambda at: -read[at].weight)[:MOST]
        read = [read[at] for at in sorted(heaviest)]
    return read, troubles
