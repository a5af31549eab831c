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

from graphflow.control.live.complete_text import NODE_VERBS, Texts
from graphflow.control.live.happening import Happening
from graphflow.control.live.offers import Found, Offers, first_line
from graphflow.control.live.outcome import Suggestion
from graphflow.control.live.scan import Place, place
from graphflow.core.declare import Declaration
from graphflow.core.node import Spec
from graphflow.core.ports import fits, ins, outs

if TYPE_CHECKING:
    from graphflow.control.live.stage import Stage

BUILTINS_FROM = 2
"""Letters from which Python's own words are offered too."""

_MEMBER = re.compile(r"([A-Za-z_]\w*)\.$")
_KEYWORD = re.compile(r"([A-Za-z_]\w*)\s*=\s*$")
_LEADS = re.compile(r"([A-Za-z_]\w*)(?:\.(\w+))?\s*>>\s*$")
_MADE_LEADS = re.compile(r"([A-Za-z_]\w*)\([^()]*\)\s*>>\s*$")
_TAKES = re.compile(r"([A-Za-z_]\w*)(?:\.(\w+))?\s*<<\s*$")


def suggestions(stage: Stage, text: str, cursor: int) -> list[Suggestion]:
    """What may stand at the cursor, best first. Never raises."""
    try:
        at = place(text[:cursor])
        found = (Texts(stage) if at.text else Names(stage)).found(at)
        seen = {word: doc for word, doc in reversed(list(found)) if word.startswith(at.typed) and word != at.typed}
        return [Suggestion(word, at.start, " ".join(doc.split())) for word, doc in reversed(seen.items())]
    except Exception:  # noqa: BLE001 - a half-typed line may be anything; without suggestions it can be typed on
        return []


