"""The live values of params: what each is, was meant to be, will be later, or is on its way to."""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any

from graphflow.core.declare import Numeric, Param, Switch
from graphflow.core.errors import UserError, did_you_mean
from graphflow.core.graph import Graph, GraphNode
from graphflow.core.literals import parsed
from graphflow.core.patch import Patch
from graphflow.core.targets import target
from graphflow.session.flow import Flow
from graphflow.session.morph import End, Goal, Morph
from graphflow.session.parts import Parts

Moved = Callable[[str, str, Any], None]
"""Told the node, the param and the value of what was set outside the audio thread."""


class Values:
    """Sets params and brings their values to where the nodes run. `tell` gets a line where one gets lost."""

    def __init__(self, parts: Parts, flow: Flow, tell: Callable[[str], None], moved: Moved) -> None:
        self.graph = Graph()
        """Every value as it was last set, by whomever."""
        self._engine, self._parts, self._flow, self._tell, self._moved = parts.engine, parts, flow, tell, moved
        self._meant: dict[End, Any] = {}
        self._morphs: list[Morph] = []
        self._later: list[tuple[int, int, str, str, Any]] = []
        self._order = itertools.count()

    # --- one value ----------------------------------------------------------------------------------------------------

    def node(self, name: str) -> GraphNode:
        """Raises UserError with a suggestion."""
        if name not in self.graph.nodes:
            raise UserError(f"no node is called {name!r}{did_you_mean(name, self.graph.nodes)}")
        return self.graph.nodes[name]

    def find(self, node: str, param: str) -> tuple[GraphNode, Param]:
        """A node and its param. Raises UserError with one line."""
        built = self.node(node)
        if built.spec is None or param not in built.spec.params:
            known = built.spec.params if built.spec else ()
            raise UserError(f"nodes.{node}: {built.kind} has no {param!r}{did_you_mean(param, known)}")
        return built, built.spec.params[param]

    def get(self, node: str, param: str) -> Any:
        """What a param was last set to. Raises UserError."""
        return self.find(node, param)[0].params[param]

    def set(self, node: str, param: str, value: Any, *, frame: int = 0, clip: bool = False) -> str:
        """Set a param at a frame (0: now); the rest as `Session.set` says."""
        built, declared = self.find(node, param)
        try:
            value = declared.parse(brought_in(declared, value) if clip else value)
        except ValueError as error:
            raise UserError(f"nodes.{node}.{param} {error}") from error
        if frame > self._engine.frame and built.spec is not None and built.spec.room != "audio":
            # the audio thread keeps what is for later by itself
            heapq.heappush(self._later, (frame, next(self._order), node, param, value))
        else:
            self.leave((node, param))
            built.params[param] = value
            self.apply(node, param, value, frame)
        driver = self._flow.driver(node, param)
        return f"driven by {driver}" if driver else ""

    def apply(self, name: str, param: str, value: Any, frame: int = 0) -> None:
        """Bring a param's value to where the node runs."""
        if name not in self._parts.instances:
            return
        instance = self._parts.instances[name]
        if instance.spec.room == "audio":
            if param in instance.records and not self._engine.set(instance, param, value, frame=frame):
                self._tell(f"nodes.{name}.{param}: too many changes at once; some are lost")
        elif not self._flow.driver(name, param):
            self._flow.give(name, param, value)
            self._moved(name, param, value)

    # --- on the way ---------------------------------------------------------------------------------------------------

    def parted(self, values: Mapping[str, Any], glides: bool) -> tuple[dict[End, Goal], dict[End, Any]]:
        """Values by `node.param` as those that can glide, each from where it is, and those that are set at once.

        Raises UserError.
        """
        goals: dict[End, Goal] = {}
        at_once: dict[End, Any] = {}
        for path, written in values.items():
            node, _, param = path.partition(".")
            try:
                declared = target(path, self.graph.nodes)
                if declared is None:
                    continue
                value = parsed(declared, written)
            except ValueError as error:
                raise UserError(f"{path}{error if str(error).startswith((' ', ':')) else f' {error}'}") from error
            if isinstance(declared, Numeric) and glides:
                goals[node, param] = declared, self.get(node, param), value
            else:
                at_once[node, param] = value
        return goals, at_once

    def glide(self, goals: Mapping[End, Goal], frames: int, frame: int) -> None:
        """Bring numbers to their goals within so many frames, from a frame on (0: now)."""
        for end in goals:
            self.leave(end)
        if goals:
            self._morphs.append(Morph.to(goals, max(frame, self._engine.frame), frames))

    def goals(self, end: End) -> list[float]:
        """Where a param is on the way to."""
        return [goal for morph in self._morphs if (goal := morph.goal(end)) is not None]

    def leave(self, end: End) -> None:
        """Somebody has set this param: it goes its own way."""
        for morph in self._morphs:
            morph.drop(end)

    def look(self, frame: int) -> None:
        """Bring everything up to a frame."""
        while self._later and self._later[0][0] <= frame:
            _, _, node, param, value = heapq.heappop(self._later)
            if node in self.graph.nodes and param in self.graph.nodes[node].params:
                try:
                    self.set(node, param, value, clip=True)
                except UserError as error:  # the node has become another kind meanwhile
                    self._tell(str(error))
        for morph in self._morphs:
            morph.look(frame, lambda end, value, morph=morph: self._put(morph, end, value))  # type: ignore[misc]
        self._morphs = [morph for morph in self._morphs if not morph.over(frame)]

    def _put(self, morph: Morph, end: End, value: float) -> None:
        name, param = end
        node = self.graph.nodes.get(name)
        if node is None or param not in node.params:
            morph.drop(end)
        elif node.params[param] != value:
            node.params[param] = value
            self.apply(name, param, value)

    # --- what is meant, and what is left ------------------------------------------------------------------------------

    def keep(self, graph: Graph, by_hand: Collection[End]) -> dict[End, Any]:
        """Put into a new graph the values that were set since, where its patch says what it said before.

        Returns what the graph's patch means; `go_over` takes it.
        """
        meant = {(name, param): value for name, node in graph.nodes.items() for param, value in node.params.items()}
        for name, node in graph.nodes.items():
            was = self.graph.nodes.get(name)
            if was is None or node.spec is None or was.kind != node.kind:
                continue
            for param, declared in node.spec.params.items():
                end, means = (name, param), node.params[param]
                if end not in self._meant or end in by_hand or means != self._meant[end]:
                    continue
                if param in was.params and was.params[param] == means:  # nobody has moved it
                    continue
                try:
                    node.params[param] = parsed(declared, was.params[param])
                except (KeyError, ValueError):  # the kind was changed, and takes it no more
                    continue
        return meant

    def go_over(self, graph: Graph, meant: dict[End, Any]) -> None:
        """This graph plays now."""
        self.graph, self._meant = graph, meant

    def mean(self, end: End, value: Any) -> None:
        """The patch says so from now on."""
        self._meant[end] = value

    def left(self, patch: Patch) -> Patch:
        """The patch that plays, with the values that controllers have left."""
        for (name, param), meant in self._meant.items():
            node = self.graph.nodes[name]
            value = node.params[param]
            if value != meant and node.spec is not None:
                default = node.spec.params[param].default  # what is as it would be anyway is not written
                patch = patch.with_value(name, param, None if value == default else value)
        return patch

    def __str__(self) -> str:
        return f"{len(self._later)} values for later, {len(self._morphs)} morphs on their way"


def brought_in(declared: Param, value: Any) -> Any:
    """A controller's number brought into the range of what it moves; anything else as it is."""
    if isinstance(declared, Numeric) and isinstance(value, (int, float)) and math.isfinite(value):
        return declared.clip(float(value))
    if isinstance(declared, Switch) and isinstance(value, (int, float)):
        return value >= 0.5
    return value
