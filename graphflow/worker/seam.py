"""Where one chunk meets the next: what is no number becomes silence, and what does not join is bridged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Block = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Seam:
    """The end of a chunk. `last` is its last frame [channels]; `silent`: it was replaced by silence; `gap` [channels]
    is how far what has been played there lies above what the generator goes on from."""

    last: Block | None = None
    silent: bool = False
    gap: Block | None = None


def joined(chunk: Block, seam: Seam, fade: int) -> tuple[Block, Seam]:
    """A chunk [channels, frames] as it goes on from a seam, over `fade` frames, and the seam at its own end.

    A chunk that holds anything but finite numbers is silence; the sound before it fades out, the next one in.
    """
    frames = min(fade, chunk.shape[1])
    down = (1.0 - np.arange(1, frames + 1) / frames).astype(np.float32)
    fits = seam.last is not None and len(seam.last) == len(chunk)
    if not np.isfinite(chunk).all():
        silence = np.zeros_like(chunk)
        if fits and not seam.silent and seam.last is not None:
            silence[:, :frames] = seam.last[:, None] * down
        return silence, Seam(silence[:, -1], silent=True)
    if seam.silent:
        chunk = chunk.copy()
        chunk[:, :frames] *= 1.0 - down
    elif fits and seam.gap is not None:
        chunk = chunk.copy()
        chunk[:, :frames] += seam.gap[:, None] * down
    return chunk, Seam(chunk[:, -1].copy())
