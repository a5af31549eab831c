"""The ring through which frames reach the audio thread: memory with absolute positions, one writer, one reader.

Layout: 64 int64 words (512 bytes), then float32 data, planar [channels, capacity]; frame f of a channel lies at
f % capacity. Each word has one writer. A new stream (an epoch) stores its `start` first, then `written` and
`committed`, and the epoch last; frames are stored before the `written` that covers them. The order of these stores
is what the reader relies on; it holds on x86, and is not proven where the processor reorders stores.
"""

from __future__ import annotations

from enum import IntEnum

import numpy as np
import numpy.typing as npt

WORDS = 64
HEADER = WORDS * 8
"""Bytes before the data."""
MAGIC = 0x676672696E67
LAYOUT = 1
FADE = 64
"""Frames of fade at each edge of what is there; the last FADE frames before `written` play only when more follows."""


class Word(IntEnum):
    """Where each word lies. `target`, `journal` and `owner` are the session's; `read`, `underruns`, `reader_epoch`,
    `seam` and `seen` the reader's.

    A recorder asks for notes of what the reader sees: `journal` is the address of the engine's header, `owner` the
    instance's generation, `seen` what was noted last.
    """

    MAGIC = 0
    LAYOUT = 1
    CHANNELS = 2
    CAPACITY = 3
    EPOCH = 4
    START = 5
    WRITTEN = 6
    COMMITTED = 7
    READ = 8
    UNDERRUNS = 9
    TARGET = 10
    READER_EPOCH = 11
    SEAM = 12
    JOURNAL = 13
    OWNER = 14
    SEEN_EPOCH = 15
    SEEN_START = 16
    SEEN_WRITTEN = 17


def capacity_for(seconds: float, rate: int) -> int:
    """The power of two of frames that holds `seconds` at `rate`."""
    return 1 << max(10, int(seconds * rate) - 1).bit_length()


