"""Macros: one number that moves many params, each in its own range."""

from __future__ import annotations

import math
from collections.abc import Mapping

from graphflow.core.declare import Numeric
from graphflow.core.errors import UserError, did_you_mean
from graphflow.core.macro import macro_range, macro_value, macro_values
from graphflow.core.patch import Expose
from graphflow.session.morph import End, Goal
from graphflow.session.values import Values


class Macros:
    """Moves macros, and knows where they stand. `expose` is what the patch says of them."""

    def __init__(self, values: Values, rate: int) -> None:
        self._values, self._rate = values, rate
        self._moved: dict[str, tuple[float, float]] = {}  # where they were moved, and their first params with them

    def move(self, expose: Mapping[str, Expose], name: str, value: float, frame: int) -> None:
        """Move a macro, from a frame on (0: now). Raises UserError."""
        macro, params = self.params(expose, name)
        moved = macro_values(macro, params, value)
        goals: dict[End, Goal] = {}
        for path, number in moved.items():
            node, _, param = path.partition(".")
            if macro.glide:
                goals[node, param] = params[path], self._values.get(node, param), params[path].clip(number)
            else:
                self._values.set(node, param, number, frame=frame, clip=True)
        self._values.glide(goals, round(macro.glide / 1000.0 * self._rate), frame)
        if params:
            path, first = next(iter(params.items()))
            self._moved[name] = macro_range(macro, first).clip(value), first.clip(moved[path])

    def value(self, expose: Mapping[str, Expose], name: str) -> float:
        """Where a macro stands. Raises UserError."""
        macro, params = self.params(expose, name)
        if not params:
            raise UserError(f"macro {name} moves nothing that plays")
        path, first = next(iter(params.items()))
        node, _, param = path.partition(".")
        value, goal = self._moved.get(name, (0.0, math.nan))
        if goal in (self._values.get(node, param), *self._values.goals((node, param))):
            return macro_range(macro, first).clip(value)
        return macro_value(macro, first, self._values.get(node, param))

    def params(self, expose: Mapping[str, Expose], name: str) -> tuple[Expose, dict[str, Numeric]]:
        """A macro and the numbers that it moves, by `node.param`. Raises UserError."""
        if name not in expose:
            raise UserError(f"no macro is called {name!r}{did_you_mean(name, expose)}")
        macro = expose[name]
        params: dict[str, Numeric] = {}
        for path in macro.params:
            node, _, param = path.partition(".")
            declared = None if self._values.node(node).spec is None else self._values.find(node, param)[1]
            if isinstance(declared, Numeric):
                params[path] = declared
        return macro, params

    def __str__(self) -> str:
        return "\n".join(f"{name} {value:g}" for name, (value, _) in self._moved.items())
