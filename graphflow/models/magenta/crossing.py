"""From one sound to another, or to silence, within a chunk."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Sound = npt.NDArray[np.float32]
FADE = 960
"""Frames, 20 ms."""
_TURN = (np.arange(FADE) + 0.5) * (0.5 * np.pi / FADE)
RISE, FALL = np.sin(_TURN).astype(np.float32), np.cos(_TURN).astype(np.float32)
"""Their squares add up to 1: two sounds that have nothing in common are crossed at even loudness."""


def crossed(old: Sound, new: Sound) -> Sound:
    """The new sound [channels, frames], entered from the old one."""
    made = new.copy()
    made[:, :FADE] = FALL * old[:, :FADE] + RISE * new[:, :FADE]
    return made


def risen(sound: Sound) -> Sound:
    """From silence."""
    made = sound.copy()
    made[:, :FADE] *= RISE
    return made


def fallen(sound: Sound) -> Sound:
    """To silence."""
    made = np.zeros_like(sound)
    made[:, :FADE] = FALL * sound[:, :FADE]
    return made
