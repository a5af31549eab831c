"""Words that are things: the transport, the scenes, the nodes by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

from graphflow.control.live.handles import Drafts, Node, Recipe, Unknown, adopt
from graphflow.control.live.plain import plain
from graphflow.control.live.shown import literal
from graphflow.control.midi.desk import roll
from graphflow.core.errors import UserError
from graphflow.core.names import instead, shown
from graphflow.core.patch import TRANSPORT
from graphflow.core.units import show

Now: TypeAlias = Callable[[Callable[[], Any]], None]
"""Has something done at once, or when the frame of an event has come."""


class TransportWord:
    """The music's clock: `transport.tempo` (bpm), `.beats_per_bar`, `.beat` and `.bar` (where it is now).

    `.stop()` lets the beats stand still and what counts them wait, `.play()` lets them go on; `.running` tells.
    """

    def __init__(self, drafts: Drafts, now: Now) -> None:
        object.__setattr__(self, "_drafts", drafts)
        object.__setattr__(self, "_now", now)

    _drafts: Drafts
    _now: Now

    def play(self) -> None:
        """transport.play(): let the beats go on from where they stand, at once."""
        self._roll(True)

    def stop(self) -> None:
        """transport.stop(): let the beats stand still, at once; what counts them waits, and the sound plays on."""
        self._roll(False)

    def _roll(self, yes: bool) -> None:
        draft = self._drafts()
        session, frame = draft.session, draft.frame or 0
        self._now(lambda: roll(session, yes, frame))

    def __getattr__(self, key: str) -> Any:
        if key.startswith("_"):
            raise AttributeError(key)
        draft = self._drafts()
        given, clock = draft.patch.transport, draft.session.transport
        beat = clock.beat_at(draft.session.engine.frame if draft.frame is None else draft.frame)
        beat = round(beat, 6) if draft.beat is None else draft.beat
        known = {
            "tempo": given.tempo,
            "beats_per_bar": given.beats_per_bar,
            "follow": given.follow,
            "beat": beat,
            "bar": int(beat // given.beats_per_bar),
            "running": clock.running,
        }
        if key not in known:
            raise Unknown(f"the transport has no {key!r}{instead(key, known)}")
        return known[key]

    def __setattr__(self, key: str, value: Any) -> None:
        if key not in TRANSPORT:
            raise UserError(f"transport.{key} cannot be set; {', '.join(TRANSPORT)} can")
        self._drafts().set_transport(key, plain(value))

    def __dir__(self) -> list[str]:
        return [*TRANSPORT, "beat", "bar", "running", "play", "stop"]

    def __repr__(self) -> str:
        draft = self._drafts()
        where = "" if draft.session.transport.tempo is None else f", beat {show(round(self.beat, 2))}"
        return f"{draft.patch.transport}{where}{'' if self.running else ', stopped'}"


class Scene:
    """Values that go together, by `node.param`."""

    def __init__(self, name: str, values: Mapping[str, Any]) -> None:
        self.name, self.values = name, dict(values)

    def __repr__(self) -> str:
        return f"scene {self.name}: {', '.join(f'{path} {literal(value)}' for path, value in self.values.items())}"


class Scenes:
    """The patch's scenes: `scenes.night`; `scenes.night = {"hall.mix": 0.5}` makes one, `del scenes.night` ends it."""

    def __init__(self, drafts: Drafts) -> None:
        object.__setattr__(self, "_drafts", drafts)

    _drafts: Drafts

    def __getattr__(self, name: str) -> Scene:
        if name.startswith("_"):
            raise AttributeError(name)
        known = self._drafts().patch.scenes
        if name not in known:
            raise Unknown(f"no scene is called {name!r}{instead(name, known)}")
        return Scene(name, known[name])

    def __setattr__(self, name: str, values: Any) -> None:
        values = values.values if isinstance(values, Scene) else values
        if not isinstance(values, Mapping):
            raise UserError(f'scenes.{name} is {shown(values)}; expected values by param, like {{"hall.mix": 0.5}}')
        self._drafts().set_scene(name, plain(dict(values)))

    def __delattr__(self, name: str) -> None:
        self._drafts().set_scene(name, None)

    def __dir__(self) -> list[str]:
        return list(self._drafts().patch.scenes)

    def __iter__(self) -> Iterator[str]:
        return iter(self._drafts().patch.scenes)

    def __repr__(self) -> str:
        known = self._drafts().patch.scenes
        return "\n".join(str(Scene(name, values)) for name, values in known.items()) or "no scenes"


class Nodes:
    """All nodes, by names that may be made up: `nodes["voice1"] = sine()`, `for name in nodes`."""

    def __init__(self, drafts: Drafts) -> None:
        self._drafts = drafts

    def __getitem__(self, name: str) -> Node:
        self._drafts().node(name)
        return Node(self._drafts, name)

    def __setitem__(self, name: str, value: Any) -> None:
        if not isinstance(value, Recipe) or value._name:
            raise UserError(f"nodes[{name!r}] takes a new node, like nodes[{name!r}] = reverb()")
        adopt(self._drafts(), value, name)

    def __delitem__(self, name: str) -> None:
        self._drafts().remove(name)

    def __contains__(self, name: object) -> bool:
        return name in self._drafts().patch.nodes

    def __iter__(self) -> Iterator[str]:
        return iter(self._drafts().patch.nodes)

    def __len__(self) -> int:
        return len(self._drafts().patch.nodes)

    def __repr__(self) -> str:
        draft = self._drafts()
        return "\n".join(repr(Node(self._drafts, name)) for name in draft.patch.nodes) or "no nodes"


class Wires:
    """The patch's wires, as they are written."""

    def __init__(self, drafts: Drafts) -> None:
        self._drafts = drafts

    def __iter__(self) -> Iterator[str]:
        return iter(self._drafts().patch.wires)

    def __repr__(self) -> str:
        return "\n".join(self) or "no wires"


class Live:
    """Every word of the REPL, whatever else is called so: `live.save()`."""

    def __init__(self, words: Callable[[], Mapping[str, Any]]) -> None:
        self._words = words

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        known = self._words()
        if name not in known:
            raise Unknown(f"the REPL has no word {name!r}{instead(name, known)}")
        return known[name]

    def __dir__(self) -> list[str]:
        return list(self._words())

    def __repr__(self) -> str:
        return " ".join(self._words())
