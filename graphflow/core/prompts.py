"""Which kinds of node take prompts from outside, and by what: a controller's slots, beside what is wired."""

from __future__ import annotations

from graphflow.core.declare import Numeric, Text
from graphflow.core.messages import Style
from graphflow.core.node import Spec, WorkerNode

SLOTS = 8
"""Prompts that a generator takes from outside."""
HEAVIEST = 2.0
"""The greatest weight of one."""


def prompt_inlet(spec: Spec | None) -> str:
    """The inlet by which prompts from outside reach a generator; "" for a kind that takes none."""
    if spec is None or not issubclass(spec.cls, WorkerNode):
        return ""
    return next((name for name, inlet in spec.inlets.items() if inlet.type is Style), "")


def prompt_params(spec: Spec) -> tuple[tuple[str, str], ...]:
    """The names of words and weights of a kind that has its prompts as params of its own; else nothing."""
    pairs = tuple((f"prompt{n}", f"weight{n}") for n in range(1, SLOTS + 1))
    fit = all(
        isinstance(spec.params.get(words), Text) and isinstance(spec.params.get(weight), Numeric)
        for words, weight in pairs
    )
    return pairs if fit else ()
