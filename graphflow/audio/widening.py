"""Whether a kernel works in double where its author asked for float32, which halves the speed of its loops."""

from __future__ import annotations

from typing import Any

from graphflow.audio.compile import forms_of, uncached
from graphflow.core.declare import float64
from graphflow.core.node import Spec

WIDENS = "fpext float"


def widenings(spec: Spec) -> dict[str, list[str]]:
    """Per form, the LLVM instructions that turn float32 into double; empty where the declaration holds a float64.

    Compiles afresh, for a kernel from disk has no LLVM text any more.
    """
    if any(state.dtype is float64 for state in spec.states.values()):
        return {}
    found = {form: _widening(uncached(spec, form)) for form in forms_of(spec)}
    return {form: lines for form, lines in found.items() if lines}


def _widening(kernel: Any) -> list[str]:
    text = kernel._library.get_llvm_str()
    return [line.strip() for line in text.splitlines() if WIDENS in line]
