"""What a generator hears: the frames wired into its node, in order, at its own rate."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from graphflow.audio.ring import Ring, Word
from graphflow.worker.stream import Stream

LOCKSTEP_LATE = 1024
"""Frames. In a render a chunk hears what came so long before it: always there by then, whatever the blocks."""
SPARE = 2048
"""Frames of the ring that the audio thread may be writing over while they are read."""


class Ear:
    """Reads the ring that the audio thread fills. What it was too slow for is counted there, as `underruns`."""

    def __init__(self, ring: Ring, rate: int, generator_rate: int, *, lockstep: bool) -> None:
        self._ring = ring
        self._rates = rate, generator_rate
        self._lockstep = lockstep
        self._epoch = -1
        self._position = 0
        self._made = 0
        self._stream: Stream | None = None
        self.took = (-1, 0, 0)
        """What was heard last: where it began anew (-1: it went on), its first frame, the frame after its last."""
        self._anew = -1
        if not lockstep and ring.epoch:  # what was wired in while it loaded is past
            self._epoch = ring.epoch
            self._begin(ring.written)

    def listen(self, frame: int) -> tuple[npt.NDArray[np.float32], int] | None:
        """All that is new for the chunk at `frame` (the patch's rate): a block and the generator's own frame."""
        ring = self._ring
        while True:  # twice at most, unless wires come and go all the time
            epoch, written = ring.epoch, ring.written
            if epoch == ring.epoch:
                break
        if not epoch:
            return None
        if epoch != self._epoch:
            self._epoch = epoch
            self._begin(ring.start)
        end = min(written, frame - LOCKSTEP_LATE) if self._lockstep else written
        oldest = ring.written - (ring.capacity - SPARE)
        if self._position < oldest:
            ring.words[Word.UNDERRUNS] += oldest - self._position
            self._begin(oldest)
        if end <= self._position or self._stream is None:
            return None
        block = ring.frames(self._position, end)
        if ring.written - self._position > ring.capacity - SPARE // 2:
            ring.words[Word.UNDERRUNS] += end - self._position  # overtaken while it was read
            self._begin(end)
            return None
        return self._take(block, end)

    def listen_again(self, anew: int, first: int, end: int) -> tuple[npt.NDArray[np.float32], int] | None:
        """In a replay: the same as was heard then."""
        if anew >= 0 or self._stream is None:
            self._begin(max(anew, first))
        self._position = first
        return self._take(self._ring.frames(first, end), end)

    def _take(self, block: npt.NDArray[np.float32], end: int) -> tuple[npt.NDArray[np.float32], int] | None:
        assert self._stream is not None  # it has begun
        self.took = (self._anew, self._position, end)
        self._anew = -1
        self._position = end
        made = self._stream.feed(block)
        at = self._made
        self._made += made.shape[1]
        return (made, at) if made.shape[1] else None

    def _begin(self, position: int) -> None:
        """Go on from a frame of the patch's, or the next at which both clocks meet."""
        self._anew = position
        rate, generator_rate = self._rates
        at = -(-position * generator_rate // rate)
        self._stream = Stream(rate, generator_rate, self._ring.channels, at)
        self._position = max(position, self._stream.position)
        self._made = self._stream.start
