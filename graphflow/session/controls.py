"""What faces move while it plays: params, scenes, macros and prompts. The patch's nodes and wires stay as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from graphflow.core.declare import Numeric, Param
from graphflow.core.errors import UserError, did_you_mean
from graphflow.core.graph import Graph, GraphNode
from graphflow.core.names import name_fault
from graphflow.core.patch import Expose, Patch
from graphflow.core.prompts import Slot
from graphflow.session.flow import Flow
from graphflow.session.macros import Macros
from graphflow.session.prompts import Prompts
from graphflow.session.scenes import chosen, values_now
from graphflow.session.values import Values


class Controls:
    """The part of a session that a controller moves. Use it from the session's thread."""

    rate: int
    patch: Patch
    play: Callable[..., Any]
    """Goes over to a patch: the session's."""
    _values: Values
    _macros: Macros
    _prompts: Prompts
    _flow: Flow
    _remember: Callable[..., Any]

    @property
    def graph(self) -> Graph:
        """What is: every value as it was last set, by whomever."""
        return self._values.graph

    def find(self, node: str, param: str) -> tuple[GraphNode, Param]:
        """A node and its param. Raises UserError with one line."""
        return self._values.find(node, param)

    def get(self, node: str, param: str) -> Any:
        """What a param was last set to. Raises UserError."""
        return self._values.get(node, param)

    def set(self, node: str, param: str, value: Any, *, frame: int = 0, clip: bool = False) -> str:
        """Give a live param a value, at a frame (0: now). Returns "", or `driven by sway` while a wire drives it.

        `clip`: a number out of range is brought into it (controllers), else it is refused. Raises UserError.
        """
        return self._values.set(node, param, value, frame=frame, clip=clip)

    def prompt(self, node: str, slot: int, text: str | None = None, weight: float | None = None) -> None:
        """Give a generator a prompt beside what is wired into it: the words, the weight or both of a slot, 0 to 7.

        Empty words clear it. Raises UserError.
        """
        self._prompts.give(node, slot, text, weight)

    def prompts(self, node: str) -> tuple[Slot, ...]:
        """What a generator's slots hold, from slot 0 on. Raises UserError."""
        return self._prompts.of(node)

    def scene(self, name: str, seconds: float = 0.0, frame: int = 0) -> None:
        """Set everything a scene names, or glide there. Raises UserError where there is no such scene."""
        if name not in self.patch.scenes:
            raise UserError(f"no scene is called {name!r}{did_you_mean(name, self.patch.scenes)}")
        self.morph(self.patch.scenes[name], seconds, frame=frame)

    def morph(self, values: Mapping[str, Any], seconds: float, *, meant: bool = False, frame: int = 0) -> None:
        """Bring params, by `node.param`, to values: numbers glide, each along its own curve, all else is set now.

        A param that somebody sets on the way goes its own way. `meant`: the patch is to say so too, as after an edit;
        else the values are left behind as a controller's. `frame`: where it begins (0: now). Raises UserError; then
        nothing has changed.
        """
        goals, now = self._values.parted(values, seconds > 0.0)
        for (node, param), value in now.items():
            self.set(node, param, value, frame=frame)
        if meant:
            before = self.patch
            for (node, param), value in {**{end: goal[2] for end, goal in goals.items()}, **now}.items():
                self._values.mean((node, param), value)
                self.patch = self.patch.with_value(node, param, value)
            self._remember(before, "new")
        self._values.glide(goals, round(seconds * self.rate), frame)

    def store_scene(self, name: str, params: Iterable[str] | None = None) -> dict[str, Any]:
        """Write what plays now into the patch as a scene; returns what it holds. An edit like any other.

        `params`: the values to store, as `node.param`. Without: those that the scene has already; in a new one all
        that were written, set, or are moved by macros, controls and scenes. Raises UserError.
        """
        if fault := name_fault(name):
            raise UserError(f"scenes.{name} {fault}")
        paths = chosen(name, self.patch, self.graph, self._flow.driver) if params is None else params
        try:
            values = values_now(paths, self.graph)
        except ValueError as error:
            raise UserError(str(error)) from error
        self.play(replace(self.patch, scenes={**self.patch.scenes, name: values}))
        return values

    def macro(self, name: str, value: float, frame: int = 0) -> None:
        """Move a macro; each of its params goes to the same place of its own range. Raises UserError.

        Where the patch gives the macro a glide, its params are so long on their way, along their own curves.
        """
        self._macros.move(self.patch.expose, name, value, frame)

    def macro_value(self, name: str) -> float:
        """Where a macro stands: where it was moved, or, once its first param went elsewhere, where that stands.

        Raises UserError.
        """
        return self._macros.value(self.patch.expose, name)

    def macro_params(self, name: str) -> tuple[Expose, dict[str, Numeric]]:
        """A macro and the numbers that it moves, by `node.param`. Raises UserError."""
        return self._macros.params(self.patch.expose, name)
