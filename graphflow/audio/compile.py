"""From a node's class to native code: generate, compile, keep on disk, refuse what could stall the sound.

Kernels are cached in a folder of the user's, named by a hash of the node's functions, the engine's own sources
and the versions of Python and numba; a changed helper file makes a new kernel.
"""

from __future__ import annotations

import ast
import contextlib
import hashlib
import os
import re
import sys
import threading
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any
from weakref import WeakKeyDictionary, finalize

import numba
from numba.core.errors import NumbaError, NumbaWarning

from graphflow.audio import kernel_text, runner, source, steps
from graphflow.audio.fingerprint import fingerprint
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


def prepare(report: Callable[[str], None]) -> None:
    """Compile the engine's own code. Where this machine has not done so yet it takes about 10 s, and that is said."""
    known = cache_folder() / "kernels" / f"engine_{fingerprint()}"
    if not known.exists():
        report("compiling the engine, for this and every later start: about 10 s")
    for function in (runner.callback, runner.take_back, *steps.KERNELS.values()):
        function.address  # noqa: B018 - asking for it compiles it
    try:
        known.parent.mkdir(parents=True, exist_ok=True)
        known.touch()
    except OSError:  # then it is said every time, which is true where numba's cache is not writable either
        return


def forms_of(spec: Spec) -> tuple[str, ...]:
    if spec.cls.breaks_loop:  # type: ignore[attr-defined]
        return ("receive", "send")
    return ("process",) if hasattr(spec.cls, "process") else ("tick",)


def authors(spec: Spec, form: str) -> Callable[..., Any]:
    """The function a form is made of; a row is made of ticks."""
    function: Callable[..., Any] = getattr(spec.cls, "tick" if form == "row" else form)
    return function


def functions_of(spec: Spec, form: str) -> list[Callable[..., Any]]:
    """The author's functions that a kernel calls."""
    own: list[Callable[..., Any]] = [authors(spec, form)]
    if spec.coefficients and form in ("tick", "row"):
        own.append(spec.cls.coefficients)  # type: ignore[attr-defined]
    return own


def kernel_hash(spec: Spec, form: str, foreign: bool) -> str:
    """Covers the author's functions, the constants and helpers they reach, the declaration and the engine."""
    digest = hashlib.sha256(fingerprint().encode())
    digest.update(kernel_text.kernel_text(spec, form).encode())
    for own in functions_of(spec, form):
        for function in reachable(own):
            definition, file = tree_of(function)
            digest.update(f"{file}:{definition.lineno}:{ast.dump(definition)}".encode())
            for name in global_names(function):
                value = globals_of(function).get(name)
                if isinstance(value, (int, float, tuple)):
                    digest.update(f"{name}={value!r}".encode())
    digest.update(b"foreign" if foreign else b"ours")
    return digest.hexdigest()[:16]


_lock = threading.Lock()  # numba compiles one thing at a time
_made: WeakKeyDictionary[type, dict[tuple[str, bool], Kernel]] = WeakKeyDictionary()
"""By class, which goes once its file was saved anew and nothing plays of it; a plan keeps the kernels it calls."""


def compile_kernel(spec: Spec, form: str, *, foreign: bool = False) -> Kernel:
    """One form of a kind as native code. Raises CompileError in one line at the author's file and line."""
    with _lock:
        forms = _made.setdefault(spec.cls, {})
        if (form, foreign) not in forms:
            forms[form, foreign] = _compile(spec, form, kernel_hash(spec, form, foreign), foreign)
        return forms[form, foreign]


def row_of(spec: Spec) -> Kernel | None:
    """The kernel that plays four nodes of a kind at once, where it has been compiled."""
    return _made.get(spec.cls, {}).get(("row", False))


def compiled_forms(spec: Spec, *, foreign: bool = False) -> dict[str, Kernel]:
    """All kernels of a kind. `foreign`: not from the package, so bounds and endless loops are checked as it runs."""
    return {form: compile_kernel(spec, form, foreign=foreign) for form in forms_of(spec)}


def uncached(spec: Spec, form: str) -> Any:
    """A kernel compiled afresh, for who wants to look into it."""
    with _lock:
        text = kernel_text.kernel_text(spec, form)
        return _native(spec, form, False, f"k_{spec.kind}_{form}_afresh", text, Path(f"<{spec.kind}.{form}>"), False)