class Names(Offers):
    """What may stand outside of quotes."""

    def found(self, at: Place) -> Iterator[Found]:
        if member := _MEMBER.search(at.head):
            yield from self._members(member[1], at, at.head[: member.start()])
        elif not at.head.endswith("."):
            yield from self._names(at)

    # --- names --------------------------------------------------------------------------------------------------------

    def _names(self, at: Place) -> Iterator[Found]:
        if leads := _LEADS.search(at.head):
            yield from (f for f in self._takers(self._outs_of(leads[1], leads[2])) if f[0] != leads[1])
            return
        if made := _MADE_LEADS.search(at.head):
            spec = self.kind(made[1])
            yield from self._takers(list(outs(spec).values()) if spec else None)
            return
        if into := _TAKES.search(at.head):
            yield from (f for f in self._givers(self._ins_of(into[1], into[2])) if f[0] != into[1])
            return
        verb = at.called.rpartition(".")[2]
        spec = self.kind(verb) if at.bracket == "(" else None
        if spec is not None and not _KEYWORD.search(at.head):
            given = {argument.partition("=")[0].strip() for argument in at.arguments[:-1]}
            yield from ((f"{name}=", doc) for name, doc in self.settable(spec) if name not in given)
        if at.bracket == "(" and verb in NODE_VERBS:
            yield from self._nodes_for(verb, at.arguments)
            return
        yield from self._all(at.typed)

    def _all(self, typed: str) -> Iterator[Found]:
        stage = self.stage
        yield from self.nodes(self.patch.nodes)
        yield from ((name, "yours") for name in stage.namespace.variables() if name != "_")
        for word, thing in stage.namespace.words.items():
            doc = inspect.getdoc(thing) if inspect.ismethod(thing) else inspect.getdoc(type(thing))
            yield (f"{word}(" if inspect.ismethod(thing) and word != "loop" else word, first_line(doc))
        yield from ((word, "the patch's own") for word in stage.namespace.readings)
        yield from self.kinds(self.library)
        if len(typed) >= BUILTINS_FROM:
            yield from ((word, "Python's") for word in (*keyword.kwlist, *vars(builtins)))

    def _nodes_for(self, verb: str, arguments: tuple[str, ...]) -> Iterator[Found]:
        """For the second end of a cut, and the third of an insert: where the first leads."""
        number = len(arguments) - 1
        if number == {"cut": 1, "insert": 2}.get(verb):
            source = arguments[number - 1].partition(".")[0]
            reached = dict.fromkeys(wire.dest for wire in self.graph.wires if wire.source == source)
            yield from self.nodes(reached or self.patch.nodes)
        else:
            yield from self.nodes(self.patch.nodes)
            if verb == "insert" and number == 0:
                yield from self.kinds(kind for kind, cls in self.library.items() if _through(cls.spec))

    # --- what fits ----------------------------------------------------------------------------------------------------

    def _takers(self, givers: list[Declaration] | None) -> Iterator[Found]:
        """What a wire may lead to: nodes that take it by themselves, then those with a param that can be driven."""
        if givers is None:
            yield from self.nodes(self.patch.nodes)
            yield from self.kinds(self.library)
            return
        direct, driven = [], []
        for name, node in self.patch.nodes.items():
            spec = self.kind(node.kind)
            if spec is None or _any_fit(givers, ins(spec).values()):
                direct.append(name)
            elif _any_fit(givers, spec.params.values()):
                driven.append(name)
        yield from self.nodes([*direct, *driven])
        yield from self.kinds(kind for kind, cls in self.library.items() if _any_fit(givers, ins(cls.spec).values()))

    def _givers(self, takers: list[Declaration] | None) -> Iterator[Found]:
        """What may lead to a port or a param."""

        def gives(spec: Spec | None) -> bool:
            return spec is None or takers is None or _any_fit(outs(spec).values(), takers)

        yield from self.nodes(name for name, node in self.patch.nodes.items() if gives(self.kind(node.kind)))
        yield from self.kinds(kind for kind, cls in self.library.items() if gives(cls.spec))

    def _outs_of(self, name: str, port: str | None) -> list[Declaration] | None:
        spec = self.spec(name)
        if spec is None:
            return None
        known = outs(spec)
        return [known[port]] if port in known else list(known.values())

    def _ins_of(self, name: str, port: str | None) -> list[Declaration] | None:
        spec = self.spec(name)
        if spec is None:
            return None
        declared = spec.declarations.get(port) if port else None
        return list(ins(spec).values()) if declared is None else [declared]

    # --- members ------------------------------------------------------------------------------------------------------

    def _members(self, name: str, at: Place, before: str) -> Iterator[Found]:
        stage = self.stage
        if name in self.patch.nodes:
            yield from self._members_of_node(name, at, before)
        elif name in stage.namespace:
            yield from _members_of(dict.__getitem__(stage.namespace, name))
        elif name == "new":
            yield from self.kinds(self.library)
        elif name == "live":
            yield from ((word, "") for word in stage.namespace.words)
        elif name == "scenes":
            yield from self.scenes()
        elif name == "transport":
            yield from (
                ("tempo", "bpm"),
                ("beats_per_bar", ""),
                ("beat", "where it is now"),
                ("bar", "the same in bars"),
                ("running", "whether the beats go on"),
                ("play", "lets them go on"),
                ("stop", "lets them stand still"),
            )
        elif (spec := self.kind(name)) is not None:
            yield from self.settable(spec)

    def _members_of_node(self, name: str, at: Place, before: str) -> Iterator[Found]:
        spec = self.spec(name)
        if spec is None:
            return
        verb = at.called.rpartition(".")[2]
        if leads := _LEADS.search(before):
            givers = self._outs_of(leads[1], leads[2])
            takers = {**ins(spec), **spec.params}
            chosen = [n for n, d in takers.items() if givers is None or _any_fit(givers, [d])]
        elif verb == "cut" and at.bracket == "(":
            wired = [w.inlet for w in self.graph.wires if w.dest == name]
            chosen = list(dict.fromkeys([*wired, *(w.outlet for w in self.graph.wires if w.source == name)]))
        else:
            chosen = [*spec.params, *spec.settings, *ins(spec), *outs(spec)]
        for key in chosen:
            yield key, self.told(name, key, spec.declarations[key])


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
