"""An address with a session behind it: what it holds now, and what happens when it is sent something."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from graphflow.control.osc.entry import ROOT, Entry
from graphflow.control.osc.tree import macro_numbers
from graphflow.core.declare import Choice, Numeric, Switch
from graphflow.core.errors import UserError
from graphflow.core.macro import macro_range, macro_value

if TYPE_CHECKING:
    from graphflow.control.osc.peer import Call
    from graphflow.session import Session

Value: TypeAlias = Callable[[], tuple[Any, ...]]
Take: TypeAlias = "Callable[[Sequence[Any], Call], None]"


def bound(entry: Entry, session: Session) -> Entry:
    """The entry with a session's value and what it does there; as it was, where the server itself answers."""
    what = entry.address.removeprefix(f"{ROOT}/").partition("/")[0]
    maker = {"node": _node, "macro": _macro, "scene": _scene, "transport": _transport}.get(what, _whole)
    value, take = maker(entry, session)
    return entry if value is None and take is None else replace(entry, value=value, take=take)


def number(address: str, value: Any) -> float:
    """A number of any OSC type. Raises UserError."""
    if isinstance(value, (int, float)) and math.isfinite(value):
        return float(value)
    raise UserError(f"{address} is {value!r}; expected a number")


def _node(entry: Entry, session: Session) -> tuple[Value | None, Take | None]:
    node, param = entry.node, entry.param
    address = entry.address
    declared = session.find(node, param)[1]

    def value() -> tuple[Any, ...]:
        return (session.graph.nodes[node].params[param],)

    def take(arguments: Sequence[Any], call: Call) -> None:
        session.set(node, param, arguments[0], frame=call.frame, clip=True)

    def take_number(arguments: Sequence[Any], call: Call) -> None:
        session.set(node, param, number(address, arguments[0]), frame=call.frame, clip=True)

    if entry.what == "norm":
        assert isinstance(declared, Numeric)  # only numbers have one
        scale = declared

        def norm() -> tuple[float]:
            return (scale.norm(session.graph.nodes[node].params[param]),)

        def take_norm(arguments: Sequence[Any], call: Call) -> None:
            moved = scale.value_at(number(address, arguments[0]))
            session.set(node, param, moved, frame=call.frame, clip=True)

        return norm, take_norm
    if isinstance(declared, Switch):
        return lambda: (int(session.graph.nodes[node].params[param]),), take_number
    if isinstance(declared, Choice):
        choices = declared.choices

        def take_choice(arguments: Sequence[Any], call: Call) -> None:
            chosen = arguments[0]
            if not isinstance(chosen, str):
                place = number(address, chosen)
                chosen = choices[round(min(max(place, 0.0), len(choices) - 1.0))]
            session.set(node, param, chosen, frame=call.frame)

        return value, take_choice
    return value, take_number if isinstance(declared, Numeric) else take


def _macro(entry: Entry, session: Session) -> tuple[Value | None, Take | None]:
    name, address = entry.param, entry.address

    def own() -> tuple[dict[str, Numeric], Numeric]:
        numbers = macro_numbers(session.patch.expose[name], session.graph)
        return numbers, macro_range(session.patch.expose[name], next(iter(numbers.values())))

    def held() -> float:
        numbers, _ = own()
        first = next(iter(numbers))
        node, _, param = first.partition(".")
        return macro_value(session.patch.expose[name], numbers[first], session.get(node, param))

    def take(arguments: Sequence[Any], call: Call) -> None:
        value = number(address, arguments[0])
        session.macro(name, own()[1].value_at(value) if entry.what == "norm" else value)

    if entry.what == "norm":
        return lambda: (own()[1].norm(held()),), take
    return lambda: (held(),), take


def _scene(entry: Entry, session: Session) -> tuple[Value | None, Take | None]:
    def take(arguments: Sequence[Any], call: Call) -> None:
        seconds = number(entry.address, arguments[0]) if arguments else 0.0
        session.scene(entry.param, min(max(seconds, 0.0), 3600.0))

    return None, take


def _transport(entry: Entry, session: Session) -> tuple[Value | None, Take | None]:
    def beat() -> float:
        # a beat that falls within this very frame counts as reached
        nearly = 0.5 * (session.transport.tempo or 0.0) / 60.0 / session.rate
        return session.transport.beat_at(session.engine.frame) + nearly

    if entry.param == "beat":
        return lambda: (math.floor(beat()),), None
    if entry.param == "bar":
        return lambda: (math.floor(beat() / session.transport.beats_per_bar),), None
    return lambda: (session.transport.tempo or 0.0,), None


def _whole(entry: Entry, session: Session) -> tuple[Value | None, Take | None]:
    def hush(arguments: Sequence[Any], call: Call) -> None:
        session.hush(not arguments or bool(number(entry.address, arguments[0])))

    def panic(arguments: Sequence[Any], call: Call) -> None:
        if not arguments or number(entry.address, arguments[0]):  # 0: a button was let go of
            session.panic()

    if entry.address == f"{ROOT}/hush":
        return None, hush
    if entry.address == f"{ROOT}/panic":
        return None, panic
    return None, None
