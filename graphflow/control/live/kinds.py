"""Kinds of node by their names, to make nodes of."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from graphflow.control.live.handles import Drafts, Recipe, Unknown, value_of
from graphflow.core.errors import UserError
from graphflow.core.names import instead, shown


class Kind:
    """A kind of node: called with values, it makes a node."""

    def __init__(self, drafts: Drafts, kind: str) -> None:
        self._drafts, self._kind = drafts, kind

    def __call__(self, *values: Any, **named: Any) -> Recipe:
        if values:
            spec = self._drafts().library[self._kind].spec
            first = next(iter([*spec.params, *spec.settings]), "")
            example = f", like {self._kind}({first}={shown(values[0])})" if first else ""
            raise UserError(f"{self._kind} takes its values by name{example}")
        given = {key: value_of(value, f"{self._kind}.{key}") for key, value in named.items()}
        return Recipe(self._drafts, self._kind, given)

    def __repr__(self) -> str:
        doc = self._drafts().library[self._kind].spec.doc.partition("\n")[0]
        return f"{self._kind}: {doc}" if doc else self._kind


class New:
    """Every kind by its name, whatever else is called so: `new.reverb(mix=0.3)`."""

    def __init__(self, drafts: Drafts) -> None:
        self._drafts = drafts

    def __getattr__(self, kind: str) -> Kind:
        if kind.startswith("_"):
            raise AttributeError(kind)
        library = self._drafts().library
        if kind not in library:
            raise Unknown(f"no node is of the kind {kind!r}{instead(kind, library)}")
        return Kind(self._drafts, kind)

    def __dir__(self) -> list[str]:
        return list(self._drafts().library)

    def __iter__(self) -> Iterator[str]:
        return iter(self._drafts().library)

    def __repr__(self) -> str:
        return " ".join(self._drafts().library)
