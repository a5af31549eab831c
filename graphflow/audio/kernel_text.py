"""The text of a kernel: the loops the engine writes around an author's `tick`, `process`, `send` or `receive`.

In it every name of the author's has a prefix, so that a param may be called `width` or `frames`: v_ a value,
in_ and out_ sound, ramp_ a value per frame, memory_ and next_ state.
"""

from __future__ import annotations

import ast
import re
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
from graphflow.core.routing import ROW

HEADER = '''"""{kind}, {form}: written by graphflow from {file}; do not edit."""
from numba import float32, float64, int32, int64, uint32

from graphflow.audio.kernel_parts import bypassed, fill_ramp, finish_ramp, moves, number
from graphflow.audio.native import doubles, floats, integers, planes, words
'''

VIEW = {"float32": "floats", "float64": "doubles", "uint32": "integers"}


def kernel_text(spec: Spec, form: str) -> str:
    """The module text of one kernel. `form` is the name of the author's function."""
    write = {"tick": _tick_body, "row": _row_body}.get(form, _block_body)
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
    dtype: type = spec.states[name].dtype
    return "float64" if dtype is float64 else "uint32" if dtype is uint32 else "float32"


def rate_type(spec: Spec) -> str:
    """Rate is float64 where phases are, so that an increment is exact; else float32, so that loops stay narrow."""
    return "float64" if any(s.dtype is float64 for s in spec.states.values()) else "float32"


def targets(names: list[str], function: Callable[..., Any]) -> str:
    """What an author's results are unpacked to; a single result may come bare or as a tuple of one."""
    definition, _ = tree_of(function)
    returned = [n.value for n in ast.walk(definition) if isinstance(n, ast.Return)]
    single = len(names) == 1 and any(isinstance(value, ast.Tuple) for value in returned)
    return ", ".join(names) + ("," if single else "")


def _record(layout: Layout, param: str) -> str:
    return f"params + {layout.params[param] * PARAM_WORDS * 8}"


def _wire(layout: Layout, ramp: str) -> str:
    return f"ctx[{layout.ramps[ramp]}]"


def _scratch(layout: Layout, ramp: str) -> str:
    return f"ctx[{layout.ramps[ramp] + 1}]"


def _context(spec: Spec, layout: Layout) -> list[str]:
    return [
        f"ctx = words(context, {layout.size})",
        "width = ctx[0]",
        f"rate = {rate_type(spec)}(doubles(context, {layout.size})[1])",
        "params = ctx[2]",
    ]


def _values(spec: Spec, layout: Layout, arrays: bool) -> list[str]:
    """Lines that read every param but the moving ramps."""
    lines = []
    for name, d in spec.declarations.items():
        if name not in layout.params or (isinstance(d, Ramp) and arrays):
            continue
        record = _record(layout, name)
        if isinstance(d, Held):
            lines.append(f"v_{name} = number({record}, ctx[{layout.helds[name]}])")
        elif isinstance(d, (Choice, Switch)) or (isinstance(d, Setting) and not isinstance(d.default, float)):
            lines.append(f"v_{name} = int64(doubles({record}, 1)[0])")
        else:
            lines.append(f"v_{name} = float32(doubles({record}, 1)[0])")
    return lines


def _fill(layout: Layout, names: list[str]) -> list[str]:
    return [f"fill_ramp({_record(layout, n)}, {_wire(layout, n)}, {_scratch(layout, n)}, frames)" for n in names]


def _call(spec: Spec, form: str, prefix: Callable[[str], str]) -> str:
    """The call of an author's function, each argument from where it lies."""
    around = {"frame": "frame + i" if form == "tick" else "frame", "block": "frames", "engine_rate": "rate"}

    def given(name: str) -> str:
        if name in around:
            return around[name]
        return "rate" if name == "rate" and name not in spec.declarations else prefix(name)

    names = argument_names(getattr(spec.cls, form))
    return f"_{form}({', '.join(map(given, names))})"


def _coefficients(spec: Spec) -> list[str]:
    if not spec.coefficients:
        return []
    names = targets([f"v_{n}" for n in spec.coefficients], spec.cls.coefficients)  # type: ignore[attr-defined]
    return [f"{names} = {_call(spec, 'coefficients', lambda n: f'v_{n}')}"]