def _compile(spec: Spec, form: str, key: str, foreign: bool) -> Kernel:
    begun = time.perf_counter()
    _refuse_writing(spec, form)
    name = f"k_{spec.kind}_{form}_{key}"
    file = cache_folder() / "kernels" / f"{name}.py"
    text = kernel_text.kernel_text(spec, form)
    on_disk = _store(file, text)
    checked = file.with_suffix(".checked")
    made = _native(spec, form, foreign, name, text, file, on_disk)
    warm = bool(on_disk and made._cache_hits)
    if warm and not checked.exists():  # stopped between compiling and looking through it
        made, warm = _native(spec, form, foreign, f"{name}_again", text, file, False), False
    if not warm:
        refuse(made._library.get_asm_str(), spec, form)
        with contextlib.suppress(OSError):  # a full disk: it is compiled and looked through again at the next start
            if on_disk:
                checked.touch()
    return Kernel(spec.kind, form, int(made.address), made, time.perf_counter() - begun, warm)


def _store(file: Path, text: str) -> bool:
    """Write the kernel's module; False where the cache cannot be written, which doctor names."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        if not file.exists() or file.read_text(encoding="utf-8") != text:
            part = file.with_suffix(f".{os.getpid()}.part")
            part.write_text(text, encoding="utf-8")
            part.replace(file)
    except OSError:
        return False
    return True


def _native(spec: Spec, form: str, foreign: bool, name: str, text: str, file: Path, on_disk: bool) -> Any:
    """The kernel as numba's cfunc."""
    module = ModuleType(f"graphflow_kernels.{name}")
    module.__file__ = str(file)
    # a module missing from sys.modules compiles cold and crashes warm
    sys.modules[module.__name__] = module
    finalize(spec.cls, _let_go, module).atexit = False
    scope, functions = module.__dict__, dict[Any, Any]()
    for own in functions_of(spec, form):
        scope[f"_{own.__name__}"] = source.native(own, foreign=foreign, made=functions)
    exec(compile(text, str(file), "exec"), scope)
    options = {"nogil": True, "error_model": "numpy", "boundscheck": foreign}
    if form == "row":
        one = dict(scope)
        exec(compile(kernel_text.kernel_text(spec, "tick"), f"{file}:tick", "exec"), one)
        scope["_one"] = numba.njit(**options, no_cpython_wrapper=True, no_cfunc_wrapper=True)(one["body"])
    scope["_body"] = numba.njit(**options, no_cpython_wrapper=True, no_cfunc_wrapper=True)(scope["body"])
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NumbaWarning)
            return numba.cfunc(KERNEL, cache=on_disk, **options)(scope["kernel"])
    except NumbaError as error:
        raise CompileError(_author_line(error, spec, form)) from error
    except OSError:  # a disk that is full: it is not kept
        return _native(spec, form, foreign, name, text, file, False)


def _let_go(module: ModuleType) -> None:
    """A class is gone, and its kernels with it."""
    if sys.modules.get(module.__name__) is module:  # a class of the same text may have the same by now
        del sys.modules[module.__name__]


def refuse(assembly: str, spec: Spec, form: str) -> None:
    """Raise CompileError where machine code can allocate or wait for the interpreter."""
    for symbol in FORBIDDEN:
        if symbol in assembly:
            raise CompileError(
                f"{spec.file}:{tree_of(authors(spec, form))[0].lineno} {spec.kind}.{form} can reach {symbol}; the "
                "sound card's thread must not allocate or wait for Python, so write it without arrays of its own "
                "and without Python objects"
            )


def _refuse_writing(spec: Spec, form: str) -> None:
    """An in's memory is somebody else's out, or the silence that all read."""
    definition, file = tree_of(authors(spec, form))
    read_only = {*spec.audio_ins, *spec.device_ins, *spec.sound_files, *spec.numeric}
    for node in ast.walk(definition):
        written = node.value if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store) else None
        if isinstance(written, ast.Name) and written.id in read_only:
            raise CompileError(
                f"{file}:{written.lineno} {spec.kind}.{form} writes to '{written.id}', which is read only"
            )
    if spec.coefficients and form not in ("tick", "row"):
        raise CompileError(f"{file}:{definition.lineno} {spec.kind} declares coefficients, which only tick can take")


SKIPPED = (
    "Failed in",
    "File ",
    "During:",
    "[1]",
    "- Resolution",
    "There are",
    "Overload",
    "Enable",
    "<source",
    "raised",
)
"""How the lines begin that numba's messages can do without."""


def _author_line(error: NumbaError, spec: Spec, form: str) -> str:
    """numba's pages of text as one line at the author's file."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    files = {Path(file).resolve(): file for own in functions_of(spec, form) for _, file in map(tree_of, reachable(own))}
    definition, file = tree_of(authors(spec, form))
    place = f"{file}:{definition.lineno}"
    for line in lines:
        # numba's places are relative to the working folder
        found = re.match(r'File "(.+)", line (\d+)', line)
        if found and Path(found[1]).resolve() in files:
            place = f"{files[Path(found[1]).resolve()]}:{found[2]}"
            break
    said = [line for line in lines if not line.startswith(SKIPPED)]
    return f"{place} {spec.kind} cannot be compiled: {(said or lines)[0].rstrip('.:')}"
