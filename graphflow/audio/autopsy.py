"""Why a node was muted: its own Python code is run again, off the audio thread, until it goes wrong there too."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from graphflow.audio.compile import forms_of
from graphflow.audio.instance import Instance
from graphflow.audio.layout import NOT_FINITE, PARAM_WORDS, TARGET
from graphflow.audio.source import LOOP_BUDGET
from graphflow.core.declare import Choice, Coefficient, Ramp, Setting, SoundFile, Switch, float64
from graphflow.core.node import argument_names

TICKS, BLOCKS, BLOCK = 4096, 16, 64
"""How far the node is run: frames of a tick, or blocks of a process."""
TURNS = LOOP_BUDGET // 10
"""Lines after which a call counts as endless; a tenth of what runs natively, for tracing is slow."""


class _Bad(Exception):
    """Found: what is wrong, at which line of which file."""

    def __init__(self, file: str, line: int, said: str) -> None:
        self.file, self.line, self.said = file, line, said


def explain(instance: Instance, rate: float, frame: int = 0) -> str:
    """One line: the author's file and line, and what goes wrong there.

    The node is run from the state it has now, then from the start, on silence and on noise.
    """
    spec, missed = instance.spec, str(instance.spec.file)
    what = "made a non-finite sample" if instance.fault[0] == NOT_FINITE else "raised"
    for fresh in (False, True):
        for loud in (False, True):
            for form, call in _calls(instance, rate, frame, fresh, loud):
                try:
                    _watched(call, what == "raised")
                except _Bad as bad:
                    return f"{bad.file}:{bad.line} {spec.kind}.{form} {bad.said}"
                except Exception as error:  # noqa: BLE001 - whatever an author's code may raise is the answer
                    own = [f for f in traceback.extract_tb(error.__traceback__) if f.filename != __file__]
                    place = f"{own[-1].filename}:{own[-1].lineno}" if own else missed
                    if what != "raised" and isinstance(error, ZeroDivisionError):  # native code makes an infinity of it
                        return f"{place} {spec.kind}.{form} {what}: it divides by 0"
                    return f"{place} {spec.kind}.{form} raised {type(error).__name__}: {' '.join(str(error).split())}"
    return f"{missed} {spec.kind} {what} in native code; the same does not happen in Python"


def _watched(call: Callable[[], Any], endless: bool) -> None:
    """Make one call; raise _Bad at the line where a number stops being finite, or where a loop does not end."""
    lines = 0

    def look(frame: FrameType, event: str, result: Any) -> Any:
        nonlocal lines
        lines += 1
        if endless and lines > TURNS:
            raise _Bad(frame.f_code.co_filename, frame.f_lineno, f"goes round more than {TURNS} times")
        if not endless:
            values = {"what it returns": result} if event == "return" else frame.f_locals
            before = seen.get(id(frame), frame.f_lineno)
            for name, value in values.items():
                if _not_finite(value):
                    line = frame.f_lineno if event == "return" else before
                    shown = "an array with one" if isinstance(value, (np.ndarray, tuple)) else value
                    raise _Bad(frame.f_code.co_filename, line, f"made a non-finite sample: {name} is {shown}")
            seen[id(frame)] = frame.f_lineno
        return look

    seen: dict[int, int] = {}
    before = sys.gettrace()
    sys.settrace(look)
    try:
        with np.errstate(all="ignore"):
            call()
    finally:
        sys.settrace(before)


def _not_finite(value: Any) -> bool:
    if isinstance(value, tuple):
        return any(_not_finite(v) for v in value)
    if isinstance(value, np.ndarray):
        return value.dtype.kind == "f" and not bool(np.isfinite(value).all())
    return isinstance(value, (float, np.floating)) and not np.isfinite(value)


def _calls(
    instance: Instance, rate: float, frame: int, fresh: bool, loud: bool
) -> Iterator[tuple[str, Callable[[], Any]]]:
    """The author's functions, ready to be called one after another, with the state running on."""
    spec, cls = instance.spec, instance.spec.cls
    narrow = not any(s.dtype is float64 for s in spec.states.values())
    values: dict[str, Any] = {"rate": (np.float32 if narrow else np.float64)(rate)}
    values["engine_rate"] = values["rate"]
    for name, d in spec.declarations.items():
        if isinstance(d, Setting) and not cls.native:  # type: ignore[attr-defined]
            values[name] = instance.values.get(name, d.default)  # in Python a setting is what was written
        elif name in instance.records:
            number = float(instance.params[instance.records[name] * PARAM_WORDS + TARGET])
            whole = isinstance(d, (Choice, Switch)) or (isinstance(d, Setting) and not isinstance(d.default, float))
            values[name] = int(number) if whole else np.float32(number)
    states = {n: s.copy() for n, s in instance.states.items()}
    if fresh:
        states = {n: instance._memory(n, d) for n, d in spec.states.items()}
    noise = np.random.default_rng(1)

    def sound(channels: int, frames: int) -> NDArray[np.float32]:
        made = noise.uniform(-1.0, 1.0, (channels or 2, frames)) if loud else np.zeros((channels or 2, frames))
        return made.astype(np.float32)

    if hasattr(cls, "tick"):
        state: dict[str, Any] = {n: s[0, 0] for n, s in states.items()}
        for n in range(TICKS):
            heard = {name: sound(1, 1)[0, 0] for name in spec.audio_ins}
            given = {**values, **heard, **state, "frame": frame + n}
            if spec.coefficients:
                worked_out = _call(cls.coefficients, given)  # type: ignore[attr-defined]
                given |= dict(zip(_names(spec, Coefficient), np.atleast_1d(worked_out), strict=True))
            yield (
                "tick",
                lambda given=given: state.update(  # type: ignore[misc]
                    zip(spec.states, _results(_call(cls.tick, given), len(spec.states)), strict=True)
                ),
            )
        return
    for n in range(BLOCKS):
        block = dict(values)
        block |= {name: np.full(BLOCK, values[name], np.float32) for name in _names(spec, Ramp)}
        block |= {name: sound(d.channels, BLOCK) for name, d in {**spec.audio_ins, **spec.device_ins}.items()}
        outs = {**spec.audio_outs, **spec.device_outs, **spec.tapes}
        block |= {name: np.zeros((d.channels or 2, BLOCK), np.float32) for name, d in outs.items()}
        block |= {name: s if spec.states[name].is_line else s[:, 0] for name, s in states.items()}
        block |= {name: instance.files[name] for name in _names(spec, SoundFile)}
        block |= {"frame": frame + n * BLOCK, "block": BLOCK}
        for form in forms_of(spec):
            yield form, lambda form=form, block=block: _call(getattr(cls, form), block)  # type: ignore[misc]


def _call(function: Callable[..., Any], values: dict[str, Any]) -> Any:
    return function(**{name: values[name] for name in argument_names(function)})


def _results(returned: Any, states: int) -> tuple[Any, ...]:
    results = returned if isinstance(returned, tuple) else (returned,)
    return results[len(results) - states :]


def _names(spec: Any, kind: type) -> list[str]:
    return [name for name, d in spec.declarations.items() if isinstance(d, kind)]
