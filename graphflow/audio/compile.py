"""From a node's class to native code: generate, compile, keep on disk, refuse what could stall the sound.

Kernels are cached in a folder of the user's, named by a hash of the node's functions, the engine's own sources
and the versions of Python and numba; a changed helper file makes a new kernel.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.metadata
import os
import platform
import sys
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import numba
from numba.core.errors import NumbaError, NumbaWarning

from graphflow.audio import kernel_maths, kernel_parts, kernel_text, layout, native, source
from graphflow.audio.native import KERNEL
from graphflow.audio.source import CompileError, global_names, globals_of, reachable, tree_of
from graphflow.core.node import Spec

FORBIDDEN = ("numba_gil_ensure", "NRT_MemInfo_alloc", "NRT_Allocate", "PyGILState", "PyErr_")
"""Symbols whose presence in machine code means it can reach the interpreter's lock or the allocator."""


@dataclass(frozen=True)
class Kernel:
    """One compiled form of a kind. `function` must be kept as long as its address is in a plan."""

    kind: str
    form: str
    address: int
    function: Any
    seconds: float
    warm: bool

    def __str__(self) -> str:
        return f"{self.kind}.{self.form} {'cached' if self.warm else f'compiled in {self.seconds:.2f} s'}"


def cache_folder() -> Path:
    """Where kernels are kept: GRAPHFLOW_CACHE, or the system's place for caches."""
    if chosen := os.environ.get("GRAPHFLOW_CACHE"):
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "graphflow" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "graphflow"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "graphflow"


def forms_of(spec: Spec) -> tuple[str, ...]:
    if spec.cls.breaks_loop:  # type: ignore[attr-defined]
        return ("receive", "send")
    return ("process",) if hasattr(spec.cls, "process") else ("tick",)


@cache
def engine_hash() -> str:
    """Changes whenever generated code could mean something else."""
    digest = hashlib.sha256()
    for module in (kernel_maths, kernel_parts, kernel_text, layout, native, source):
        digest.update(Path(str(module.__file__)).read_bytes())
    digest.update(f"{numba.__version__} {sys.version} {platform.machine()}".encode())
    return digest.hexdigest()


def kernel_hash(spec: Spec, form: str, foreign: bool) -> str:
    """Covers the author's functions, the constants and helpers they reach, the declaration and the engine."""
    digest = hashlib.sha256(engine_hash().encode())
    digest.update(kernel_text.kernel_text(spec, form).encode())
    roots: list[Callable[..., Any]] = [getattr(spec.cls, form)]
    if spec.coefficients:
        roots.append(getattr(spec.cls, "coefficients"))  # noqa: B009 - not every class has it
    for root in roots:
        for function in reachable(root):
            definition, file = tree_of(function)
            digest.update(f"{file}:{definition.lineno}:{ast.dump(definition)}".encode())
            for name in global_names(function):
                value = globals_of(function).get(name)
                if isinstance(value, (int, float, tuple)):
                    digest.update(f"{name}={value!r}".encode())
    digest.update(b"foreign" if foreign else b"ours")
    return digest.hexdigest()[:16]


_lock = threading.Lock()  # numba compiles one thing at a time
_made: dict[tuple[str, str, str], Kernel] = {}


def compile_kernel(spec: Spec, form: str, *, foreign: bool = False) -> Kernel:
    """One form of a kind as native code. Raises CompileError in one line at the author's file and line."""
    key = kernel_hash(spec, form, foreign)
    with _lock:
        made = _made.get((spec.kind, form, key))
        if made is None:
            made = _made[spec.kind, form, key] = _compile(spec, form, key, foreign)
    return made


def compiled_forms(spec: Spec, *, foreign: bool = False) -> dict[str, Kernel]:
    return {form: compile_kernel(spec, form, foreign=foreign) for form in forms_of(spec)}


def _compile(spec: Spec, form: str, key: str, foreign: bool) -> Kernel:
    folder = cache_folder() / "kernels"
    name = f"k_{spec.kind}_{form}_{key}"
    file = folder / f"{name}.py"
    text = kernel_text.kernel_text(spec, form)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not file.exists() or file.read_text() != text:
            part = file.with_suffix(f".{os.getpid()}.part")
            part.write_text(text)
            part.replace(file)
        on_disk = True
    except OSError:
        on_disk = False  # doctor names the folder that cannot be written; the kernel is compiled for this run only
    module = ModuleType(f"graphflow_kernels.{name}")
    module.__file__ = str(file)
    # a module missing from sys.modules compiles cold and crashes warm
    sys.modules[module.__name__] = module
    functions: dict[Any, Any] = {}
    scope = module.__dict__
    scope[f"_{form}"] = source.native(getattr(spec.cls, form), foreign=foreign, made=functions)
    if spec.coefficients:
        scope["_coefficients"] = source.native(spec.cls.coefficients, foreign=foreign, made=functions)  # type: ignore[attr-defined]
    exec(compile(text, str(file), "exec"), scope)
    options = {"nogil": True, "error_model": "numpy", "boundscheck": foreign}
    scope["_body"] = numba.njit(**options)(scope["body"])
    clock = _Clock()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NumbaWarning)
            made = numba.cfunc(KERNEL, cache=on_disk, **options)(scope["kernel"])
    except NumbaError as error:
        raise CompileError(_author_line(error, spec)) from error
    warm = bool(on_disk and made._cache_hits)
    if not warm:
        _refuse(made, spec, form)
    return Kernel(spec.kind, form, int(made.address), made, clock.seconds(), warm)


class _Clock:
    """How long compiling took, for the line that tells the user."""

    def __init__(self) -> None:
        import time

        self._now = time.perf_counter
        self._begun = self._now()

    def seconds(self) -> float:
        return self._now() - self._begun


def _refuse(made: Any, spec: Spec, form: str) -> None:
    assembly = made._library.get_asm_str()
    for symbol in FORBIDDEN:
        if symbol in assembly:
            raise CompileError(
                f"{spec.file}: {spec.kind}.{form} can reach {symbol}; the sound card's thread must not allocate or "
                "wait for Python, so write it without arrays of its own and without Python objects"
            )


def _author_line(error: NumbaError, spec: Spec) -> str:
    """numba's pages of text as one line at the author's file."""
    text = str(error)
    places = [line.strip() for line in text.splitlines() if line.strip().startswith('File "')]
    own = [p for p in places if spec.file.name in p] or places
    place = own[0].split('"')[1] + ":" + own[0].split("line ")[1].split(",")[0].rstrip(":") if own else str(spec.file)
    reasons = [line.strip() for line in text.splitlines() if line.strip()]
    skip = (
        "Failed in",
        "File ",
        "During:",
        "[1]",
        "- Resolution",
        "There are",
        "Overload",
        "Enable",
        "<source",
        "raised from",
    )
    said = [r for r in reasons if not r.startswith(skip)]
    return f"{place} {spec.kind} cannot be compiled: {(said or reasons)[0].rstrip('.:')}"


def versions() -> str:
    return f"numba {importlib.metadata.version('numba')}"
