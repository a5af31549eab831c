"""Says in words how a picture might sound, because MusicCoCa knows words and sound only.

A picture is a point with five coordinates from 0 to 1; every phrase of the table stands at such a point, a choice
made at the desk and not yet tuned by listening. The nearest phrases are blended. A phrase enters and leaves the blend
at weight zero, so that a moving picture moves the music smoothly, and only phrases of the table are ever encoded.
"""

from __future__ import annotations

import colorsys
import math
from collections.abc import Mapping

NEAREST = 4  # phrases in a blend
REACH = 0.35  # distance at which a phrase's nearness has fallen to 1/e

# phrase: light, contrast, texture, warmth (blue 0, grey 0.5, orange 1), colour
PHRASES: dict[str, tuple[float, float, float, float, float]] = {
    "dark ambient drone": (0.10, 0.20, 0.20, 0.45, 0.10),
    "solo piano, sparse and calm": (0.55, 0.30, 0.15, 0.50, 0.05),
    "dreamy ambient pads with long reverb": (0.70, 0.15, 0.10, 0.30, 0.30),
    "warm lo-fi hip hop with tape hiss": (0.45, 0.35, 0.40, 0.80, 0.35),
    "bright acoustic folk guitar": (0.70, 0.45, 0.50, 0.75, 0.40),
    "cheerful sunny pop": (0.85, 0.50, 0.35, 0.70, 0.80),
    "funk with brass and slap bass": (0.55, 0.70, 0.50, 0.90, 0.85),
    "deep house with warm chords": (0.35, 0.50, 0.30, 0.65, 0.60),
    "synthwave with analog arpeggios": (0.30, 0.60, 0.30, 0.15, 0.85),
    "minimal techno": (0.20, 0.75, 0.45, 0.45, 0.10),
    "drum and bass with fast breakbeats": (0.40, 0.80, 0.90, 0.35, 0.40),
    "distorted industrial noise": (0.15, 0.90, 0.90, 0.60, 0.25),
    "orchestral strings, wide and slow": (0.50, 0.45, 0.60, 0.55, 0.25),
    "glassy electronica with bells": (0.85, 0.40, 0.60, 0.15, 0.35),
    "smoky jazz trio": (0.20, 0.45, 0.35, 0.85, 0.40),
    "hyperactive chiptune": (0.75, 0.85, 0.75, 0.40, 0.95),
}


def _share(value: object, default: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return default
    return min(1.0, max(0.0, float(value)))


def _tint(palette: object) -> tuple[float, float]:
    """Warmth and colour of a palette of red, green, blue (0 to 1, or to 255); entries that are none are left out."""
    strength = warm = count = 0.0
    for entry in palette if isinstance(palette, list | tuple) else ():
        if not isinstance(entry, list | tuple) or len(entry) < 3:
            continue
        rgb = [float(v) if isinstance(v, int | float) and math.isfinite(v) else 0.0 for v in entry[:3]]
        scale = 255.0 if max(rgb) > 1.0 else 1.0
        hue, saturation, value = colorsys.rgb_to_hsv(*(min(1.0, max(0.0, v / scale)) for v in rgb))
        strength += saturation * value
        warm += saturation * value * math.cos(2 * math.pi * (hue - 0.08))  # orange at 0.08, blue opposite
        count += 1.0
    if not count:
        return 0.5, 0.3
    return 0.5 + 0.5 * warm / max(strength, 0.1), min(1.0, strength / count)  # a nearly grey palette is neither


def phrases(image: Mapping[str, object]) -> tuple[tuple[str, float], ...]:
    """Up to four phrases with weights that sum to 1, heaviest first. Features that are missing count as middling."""
    point = (
        _share(image.get("light"), 0.5),
        _share(image.get("contrast"), 0.5),
        _share(image.get("texture"), 0.5),
        *_tint(image.get("palette")),
    )
    near = {phrase: math.exp(-((math.dist(point, at) / REACH) ** 2)) for phrase, at in PHRASES.items()}
    order = sorted(near, key=lambda phrase: -near[phrase])[: NEAREST + 1]
    left_out = near[order[-1]]
    weights = [near[phrase] - left_out for phrase in order[:-1]]
    total = sum(weights)
    if total <= 1e-9:  # five phrases equally near
        return ((order[0], 1.0),)
    return tuple((phrase, w / total) for phrase, w in zip(order, weights, strict=False) if w > 0.0)
