"""An address with a session behind it: what it holds now, and what happens when it is sent something."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

from graphflow.control.midi.desk import roll
from graphflow.control.osc.entry import ROOT, Entry
from graphflow.control.osc.tree import FLOOR_DB
from graphflow.core.declare import Choice, Numeric, Switch
from graphflow.core.errors import UserError
from graphflow.core.macro import macro_range
from graphflow.core.messages import Osc

if TYPE_CHECKING:
    from graphflow.control.osc.peer import Call
    from graphflow.session import Session
    from graphflow.session.transport import Transport

Value: TypeAlias = Callable[[], tuple[Any, ...]]
Take: TypeAlias = "Callable[[Sequence[Any], Call], None]"


def bound(entry: Entry, session: Session) -> Entry:
    """The entry with a session's value and what it does there; as it was, where the server itself answers."""
    what = entry.address.removeprefix(f"{ROOT}/").partition("/")[0]
    if entry.what in ("prompt", "weights"):
        value, take = (_prompt if entry.what == "prompt" else _weights)(entry, session)
    elif entry.what == "heard":
        value, take = _heard(entry, session)
    else:
        families = {"node": _node, "macro": _macro, "scene": _scene, "transport": _transport, "meter": _meter}
        value, take = families.get(what, _whole)(entry, session)
    return entry if value is None and take is None else replace(entry, value=value, take=take)


def number(address: str, value: Any) -> float:
    """A number of any OSC type. Raises UserError."""
    if isinstance(value, (int, float)) and math.isfinite(value):
        return float(value)
    raise UserError(f"{address} is {value!r}; expected a number")


def whole(address: str, value: Any) -> int:
    """A whole number of any OSC type. Raises UserError."""
    given = number(address, value)
    if given % 1.0:
        raise UserError(f"{address} is {value!r}; expected a whole number")
    return int(given)


def _node(entry: Entry, session: Session) -> tuple[Value | None, Take | None]:
    node, param = entry.node, entry.param
    address = entry.address
    declared = session.find(node, param)[1]

    def value() -> tuple[Any, ...]:
        return (session.graph.nodes[node].params[param],)

    told: set[str] = set()

    def put(value: Any, call: Call) -> None:
        driven = session.set(node, param, value, frame=call.frame, clip=True)
        if driven and driven not in told:  # once: a fader sends a hundred in a second
            told.add(driven)
            session.report(f"osc: {address} is {driven}; what is sent there counts once that wire is cut")

    def take(arguments: Sequence[Any], call: Call) -> None:
        put(arguments[0], call)

    def take_number(arguments: Sequence[Any], call: Call) -> None:
        put(number(address, arguments[0]), call)

    if entry.what == "norm":
        assert isinstance(declared, Numeric)  # only numbers have one
        scale = declared

        def norm() -> tuple[float]:
            return (scale.norm(session.graph.nodes[node].params[param]),)

        def take_norm(arguments: Sequence[Any], call: Call) -> None:
            moved = scale.value_at(number(address, arguments[0]))
            put(moved, call)

        return norm, take_norm
    if entry.what == "action":  # it goes up by one, and then begins anew
        assert isinstance(declared, Numeric)  # the kind's own counter
        counter = declared

        def take_reset(arguments: Sequence[Any], call: Call) -> None:
            if arguments:
                take_number(arguments, call)
                return
            now = session.graph.nodes[node].params[param]
            session.set(node, param, now + 1.0 if now + 1.0 <= counter.max else counter.min, frame=call.frame)

        return None, take_reset
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

    def own() -> Numeric:
        macro, numbers = session.macro_params(name)
        return macro_range(macro, next(iter(numbers.values())))

    def take(arguments: Sequence[Any], call: Call) -> None:
        value = number(address, arguments[0])
        session.macro(name, own().value_at(value) if entry.what == "norm" else value, frame=call.frame)

    if entry.what == "norm":
        return lambda: (own().norm(session.macro_value(name)),), take
    return lambda: (session.macro_value(name),), take


def _scene(entry: Entry, session: Session) -> tuple[Value | None, Take | None]:
    def take(arguments: Sequence[Any], call: Call) -> None:
        seconds = number(entry.address, arguments[0]) if arguments else 0.0
        session.scene(entry.param, min(max(seconds, 0.0), 3600.0), frame=call.frame)

    return None, take


def _prompt(entry: Entry, session: Session) -> tuple[Value | None, Take | None]:
    node, address = entry.node, entry.address

    def value() -> tuple[Any, ...]:
        slots = enumerate(session.prompts(node))
        return tuple(part for number, slot in slots for part in (number, slot.text, slot.weight))

    def take(arguments: Sequence[Any], call: Call) -> None:
        first, *rest = arguments
        if isinstance(first, str):  # words alone, or words and weight: the first slot
            first, rest = 0, list(arguments)
        text = rest.pop(0) if rest and isinstance(rest[0], str) else None
        weight = number(address, rest.pop(0)) if rest else None
        if rest:
            raise UserError(f"{address}: {list(arguments)!r}; expected slot, words, weight")
        slot = whole(address, first)
        if text is None and weight is None:
            session.prompt(node, slot, "", 1.0)
        elif isinstance(arguments[0], str) and weight is None:
            session.prompt(node, slot, text, 1.0)
        else:
            session.prompt(node, slot, text, weight)

    return value, take


def _weights(entry: Entry, session: Session) -> tuple[Value | None, Take | None]:
    def value() -> tuple[Any, ...]:
        return tuple(slot.weight for slot in session.prompts(entry.node))

    def take(arguments: Sequence[Any], call: Call) -> None:
        weights = [number(entry.address, weight) for weight in arguments]
        for slot, weight in enumerate(weights):
            session.prompt(entry.node, slot, weight=weight)

    return value, take


def _meter(entry: Entry, session: Session) -> tuple[Value | None, Take | None]:
    def value() -> tuple[Any, ...]:
        return tuple(max(level, FLOOR_DB) for level in session.level(entry.node))

    return value, None


def _heard(entry: Entry, session: Session) -> tuple[Value | None, Take | None]:
    def take(arguments: Sequence[Any], call: Call) -> None:
        session.enter("osc", Osc(entry.address, tuple(arguments)), call.frame)

    return None, take


def _transport(entry: Entry, session: Session) -> tuple[Value | None, Take | None]:
    def now() -> Transport:
        return session.transport.at(session.engine.frame)

    def beat() -> float:
        # a beat that falls within this very frame counts as reached
        nearly = 0.5 * (now().tempo or 0.0) / 60.0 / session.rate
        return session.transport.beat_at(session.engine.frame) + nearly

    if entry.param == "beat":
        return lambda: (math.floor(beat()),), None
    if entry.param == "bar":
        return lambda: (math.floor(beat() / session.transport.beats_per_bar),), None

    if entry.param == "running":

        def take_running(arguments: Sequence[Any], call: Call) -> None:
            roll(session, bool(number(entry.address, arguments[0])), call.frame)

        return lambda: (int(now().running),), take_running
    if entry.param in ("play", "stop"):

        def take_press(arguments: Sequence[Any], call: Call) -> None:
            if not arguments or number(entry.address, arguments[0]):  # 0: a button was let go of
                roll(session, entry.param == "play", call.frame)

        return None, take_press

    def take_tempo(arguments: Sequence[Any], call: Call) -> None:
        bpm = number(entry.address, arguments[0])
        low, high = entry.ranges[0] or (20.0, 400.0)
        session.tempo(min(max(bpm, low), high) if bpm > 0.0 else None, call.frame)

    return lambda: (now().tempo or 0.0,), take_tempo


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
