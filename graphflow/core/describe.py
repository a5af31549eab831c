"""Kinds of node told to people and to programs, from their declarations alone."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from graphflow.core.declare import (
    AudioIn,
    AudioOut,
    Choice,
    Declaration,
    DeviceIn,
    DeviceOut,
    Inlet,
    Numeric,
    Outlet,
    Param,
    Ramp,
    Setting,
    SoundFile,
    Switch,
    Tape,
    Text,
)
from graphflow.core.node import Spec
from graphflow.core.ports import carried
from graphflow.core.units import show


def table(specs: Iterable[Spec]) -> str:
    """All kinds by family, a line each with the first line of its words."""
    families: dict[str, list[Spec]] = {}
    for spec in specs:
        families.setdefault(spec.family, []).append(spec)
    width = max((len(spec.kind) for group in families.values() for spec in group), default=0)
    blocks = []
    for family, group in sorted(families.items()):
        lines = [f"  {spec.kind:{width}}  {_first_line(spec.doc)}".rstrip() for spec in sorted(group, key=_kind)]
        blocks.append("\n".join([family, *lines]))
    return "\n\n".join(blocks)


def describe(spec: Spec) -> str:
    """One kind: its words, then ports, params and settings with range, default and words, then how to use it."""
    lines = [f"{spec.kind} ({spec.family})", *(f"  {line}".rstrip() for line in spec.doc.splitlines())]
    sections: dict[str, list[tuple[str, str, str]]] = {"in": [], "out": [], "params": [], "settings": []}
    for name, declared in spec.declarations.items():
        if (section := _section(declared)) is not None:
            sections[section].append((name, _range(declared), declared.doc))
    rows = [row for group in sections.values() for row in group]
    name_width = max((len(name) for name, _, _ in rows), default=0)
    range_width = max((len(range_) for _, range_, _ in rows), default=0)
    for title, group in sections.items():
        if group:
            lines += ["", title]
            lines += [f"  {n:{name_width}}  {r:{range_width}}  {d}".rstrip() for n, r, d in group]
    return "\n".join(lines)


def data(spec: Spec) -> dict[str, Any]:
    """One kind as plain data for JSON."""
    return {
        "kind": spec.kind,
        "family": spec.family,
        "room": spec.room,
        "doc": spec.doc,
        "latency": getattr(spec.cls, "latency", 0),
        "breaks_loop": getattr(spec.cls, "breaks_loop", False),
        "in": [_port(n, d) for n, d in spec.declarations.items() if _section(d) == "in"],
        "out": [_port(n, d) for n, d in spec.declarations.items() if _section(d) == "out"],
        "params": [_param(n, d) for n, d in spec.params.items()],
        "settings": [_setting(n, d) for n, d in spec.settings.items()],
    }


def _kind(spec: Spec) -> str:
    return spec.kind


def _first_line(doc: str) -> str:
    return doc.splitlines()[0] if doc else ""


def _section(declared: Declaration) -> str | None:
    if isinstance(declared, (AudioIn, Inlet)):
        return "in"
    if isinstance(declared, (AudioOut, Outlet)):
        return "out"
    if isinstance(declared, Param):
        return "params"
    return "settings" if isinstance(declared, Setting) else None


def _type(declared: Declaration) -> str:
    if isinstance(declared, (DeviceIn, DeviceOut)):
        return "device"
    return "file" if isinstance(declared, Tape) else carried(declared)


def _range(declared: Declaration) -> str:
    """`0.1 to 20000 Hz, 440 Hz`: what it takes, then its default."""
    if isinstance(declared, (AudioIn, AudioOut)):
        return f"{_type(declared)} {declared.channels}" if declared.channels else _type(declared)
    if isinstance(declared, (Inlet, Outlet)):
        return _type(declared)
    if isinstance(declared, Numeric):
        return f"{declared.range()}, {show(declared.default, declared.unit)}"
    if isinstance(declared, Switch):
        return f"true or false, {'true' if declared.default else 'false'}"
    if isinstance(declared, (Choice, Setting)) and declared.choices:
        return f"{' '.join(declared.choices)}, {declared.default}"
    if isinstance(declared, SoundFile):
        return "sound file"
    if isinstance(declared, Text) or (isinstance(declared, Setting) and isinstance(declared.default, str)):
        return f"text, {declared.default!r}" if declared.default else "text"
    if isinstance(declared, Setting) and isinstance(declared.default, bool):
        return f"true or false, {'true' if declared.default else 'false'}"
    if isinstance(declared, Setting):
        limits = "" if math.isinf(declared.min) or math.isinf(declared.max) else f"{declared.range()}, "
        return f"{limits}{show(float(declared.default), declared.unit)}"
    return ""


def _port(name: str, declared: Declaration) -> dict[str, Any]:
    channels = {"channels": declared.channels} if isinstance(declared, (AudioIn, AudioOut)) else {}
    return {"name": name, "type": _type(declared), **channels, "doc": declared.doc}


def _param(name: str, declared: Param) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": name, "default": declared.default, "doc": declared.doc}
    if isinstance(declared, Numeric):
        entry |= {"type": "ramp" if isinstance(declared, Ramp) else "held", "unit": declared.unit}
        entry |= {"min": declared.min, "max": declared.max, "warp": declared.warp, "step": declared.step}
    elif isinstance(declared, Choice):
        entry |= {"type": "choice", "choices": list(declared.choices)}
    else:
        entry |= {"type": "switch" if isinstance(declared, Switch) else "text"}
    return entry


def _setting(name: str, declared: Setting) -> dict[str, Any]:
    entry: dict[str, Any] = {"name": name, "default": declared.default, "doc": declared.doc, "unit": declared.unit}
    entry["type"] = "sound file" if isinstance(declared, SoundFile) else type(declared.default).__name__
    if declared.choices:
        entry["choices"] = list(declared.choices)
    for key, value in (("min", declared.min), ("max", declared.max)):
        if math.isfinite(value):  # JSON has no infinity
            entry[key] = value
    return entry
