"""The three kinds of node, told apart by where their code runs, and what a class states about itself."""

from __future__ import annotations

import inspect
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Protocol

from graphflow.core.arrivals import Arrival, Beats
from graphflow.core.declare import (
    AudioIn,
    AudioOut,
    Choice,
    Coefficient,
    Declaration,
    DeviceIn,
    DeviceOut,
    Held,
    Inlet,
    Numeric,
    Outlet,
    Param,
    Ramp,
    Setting,
    SoundFile,
    State,
    Switch,
    Tape,
    reject,
)

RESERVED = ("rate", "frame", "block", "engine_rate")
"""Names `tick`, `process` and `coefficients` may take besides what the class declares.

`rate` and `engine_rate` are the same; a class may declare a param `rate` of its own (an LFO's), which hides the first.
"""


@dataclass(frozen=True)
class Spec:
    """Everything a node class declares, in order; the only source for loader, REPL, OSC, docs and errors.

    What is sorted out of it is kept: a plan of a thousand nodes asks for it tens of thousands of times.
    """

    kind: str
    family: str
    doc: str
    cls: type
    file: Path
    declarations: dict[str, Declaration] = field(default_factory=dict)

    def _of(self, *types: type) -> dict[str, Any]:
        return {name: d for name, d in self.declarations.items() if isinstance(d, types)}

    @cached_property
    def audio_ins(self) -> dict[str, AudioIn]:
        """Audio ins that take wires."""
        return {n: d for n, d in self._of(AudioIn).items() if not isinstance(d, DeviceIn)}

    @cached_property
    def audio_outs(self) -> dict[str, AudioOut]:
        """Audio outs that give wires."""
        return {n: d for n, d in self._of(AudioOut).items() if not isinstance(d, (DeviceOut, Tape))}

    @cached_property
    def device_ins(self) -> dict[str, DeviceIn]:
        return self._of(DeviceIn)

    @cached_property
    def device_outs(self) -> dict[str, DeviceOut]:
        return self._of(DeviceOut)

    @cached_property
    def tapes(self) -> dict[str, Tape]:
        return self._of(Tape)

    @cached_property
    def inlets(self) -> dict[str, Inlet]:
        return self._of(Inlet)

    @cached_property
    def outlets(self) -> dict[str, Outlet]:
        return self._of(Outlet)

    @cached_property
    def params(self) -> dict[str, Param]:
        return self._of(Param)

    @cached_property
    def numeric(self) -> dict[str, Numeric]:
        return self._of(Numeric)

    @cached_property
    def settings(self) -> dict[str, Setting]:
        return self._of(Setting)

    @cached_property
    def sound_files(self) -> dict[str, SoundFile]:
        return self._of(SoundFile)

    @cached_property
    def states(self) -> dict[str, State]:
        return self._of(State)

    @cached_property
    def coefficients(self) -> dict[str, Coefficient]:
        return self._of(Coefficient)

    @cached_property
    def room(self) -> str:
        """Where the node's own code runs: audio, control or worker."""
        for base, room in ((AudioNode, "audio"), (ControlNode, "control"), (WorkerNode, "worker")):
            if issubclass(self.cls, base):
                return room
        raise reject(self.cls, "is no AudioNode, ControlNode or WorkerNode")


