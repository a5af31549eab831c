"""Functions compiled by numba and kept on disk, for as long as none of the files they are made of has changed.

numba itself looks at a function's own file only, so a loop would outlive the loop that it calls.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numba

HERE = Path(__file__).parent
FILES = sorted([*HERE.glob("cpu_*.py"), *HERE.glob("codec/*.py"), HERE / "quantised.py"])


def _sources() -> str:
    digest = hashlib.sha256(numba.__version__.encode())
    for file in FILES:
        digest.update(file.read_bytes())
    return digest.hexdigest()


SOURCES = _sources()
"""What all these functions are made of, in short."""
FAST = frozenset({"contract", "nsz", "nnan", "ninf", "arcp", "reassoc"})
"""What the compiler may assume about sums, so that it can use vectors."""


def compiled(*, fast: bool = True) -> Callable[[Callable[..., Any]], Any]:
    """A decorator: native code that holds no lock and raises nothing."""

    def made(function: Callable[..., Any]) -> Any:
        options = {"cache": True, "nogil": True, "error_model": "numpy", "fastmath": set(FAST) if fast else False}
        try:
            native = numba.njit(**options)(function)
        except RuntimeError:  # nowhere to keep it: no folder of ours or the user's can be written
            native = numba.njit(**{**options, "cache": False})(function)
        kept = getattr(native._cache, "_cache_file", None)  # numba's own; it is absent where nothing can be kept
        if kept is not None and hasattr(kept, "_source_stamp"):
            kept._source_stamp = SOURCES
        return native

    return made
