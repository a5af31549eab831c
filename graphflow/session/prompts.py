"""Prompts for generators from outside: params of their own where a kind has them, else slots beside what is wired."""

from __future__ import annotations

from collections.abc import Collection

from graphflow.core.errors import UserError
from graphflow.core.graph import Graph
from graphflow.core.patch import Patch
from graphflow.core.prompts import (
    PROMPTS,
    SLOTS,
    Slot,
    keeps_prompts,
    prompt_inlet,
    prompt_params,
    slots_of,
    written,
)
from graphflow.session.flow import Flow
from graphflow.session.morph import End
from graphflow.session.slots import Slots
from graphflow.session.values import Values


class Prompts:
    """Gives generators their prompts."""

    def __init__(self, values: Values, flow: Flow) -> None:
        self._values, self._flow = values, flow
        self._slots = Slots()
        self._meant: dict[
            str, tuple[str, tuple[Slot, ...]]
        ] = {}  # by node: its kind, what the patch says its slots hold

    def give(self, node: str, slot: int, text: str | None, weight: float | None) -> None:
        """Change what is not None of a slot, 0 to 7. Raises UserError."""
        built = self._values.node(node)
        inlet = prompt_inlet(built.spec)
        if built.spec is None or not inlet:
            raise UserError(f"nodes.{node}: {built.kind} takes no prompts; generators with a style do")
        if not 0 <= slot < SLOTS:
            raise UserError(f"nodes.{node}: slot {slot}; expected 0 to {SLOTS - 1}")
        if own := prompt_params(built.spec):
            for param, value in zip(own[slot], (text, weight), strict=True):
                if value is not None:
                    self._values.set(node, param, value, clip=True)
        else:
            self._slots.put(node, built.kind, slot, text, weight)
            self._flow.say(node, inlet, self._slots.style(node))

    def of(self, node: str) -> tuple[Slot, ...]:
        """What a generator's slots hold, from slot 0 on. Raises UserError."""
        built = self._values.node(node)
        if built.spec is not None and (own := prompt_params(built.spec)):
            return tuple(Slot(built.params[words], built.params[weight]) for words, weight in own)
        return self._slots.of(node)

    def go_over(self, graph: Graph, by_hand: Collection[End]) -> None:
        """This graph plays now: slots are what its patch says where that is new, and else what they were set to.

        Those of nodes that are gone, or have become another kind, are forgotten. `by_hand` as in `Session.play`.
        """
        self._slots.keep(graph)
        before, self._meant = self._meant, {}
        for name, node in graph.nodes.items():
            if not keeps_prompts(node.spec):
                continue
            slots = slots_of(node.literals.get(PROMPTS, []))
            self._meant[name] = node.kind, slots
            news = before.get(name) != self._meant[name] or (name, PROMPTS) in by_hand
            if news and slots != self._slots.of(name):
                self._slots.become(name, node.kind, slots)
                self._flow.say(name, prompt_inlet(node.spec), self._slots.style(name))

    def left(self, patch: Patch) -> Patch:
        """The patch with what controllers have left in slots."""
        for name, (_, meant) in self._meant.items():
            if (slots := self._slots.of(name)) != meant:
                patch = patch.with_value(name, PROMPTS, written(slots))
        return patch

    def __str__(self) -> str:
        return str(self._slots)
