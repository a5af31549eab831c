"""The addresses of what plays now, kept up to date while the patch is edited."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from graphflow.control.osc.bind import bound
from graphflow.control.osc.dispatch import Dispatch
from graphflow.control.osc.entry import Entry
from graphflow.control.osc.tree import always, heard_by, of_heard, of_macro, of_meter, of_node, of_scene
from graphflow.core.node import Spec

if TYPE_CHECKING:
    from graphflow.session import Session


@dataclass(frozen=True)
class Change:
    """What an edit did to the addresses. `altered`: the same address, with another range, type or words."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    altered: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.altered)

    def __str__(self) -> str:
        signs = (("+", self.added), ("-", self.removed), ("~", self.altered))
        return "\n".join(f"{sign} {address}" for sign, addresses in signs for address in addresses) or "nothing"


class Space:
    """`entries` by address. `refresh` costs next to nothing while the patch is the same; what a node has is kept as
    long as the node is.

    `bind` gives a meaning to what the server itself answers. `listeners` are told of every change.
    """

    def __init__(self, session: Session, bind: Callable[[Entry], Entry] = lambda entry: entry) -> None:
        self.listeners: list[Callable[[Change], None]] = []
        self._session = session
        self._of: dict[str, tuple[Spec, tuple[object, ...], list[Entry]]] = {}
        self._always = [bind(bound(entry, session)) for entry in always()]
        self._graph, self._patch = session.graph, session.patch
        self.entries = self._made()
        self.dispatch = Dispatch(self.entries)

    def refresh(self) -> bool:
        """Take up an edit. True when there was one that changed addresses."""
        if self._session.graph is self._graph and self._session.patch is self._patch:
            return False
        self._graph, self._patch = self._session.graph, self._session.patch
        before, self.entries = self.entries, self._made()
        change = Change(
            tuple(address for address in self.entries if address not in before),
            tuple(address for address in before if address not in self.entries),
            tuple(a for a, entry in self.entries.items() if a in before and before[a] is not entry != before[a]),
        )
        self.dispatch.replace(self.entries)  # also where all reads as before: what is behind it may be new
        if change:
            for listener in self.listeners:
                listener(change)
        return bool(change)

    def _made(self) -> dict[str, Entry]:
        graph, patch = self._graph, self._patch
        self._of = {name: kept for name, kept in self._of.items() if name in graph.nodes}
        for name, node in graph.nodes.items():
            heard = tuple(node.settings.get(setting) for setting in heard_by(node))
            if node.spec is None:
                self._of.pop(name, None)
            elif name not in self._of or self._of[name][0] is not node.spec or self._of[name][1] != heard:
                self._of[name] = node.spec, heard, self._bound([*of_node(node), *of_meter(node), *of_heard(node)])
        entries = [entry for name in graph.nodes if name in self._of for entry in self._of[name][2]]
        entries += self._bound(e for name, macro in patch.expose.items() for e in of_macro(name, macro, graph))
        entries += self._bound(of_scene(name) for name in patch.scenes)
        # what is graphflow's own comes last: no node can hear in its place
        return {entry.address: entry for entry in entries + self._always}

    def _bound(self, entries: Iterable[Entry]) -> list[Entry]:
        return [bound(entry, self._session) for entry in entries]

    def __str__(self) -> str:
        return "\n".join(map(str, self.entries.values()))
