"""A patch as data: what its text says, checked for shape but not yet against the nodes that exist."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import Any

from graphflow.core.declare import Setting, Warp
from graphflow.core.midi import ACTIONS, Control
from graphflow.core.units import show
from graphflow.core.wires import without_node

FORMAT = 1
"""The newest patch format; older ones are migrated when they are read."""

ENGINE = {
    "rate": Setting(48_000, "Frames per second.", "Hz", min=8_000, max=192_000),
    "block": Setting(128, "Frames made in one go.", min=16, max=1_024),
    "fade": Setting(20.0, "How long an edit fades.", "ms", min=0.0, max=10_000.0),
    "quant": Setting("now", "What an edit waits for.", choices=("now", "beat", "bar")),
}
"""The keys of [engine]."""

TRANSPORT = {
    "tempo": Setting(120.0, "Beats per minute; without it the tempo follows the music.", "bpm", min=20.0, max=400.0),
    "beats_per_bar": Setting(4, "Beats in a bar.", min=1, max=32),
    "follow": Setting("own", "Whose tempo counts: its own, or the clock of a MIDI device.", choices=("own", "midi")),
}
"""The keys of [transport]."""


@dataclass(frozen=True)
class Transport:
    """The patch's clock. `tempo` in bpm; None: no tempo is given, so it follows the music.

    `follow`: own, or midi, where a MIDI clock counts for as long as there is one.
    """

    tempo: float | None = None
    beats_per_bar: int = 4
    follow: str = "own"

    def __str__(self) -> str:
        tempo = "no tempo" if self.tempo is None else show(self.tempo, "bpm")
        follows = ", follows the MIDI clock" if self.follow == "midi" else ""
        return f"{tempo}, {self.beats_per_bar} beats per bar{follows}"


@dataclass(frozen=True)
class EngineSettings:
    """How the patch is played: `rate` in Hz, `block` in frames, `fade` in ms, `quant` now, beat or bar."""

    rate: int = 48_000
    block: int = 128
    fade: float = 20.0
    quant: str = "now"

    def __str__(self) -> str:
        return f"{show(self.rate, 'Hz')}, block {self.block}, fade {show(self.fade, 'ms')}, quant {self.quant}"


@dataclass(frozen=True)
class PatchNode:
    """One node as written: its kind, and what is set (params, settings, inlet literals, x- keys) in written order."""

    kind: str
    values: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Expose:
    """A macro: one control for several params. None: as the first param has it.

    `glide` in ms: how long its params are on their way to where it was moved.
    """

    params: tuple[str, ...]
    min: float | None = None
    max: float | None = None
    warp: Warp | None = None
    unit: str | None = None
    glide: float = 0.0


@dataclass(frozen=True)
class Patch:
    """A patch, as its text says it.

    `wires` are texts such as "dusk -> blend.a -> band"; `scenes` map "node.param" to a value; `midi` maps what a
    control turns to the control, by section: params, macros, scenes; `meta` is free, and `extra` holds the keys that
    begin with x- at the top of the file.
    """

    format: int = FORMAT
    title: str = ""
    wires: tuple[str, ...] = ()
    nodes: dict[str, PatchNode] = field(default_factory=dict)
    transport: Transport = Transport()
    engine: EngineSettings = EngineSettings()
    expose: dict[str, Expose] = field(default_factory=dict)
    scenes: dict[str, dict[str, Any]] = field(default_factory=dict)
    midi: dict[str, dict[str, Control]] = field(default_factory=dict)
    meta: dict[str, Any] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        lines = [f"patch {self.title!r}" if self.title else "patch"]
        lines += [f"  {name} = {_call(node)}" for name, node in self.nodes.items()]
        lines += [f"  {wire}" for wire in self.wires]
        return "\n".join(lines)

    def with_node(self, name: str, kind: str, **values: Any) -> Patch:
        """With a node added, or in the place of the one of that name."""
        return replace(self, nodes={**self.nodes, name: PatchNode(kind, values)})

    def without_node(self, name: str) -> Patch:
        """Without the node, its wires, and its places in scenes, macros and [midi]; its neighbours are not joined."""
        scenes = {
            scene: {place: value for place, value in values.items() if place.partition(".")[0] != name}
            for scene, values in self.scenes.items()
        }
        expose = {
            macro: replace(e, params=tuple(p for p in e.params if p.partition(".")[0] != name))
            for macro, e in self.expose.items()
        }
        return replace(
            self,
            nodes={n: node for n, node in self.nodes.items() if n != name},
            wires=without_node(self.wires, name),
            scenes=scenes,
            expose={macro: e for macro, e in expose.items() if e.params},
        ).with_whole_midi()

    def with_value(self, node: str, key: str, value: Any) -> Patch:
        """With a node's param, setting or inlet literal set; None takes it out, so that its default counts."""
        old = self.nodes[node]
        values = {k: v for k, v in old.values.items() if k != key} if value is None else {**old.values, key: value}
        return replace(self, nodes={**self.nodes, node: PatchNode(old.kind, values)})

    def with_control(self, section: str, target: str, control: Control | None) -> Patch:
        """With what turns a param, moves a macro or calls a scene, by section and name; None: nothing does."""
        kept = {t: c for t, c in self.midi.get(section, {}).items() if t != target}
        table = kept if control is None else {**self.midi.get(section, {}), target: control}
        return replace(self, midi={s: t for s, t in {**self.midi, section: table}.items() if t})

    def with_whole_midi(self) -> Patch:
        """Without controls of nodes, macros and scenes that are gone."""
        here: dict[str, Collection[str]] = {
            "params": self.nodes,
            "macros": self.expose,
            "scenes": self.scenes,
            "actions": ACTIONS,
            "mutes": self.nodes,
        }
        midi = {
            section: {t: c for t, c in table.items() if t.partition(".")[0] in here[section]}
            for section, table in self.midi.items()
        }
        return replace(self, midi={section: table for section, table in midi.items() if table})

    def with_wires(self, *wires: str) -> Patch:
        """With wires added after the others."""
        return replace(self, wires=(*self.wires, *wires))


def _call(node: PatchNode) -> str:
    return f"{node.kind}({', '.join(f'{key}={value!r}' for key, value in node.values.items())})"
