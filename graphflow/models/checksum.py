"""Checksums of files, as the hub names them: sha256 for large files, git's own for small ones."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path

CHUNK = 1 << 20  # bytes between two looks at the clock


def quietly(done: int) -> None:
    """Where nobody wants to see progress."""


def sha256(path: Path, show: Callable[[int], None] = quietly) -> str:
    """Of all bytes, in hexadecimal; `show` hears how many are done."""
    return _hexadecimal(path, hashlib.sha256(), show)


def git_sha1(path: Path, show: Callable[[int], None] = quietly) -> str:
    """The name that git gives to a file of this content."""
    header = b"blob %d\0" % path.stat().st_size
    return _hexadecimal(path, hashlib.sha1(header, usedforsecurity=False), show)


def is_checksum(text: str) -> bool:
    return re.fullmatch("[0-9a-f]{40}|[0-9a-f]{64}", text) is not None


def matches(path: Path, checksum: str, show: Callable[[int], None] = quietly) -> bool:
    """Whether a file has this checksum; its length says which one it is."""
    return (sha256 if len(checksum) == 64 else git_sha1)(path, show) == checksum


def _hexadecimal(path: Path, digest: hashlib._Hash, show: Callable[[int], None]) -> str:
    done = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            digest.update(chunk)
            done += len(chunk)
            show(done)
    return digest.hexdigest()
