"""What scenes, macros and commands point at: the params of nodes, as `node.param`."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

from graphflow.core.declare import Choice, Numeric, Param, Switch, Text
from graphflow.core.errors import Problem, did_you_mean
from graphflow.core.literals import parsed
from graphflow.core.midi import ACTIONS, Control
from graphflow.core.names import instead, place
from graphflow.core.patch import Expose, Patch
from graphflow.core.units import show

if TYPE_CHECKING:
    from graphflow.core.graph import GraphNode


KNOWN: dict[str, Callable[[Patch], tuple[Collection[str], str]]] = {
    "macros": lambda patch: (patch.expose, "macro"),
    "scenes": lambda patch: (patch.scenes, "scene"),
    "actions": lambda patch: (ACTIONS, "action"),
    "mutes": lambda patch: (patch.nodes, "node"),
}
"""What a section of [midi] may name, and what that is called."""


def target(where: str, nodes: Mapping[str, GraphNode]) -> Param | None:
    """The param that `node.param` names; None where a placeholder hides it.

    Raises ValueError whose text continues `scenes.night.hall.mix`.
    """
    name, dot, param = where.partition(".")
    if not dot or not param:
        raise ValueError(" is no param; expected node.param")
    if name not in nodes:
        raise ValueError(f": no node is called {name!r}{did_you_mean(name, nodes)}")
    spec = nodes[name].spec
    if spec is None:
        return None
    if param in spec.params:
        return spec.params[param]
    if param in spec.settings:
        raise ValueError(f": {param} of {spec.kind} is a setting, which is fixed while it plays; expected a param")
    raise ValueError(f": {spec.kind} has no param {param!r}{instead(param, spec.params)}")


def targets_amiss(patch: Patch, nodes: Mapping[str, GraphNode]) -> list[Problem]:
    """What is wrong with a patch's scenes, macros and controls, seen beside its nodes."""
    problems = []
    for scene, values in patch.scenes.items():
        for where, value in values.items():
            if fault := _value_fault(where, value, nodes):
                problems.append(Problem(f"{place('scenes', scene)}.{where}", fault))
    for name, macro in patch.expose.items():
        problems += _macro(name, macro, nodes)
    for section, table in patch.midi.items():
        for where, control in table.items():
            if fault := _control_fault(patch, section, where, control, nodes):
                problems.append(Problem(place("midi", section, where), fault))
    return problems


def _control_fault(
    patch: Patch, section: str, where: str, control: Control, nodes: Mapping[str, GraphNode]
) -> str | None:
    if section != "params":
        known, what = KNOWN[section](patch)
        return None if where in known else f": no {what} is called {where!r}{did_you_mean(where, known)}"
    try:
        param = target(where, nodes)
    except ValueError as error:
        return str(error)
    if isinstance(param, Text):
        return ": a text cannot be turned; map a scene that says it"
    if control.pressed and param is not None and not isinstance(param, Switch):
        return f" is a {control.source}, which only switches take; expected cc, nrpn, bend or pressure"
    if (control.min is not None or control.max is not None) and isinstance(param, (Switch, Choice)):
        return " has a range, which only numbers take"
    for key, value in (("min", control.min), ("max", control.max)):
        if isinstance(param, Numeric) and value is not None and not param.min <= value <= param.max:
            return f" has {key} {show(value, param.unit)}; {where} takes {param.range()}"
    return None


def _value_fault(where: str, value: Any, nodes: Mapping[str, GraphNode]) -> str | None:
    try:
        param = target(where, nodes)
    except ValueError as error:
        return str(error)
    try:
        if param is not None:
            parsed(param, value)
    except ValueError as error:
        return f" {error}"
    return None


def _macro(name: str, macro: Expose, nodes: Mapping[str, GraphNode]) -> list[Problem]:
    where, problems = place("expose", name), []
    params: dict[str, Numeric] = {}
    for path in macro.params:
        try:
            param = target(path, nodes)
        except ValueError as error:
            problems.append(Problem(f"{where}.params", f"{path}{error}"))
            continue
        if path in params:
            problems.append(Problem(f"{where}.params", f"{path} is there twice; take one out"))
        elif isinstance(param, Numeric):
            params[path] = param
        elif param is not None:
            problems.append(Problem(f"{where}.params", f"{path} is no number; a macro moves numbers"))
    if not params:
        return problems
    first = next(iter(params.values()))
    low = first.min if macro.min is None else macro.min
    high = first.max if macro.max is None else macro.max
    unit = first.unit if macro.unit is None else macro.unit
    warp = macro.warp or first.warp
    if not low < high:
        problems.append(Problem(where, f" goes from {show(low)} to {show(high, unit)}; expected min below max"))
    elif warp == "exp" and low <= 0.0:
        problems.append(Problem(f"{where}.min", f" is {show(low, unit)}; expected above 0 where warp is 'exp'"))
    for path, param in params.items():
        for key, value in (("min", macro.min), ("max", macro.max)):
            if param.unit == unit and value is not None and not param.min <= value <= param.max:
                problems.append(Problem(f"{where}.{key}", f" is {show(value, unit)}; {path} takes {param.range()}"))
    return problems
