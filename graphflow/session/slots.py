"""Prompts that a generator is given from outside, beside what is wired into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from graphflow.core.graph import Graph
from graphflow.core.messages import Part, Style
from graphflow.core.prompts import EMPTY, HEAVIEST, Slot


class Slots:
    """Eight for each generator that takes a style, by its name; they live as long as a node of that kind does."""

    def __init__(self) -> None:
        self._of: dict[str, tuple[str, tuple[Slot, ...]]] = {}

    def of(self, node: str) -> tuple[Slot, ...]:
        return self._of[node][1] if node in self._of else EMPTY

    def put(self, node: str, kind: str, number: int, text: str | None, weight: float | None) -> None:
        """Change what is not None of one slot."""
        slots = list(self.of(node))
        if text is not None:
            slots[number] = replace(slots[number], text=text)
        if weight is not None:
            slots[number] = replace(slots[number], weight=min(max(weight, 0.0), HEAVIEST))
        self._of[node] = kind, tuple(slots)

    def become(self, node: str, kind: str, slots: Sequence[Slot]) -> None:
        """Change all of them."""
        self._of[node] = kind, tuple(slots)

    def style(self, node: str) -> Style | None:
        """What they say together; None where they say nothing, so that what is written in the patch counts."""
        parts = tuple(Part(slot.weight, slot.text) for slot in self.of(node) if slot.text and slot.weight > 0.0)
        return Style(parts) if parts else None

    def keep(self, graph: Graph) -> None:
        """Forget those of nodes that are gone, or have become another kind."""
        self._of = {n: held for n, held in self._of.items() if n in graph.nodes and graph.nodes[n].kind == held[0]}

    def __str__(self) -> str:
        return "\n".join(
            f"{node} {number}: {slot.weight:g} {slot.text}"
            for node, (_, slots) in self._of.items()
            for number, slot in enumerate(slots)
            if slot.text
        )