def _end(spec: Spec, layout: Layout, form: str) -> list[str]:
    lines = []
    if "bypass" in layout.ramps and form in ("tick", "process"):
        record, wire, scratch = _record(layout, "bypass"), _wire(layout, "bypass"), _scratch(layout, "bypass")
        into = layout.ins[next(iter(spec.audio_ins))]
        lines.append(f"if moves({record}, {wire}) or doubles({record}, 1)[0] > 0.0:")
        lines.append(f"    fill_ramp({record}, {wire}, {scratch}, frames)")
        for name in spec.audio_outs:
            out = layout.outs[name]
            lines.append(f"    bypassed(ctx[{out}], ctx[{out + 1}], ctx[{into}], ctx[{into + 1}], {scratch}, frames)")
    # a copy that plays beside its successor leaves the glides to it
    ends = [f"    finish_ramp({_record(layout, name)}, frames)" for name in layout.ramps]
    return [*lines, *([f"if ctx[{layout.glides}] != 0:", *ends] if ends else [])]


def _tick_body(spec: Spec, layout: Layout, form: str) -> list[str]:
    outs = [n for n, d in spec.declarations.items() if isinstance(d, AudioOut)]
    ramps = [n for n in layout.ramps if n != "bypass"]
    states = list(spec.states)
    moving = [f"moves({_record(layout, n)}, {_wire(layout, n)})" for n in ramps]
    work_out = _coefficients(spec)
    lines = [*_context(spec, layout), *_values(spec, layout, arrays=False)]
    if ramps:
        lines += [f"moving = {' or '.join(moving)}", "if moving:", *[f"    {s}" for s in _fill(layout, ramps)]]
    lines += [*work_out, "for c in range(width):"]
    for n, d in spec.declarations.items():
        if isinstance(d, AudioIn):
            at = layout.ins[n]
            lines.append(f"    in_{n} = floats(ctx[{at}] + 4 * frames * min(c, ctx[{at + 1}] - 1), frames)")
    lines += [f"    out_{n} = floats(ctx[{layout.outs[n]}] + 4 * frames * c, frames)" for n in outs]
    for n in states:
        lines.append(f"    memory_{n} = {VIEW[state_type(spec, n)]}(ctx[{layout.states[n]}], width)")
        lines.append(f"    v_{n} = memory_{n}[c]")
    results = targets([f"result_{n}" for n in outs] + [f"next_{n}" for n in states], spec.cls.tick)  # type: ignore[attr-defined]
    ins = {n for n, d in spec.declarations.items() if isinstance(d, AudioIn)}
    loop = [f"{results} = {_call(spec, form, lambda n: f'in_{n}[i]' if n in ins else f'v_{n}')}"]
    loop += [f"out_{n}[i] = float32(result_{n})" for n in outs]
    loop += [f"v_{n} = {state_type(spec, n)}(next_{n})" for n in states]
    if ramps:
        lines.append("    if moving:")
        lines += [f"        ramp_{n} = floats({_scratch(layout, n)}, frames)" for n in ramps]
        lines.append("        for i in range(frames):")
        lines += [f"            v_{n} = ramp_{n}[i]" for n in ramps]
        lines += [f"            {line}" for line in [*work_out, *loop]]
        lines += ["    else:", "        for i in range(frames):", *[f"            {line}" for line in loop]]
    else:
        lines += ["    for i in range(frames):", *[f"        {line}" for line in loop]]
    lines += [f"    memory_{n}[c] = v_{n}" for n in states]
    return [*lines, *_end(spec, layout, form)]


