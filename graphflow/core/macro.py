"""A macro's value as the values of its params."""

from __future__ import annotations

from collections.abc import Mapping

from graphflow.core.declare import Numeric
from graphflow.core.patch import Expose


def macro_range(macro: Expose, first: Numeric) -> Numeric:
    """The macro's own range: what it says, and for the rest its first param's."""
    return Numeric(
        first.default,
        unit=first.unit if macro.unit is None else macro.unit,
        min=first.min if macro.min is None else macro.min,
        max=first.max if macro.max is None else macro.max,
        warp=macro.warp or first.warp,
    )


def macro_values(macro: Expose, params: Mapping[str, Numeric], value: float) -> dict[str, float]:
    """What each param becomes: the macro's value where unit and range are the same, else the same place of its own.

    `params` are the macro's numbers by `node.param`, in its order; a value out of range is brought into it.
    """
    if not params:
        return {}
    own = macro_range(macro, next(iter(params.values())))
    value = own.clip(value)
    values = {}
    for path, param in params.items():
        same = param.unit == own.unit and param.min <= own.min and own.max <= param.max
        values[path] = value if same else param.value_at(own.norm(value))
    return values


def macro_value(macro: Expose, first: Numeric, value: float) -> float:
    """Where a macro stands when its first param has this value: what `macro_values` would have been given."""
    own = macro_range(macro, first)
    same = first.unit == own.unit and first.min <= own.min and own.max <= first.max
    return own.clip(value) if same else own.value_at(first.norm(value))