class Ring:
    """Frames at absolute positions, between a generator and the audio thread.

    `data` is [channels, capacity] float32. The ring keeps the memory alive: whoever hands `address` to native code
    keeps the ring. Before the first epoch there is nothing to play, and nothing is missed.
    """

    def __init__(self, memory: npt.NDArray[np.uint8]) -> None:
        """Attach to a ring that lies at the start of `memory`."""
        self.words: npt.NDArray[np.int64] = memory[:HEADER].view(np.int64)
        magic, layout, channels, capacity = (int(self.words[word]) for word in range(4))
        if magic != MAGIC or layout != LAYOUT:
            raise ValueError(f"ring has magic {magic:#x}, layout {layout}; expected {MAGIC:#x}, layout {LAYOUT}")
        self.channels = channels
        self.capacity = capacity
        self.data: npt.NDArray[np.float32] = (
            memory[HEADER : self.size(channels, capacity)].view(np.float32).reshape(channels, capacity)
        )

    @staticmethod
    def size(channels: int, capacity: int) -> int:
        """Bytes of a whole ring."""
        return HEADER + 4 * channels * capacity

    @classmethod
    def create(cls, memory: npt.NDArray[np.uint8], channels: int, capacity: int) -> Ring:
        """Lay a new, silent ring at the start of `memory` (uint8, 8-byte aligned, at least `size` long)."""
        if capacity & (capacity - 1) or capacity < 4 * FADE:
            raise ValueError(f"ring capacity is {capacity} frames; expected a power of two, at least {4 * FADE}")
        words = memory[:HEADER].view(np.int64)
        words[:] = 0
        words[Word.LAYOUT], words[Word.CHANNELS], words[Word.CAPACITY] = LAYOUT, channels, capacity
        words[Word.MAGIC] = MAGIC
        ring = cls(memory)
        ring.data.fill(0.0)  # touches every page, so that the audio thread never waits for one
        return ring

    @classmethod
    def local(cls, channels: int, capacity: int) -> Ring:
        """A ring in this process's own memory."""
        return cls.create(np.zeros(cls.size(channels, capacity), np.uint8), channels, capacity)

    @property
    def address(self) -> int:
        """Where the first word lies, for native code."""
        return int(self.words.ctypes.data)

    @property
    def epoch(self) -> int:
        """Which stream is being written; 0 before the first."""
        return int(self.words[Word.EPOCH])

    @property
    def start(self) -> int:
        """The first frame of this epoch."""
        return int(self.words[Word.START])

    @property
    def written(self) -> int:
        """The frame after the last one that is there."""
        return int(self.words[Word.WRITTEN])

    @property
    def committed(self) -> int:
        """Frames before this one will not change."""
        return int(self.words[Word.COMMITTED])

    @property
    def read(self) -> int:
        """The frame the audio thread will read next."""
        return int(self.words[Word.READ])

    @property
    def underruns(self) -> int:
        """Frames that were not there in time, in all."""
        return int(self.words[Word.UNDERRUNS])

    @property
    def target(self) -> int:
        """Up to which frame the writer should be."""
        return int(self.words[Word.TARGET])

    @target.setter
    def target(self, frame: int) -> None:
        self.words[Word.TARGET] = frame

    def restart(self, start: int) -> None:
        """Begin a new epoch whose first frame is `start`; what was written before is no longer played."""
        self.words[Word.START] = start
        self.words[Word.WRITTEN] = start
        self.words[Word.COMMITTED] = start
        self.words[Word.EPOCH] += 1

    def write(self, block: npt.NDArray[np.float32], *, final: bool = True) -> None:
        """Append frames [channels, n] at `written`. The writer never laps the reader: see `target`.

        All frames before them are committed by it; and they too when they are `final`, that is, will not change.
        """
        frames = block.shape[1]
        if frames > self.capacity:
            raise ValueError(f"{frames} frames at once into a ring of {self.capacity}; expected fewer")
        at = self.written % self.capacity
        first = min(frames, self.capacity - at)
        self.data[:, at : at + first] = block[:, :first]
        self.data[:, : frames - first] = block[:, first:]
        begin = self.written
        self.words[Word.WRITTEN] = begin + frames
        self.words[Word.COMMITTED] = begin + frames if final else begin

    def frames(self, start: int, end: int) -> npt.NDArray[np.float32]:
        """A copy of the frames `start` to `end`, [channels, frames], as they lie there."""
        return self.data[:, np.arange(start, end) % self.capacity]

    def __str__(self) -> str:
        return (
            f"ring of {self.channels} x {self.capacity}, epoch {self.epoch}: frames {self.start} to {self.written}, "
            f"read to {self.read}, target {self.target}, {self.underruns} missed"
        )


class RingReader:
    """What the audio thread's native reader does, in Python: the reference it is tested against.

    `seam` runs from 0 (silent) to FADE (full level). It rises by one each frame while frames are there and FADE more
    follow, else falls; so it reaches silence just where the frames end, and no block size changes a sample. A new
    epoch makes it negative: it first drains to 0 over what was playing (those frames are still in the ring), then
    listens to the new stream. A frame is missed when its epoch has begun and it is not there.
    """

    def __init__(self, ring: Ring) -> None:
        self.ring = ring

    def read(self, frame: int, frames: int) -> npt.NDArray[np.float32]:
        """The next block, [channels, frames], always full."""
        words = self.ring.words
        epoch, start, written = (int(words[word]) for word in (Word.EPOCH, Word.START, Word.WRITTEN))
        seam = int(words[Word.SEAM])
        if epoch != words[Word.READER_EPOCH]:
            words[Word.READER_EPOCH] = epoch
            seam = -abs(seam)
        gains = np.empty(frames, np.float32)
        missed = 0
        for index in range(frames):
            at = frame + index
            if seam < 0:
                seam += 1
            elif start <= at and at + FADE < written:
                seam = min(FADE, seam + 1)
            else:
                seam = max(0, seam - 1)
            gains[index] = abs(seam) / FADE
            missed += epoch > 0 and at >= start and at >= written
        block = self.ring.frames(frame, frame + frames)
        words[Word.SEAM] = seam
        words[Word.UNDERRUNS] += missed
        words[Word.READ] = frame + frames
        return np.where(gains > 0.0, block * gains, np.float32(0.0)).astype(np.float32)


__all__ = ["FADE", "HEADER", "LAYOUT", "MAGIC", "WORDS", "Ring", "RingReader", "Word", "capacity_for"]
