"""Nodes and patches as a performer would type them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MethodType
from typing import Any

from graphflow.control.live.draft import Draft
from graphflow.core.names import shown
from graphflow.core.patch import Expose, Patch
from graphflow.core.units import show
from graphflow.core.wires import Hop, hops


def call(kind: str, values: Mapping[str, Any]) -> str:
    """`reverb(mix=0.3)`."""
    return f"{kind}({', '.join(f'{key}={literal(value)}' for key, value in values.items())})"


def literal(value: Any) -> str:
    """A value as a performer types it, short enough for a line."""
    if isinstance(value, float):
        return show(value)
    return repr(value) if isinstance(value, bool) or value is None else shown(value)


def printed(value: Any) -> str:
    """What a cell's last value looks like: a word without its brackets tells what it does, and the patch is a list."""
    if isinstance(value, Patch):
        return str(value)
    if isinstance(value, MethodType) and value.__doc__:
        return value.__doc__.splitlines()[0]
    return repr(value)


def node_line(draft: Draft, name: str) -> str:
    """`hall = reverb(mix=0.3)   band -> hall -> out`."""
    node, spec = draft.node(name), draft.spec(name)
    known = {*spec.params, *spec.settings} if spec else set()
    values = {key: draft.value(name, key) if key in known else value for key, value in node.values.items()}
    return f"{name} = {call(node.kind, values)}   {wires_of(draft, name)}"


def wires_of(draft: Draft, name: str) -> str:
    """The wires of a node in one line; through it where one leads in and on."""
    around = draft.wiring.of(name)
    into = [hop for hop in around if hop.dest.node == name]
    out = [hop for hop in around if hop.source.node == name]
    through = next((hop for hop in into if hop.dest.port is None), None)
    if through is not None and out and out[0].source.port is None:
        into = [hop for hop in into if hop is not through]
        return ", ".join([*map(str, into), f"{through} -> {out[0].dest}", *map(str, out[1:])])
    return ", ".join(map(str, [*into, *out])) or "no wires"


def differences(before: Patch, after: Patch) -> list[str]:
    """What has to be changed in a patch so that it is the other, a line each."""
    lines = []
    for name, node in after.nodes.items():
        old = before.nodes.get(name)
        if old is None:
            lines.append(f"+ {name} = {call(node.kind, node.values)}")
        elif old.kind != node.kind:
            lines.append(f"! {name} = {call(node.kind, node.values)}, was {call(old.kind, old.values)}")
        else:
            lines += _changed(name, old.values, node.values)
    lines += [f"- {name} = {call(n.kind, n.values)}" for name, n in before.nodes.items() if name not in after.nodes]
    was, now = _hops(before), _hops(after)
    lines += [f"+ {hop}" for hop in now if hop not in was] + [f"- {hop}" for hop in was if hop not in now]
    lines += _changed("transport", vars(before.transport), vars(after.transport))
    lines += _changed("engine", vars(before.engine), vars(after.engine))
    for scene in dict.fromkeys([*before.scenes, *after.scenes]):
        lines += _table(f"scenes.{scene}", before.scenes.get(scene), after.scenes.get(scene))
    for name in dict.fromkeys([*before.expose, *after.expose]):
        macros = (_said(patch.expose.get(name)) for patch in (before, after))
        lines += _table(f"expose.{name}", *macros)
    for section in dict.fromkeys([*before.midi, *after.midi]):
        tables = ({t: str(c) for t, c in patch.midi.get(section, {}).items()} for patch in (before, after))
        lines += _changed(f"midi.{section}", *tables)
    lines += _changed("", {"title": before.title}, {"title": after.title})
    return lines


def _table(where: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[str]:
    if before is not None and after is not None:
        return _changed(where, before, after)
    values = ", ".join(f"{key} {_listed(value)}" for key, value in (after or before or {}).items())
    return [f"{'-' if after is None else '+'} {where}: {values}"] if after is not before else []


def _said(macro: Expose | None) -> dict[str, Any] | None:
    """What a macro says, without what is as by default."""
    usual = vars(Expose(()))
    return None if macro is None else {key: value for key, value in vars(macro).items() if value != usual[key]}


def _listed(value: Any) -> str:
    return " ".join(map(str, value)) if isinstance(value, (list, tuple)) else literal(value)


def _changed(where: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    lines = []
    for key in dict.fromkeys([*before, *after]):
        path = f"{where}.{key}" if where else key
        if key not in before:
            lines.append(f"~ {path} = {literal(after[key])}")
        elif key not in after:
            lines.append(f"~ {path} as by default, was {literal(before[key])}")
        elif before[key] != after[key]:
            lines.append(f"~ {path} = {literal(after[key])}, was {literal(before[key])}")
    return lines


def _hops(patch: Patch) -> dict[Hop, None]:
    return {hop: None for wire in patch.wires for hop in hops(wire)}
