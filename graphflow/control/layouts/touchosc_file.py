"""TouchOSC's file format: XML, deflated by zlib.

Written after files that the app made (lexml version 3). The app itself has not opened what is written here.
"""

from __future__ import annotations

import uuid
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from graphflow.control.layouts.place import Box

NAMES = uuid.UUID("6a3f1f7e-5d5b-4a5e-9d2c-7c9a0c0f6a11")
"""From which the nodes' numbers are made, so that a layout is the same each time."""
CONNECTION = "00001"
"""A bit for each of the app's connections, the first at the right."""


class Color(NamedTuple):
    """Red, green, blue, opacity, 0 to 1."""

    r: float
    g: float
    b: float
    a: float = 1.0


class Partial(NamedTuple):
    """A piece of a message's path or an argument: a constant, or a value of the control brought into a range."""

    type: str
    value: str
    conversion: str = "STRING"
    low: float = 0.0
    high: float = 1.0

    def xml(self) -> str:
        return (
            f"<partial><type>{self.type}</type><conversion>{self.conversion}</conversion>"
            f"<value>{_words(self.value)}</value><scaleMin>{self.low:.9g}</scaleMin>"
            f"<scaleMax>{self.high:.9g}</scaleMax></partial>"
        )


@dataclass(frozen=True)
class Osc:
    """An OSC message of a control: sent when one of `triggers` changes, taken when its path comes."""

    path: str
    arguments: tuple[Partial, ...] = ()
    triggers: tuple[tuple[str, str], ...] = ()
    send: bool = True
    receive: bool = True

    def xml(self) -> str:
        triggers = "".join(
            f"<trigger><var>{_words(var)}</var><condition>{condition}</condition></trigger>"
            for var, condition in self.triggers
        )
        return (
            f"<osc><enabled>1</enabled><send>{int(self.send)}</send><receive>{int(self.receive)}</receive>"
            f"<feedback>0</feedback><connections>{CONNECTION}</connections><triggers>{triggers}</triggers>"
            f"<path>{Partial('CONSTANT', self.path).xml()}</path>"
            f"<arguments>{''.join(argument.xml() for argument in self.arguments)}</arguments></osc>"
        )


@dataclass
class Node:
    """One control. `values` are what it holds at first; a property's type is told by its Python type."""

    type: str
    name: str
    box: Box
    color: Color
    properties: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    messages: Sequence[Osc] = ()
    children: list[Node] = field(default_factory=list)

    def lines(self, path: str = "") -> list[str]:
        where = f"{path}/{self.name}"
        common = {
            "background": True,
            "color": self.color,
            "cornerRadius": 1.0,
            "frame": self.box,
            "grabFocus": self.type not in ("GROUP", "PAGER"),
            "interactive": self.type not in ("GROUP", "LABEL", "BOX"),
            "locked": False,
            "name": self.name,
            "orientation": 0,
            "outline": True,
            "outlineStyle": 0 if self.type in ("GROUP", "PAGER") else 1,
            "pointerPriority": 0,
            "shape": 1,
            "visible": True,
        }
        properties = sorted({**common, **self.properties}.items())
        values = sorted({"touch": False, **self.values}.items())
        found = [
            f"<node ID='{uuid.uuid5(NAMES, where)}' type='{self.type}'>",
            "<properties>",
            *(_property(key, value) for key, value in properties),
            "</properties>",
            "<values>",
            *(_value(key, value) for key, value in values),
            "</values>",
        ]
        if self.messages:
            found += ["<messages>", *(message.xml() for message in self.messages), "</messages>"]
        if self.children:
            found += ["<children>", *(line for child in self.children for line in child.lines(where)), "</children>"]
        return [*found, "</node>"]


def text(root: Node) -> str:
    """The document as XML."""
    return "\n".join(["<?xml version='1.0' encoding='UTF-8'?>", "<lexml version='3'>", *root.lines(), "</lexml>", ""])


def packed(xml: str) -> bytes:
    """The document as a .tosc file holds it."""
    return zlib.compress(xml.encode(), 6)


def _property(key: str, value: Any) -> str:
    kind, written = _written(value)
    return f"<property type='{kind}'><key>{_words(key)}</key><value>{written}</value></property>"


def _written(value: Any) -> tuple[str, str]:
    if isinstance(value, bool):
        return "b", str(int(value))
    if isinstance(value, int):
        return "i", str(value)
    if isinstance(value, float):
        return "f", f"{value:.9g}"
    if isinstance(value, Color):
        return "c", "".join(f"<{letter}>{part:.6g}</{letter}>" for letter, part in zip("rgba", value, strict=True))
    if isinstance(value, Box):
        return "r", "".join(f"<{letter}>{part}</{letter}>" for letter, part in zip("xywh", value, strict=True))
    return "s", _words(str(value))


def _value(key: str, value: Any) -> str:
    words = str(value).lower() if isinstance(value, bool) else f"{value:.9g}" if isinstance(value, float) else value
    # a text stays what the patch says until something else comes
    return (
        f"<value><key>{_words(key)}</key><locked>0</locked><lockedDefaultCurrent>{int(key == 'text')}"
        f"</lockedDefaultCurrent><default>{_words(str(words))}</default><defaultPull>0</defaultPull></value>"
    )


def _words(text: str) -> str:
    """Text as the app writes it; what XML cannot hold is left out."""
    clean = "".join(letter for letter in text if letter >= " " or letter in "\t\n")
    return f"<![CDATA[{clean.replace(']]>', ']]]]><![CDATA[>')}]]>"
