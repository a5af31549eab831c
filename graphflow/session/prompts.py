"""Prompts for generators from outside: params of their own where a kind has them, else slots beside what is wired."""

from __future__ import annotations

from graphflow.core.errors import UserError
from graphflow.core.graph import Graph
from graphflow.core.prompts import SLOTS, prompt_inlet, prompt_params
from graphflow.session.flow import Flow
from graphflow.session.slots import Slot, Slots
from graphflow.session.values import Values


class Prompts:
    """Gives generators their prompts."""

    def __init__(self, values: Values, flow: Flow) -> None:
        self._values, self._flow = values, flow
        self._slots = Slots()

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

    def not_in_the_patch(self) -> str:
        """A line about words in slots, which no patch holds; "" where there are none."""
        nodes = self._slots.speaking()
        if not nodes:
            return ""
        return f"the slots of {', '.join(nodes)} are not in it; a prompt node wired into {nodes[0]} keeps its words"

    def keep(self, graph: Graph) -> None:
        """Forget those of nodes that are gone, or have become another kind."""
        self._slots.keep(graph)

    def __str__(self) -> str:
        return str(self._slots)
