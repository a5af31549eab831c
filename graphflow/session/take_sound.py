"""The sound of a take: a WAV file of float32 that is whole after every write, and may grow beyond 4 GB."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

HEADER = 92
"""Bytes before the samples: RIFF, room for ds64, fmt, fact, data."""
LARGEST = 0xFFFFFFFF - HEADER
"""Bytes of samples that a WAV can name; more make it an RF64 (EBU Tech 3306), which keeps the sizes in ds64."""
FLOAT = 3


class TakeSound:
    """One file being written, [frames, channels]. Raises OSError, as files do."""

    def __init__(self, path: Path, rate: int, channels: int = 2, largest: int = LARGEST) -> None:
        self.path, self.rate, self.channels = path, rate, channels
        self.frames = 0
        self._largest = largest
        self._file = path.open("xb", buffering=0)
        self._file.write(self._header())

    def write(self, block: NDArray[np.float32]) -> None:
        """Append frames; what a full disk has left of them is cut off again."""
        data = memoryview(np.ascontiguousarray(block, "<f4").tobytes())
        end = HEADER + 4 * self.channels * self.frames
        self._file.seek(end)
        try:
            while data:
                data = data[self._file.write(data) :]
        except OSError:
            self._file.truncate(end)
            raise
        self.frames += len(block)
        self._file.seek(0)
        self._file.write(self._header())

    def close(self) -> None:
        self._file.close()

    def _header(self) -> bytes:
        width = 4 * self.channels
        size = width * self.frames
        large = size > self._largest
        whole, data, count = (0xFFFFFFFF,) * 3 if large else (HEADER - 8 + size, size, self.frames)
        sizes = struct.pack("<QQQI", HEADER - 8 + size, size, self.frames, 0) if large else bytes(28)
        return b"".join(
            (
                struct.pack("<4sI4s", b"RF64" if large else b"RIFF", whole, b"WAVE"),
                struct.pack("<4sI", b"ds64" if large else b"JUNK", 28) + sizes,
                struct.pack("<4sIHHIIHH", b"fmt ", 16, FLOAT, self.channels, self.rate, width * self.rate, width, 32),
                struct.pack("<4sII", b"fact", 4, count),
                struct.pack("<4sI", b"data", data),
            )
        )
