"""Values written where a wire could lead: `style = "choir in a cave"`."""

from __future__ import annotations

from typing import Any

from graphflow.core.declare import Inlet, Param, Setting, Text
from graphflow.core.messages import Part, Signal, Style
from graphflow.core.names import shown
from graphflow.core.units import show

STYLE_EXPECTED = 'expected text, or a list of texts and { text = "...", weight = 1.0 }'


def takes_literal(inlet: Inlet) -> bool:
    return inlet.type in (Style, Text, Signal)


def parsed(declared: Param | Setting, value: Any) -> Any:
    """A written value in its declaration's own type. Raises ValueError whose text continues `nodes.x.y `."""
    try:
        result = declared.parse(value)
    except OverflowError:  # Python's whole numbers have no limit, TOML's and ours do
        raise ValueError("is too large a number") from None
    whole = isinstance(declared.default, int) and not isinstance(declared.default, bool)
    if whole and isinstance(declared, Setting) and value % 1:
        raise ValueError(f"is {show(value, declared.unit)}; expected a whole number, {declared.range()}")
    return result


def literal_fault(inlet: Inlet, value: Any) -> str | None:
    """What is wrong with a value for an inlet, as the end of a sentence, or None."""
    try:
        message(inlet, value)
    except ValueError as error:
        return str(error)
    return None


def message(inlet: Inlet, value: Any) -> Any:
    """The message a written value stands for. Raises ValueError whose text continues `nodes.x.y `."""
    if inlet.type is Style:
        return style_of(value)
    if inlet.type is Text:
        if not isinstance(value, str):
            raise ValueError(f"is {shown(value)}; expected text")
        return value
    if inlet.type is Signal:
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < 1e9:
            raise ValueError(f"is {shown(value)}; expected a number")
        return float(value)
    raise ValueError(f"is {shown(value)}; {inlet.type.__name__.lower()} comes by wire only")


def style_of(value: Any) -> Style:
    """Words, or a list of them, as a style. Raises ValueError whose text continues `nodes.x.y `."""
    if isinstance(value, str):
        return Style.of(value)
    if not isinstance(value, list):
        raise ValueError(f"is {shown(value)}; {STYLE_EXPECTED}")
    return Style(tuple(_part(number, part) for number, part in enumerate(value, 1)))


def _part(number: int, value: Any) -> Part:
    if isinstance(value, str):
        return Part(text=value)
    if not isinstance(value, dict) or not isinstance(value.get("text"), str):
        raise ValueError(f"has {shown(value)} as number {number}; {STYLE_EXPECTED}")
    weight = value.get("weight", 1.0)
    if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0.0 <= weight <= 100.0:
        raise ValueError(f"has the weight {shown(weight)} in number {number}; expected 0 to 100")
    if unknown := [key for key in value if key not in ("text", "weight")]:
        raise ValueError(f"has {unknown[0]!r} in number {number}; expected text and weight")
    return Part(weight=float(weight), text=value["text"])
