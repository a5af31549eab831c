"""What a generator's session and worker share: control words, the state, the rings, the snapshots."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

from graphflow.audio.ring import Ring, capacity_for
from graphflow.worker.mailbox import Mailbox
from graphflow.worker.memory import PAGE

STATE_BYTES = 1 << 21
"""Eight prompts of 10,000 characters, each twelve bytes as JSON, and as much again. Untouched it costs nothing."""
SNAPSHOT_BYTES = 1 << 26
RING_SECONDS = 5.0
"""Longer than the longest lead and the longest chunk together."""
HISTORY = 256
"""Chunks whose figures are kept."""


class Control(IntEnum):
    """The control words, int64. The session writes those before BEAT, the worker the others."""

    NOW = 0  # the play position, frames, for when the audio thread does not read the ring yet
    LEAD = 1  # frames
    BLOCK = 2  # frames the sound card takes at once; 0 while nobody knows
    BEAT = 8  # counts up while the slot is alive
    CHUNK = 9  # chunks made since the slot began, in all its lives
    APPLIED = 10  # number of the state in effect
    SKIPS = 11  # times it was too late and began again further on
    OWN_LEAD = 12  # frames, of a generator that is made just in time; 0: LEAD counts
    MISSES = 13  # chunks done after their first frame was due
    ROLLBACKS = 14  # chunks made again for a newer state
    LATE_ROLLBACKS = 15  # of these, the ones that the audio thread overtook
    BAD = 16  # chunks that were no numbers, and silence instead
    RESTORED = 17  # number of the snapshot that this life goes on from; 0: none
    MARGINS = 64  # per chunk, at chunk % HISTORY: frames left to play when it was done
    NANOSECONDS = 64 + HISTORY  # time to make it
    FRAMES = 64 + 2 * HISTORY  # its length at the patch's rate
    WORDS = 64 + 3 * HISTORY


@dataclass(frozen=True)
class Shape:
    """What both sides must agree on."""

    channels: int
    capacity: int
    hears: int = 0
    """Channels of the sound that goes to the generator."""

    @classmethod
    def of(cls, channels: int, rate: int, hears: int = 0) -> Shape:
        return cls(channels, capacity_for(RING_SECONDS, rate), hears)

    @property
    def ring_at(self) -> int:
        return pages(8 * Control.WORDS) + pages(Mailbox.size(STATE_BYTES))

    @property
    def heard_at(self) -> int:
        return self.ring_at + pages(Ring.size(self.channels, self.capacity))

    @property
    def snapshots_at(self) -> int:
        return self.heard_at + (pages(Ring.size(self.hears, self.capacity)) if self.hears else 0)

    @property
    def size(self) -> int:
        return self.snapshots_at + pages(Mailbox.size(SNAPSHOT_BYTES))


def pages(size: int) -> int:
    return -(-size // PAGE) * PAGE


class SlotMemory:
    """One generator's memory, seen from either side. `create` lays the ring; the other side attaches to it."""

    def __init__(self, memory: npt.NDArray[np.uint8], shape: Shape, *, create: bool = False) -> None:
        self.control: npt.NDArray[np.int64] = memory[: 8 * Control.WORDS].view(np.int64)
        self.state = Mailbox(memory[pages(8 * Control.WORDS) :], STATE_BYTES)
        ring, heard = memory[shape.ring_at :], memory[shape.heard_at :]
        self.ring = Ring.create(ring, shape.channels, shape.capacity) if create else Ring(ring)
        self.heard: Ring | None = None
        if shape.hears:
            self.heard = Ring.create(heard, shape.hears, shape.capacity) if create else Ring(heard)
        self.snapshots = Mailbox(memory[shape.snapshots_at :], SNAPSHOT_BYTES)

    @property
    def chunk(self) -> int:
        return int(self.control[Control.CHUNK])

    @property
    def play_position(self) -> int:
        """The frame about to be heard: the audio thread's word for it, or the session's where none reads yet."""
        return max(self.ring.read, int(self.control[Control.NOW]))

    def beat(self) -> None:
        self.control[Control.BEAT] += 1

    def note_chunk(self, margin: int, nanoseconds: int, frames: int) -> None:
        """Keep one chunk's figures; its number counts up last."""
        at = self.chunk % HISTORY
        self.control[Control.MARGINS + at] = margin
        self.control[Control.NANOSECONDS + at] = nanoseconds
        self.control[Control.FRAMES + at] = frames
        self.control[Control.CHUNK] += 1

    def history(self, word: Control, since: int = 0) -> npt.NDArray[np.int64]:
        """One figure of the last chunks, from chunk number `since` on, oldest first."""
        first = max(since, self.chunk - HISTORY, 0)
        return self.control[word + np.arange(first, self.chunk) % HISTORY]

    def rtf(self, rate: int) -> npt.NDArray[np.float64]:
        """How many times faster than they play the last chunks were made."""
        spent, made = self.history(Control.NANOSECONDS), self.history(Control.FRAMES)
        count = min(len(spent), len(made))  # another chunk may have come between the two
        return np.asarray(made[:count] / rate / np.maximum(spent[:count] * 1e-9, 1e-9), np.float64)
