"""How what is typed may go on: nodes, ports that fit, params with their values, kinds, choices, scenes and files.

It looks at names and declarations only; nothing of the performer's is run, not even a property.
"""

from __future__ import annotations

import builtins
import inspect
import keyword
import re
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any

from graphflow.control.live.happening import Happening
from graphflow.control.live.outcome import Suggestion
from graphflow.control.live.question import shown_value, takes
from graphflow.control.live.scan import Place, place
from graphflow.core.declare import Choice, Declaration, Param, Setting, SoundFile, Text
from graphflow.core.literals import takes_literal
from graphflow.core.node import Spec
from graphflow.core.ports import carried, fits, ins, outs

if TYPE_CHECKING:
    from graphflow.control.live.stage import Stage

SOUND = (".wav", ".flac", ".ogg", ".aif", ".aiff", ".mp3")
FILES = 500
"""Files of a folder that are looked at."""
BUILTINS_FROM = 2
"""Letters from which Python's own words are offered too."""

_MEMBER = re.compile(r"([A-Za-z_]\w*)\.$")
_ASSIGNED = re.compile(r"([A-Za-z_]\w*)\.(\w+)\s*=\s*$")
_KEYWORD = re.compile(r"([A-Za-z_]\w*)\s*=\s*$")
_LEADS = re.compile(r"([A-Za-z_]\w*)(?:\.(\w+))?\s*>>\s*$")
_MADE_LEADS = re.compile(r"([A-Za-z_]\w*)\([^()]*\)\s*>>\s*$")
_TAKES = re.compile(r"([A-Za-z_]\w*)(?:\.(\w+))?\s*<<\s*$")
NODE_VERBS = ("cut", "insert", "mute", "rename", "solo", "help")

Found = tuple[str, str]
"""What may be typed, and its doc."""


def suggestions(stage: Stage, text: str, cursor: int) -> list[Suggestion]:
    """What may stand at the cursor, best first. Never raises."""
    try:
        at = place(text[:cursor])
        found = _Words(stage).found(at)
        seen = {word: doc for word, doc in reversed(list(found)) if word.startswith(at.typed) and word != at.typed}
        return [Suggestion(word, at.start, " ".join(doc.split())) for word, doc in reversed(seen.items())]
    except Exception:  # noqa: BLE001 - a half-typed line may be anything; without suggestions it can be typed on
        return []


