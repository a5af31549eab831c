"""Which kinds of node take prompts from outside, and how a patch holds them: a controller's slots, beside what is
wired."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from graphflow.core.declare import Numeric, Text
from graphflow.core.literals import style_of
from graphflow.core.messages import Style
from graphflow.core.node import Spec, WorkerNode
from graphflow.core.units import show

SLOTS = 8
"""Prompts that a generator takes from outside."""
HEAVIEST = 2.0
"""The greatest weight of one."""
PROMPTS = "prompts"
"""The key under which a node of a patch holds its slots: `prompts = ["jazz", { text = "choir", weight = 0.5 }]`."""


@dataclass(frozen=True)
class Slot:
    """One prompt; without words it says nothing, whatever its weight."""

    text: str = ""
    weight: float = 1.0


EMPTY = (Slot(),) * SLOTS


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


def keeps_prompts(spec: Spec | None) -> bool:
    """Whether a patch holds a kind's slots under PROMPTS: it takes prompts, and has nothing else for them."""
    return bool(
        spec is not None and prompt_inlet(spec) and not prompt_params(spec) and PROMPTS not in spec.declarations
    )


def slots_of(value: Any) -> tuple[Slot, ...]:
    """What a patch has under PROMPTS, from slot 0 on. Raises ValueError whose text continues `nodes.x.prompts `."""
    parts = style_of(value).parts
    if len(parts) > SLOTS:
        raise ValueError(f"has {len(parts)} prompts; expected at most {SLOTS}")
    for number, part in enumerate(parts, 1):
        if part.weight > HEAVIEST:
            raise ValueError(f"has the weight {show(part.weight)} in number {number}; expected 0 to {HEAVIEST:g}")
    return (*(Slot(part.text or "", part.weight) for part in parts), *EMPTY[len(parts) :])


def written(slots: Sequence[Slot]) -> list[Any] | None:
    """Slots as a patch holds them, without the empty ones at the end; None where there is nothing to hold."""
    used = max((number for number, slot in enumerate(slots, 1) if slot != Slot()), default=0)
    whole = [
        slot.text if slot.weight == 1.0 else {"text": slot.text, "weight": float(f"{slot.weight:.6g}")}
        for slot in slots[:used]
    ]
    return whole or None
