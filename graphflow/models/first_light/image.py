"""From an image's colours and light to a style."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Mapping

import numpy as np

from graphflow.models.first_light import style
from graphflow.models.first_light.prompt import complete


def _share(value: object, default: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return default
    return min(1.0, max(0.0, float(value)))


def _colours(palette: object) -> list[tuple[float, float, float]]:
    """Hue, saturation and value of each colour; values above 1 are taken as 0 to 255."""
    colours = []
    for entry in palette if isinstance(palette, list | tuple) else ():
        if isinstance(entry, list | tuple) and len(entry) >= 3:
            rgb = [v if isinstance(v, int | float) and math.isfinite(v) else 0.0 for v in entry[:3]]
            scale = 255.0 if max(rgb) > 1.0 else 1.0
            r, g, b = (min(1.0, max(0.0, v / scale)) for v in rgb)
            colours.append(colorsys.rgb_to_hsv(r, g, b))
    return colours


def look(image: Mapping[str, object]) -> tuple[style.Vector, float, float]:
    """A style, and how far brightness and density should move (-0.5 to 0.5), from palette, light, contrast, texture."""
    light, contrast = _share(image.get("light"), 0.5), _share(image.get("contrast"), 0.5)
    texture = _share(image.get("texture"), 0.5)
    colours = _colours(image.get("palette"))
    strength = [s * v for _, s, v in colours]
    total = sum(strength)
    colourful = total / len(strength) if strength else 0.3
    # warm colours lie around orange (0.08), cold ones around blue (0.58)
    warm = sum(w * math.cos(2 * math.pi * (h - 0.08)) for (h, _, _), w in zip(colours, strength, strict=True))
    warm = warm / total if total > 0.01 else 0.0
    tags = {
        "dark": max(0.0, 1.0 - 2.2 * light),
        "happy": max(0.0, min(1.0, 1.6 * (light - 0.4) + 0.8 * colourful * warm)),
        "calm": max(0.0, 1.0 - 1.4 * texture - 0.6 * contrast),
        "energetic": max(0.0, min(1.0, 1.3 * contrast + 0.9 * texture - 0.9)),
        "dreamy": max(0.0, min(1.0, 1.1 - 1.8 * contrast)) * (0.5 + 0.5 * light),
        "aggressive": max(0.0, min(1.0, 2.0 * contrast + texture - 1.9)),
        "warm": max(0.0, warm) * colourful,
        "reverb": max(0.0, 0.7 - texture),
        "ambient": max(0.05, 1.2 - 1.2 * texture - 0.6 * contrast),
        "lofi": max(0.0, warm) * (1.0 - contrast) * 0.9,
        "funk": max(0.0, warm) * colourful * contrast * 1.2,
        "synthwave": max(0.0, -warm) * colourful * 1.2 * (1.0 - 0.5 * light),
        "techno": max(0.0, contrast + texture - 0.9) * (1.0 - 0.6 * light),
        "dnb": max(0.0, texture - 0.55) * contrast,
        "house": max(0.0, light - 0.45) * colourful * 1.2,
        "piano": max(0.0, 0.5 - colourful) * (1.0 - texture) * 0.8,
    }
    wanted = complete(style.vector({name: float(np.clip(amount, 0.0, 2.0)) for name, amount in tags.items()}))
    return wanted, 0.5 * (light - 0.5), 0.5 * (texture - 0.5)
