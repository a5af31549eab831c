"""Replacing frames of a ring that have not been played yet, with a crossfade from what lies there."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from graphflow.audio.ring import Ring, Word


def splice(ring: Ring, start: int, block: npt.NDArray[np.float32], fade: int) -> None:
    """Put frames [channels, n] where `start` says, over those that are there; the first `fade` of them blend in.

    The frames must be written and not committed; those before `start` are committed by it. Nobody stops the reader:
    whoever calls this stays well ahead of it. Equal frames stay as they are, to the bit.
    """
    end = start + block.shape[1]
    if start < ring.committed or end > ring.written:
        raise ValueError(
            f"frames {start} to {end} are to be replaced; "
            f"expected some that are not committed, {ring.committed} to {ring.written}"
        )
    ring.words[Word.COMMITTED] = start
    blended = crossfaded(ring.frames(start, start + fade), block[:, :fade])
    ring.data[:, np.arange(start, end) % ring.capacity] = np.concatenate([blended, block[:, fade:]], axis=1)


def crossfaded(old: npt.NDArray[np.float32], new: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """From old to new [channels, frames], in a straight line; where both are equal the very sample."""
    frames = new.shape[1]
    gain = (np.arange(1, frames + 1, dtype=np.float32) / np.float32(frames + 1)).astype(np.float32)
    old = old[:, :frames]
    # a selection, for the sake of -0.0, which becomes 0.0 in the sum
    return np.where(old == new, old, old + gain * (new - old)).astype(np.float32)
