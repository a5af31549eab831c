"""Memory that two processes see and that nobody has to clean up: it has no name, and goes with its last holder."""

from __future__ import annotations

import mmap
import os
import secrets
import sys
import tempfile

import numpy as np
import numpy.typing as npt

PAGE = 4096


class SharedMemory:
    """`size` bytes, zero at first. Pages nobody has touched cost nothing.

    On Linux an anonymous memory file, elsewhere on POSIX a temporary file unlinked at once: either is handed over as
    a file descriptor. On Windows a mapping whose tag dies with its last handle (untested).
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.tag = ""
        self.descriptor = -1
        if sys.platform == "win32":
            self.tag = f"graphflow-{secrets.token_hex(16)}"
            self._map = mmap.mmap(-1, size, tagname=self.tag)
        elif sys.platform == "linux":
            self.descriptor = os.memfd_create("graphflow", os.MFD_CLOEXEC)
        else:
            with tempfile.TemporaryFile() as file:
                self.descriptor = os.dup(file.fileno())
        if self.descriptor >= 0:
            os.ftruncate(self.descriptor, size)
            self._map = mmap.mmap(self.descriptor, size)

    def bytes(self) -> npt.NDArray[np.uint8]:
        """All of it; the array keeps the mapping alive."""
        return np.frombuffer(self._map, np.uint8)

    def close(self) -> None:
        """Give up the descriptor. The mapping itself goes when the last array over it does."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1


def attach(size: int, tag: str, descriptor: int) -> npt.NDArray[np.uint8]:
    """The other process's memory, from what it sent; the descriptor is used up."""
    if sys.platform == "win32":
        mapping = mmap.mmap(-1, size, tagname=tag)
    else:
        mapping = mmap.mmap(descriptor, size)
        os.close(descriptor)
    return np.frombuffer(mapping, np.uint8)
