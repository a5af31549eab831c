"""The names of a cell: nodes first, then the performer's own, then words, kinds, and Python's."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from typing import Any

from graphflow.control.live.draft import Draft
from graphflow.control.live.entry import Entries
from graphflow.control.live.handles import Node, Recipe, adopt
from graphflow.control.live.happening import Happening
from graphflow.control.live.kinds import Kind
from graphflow.core.errors import UserError
from graphflow.core.patch import Patch

MISSING: Any = object()


class Namespace(dict[str, Any]):
    """Globals and locals of every cell. What they hold themselves are the performer's variables.

    `playing` is the patch that plays; `words` are what the REPL itself knows, `readings` words whose value is looked
    up at every use, and `settings` those that can be assigned to.
    """

    def __init__(
        self,
        entries: Entries,
        playing: Callable[[], Patch],
        words: Mapping[str, Any],
        readings: Mapping[str, Callable[[], Any]],
        settings: Mapping[str, Callable[[Any], None]],
    ) -> None:
        super().__init__(__builtins__={**vars(builtins), "input": _refused, "breakpoint": _refused}, __name__="live")
        self._entries, self._playing = entries, playing
        self.words, self.readings, self._settings = words, readings, settings

    def __getitem__(self, name: str) -> Any:
        draft = self._entries.current
        if name in (self._playing() if draft is None else draft.patch).nodes:
            return Node(self._entries.draft, name)
        if name in self:
            return super().__getitem__(name)
        if name in self.words:
            return self.words[name]
        if name in self.readings:
            return self.readings[name]()
        if draft is not None and name in draft.library:
            return Kind(self._entries.draft, name)
        raise KeyError(name)

    def __setitem__(self, name: str, value: Any) -> None:
        draft = self._entries.draft()
        if isinstance(value, Recipe):
            if not value._name:
                self.adopt(draft, name, value)
                return
            value = Node(self._entries.draft, value._name)
        if name in draft.patch.nodes:
            if isinstance(value, Node) and value._name == name:
                return
            raise UserError(f"{name} is a node; give it a param, as in {name}.param = ..., or take it out: del {name}")
        if name in self._settings and name not in self:
            self._settings[name](value)
            return
        self._keep(draft, name)
        super().__setitem__(name, value)

    def __delitem__(self, name: str) -> None:
        draft = self._entries.draft()
        if name in draft.patch.nodes:
            draft.remove(name)
            return
        if isinstance(value := self.get(name), Happening):
            value.stop()
        if name in self:
            self._keep(draft, name)
        super().__delitem__(name)

    def adopt(self, draft: Draft, name: str, recipe: Recipe) -> None:
        """Have a recipe become the node of that name."""
        adopt(draft, recipe, name)

    def collect(self, draft: Draft) -> None:
        """Take in what a function has made or set under a name it declared `global`: Python stores that by itself."""
        for name in self._settings.keys() & self.keys():
            self._settings[name](self.pop(name))
        for name, value in list(self.items()):
            if isinstance(value, Recipe) and not name.startswith("_"):
                super().__delitem__(name)
                if value._name != name:
                    self.adopt(draft, name, value)

    def forget(self) -> None:
        """Let go of what `collect` would take in, as its entry has failed."""
        for name, value in list(self.items()):
            if name in self._settings or (isinstance(value, Recipe) and not value._name):
                self.pop(name)

    def variables(self) -> list[str]:
        """The performer's own names."""
        return [name for name in list(self) if not name.startswith("__")]

    def _keep(self, draft: Draft, name: str) -> None:
        """Have a variable as it was if the entry fails."""
        before = self.get(name, MISSING)

        def back() -> None:
            if before is MISSING:
                self.pop(name, None)
            else:
                dict.__setitem__(self, name, before)

        draft.dropped.append(back)


def _refused(*_: Any) -> None:
    raise UserError("a cell cannot ask for input; the keyboard is the prompt's")