class _Words:
    """One look at what there is."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._patch, self._library = stage.session.patch, stage.session.library
        self._graph = stage.session.graph
        self._drivers = {(wire.dest, wire.inlet): wire.source for wire in self._graph.wires}

    def found(self, at: Place) -> Iterator[Found]:
        if at.text:
            yield from self._in_text(at)
        elif member := _MEMBER.search(at.head):
            yield from self._members(member[1], at, at.head[: member.start()])
        elif not at.head.endswith("."):
            yield from self._names(at)

    # --- names --------------------------------------------------------------------------------------------------------

    def _names(self, at: Place) -> Iterator[Found]:
        if leads := _LEADS.search(at.head):
            yield from (f for f in self._takers(self._outs_of(leads[1], leads[2])) if f[0] != leads[1])
            return
        if made := _MADE_LEADS.search(at.head):
            spec = self._kind(made[1])
            yield from self._takers(list(outs(spec).values()) if spec else None)
            return
        if into := _TAKES.search(at.head):
            yield from (f for f in self._givers(self._ins_of(into[1], into[2])) if f[0] != into[1])
            return
        verb = at.called.rpartition(".")[2]
        spec = self._kind(verb) if at.bracket == "(" else None
        if spec is not None and not _KEYWORD.search(at.head):
            given = {argument.partition("=")[0].strip() for argument in at.arguments[:-1]}
            yield from ((f"{name}=", doc) for name, doc in self._settable(spec) if name not in given)
        if at.bracket == "(" and verb in NODE_VERBS:
            yield from self._nodes_for(verb, at.arguments)
            return
        yield from self._all(at.typed)

    def _all(self, typed: str) -> Iterator[Found]:
        stage = self._stage
        yield from self._nodes(self._patch.nodes)
        yield from ((name, "yours") for name in stage.namespace.variables() if name != "_")
        for word, thing in stage.namespace.words.items():
            doc = inspect.getdoc(thing) if inspect.ismethod(thing) else inspect.getdoc(type(thing))
            yield (f"{word}(" if inspect.ismethod(thing) and word != "loop" else word, _first(doc))
        yield from ((word, "the patch's own") for word in stage.namespace.readings)
        yield from self._kinds(self._library)
        if len(typed) >= BUILTINS_FROM:
            yield from ((word, "Python's") for word in (*keyword.kwlist, *vars(builtins)))

    def _nodes(self, names: Iterable[str]) -> Iterator[Found]:
        for name in names:
            kind = self._patch.nodes[name].kind
            spec = self._kind(kind)
            yield name, f"{kind}: {_first(spec.doc)}" if spec else f"{kind}, unknown here"

    def _kinds(self, kinds: Iterable[str]) -> Iterator[Found]:
        for kind in kinds:
            yield f"{kind}(", _first(self._library[kind].spec.doc)

    def _nodes_for(self, verb: str, arguments: tuple[str, ...]) -> Iterator[Found]:
        """For the second end of a cut, and the third of an insert: where the first leads."""
        number = len(arguments) - 1
        if number == {"cut": 1, "insert": 2}.get(verb):
            source = arguments[number - 1].partition(".")[0]
            reached = dict.fromkeys(wire.dest for wire in self._graph.wires if wire.source == source)
            yield from self._nodes(reached or self._patch.nodes)
        else:
            yield from self._nodes(self._patch.nodes)
            if verb == "insert" and number == 0:
                yield from self._kinds(kind for kind, cls in self._library.items() if _through(cls.spec))

    # --- what fits ----------------------------------------------------------------------------------------------------

    def _takers(self, givers: list[Declaration] | None) -> Iterator[Found]:
        """What a wire may lead to: nodes that take it by themselves, then those with a param that can be driven."""
        if givers is None:
            yield from self._nodes(self._patch.nodes)
            yield from self._kinds(self._library)
            return
        direct, driven = [], []
        for name, node in self._patch.nodes.items():
            spec = self._kind(node.kind)
            if spec is None or _any_fit(givers, ins(spec).values()):
                direct.append(name)
            elif _any_fit(givers, spec.params.values()):
                driven.append(name)
        yield from self._nodes([*direct, *driven])
        yield from self._kinds(kind for kind, cls in self._library.items() if _any_fit(givers, ins(cls.spec).values()))

    def _givers(self, takers: list[Declaration] | None) -> Iterator[Found]:
        """What may lead to a port or a param."""

        def gives(spec: Spec | None) -> bool:
            return spec is None or takers is None or _any_fit(outs(spec).values(), takers)

        yield from self._nodes(name for name, node in self._patch.nodes.items() if gives(self._kind(node.kind)))
        yield from self._kinds(kind for kind, cls in self._library.items() if gives(cls.spec))

    def _outs_of(self, name: str, port: str | None) -> list[Declaration] | None:
        spec = self._spec(name)
        if spec is None:
            return None
        known = outs(spec)
        return [known[port]] if port in known else list(known.values())

    def _ins_of(self, name: str, port: str | None) -> list[Declaration] | None:
        spec = self._spec(name)
        if spec is None:
            return None
        declared = spec.declarations.get(port) if port else None
        return list(ins(spec).values()) if declared is None else [declared]

    # --- members ------------------------------------------------------------------------------------------------------

    def _members(self, name: str, at: Place, before: str) -> Iterator[Found]:
        stage = self._stage
        if name in self._patch.nodes:
            yield from self._members_of_node(name, at, before)
        elif name in stage.namespace:
            yield from _members_of(dict.__getitem__(stage.namespace, name))
        elif name == "new":
            yield from self._kinds(self._library)
        elif name == "live":
            yield from ((word, "") for word in stage.namespace.words)
        elif name == "scenes":
            yield from self._scenes()
        elif name == "transport":
            yield from (
                ("tempo", "bpm"),
                ("beats_per_bar", ""),
                ("beat", "where it is now"),
                ("bar", "the same in bars"),
            )
        elif (spec := self._kind(name)) is not None:
            yield from self._settable(spec)

    def _members_of_node(self, name: str, at: Place, before: str) -> Iterator[Found]:
        spec = self._spec(name)
        if spec is None:
            return
        verb = at.called.rpartition(".")[2]
        if leads := _LEADS.search(before):
            givers = self._outs_of(leads[1], leads[2])
            takers = {**ins(spec), **spec.params}
            chosen = [n for n, d in takers.items() if givers is None or _any_fit(givers, [d])]
        elif verb == "cut" and at.bracket == "(":
            wired = [w.inlet for w in self._graph.wires if w.dest == name]
            chosen = list(dict.fromkeys([*wired, *(w.outlet for w in self._graph.wires if w.source == name)]))
        else:
            chosen = [*spec.params, *spec.settings, *ins(spec), *outs(spec)]
        for key in chosen:
            yield key, self._told(name, key, spec.declarations[key])

    def _told(self, name: str, key: str, declared: Declaration) -> str:
        """`0 to 1, now 0.3: From the dry sound to the room alone.`"""
        if not isinstance(declared, (Param, Setting)):
            return f"{carried(declared)}: {declared.doc}"
        node = self._graph.nodes[name]
        value = node.params[key] if key in node.params else node.settings[key]
        driver = self._drivers.get((name, key), "")
        now = f"driven by {driver}" if driver else f"now {shown_value(declared, value)}"
        return f"{takes(declared)}, {now}: {declared.doc}"

    def _settable(self, spec: Spec) -> Iterator[Found]:
        """What a kind's call takes."""
        values: dict[str, Param | Setting] = {**spec.params, **spec.settings}
        for key, declared in values.items():
            yield key, f"{takes(declared)}, {shown_value(declared, declared.default)} by default: {declared.doc}"
        for key, inlet in spec.inlets.items():
            if takes_literal(inlet):
                yield key, f"{carried(inlet)}: {inlet.doc}"

    def _scenes(self) -> Iterator[Found]:
        for name, values in self._patch.scenes.items():
            yield name, ", ".join(f"{path} {value}" for path, value in values.items())

    # --- texts --------------------------------------------------------------------------------------------------------

    def _in_text(self, at: Place) -> Iterator[Found]:
        verb = at.called.rpartition(".")[2]
        if assigned := _ASSIGNED.search(at.head):
            spec = self._spec(assigned[1])
            yield from self._choices(spec.declarations.get(assigned[2]) if spec else None, at)
        elif (named := _KEYWORD.search(at.head)) and (spec := self._kind(verb)) is not None:
            yield from self._choices(spec.declarations.get(named[1]), at)
        elif at.bracket == "{" or verb == "stop":
            yield from self._paths() if at.bracket == "{" else ((name, "") for name in self._stage.events.named)
        elif verb in ("scene", "morph"):
            yield from self._scenes()
        elif verb == "macro":
            yield from ((name, " ".join(macro.params)) for name, macro in self._patch.expose.items())
        elif verb in ("load", "save"):
            yield from self._files(at.typed, (".toml",))
        elif verb == "at" or re.search(r"\bquant\s*=\s*$", at.head):
            yield from (("now", "at once"), ("beat", "on the next beat"), ("bar", "on the next bar"))
        elif verb in NODE_VERBS or (at.bracket == "[" and verb == "nodes"):
            yield from self._nodes(self._patch.nodes)

    def _choices(self, declared: Declaration | None, at: Place) -> Iterator[Found]:
        if isinstance(declared, (Choice, Setting)) and declared.choices:
            yield from ((choice, declared.doc) for choice in declared.choices)
        elif isinstance(declared, SoundFile):
            yield from self._files(at.typed, SOUND)
        elif isinstance(declared, Setting) and declared.name == "file":
            yield from self._files(at.typed, ())
        elif isinstance(declared, Text):
            yield from ((str(node.params[declared.name]), name) for name, node in self._texts(declared))

    def _texts(self, declared: Text) -> Iterator[tuple[str, Any]]:
        """Texts that nodes have there now, to go on from."""
        for name, node in self._graph.nodes.items():
            if node.spec is not None and node.spec.declarations.get(declared.name) is declared:
                yield name, node

    def _paths(self) -> Iterator[Found]:
        for name in self._patch.nodes:
            spec = self._spec(name)
            for key in spec.params if spec else ():
                yield f"{name}.{key}", self._told(name, key, spec.params[key]) if spec else ""

    def _files(self, typed: str, endings: tuple[str, ...]) -> Iterator[Found]:
        folder = (self._stage.files.folder / typed.rpartition("/")[0]).expanduser()
        inside = typed.rpartition("/")[0] + "/" if "/" in typed else ""
        for number, path in enumerate(sorted(folder.iterdir())):
            if number == FILES:
                return
            if path.name.startswith("."):
                continue
            if path.is_dir():
                yield f"{inside}{path.name}/", "folder"
            elif not endings or path.suffix.lower() in endings:
                yield f"{inside}{path.name}", ""

    # --- what is what -------------------------------------------------------------------------------------------------

    def _kind(self, kind: str) -> Spec | None:
        return self._library[kind].spec if kind in self._library else None

    def _spec(self, name: str) -> Spec | None:
        node = self._patch.nodes.get(name)
        return None if node is None else self._kind(node.kind)


def _members_of(value: Any) -> Iterator[Found]:
    """What a performer's own value has, as far as its type says so."""
    if isinstance(value, Happening):
        yield "stop()", "End it; what it has changed stays."
    elif isinstance(value, ModuleType):
        yield from ((name, "") for name in vars(value) if not name.startswith("_"))
    else:
        for cls in type(value).__mro__:
            yield from ((name, "") for name in cls.__dict__ if not name.startswith("_"))


def _any_fit(givers: Iterable[Declaration], takers: Iterable[Declaration]) -> bool:
    wanted = list(takers)
    return any(fits(giver, taker) for giver in givers for taker in wanted)


def _through(spec: Spec) -> bool:
    """Whether sound leads through a kind."""
    return bool(spec.audio_ins and spec.audio_outs)


def _first(doc: str | None) -> str:
    return (doc or "").partition("\n")[0]
