"""Messages and numbers on their way: control nodes run, their words reach who listens, generators get their state."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from graphflow.core.declare import Numeric
from graphflow.core.difference import Difference
from graphflow.core.graph import Graph
from graphflow.core.messages import Signal
from graphflow.core.node import ControlNode
from graphflow.session.control_loop import ControlLoop
from graphflow.session.messages import Post, fitted, worker_state
from graphflow.session.parts import Parts
from graphflow.session.transport import Transport
from graphflow.worker.events import WorkerError

SIGNAL_GLIDE = 0.02
"""Seconds in which a control node's number reaches a new value on the audio thread."""


class Flow:
    """What control nodes and generators hear. `graph` and `transport` are the session's, set when they change.

    `takers` are services beside the graph, by name, that take what nodes tell them.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, parts: Parts, rate: int, folder: Path, report: Callable[[str], None]
    ) -> None:
        self.graph = Graph()
        self._parts, self._rate, self._report = parts, rate, report
        self._control = ControlLoop(loop, self._sent, report, rate, folder)
        self._post = Post()
        self.takers = self._control.takers
        self._nodes: dict[str, ControlNode] = {}
        self._stale: set[str] = set()  # generators whose state has to be sent
        self._refused: set[str] = set()  # those that did not take it
        self._published = self.transport
        self._tapped: dict[tuple[str, str], float] = {}
        self._unsent: dict[tuple[str, str], float] = {}  # signals for which the engine had no room

    @property
    def transport(self) -> Transport:
        return self._control.transport

    @transport.setter
    def transport(self, transport: Transport) -> None:
        self._control.transport = transport

    def folder(self, folder: Path) -> None:
        """The files that control nodes name are looked for there."""
        self._control.folder = folder

    def enter(self, outside: str, message: Any, frame: int = 0) -> None:
        """A message of a service beside the graph, for every node that listens to it."""
        self._control.enter(outside, message, frame)

    def mute(self, names: frozenset[str]) -> None:
        """The nodes that are muted from now on: their notes are let go of, and none are heard from them."""
        for name, inlet in self._post.mute(names):
            self.hear(name, inlet)

    def go_over(self, graph: Graph, change: Difference) -> None:
        """The graph has changed: end what is gone, begin what is new."""
        for name in (*change.removed, *change.replaced):
            self._end(name)
        self.graph = graph
        self._post.rewire(graph)
        for name in (*change.added, *change.replaced):
            self._begin(name)

    def hear_anew(self, change: Difference) -> None:
        """After `go_over`: bring what has changed on wires and in literals to where it is heard."""
        for wire in change.cut:  # what came by it is forgotten
            self._tapped.pop((wire.dest, wire.inlet), None)
        for name, inlet in {(w.dest, w.inlet) for w in (*change.joined, *change.cut)} | set(change.literals):
            self.hear(name, inlet)

    def driver(self, node: str, param: str) -> str:
        """The name of the node that drives a param, or nothing."""
        return self._post.driver(node, param)

    def say(self, node: str, inlet: str, message: Any) -> None:
        """Have an inlet hear this beside what is wired into it; None: nothing any more."""
        self._post.say(node, inlet, message)
        self.hear(node, inlet)

    def stale(self) -> None:
        """Every generator has to be told its state again."""
        self._stale |= set(self._parts.generators)

    def look(self, frame: int) -> None:
        """Bring everything up to a frame: wake sleepers, read signals, tell generators. Never waits."""
        self._control.advance(frame)
        for (name, outlet), number in list(self._unsent.items()):
            instance = self._parts.instances.get(name)
            if instance is None or outlet not in instance.records or self._parts.engine.set(instance, outlet, number):
                del self._unsent[name, outlet]
        self._read_taps()
        self.publish(frame)

    async def settle(self) -> None:
        """Return when every control node waits."""
        await self._control.settle()

    def close(self) -> None:
        self._control.close()

    def __str__(self) -> str:
        return f"{self._control}, {len(self._unsent)} numbers wait for the engine"

    def _end(self, name: str) -> None:
        """A node of this name is gone, or begins anew: what it sent and was sent no longer counts."""
        self._post.forget(name)
        self._tapped = {end: v for end, v in self._tapped.items() if end[0] != name}
        node = self._nodes.pop(name, None)
        if node is not None:
            self._control.stop(node)

    def _begin(self, name: str) -> None:
        built = self.graph.nodes[name]
        if built.spec is None:
            return
        if built.spec.room == "control":
            values = {**built.params, **built.settings, **{n: self._post.inlet(name, n) for n in built.spec.inlets}}
            for param, declared in built.spec.params.items():
                driven = fitted(declared, self._post.driven(name, param))
                values[param] = values[param] if driven is None else driven
            cls: Any = built.spec.cls
            node: ControlNode = cls(name, values, self._control)
            self._nodes[name] = node
            self._control.start(node)
        self._stale.add(name)

    def give(self, name: str, what: str, value: Any, frame: int = 0) -> None:
        """A param or an inlet of a control or worker node has a new value."""
        node = self._nodes.get(name)
        if node is not None:
            if node._values.get(what) != value:
                node._values[what] = value
                self._control.change(node, what, value, frame)
        else:
            self._stale.add(name)

    def _sent(self, node: ControlNode, outlet: str, sent: Any, frame: int, glide: float | None) -> None:
        """A control node has sent something."""
        wires = self._post.put(node.name, outlet, sent)
        if node.spec.outlets[outlet].type is Signal and node.name in self._parts.instances:
            number = float(sent)
            if math.isfinite(number):
                frames = round((SIGNAL_GLIDE if glide is None else glide) * self._rate)
                instance = self._parts.instances[node.name]
                # a queue that is full must not swallow the end of a note
                if self._parts.engine.set(instance, outlet, number, frame=frame, glide=frames):
                    self._unsent.pop((node.name, outlet), None)
                else:
                    self._unsent[node.name, outlet] = number
        for wire in wires:
            self.hear(wire.dest, wire.inlet, frame)

    def hear(self, name: str, inlet: str, frame: int = 0) -> None:
        """Something has changed on the wires into an inlet or a param; it counts from a frame (0: now)."""
        built = self.graph.nodes.get(name)
        if built is None or built.spec is None or built.spec.room == "audio":
            return
        if inlet in built.spec.inlets:
            self.give(name, inlet, self._post.inlet(name, inlet), frame)
        elif inlet in built.spec.params:
            value = fitted(built.spec.params[inlet], self._post.driven(name, inlet))
            if value is not None:
                self.give(name, inlet, value, frame)
            elif not self._post.driver(name, inlet):
                self.give(name, inlet, built.params[inlet])

    def _read_taps(self) -> None:
        """Signals that drive params of control nodes and generators: their latest value, once per look."""
        for name, instance in self._parts.instances.items():
            for param, place in instance.taps.items():
                value = float(place[0])
                if value != value or self._tapped.get((name, param)) == value or not self._post.driver(name, param):
                    continue
                self._tapped[name, param] = value
                declared = instance.spec.params[param]
                if isinstance(declared, Numeric):
                    self._give_driven(name, param, declared.clip(value))

    def _give_driven(self, name: str, param: str, value: float) -> None:
        if name in self._parts.generators:
            self._tapped[name, param] = value
            self._stale.add(name)
        self.give(name, param, value)

    def publish(self, frame: int) -> None:
        """Send generators their state where it has changed."""
        clock = self.transport.at(frame)
        if clock != self._published:  # a tempo that was set for later counts from here
            self._published = clock
            self.stale()
        for name in sorted(self._stale):
            link = self._parts.generators.get(name)
            if link is None:
                continue
            built = self.graph.nodes[name]
            spec = built.spec
            assert spec is not None  # a placeholder has no generator
            values = dict(built.params)
            for param in spec.params:
                if not self._post.driver(name, param):
                    continue
                by_wire = fitted(spec.params[param], self._post.driven(name, param))
                tapped = self._tapped.get((name, param))
                if by_wire is None and tapped is not None:
                    declared = spec.params[param]
                    by_wire = declared.clip(tapped) if isinstance(declared, Numeric) else None
                values[param] = values[param] if by_wire is None else by_wire
            inlets = {n: self._post.inlet(name, n) for n in spec.inlets}
            if "seed" in values:  # another seed for the whole render is another seed for each generator
                values["seed"] += self._parts.engine.seed
            try:
                link.publish(worker_state(spec, values, inlets, clock.data()), frame)
                self._refused.discard(name)
            except WorkerError as error:  # it plays on as it was
                if name not in self._refused:
                    self._report(str(error))
                self._refused.add(name)
        self._stale.clear()
