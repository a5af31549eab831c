"""The engine's own sources as a number, so that no compiled code outlives what it was made from."""

from __future__ import annotations

import hashlib
import platform
import sys
import threading
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numba

SOURCES = (
    "kernel_maths",
    "kernel_parts",
    "kernel_text",
    "layout",
    "native",
    "ring",
    "source",
    "compile",
    "steps",
    "runner",
    "commands",
    "ring_steps",
    "journal",
)
"""Files whose change could make generated or cached code mean something else."""


@cache
def fingerprint() -> str:
    """32 hexadecimal digits; the same on every run until a source, Python, numba or the processor changes."""
    digest = hashlib.sha256()
    for name in SOURCES:
        digest.update((Path(__file__).parent / f"{name}.py").read_bytes())
    digest.update(f"{numba.__version__} {sys.version} {platform.machine()}".encode())
    return digest.hexdigest()[:32]


class Native:
    """A native function of the engine's own, compiled when it is first needed and kept on disk by numba.

    numba knows a cached function by its name and its own file's date; what it calls in other files is not looked
    at. The fingerprint in the name looks.
    """

    def __init__(self, signature: Any, function: Callable[..., Any]) -> None:
        function.__qualname__ = f"{function.__name__}_{fingerprint()}"
        self._signature, self._function = signature, function
        self._lock = threading.Lock()
        self._made: Any = None

    def _compiled(self) -> Any:
        with self._lock:
            if self._made is None:
                options = {"nogil": True, "error_model": "numpy"}
                try:
                    self._made = numba.cfunc(self._signature, cache=True, **options)(self._function)
                except (OSError, RuntimeError):  # a full disk, or no folder that can be written: it is not kept
                    self._made = numba.cfunc(self._signature, **options)(self._function)
            return self._made

    @property
    def address(self) -> int:
        return int(self._compiled().address)

    @property
    def ctypes(self) -> Any:
        """To be called from Python."""
        return self._compiled().ctypes


def cached(signature: Any) -> Callable[[Callable[..., Any]], Native]:
    """Make a function of the engine's own native."""
    return lambda function: Native(signature, function)
