"""A setting that names what a node hears from outside the patch."""

from __future__ import annotations

from typing import Any

from graphflow.core.declare import Setting

ROOT = "/gf"
"""Where graphflow's own addresses begin."""
RESERVED = frozenset(" #*,?[]{}")


class Heard(Setting):
    """The OSC address of messages that the node hears; controllers are shown it beside the patch's own addresses."""

    def __init__(self, default: str, doc: str = "") -> None:
        super().__init__(default, doc)

    def parse(self, value: Any) -> str:
        address = str(super().parse(value))
        parts = address.split("/")
        if parts[0] or len(parts) < 2 or not all(parts[1:]) or not address.isascii() or not address.isprintable():
            raise ValueError(f"is {value!r}; expected an address like /fader/1")
        if not RESERVED.isdisjoint(address):
            raise ValueError(f"is {value!r}; an address has no {''.join(sorted(RESERVED))[1:]} and no space in it")
        if parts[1] == ROOT[1:]:
            raise ValueError(f"is {value!r}; {ROOT} is graphflow's own, take another address")
        return address
