"""The text of a kernel: the loops the engine writes around an author's `tick`, `process`, `send` or `receive`."""

from __future__ import annotations

import ast
from collections.abc import Callable
from typing import Any

from graphflow.audio.layout import PARAM_WORDS, Layout, layout_of
from graphflow.audio.source import tree_of
from graphflow.core.declare import (
    AudioIn,
    AudioOut,
    Choice,
    Held,
    Ramp,
    Setting,
    SoundFile,
    State,
    Switch,
    float64,
    uint32,
)
from graphflow.core.node import Spec, argument_names

HEADER = '''"""{kind}, {form}: written by graphflow from {file}; do not edit."""
from numba import cfunc, float32, float64, int64, int32, uint32

from graphflow.audio.native import KERNEL, doubles, floats, integers, planes, words
from graphflow.audio.kernel_parts import bypassed, fill_ramp, finish_ramp, moves, number
'''

VIEW = {"float32": "floats", "float64": "doubles", "uint32": "integers"}


def kernel_text(spec: Spec, form: str) -> str:
    """The module text of one kernel. `form` is the name of the author's function."""
    write = _tick_body if form == "tick" else _block_body
    lines = [HEADER.format(kind=spec.kind, form=form, file=spec.file.name), "", "def body(context, frames, frame):"]
    lines += ["    " + line for line in write(spec, layout_of(spec), form)]
    lines += [
        "",
        "",
        "def kernel(context, frames, frame):",
        "    raised = 0",
        "    try:",
        "        _body(context, frames, frame)",
        "    except Exception:",
        "        raised = 1",
        "    return int32(raised)",
    ]
    return "\n".join(lines) + "\n"


def state_type(spec: Spec, name: str) -> str:
    return {float64: "float64", uint32: "uint32"}.get(spec.states[name].dtype, "float32")


def rate_type(spec: Spec) -> str:
    """Rate is float64 where phases are, so that an increment is exact; else float32, so that loops stay narrow."""
    return "float64" if any(s.dtype is float64 for s in spec.states.values()) else "float32"


def targets(names: list[str], function: Callable[..., Any]) -> str:
    """What an author's results are unpacked to; a single result may come bare or as a tuple of one."""
    definition, _ = tree_of(function)
    returned = [n.value for n in ast.walk(definition) if isinstance(n, ast.Return)]
    single = len(names) == 1 and any(isinstance(value, ast.Tuple) for value in returned)
    return ", ".join(names) + ("," if single else "")


def _context(spec: Spec, layout: Layout) -> list[str]:
    return [
        f"ctx = words(context, {layout.size})",
        "width = ctx[0]",
        f"rate = engine_rate = {rate_type(spec)}(doubles(context, {layout.size})[1])",
        f"params = ctx[2] ",
    ]


def _values(spec: Spec, layout: Layout, arrays: bool) -> list[str]:
    """Lines that read every param but the moving ramps."""
    lines = []
    for name, d in spec.declarations.items():
        if name not in layout.params:
            continue
        record = f"params + {layout.params[name] * PARAM_WORDS * 8}"
        if isinstance(d, Ramp):
            if not arrays:
                lines.append(f"{name} = float32(doubles({record}, 1)[0])")
        elif isinstance(d, Held):
            lines.append(f"{name} = number({record}, ctx[{layout.helds[name]}])")
        elif isinstance(d, (Choice, Switch)) or (isinstance(d, Setting) and not isinstance(d.default, float)):
            lines.append(f"{name} = int64(doubles({record}, 1)[0])")
        else:
            lines.append(f"{name} = float32(doubles({record}, 1)[0])")
    return lines


def _moving(spec: Spec, layout: Layout) -> list[str]:
    ramps = [n for n in layout.ramps if n != "bypass"]
    terms = [f"moves(params + {layout.params[n] * PARAM_WORDS * 8}, ctx[{layout.ramps[n]}])" for n in ramps]
    return [f"moving = {' or '.join(terms) or 'False'}"]


def _fill(spec: Spec, layout: Layout, names: list[str]) -> list[str]:
    return [
        f"fill_ramp(params + {layout.params[n] * PARAM_WORDS * 8}, ctx[{layout.ramps[n]}], ctx[{layout.ramps[n] + 1}], frames)"
        for n in names
    ]


def _end(spec: Spec, layout: Layout) -> list[str]:
    lines = []
    first_in = next(iter(spec.audio_ins), None)
    if "bypass" in layout.ramps:
        record = f"params + {layout.params['bypass'] * PARAM_WORDS * 8}"
        wire, scratch = layout.ramps["bypass"], layout.ramps["bypass"] + 1
        into = layout.ins[first_in or ""]
        lines.append(f"if moves({record}, ctx[{wire}]) or doubles({record}, 1)[0] > 0.0:")
        lines.append(f"    fill_ramp({record}, ctx[{wire}], ctx[{scratch}], frames)")
        for name in spec.audio_outs:
            out = layout.outs[name]
            lines.append(
                f"    bypassed(ctx[{out}], ctx[{out + 1}], ctx[{into}], ctx[{into + 1}], ctx[{scratch}], frames)"
            )
    for name in layout.ramps:
        lines.append(f"finish_ramp(params + {layout.params[name] * PARAM_WORDS * 8}, frames)")
    return lines