def snake(name: str) -> str:
    """PromptCrossfade -> prompt_crossfade."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", name).lower()


class Node:
    """A kind of node. Subclass AudioNode, ControlNode or WorkerNode."""

    spec: ClassVar[Spec]
    latency: ClassVar[int] = 0
    """Frames from audio in to audio out; parallel branches are aligned by it."""
    tail: ClassVar[float] = 0.0
    """Seconds the node rings on after it is removed."""
    breaks_loop: ClassVar[bool] = False
    """True for a node whose out lags its in by at least a block, so that a loop through it can be played."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if cls.__module__ == __name__:
            return
        declarations: dict[str, Declaration] = {}
        for owner in reversed(cls.__mro__):
            declarations.update({n: d for n, d in vars(owner).items() if isinstance(d, Declaration)})
        if issubclass(cls, AudioNode):
            has_in = any(isinstance(d, AudioIn) and not isinstance(d, DeviceIn) for d in declarations.values())
            ends = (DeviceOut, Tape)
            has_out = any(isinstance(d, AudioOut) and not isinstance(d, ends) for d in declarations.values())
            if has_in and has_out and not cls.breaks_loop and "bypass" not in declarations:
                bypass = Ramp(0.0, "How much of the input goes past the node untouched.")
                bypass.name = "bypass"
                declarations["bypass"] = bypass
        for name, declaration in declarations.items():
            if not re.fullmatch(r"[a-z][a-z0-9_]*", name):
                raise reject(cls, f"{name} is no name; expected small letters, digits and _")
            if name in (*RESERVED, "kind") and name != "rate":
                raise reject(cls, f"{name} is a reserved name; choose another")
            if wrong := declaration.check():
                raise reject(cls, f"{name} {wrong}")
        try:
            file = Path(inspect.getfile(cls))
        except (OSError, TypeError):  # typed into a REPL: no file
            file = Path("<typed>")
        cls.spec = Spec(
            kind=snake(cls.__name__),
            family=file.parent.name,
            doc=inspect.cleandoc(cls.__doc__ or ""),
            cls=cls,
            file=file,
            declarations=declarations,
        )
        cls._check()

    @classmethod
    def _check(cls) -> None:
        """Raise DeclarationError where the class contradicts itself."""


def argument_names(function: Callable[..., Any]) -> list[str]:
    return list(inspect.signature(function).parameters)


class AudioNode(Node):
    """A node that makes or changes sound, compiled to native code. Has `tick` or `process`.

    `tick` is one frame of one channel: a pure function of what the class declares, by name, and `rate` (Hz) and
    `frame` (absolute); it returns the outs, then the new states, in declared order. `process` is one block: `block`
    (frames), arrays [channels, frames] float32 for ins, outs (to be filled) and ramps [frames], numbers for held
    params, and state arrays to be changed in place; it returns nothing. `native = False`: `process` is called in a
    Python thread of its own, with the latency that costs.

    A node that breaks loops has `send` and `receive` in place of `process`: `receive` fills the outs at the start
    of a block and `send` takes the ins at its end.
    """

    native: ClassVar[bool] = True

    @classmethod
    def _check(cls) -> None:
        spec = cls.spec
        forms = [name for name in ("tick", "process", "send", "receive") if hasattr(cls, name)]
        expected = ["send", "receive"] if cls.breaks_loop else ["process"] if "process" in forms else ["tick"]
        if forms != expected:
            raise reject(cls, f"has {' and '.join(forms) or 'no code'}; expected {' and '.join(expected)}")
        known = {*spec.declarations, *RESERVED}
        for form in forms:
            for name in argument_names(getattr(cls, form)):
                if name not in known:
                    raise reject(cls, f"{form} takes '{name}', which is not declared")
        if forms == ["tick"]:
            lines = [name for name, state in spec.states.items() if state.is_line]
            if lines:
                raise reject(cls, f"tick cannot hold the line '{lines[0]}'; write process instead")
        if spec.coefficients:
            if not hasattr(cls, "coefficients"):
                raise reject(cls, "declares coefficients; expected a static method 'coefficients'")
            allowed = {*spec.numeric, *spec.params, *spec.settings, "rate", "engine_rate"}
            for name in argument_names(getattr(cls, "coefficients")):  # noqa: B009 - mypy cannot know it
                if name not in allowed:
                    raise reject(cls, f"coefficients takes '{name}'; expected params, settings or rate")


