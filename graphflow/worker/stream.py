"""From a generator's chunks to frames at the patch's rate, at exact absolute positions."""

from __future__ import annotations

from math import gcd, lcm

import numpy as np
import numpy.typing as npt
import soxr

LONGEST_UNIT = 1024
"""Frames; rates whose clocks meet less often than this start on the nearest frame instead, under half a frame off."""
LONGEST_WAIT = 8
"""Chunks; where the clocks meet at a chunk's edge less often than this, any edge will do."""


class Stream:
    """One stream (epoch) of a generator. Two clocks that both count from 0 meet every `unit` frames; it begins there.

    `start` is its first frame at the patch's rate, the first meeting at or after the one asked for. `position` is
    the next chunk's first frame at the generator's own rate. With `chunk`, a length at the generator's rate, it begins
    at a multiple of that, so that chunks of several streams cover the same frames.
    """

    def __init__(self, generator_rate: int, rate: int, channels: int, start: int, chunk: int = 0) -> None:
        self.channels = channels
        self._ratio = (rate, generator_rate)
        unit = rate // gcd(rate, generator_rate)
        self.start = start if unit > LONGEST_UNIT else -(-start // unit) * unit
        self.position = round(self.start * generator_rate / rate)
        if chunk:
            edge = lcm(chunk, generator_rate // gcd(rate, generator_rate))
            edge = edge if edge <= LONGEST_WAIT * chunk else chunk
            self.position = -(-start * generator_rate // (rate * edge)) * edge
            self.start = round(self.position * rate / generator_rate)
        self._resampler = (
            None
            if rate == generator_rate
            else soxr.ResampleStream(generator_rate, rate, channels, dtype="float32", quality="HQ")
        )

    @property
    def frame(self) -> int:
        """Where the next chunk begins, at the patch's rate."""
        rate, generator_rate = self._ratio
        return round(self.position * rate / generator_rate)

    @property
    def resamples(self) -> bool:
        return self._resampler is not None

    def back(self, frames: int) -> None:
        """The chunk that was fed last will come again. Not for a stream that resamples: it remembers."""
        self.position -= frames

    def feed(self, chunk: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """A chunk [its channels, frames] in, the frames [channels, n] that are certain by now out."""
        if chunk.ndim != 2 or chunk.shape[1] == 0:
            raise ValueError(f"a chunk has the shape {list(chunk.shape)}; expected [channels, frames]")
        self.position += chunk.shape[1]
        block = fit(np.asarray(chunk, np.float32), self.channels)
        if self._resampler is None:
            return block
        made = self._resampler.resample_chunk(np.ascontiguousarray(block.T))
        return np.ascontiguousarray(made.T, np.float32)


def fit(block: npt.NDArray[np.float32], channels: int) -> npt.NDArray[np.float32]:
    """Mono to all channels; down to mono by the mean; else the first channels, silence for those missing."""
    given = block.shape[0]
    if given == channels:
        return block
    if given == 1:
        return np.repeat(block, channels, axis=0)
    if channels == 1:
        return np.asarray(block.mean(axis=0, keepdims=True), np.float32)
    return np.pad(block[:channels], ((0, max(0, channels - given)), (0, 0)))