def _tick_body(spec: Spec, layout: Layout, form: str) -> list[str]:
    takes = argument_names(spec.cls.tick)  # type: ignore[attr-defined]
    outs = [n for n, d in spec.declarations.items() if isinstance(d, AudioOut)]
    states = list(spec.states)
    ramps = [n for n in layout.ramps if n != "bypass"]
    coefficients = list(spec.coefficients)
    work_out = ""
    if coefficients:
        given = ", ".join(f"{n}={n}" for n in argument_names(spec.cls.coefficients))  # type: ignore[attr-defined]
        work_out = f"{targets(coefficients, spec.cls.coefficients)} = _coefficients({given})"  # type: ignore[attr-defined]
    lines = [*_context(spec, layout), *_values(spec, layout, arrays=False), *_moving(spec, layout)]
    lines += ["if moving:", *["    " + line for line in _fill(spec, layout, ramps)], "    pass"]
    if work_out:
        lines += [work_out]
    lines.append("for c in range(width):")
    for n, d in spec.declarations.items():
        if isinstance(d, AudioIn):
            at = layout.ins[n]
            lines.append(f"    in_{n} = floats(ctx[{at}] + 4 * frames * min(c, ctx[{at + 1}] - 1), frames)")
    for n in outs:
        lines.append(f"    out_{n} = floats(ctx[{layout.outs[n]}] + 4 * frames * c, frames)")
    for n in states:
        lines.append(f"    memory_{n} = {VIEW[state_type(spec, n)]}(ctx[{layout.states[n]}], width)")
        lines.append(f"    {n} = memory_{n}[c]")
    given = ", ".join(f"{n}={_argument(spec, n)}" for n in takes)
    results = [f"result_{n}" for n in outs] + [f"next_{n}" for n in states]
    loop = [f"{targets(results, spec.cls.tick)} = _tick({given})"]  # type: ignore[attr-defined]
    loop += [f"out_{n}[i] = float32(result_{n})" for n in outs]
    loop += [f"{n} = {state_type(spec, n)}(next_{n})" for n in states]
    if ramps:
        lines.append("    if moving:")
        for n in ramps:
            lines.append(f"        ramp_{n} = floats(ctx[{layout.ramps[n] + 1}], frames)")
        lines.append("        for i in range(frames):")
        lines += [f"            {n} = ramp_{n}[i]" for n in ramps]
        if work_out:
            lines.append(f"            {work_out}")
        lines += ["            " + line for line in loop]
        lines += ["    else:", "        for i in range(frames):", *["            " + line for line in loop]]
    else:
        lines += ["    for i in range(frames):", *["        " + line for line in loop]]
    lines += [f"    memory_{n}[c] = {n}" for n in states]
    return [*lines, *_end(spec, layout)]


def _argument(spec: Spec, name: str) -> str:
    if name == "frame":
        return "frame + i"
    if name == "block":
        return "frames"
    return f"in_{name}[i]" if isinstance(spec.declarations.get(name), AudioIn) else name


def _block_body(spec: Spec, layout: Layout, form: str) -> list[str]:
    takes = argument_names(getattr(spec.cls, form))
    ramps = [n for n in layout.ramps if n in takes]
    lines = [*_context(spec, layout), *_values(spec, layout, arrays=True), *_fill(spec, layout, ramps)]
    for n, d in spec.declarations.items():
        if n not in takes:
            continue
        if isinstance(d, AudioIn):
            lines.append(f"{n} = planes(ctx[{layout.ins[n]}], ctx[{layout.ins[n] + 1}], frames)")
        elif isinstance(d, AudioOut):
            lines.append(f"{n} = planes(ctx[{layout.outs[n]}], ctx[{layout.outs[n] + 1}], frames)")
        elif isinstance(d, Ramp):
            lines.append(f"{n} = floats(ctx[{layout.ramps[n] + 1}], frames)")
        elif isinstance(d, SoundFile):
            at = layout.files[n]
            lines.append(f"{n} = planes(ctx[{at}], ctx[{at + 2}], ctx[{at + 1}])")
        elif isinstance(d, State):
            at, view = layout.states[n], VIEW[state_type(spec, n)]
            if d.is_line:
                lines.append(f"{n} = {view}(ctx[{at}], width * ctx[{at + 1}]).reshape((width, ctx[{at + 1}]))")
            else:
                lines.append(f"{n} = {view}(ctx[{at}], width)")
    if spec.coefficients:
        given = ", ".join(f"{n}={n}" for n in argument_names(spec.cls.coefficients))  # type: ignore[attr-defined]
        names = targets(list(spec.coefficients), spec.cls.coefficients)  # type: ignore[attr-defined]
        lines.append(f"{names} = _coefficients({given})")
    given = ", ".join(f"{n}={'frames' if n == 'block' else n}" for n in takes)
    lines.append(f"_{form}({given})")
    if form == "receive":  # the ramps of a node that breaks loops move once per block, when it sends
        return lines
    return [*lines, *_end(spec, layout)]