class ControlHost(Protocol):
    """What runs control nodes: the session's loop, or the offline render's."""

    folder: Path

    @property
    def frame(self) -> int: ...
    @property
    def rate(self) -> float: ...
    @property
    def transport(self) -> Beats: ...
    def send(
        self, node: ControlNode, outlet: str, message: Any, *, frame: int = 0, glide: float | None = None
    ) -> None: ...
    def arrivals(self, node: ControlNode, outside: tuple[str, ...]) -> AsyncIterator[tuple[Arrival, ...]]: ...
    def tell(self, node: ControlNode, outside: str, message: Any, frame: int) -> bool: ...
    def report(self, node: ControlNode, problem: str) -> None: ...
    def changes(self, node: ControlNode) -> AsyncIterator[frozenset[str]]: ...
    async def sleep(self, node: ControlNode, seconds: float) -> None: ...
    async def blocking(self, node: ControlNode, function: Callable[..., Any], *arguments: Any) -> Any: ...


class ControlNode(Node):
    """A node that thinks about messages; its `run` lives in the session's asyncio thread."""

    def __init__(self, name: str, values: dict[str, Any], host: ControlHost) -> None:
        self.name = name
        self._values = values
        self._host = host

    async def run(self) -> None:
        """The node's life; ends when the node is removed."""
        raise NotImplementedError  # each kind says what it does

    def changes(self) -> AsyncIterator[frozenset[str]]:
        """Once at the start, then whenever a param or an inlet has changed: the names of what has."""
        return self._host.changes(self)

    def arrivals(self, *outside: str) -> AsyncIterator[tuple[Arrival, ...]]:
        """Nothing at the start, then whatever has come since: each change by itself, in order, with its frame.

        `changes` tells what is otherwise than before; this also what it was in between, as notes need it. `outside`
        names services beside the graph, like "midi", whose messages come along.
        """
        return self._host.arrivals(self, outside)

    def tell(self, outside: str, message: Any, *, frame: int = 0) -> bool:
        """Hand a message to a service beside the graph, to leave at a frame; False where it does not run."""
        return self._host.tell(self, outside, message, frame)

    @property
    def frame(self) -> int:
        """How far the graph has come, in frames."""
        return self._host.frame

    @property
    def rate(self) -> float:
        """Frames per second."""
        return self._host.rate

    @property
    def transport(self) -> Beats:
        """Bars and beats."""
        return self._host.transport

    @property
    def folder(self) -> Path:
        """The patch's folder, where the names of files begin."""
        return self._host.folder

    def report(self, problem: str) -> None:
        """Tell the user one line, which goes on from `nodes.NAME`; the node lives on."""
        self._host.report(self, problem)

    async def sleep(self, seconds: float) -> None:
        """Wait on the graph's clock, which in a render is not the wall's."""
        await self._host.sleep(self, seconds)

    async def blocking(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Run what takes long in a thread, so that nobody else waits."""
        return await self._host.blocking(self, function, *arguments)


class WorkerNode(Node):
    """A generator: a model in a process of its own, whose sound comes back through a ring.

    It may have one audio in; what is wired there reaches the model through a ring of its own.
    """

    generator: ClassVar[str] = ""
    """The folder in graphflow/models that makes the sound."""

    @classmethod
    def _check(cls) -> None:
        if not cls.generator:
            raise reject(cls, "names no generator")
        ins = [*cls.spec.audio_ins, *cls.spec.device_ins]
        if cls.spec.device_ins:
            raise reject(cls, f"has the device in {ins[-1]}; declare an AudioIn and wire an input node there")
        if len(ins) > 1:
            raise reject(cls, f"has the audio ins {' and '.join(ins)}; expected one: sounds wired into one in add")


__all__ = [
    "AudioNode",
    "Choice",
    "ControlHost",
    "ControlNode",
    "Held",
    "Node",
    "Spec",
    "Switch",
    "WorkerNode",
    "argument_names",
    "snake",
]
