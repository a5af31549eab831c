"""One writer's latest message in shared memory: a reader takes the newest whole one, and neither ever waits."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

WORDS = 8
LATEST, SEQ, FRAME, LENGTH, CHECK = 0, 1, 2, 3, 4
TRIES = 8


@dataclass(frozen=True)
class Letter:
    """What lay in the mailbox: its number (from 1), the frame it is meant for, its bytes."""

    seq: int
    frame: int
    data: bytes


class Mailbox:
    """Two halves, written in turn; the word LATEST names the newest number, and a checksum tells a torn one.

    A writer killed in the middle leaves the other half whole.
    """

    def __init__(self, memory: npt.NDArray[np.uint8], capacity: int) -> None:
        """Lies at the start of `memory`; `capacity` is the longest message in bytes, a multiple of 8."""
        self.capacity = capacity
        self._latest = memory[: 8 * WORDS].view(np.int64)
        self._halves = []
        for half in range(2):
            at = 8 * WORDS + half * (8 * WORDS + capacity)
            words = memory[at : at + 8 * WORDS].view(np.int64)
            self._halves.append((words, memory[at + 8 * WORDS : at + 8 * WORDS + capacity]))

    @staticmethod
    def size(capacity: int) -> int:
        return 3 * 8 * WORDS + 2 * capacity

    @property
    def seq(self) -> int:
        """The newest message's number; 0 when there is none."""
        return int(self._latest[LATEST])

    @property
    def frame(self) -> int:
        """The newest message's frame, for showing: nobody checks that it is whole."""
        return int(self._halves[self.seq % 2][0][FRAME])

    def put(self, data: bytes, frame: int) -> int:
        """Replace what is there; returns the message's number."""
        if len(data) > self.capacity:
            raise ValueError(f"message is {len(data)} bytes; expected at most {self.capacity}")
        seq = self.seq + 1
        words, payload = self._halves[seq % 2]
        words[SEQ] = 0
        payload[: len(data)] = np.frombuffer(data, np.uint8)
        words[FRAME], words[LENGTH], words[CHECK] = frame, len(data), check(seq, frame, data)
        words[SEQ] = seq
        self._latest[LATEST] = seq
        return seq

    def get(self) -> Letter | None:
        """The newest whole message."""
        for _ in range(TRIES):  # each failed try means that a newer message came in meanwhile
            if letter := self._read(self.seq):
                return letter
        return self._read(self.seq - 1)

    def _read(self, seq: int) -> Letter | None:
        if seq < 1:
            return None
        words, payload = self._halves[seq % 2]
        found, frame, length, expected = (int(words[word]) for word in (SEQ, FRAME, LENGTH, CHECK))
        if found != seq or not 0 <= length <= self.capacity:
            return None
        data = payload[:length].tobytes()
        return Letter(seq, frame, data) if check(seq, frame, data) == expected else None


def check(seq: int, frame: int, data: bytes) -> int:
    return zlib.crc32(data, zlib.crc32(f"{seq} {frame}".encode()))