def _row_body(spec: Spec, layout: Layout, form: str) -> list[str]:
    """Four nodes of one channel in one loop, so that none waits for its own last frame; while params move, in turn.

    An out may lie where the in of an earlier one lay: a frame is read before it is written over, but the bypass, which
    reads a whole block afterwards, must find its in; so a bypass too is played in turn.
    """
    ramps = list(layout.ramps)
    ins = {n for n, d in spec.declarations.items() if isinstance(d, AudioIn)}
    outs = [n for n, d in spec.declarations.items() if isinstance(d, AudioOut)]
    results = targets([f"result_{n}" for n in outs] + [f"next_{n}" for n in spec.states], spec.cls.tick)  # type: ignore[attr-defined]
    lane = [*_context(spec, layout), *_values(spec, layout, arrays=False), *_coefficients(spec)]
    lane += [f"in_{n} = floats(ctx[{layout.ins[n]}], frames)" for n in ins]
    lane += [f"out_{n} = floats(ctx[{layout.outs[n]}], frames)" for n in outs]
    for n in spec.states:
        lane += [f"memory_{n} = {VIEW[state_type(spec, n)]}(ctx[{layout.states[n]}], 1)", f"v_{n} = memory_{n}[0]"]
    loop = [f"{results} = {_call(spec, 'tick', lambda n: f'in_{n}[i]' if n in ins else f'v_{n}')}"]
    loop += [f"out_{n}[i] = float32(result_{n})" for n in outs]
    loop += [f"v_{n} = {state_type(spec, n)}(next_{n})" for n in spec.states]
    end = [f"memory_{n}[0] = v_{n}" for n in spec.states]
    lines = [f"nodes = words(context, {ROW})"]
    if ramps:
        lines += ["moving = False", f"for k in range({ROW}):"]
        lines.append(f"    params = words(nodes[k], {layout.size})[2]")
        lines.append(f"    ctx = words(nodes[k], {layout.size})")
        lines += [f"    moving = moving or moves({_record(layout, n)}, {_wire(layout, n)})" for n in ramps]
        if "bypass" in ramps:
            lines.append(f"    moving = moving or doubles({_record(layout, 'bypass')}, 1)[0] > 0.0")
        lines += ["if moving:", f"    for k in range({ROW}):", "        _one(nodes[k], frames, frame)", "    return"]
    for k in range(ROW):
        lines += [_of_lane(line.replace("(context, ", f"(nodes[{k}], "), k) for line in lane]
    lines.append("for i in range(frames):")
    lines += [f"    {_of_lane(line, k)}" for k in range(ROW) for line in loop]
    return lines + [_of_lane(line, k) for k in range(ROW) for line in end]


LANE = re.compile(r"\b(ctx|params|width|rate|(?:v|in|out|memory|next|result)_\w+)\b")


def _of_lane(line: str, lane: int) -> str:
    """The line with names of its own for one of the nodes played together."""
    return LANE.sub(rf"\1__{lane}", line)


def _block_body(spec: Spec, layout: Layout, form: str) -> list[str]:
    takes = argument_names(getattr(spec.cls, form))
    ramps = [n for n in layout.ramps if n in takes]
    lines = [*_context(spec, layout), *_values(spec, layout, arrays=True), *_fill(layout, ramps)]
    for n, d in spec.declarations.items():
        if n not in takes:
            continue
        if isinstance(d, AudioIn):
            lines.append(f"v_{n} = planes(ctx[{layout.ins[n]}], ctx[{layout.ins[n] + 1}], frames)")
        elif isinstance(d, AudioOut):
            lines.append(f"v_{n} = planes(ctx[{layout.outs[n]}], ctx[{layout.outs[n] + 1}], frames)")
        elif isinstance(d, Ramp):
            lines.append(f"v_{n} = floats({_scratch(layout, n)}, frames)")
        elif isinstance(d, SoundFile):
            at = layout.files[n]
            lines.append(f"v_{n} = planes(ctx[{at}], ctx[{at + 2}], ctx[{at + 1}])")
        elif isinstance(d, State):
            at, view = layout.states[n], VIEW[state_type(spec, n)]
            if d.is_line:
                lines.append(f"v_{n} = {view}(ctx[{at}], width * ctx[{at + 1}]).reshape((width, ctx[{at + 1}]))")
            else:
                lines.append(f"v_{n} = {view}(ctx[{at}], width)")
    lines.append(_call(spec, form, lambda n: f"v_{n}"))
    if form == "receive":  # the glides of a node that breaks loops move on when it sends
        return lines
    return [*lines, *_end(spec, layout, form)]
