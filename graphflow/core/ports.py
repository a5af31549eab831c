"""Which port a wire means where it names none, and what may feed what."""

from __future__ import annotations

from collections.abc import Iterator

from graphflow.core.declare import AudioIn, AudioOut, Declaration, Inlet, Numeric, Outlet, Param, Setting, Text
from graphflow.core.names import instead
from graphflow.core.node import Spec

AUDIO, SIGNAL, TEXT, STYLE = "audio", "signal", "text", "style"

CONVERSIONS = frozenset({(SIGNAL, AUDIO), (TEXT, STYLE)})
"""What may feed another type than its own: a signal is sound that holds still, words are a style of one part."""


def carried(port: Declaration) -> str:
    """audio, or the name of the message type: style, image, notes, text, signal."""
    if isinstance(port, (AudioIn, AudioOut)):
        return AUDIO
    if isinstance(port, (Inlet, Outlet)):
        return port.type.__name__.lower()
    if isinstance(port, Text):
        return TEXT
    return "number"


def outs(spec: Spec) -> dict[str, Declaration]:
    """What gives wires, in declared order."""
    return {n: d for n, d in spec.declarations.items() if n in spec.audio_outs or isinstance(d, Outlet)}


def ins(spec: Spec) -> dict[str, Declaration]:
    """What takes wires by itself, in declared order; params take one when they are named."""
    return {n: d for n, d in spec.declarations.items() if n in spec.audio_ins or isinstance(d, Inlet)}


def fits(out: Declaration, into: Declaration) -> bool:
    """Whether the one may feed the other."""
    sends, takes = carried(out), carried(into)
    if isinstance(into, Numeric):
        return sends in (AUDIO, SIGNAL)
    if isinstance(into, Param) and not isinstance(into, Text):
        return False
    return sends == takes or (sends, takes) in CONVERSIONS


def takes_many(into: Declaration) -> bool:
    """Whether several wires may lead there: sound adds, styles and notes merge."""
    return carried(into) in (AUDIO, STYLE, "notes") and not isinstance(into, Param)


def join(source: Spec, outlet: str | None, dest: Spec, inlet: str | None) -> tuple[str, str]:
    """The outlet and inlet a wire means. Raises ValueError whose text continues `wires: "...": `."""
    givers = outs(source)
    if outlet is not None:
        givers = {outlet: _named(source, outlet, givers, "outlet")}
    if not givers:
        raise ValueError(f"{source.kind} sends nothing; wire something else")
    takers = ins(dest)
    if inlet is not None:
        named = _named(dest, inlet, {**takers, **_drivable(dest)}, "inlet")
        takers = {inlet: named}
    for out, into in _pairs(givers, takers):
        return out, into
    raise ValueError(_misfit(source, outlet, givers, dest, inlet, takers))


def _pairs(givers: dict[str, Declaration], takers: dict[str, Declaration]) -> Iterator[tuple[str, str]]:
    """What fits, best first: the same type before a conversion, then declared order."""
    fitting = [(out, into) for out in givers for into in takers if fits(givers[out], takers[into])]
    yield from (p for p in fitting if carried(givers[p[0]]) == carried(takers[p[1]]))
    yield from fitting


def _drivable(spec: Spec) -> dict[str, Declaration]:
    return {n: d for n, d in spec.params.items() if isinstance(d, (Numeric, Text))}


def _named(spec: Spec, name: str, known: dict[str, Declaration], what: str) -> Declaration:
    if name in known:
        return known[name]
    declared = spec.declarations.get(name)
    if isinstance(declared, Setting):
        raise ValueError(f"{name} of {spec.kind} is a setting; settings take no wire, only params do")
    if isinstance(declared, Param):
        rule = "gives no wire" if what == "outlet" else "takes no wire, only numbers and texts do"
        raise ValueError(f"{name} of {spec.kind} is a param that {rule}")
    if declared is not None:
        other = "gives no wire" if what == "outlet" else "takes no wire"
        raise ValueError(f"{name} of {spec.kind} {other}{instead(name, known)}")
    raise ValueError(f"{spec.kind} has no {what} {name!r}{instead(name, known)}")


def _misfit(
    source: Spec,
    outlet: str | None,
    givers: dict[str, Declaration],
    dest: Spec,
    inlet: str | None,
    takers: dict[str, Declaration],
) -> str:
    if outlet is not None or len(givers) == 1:
        out = next(iter(givers))
        sends = f"{source.kind}.{out} ({carried(givers[out])})"
    else:
        sends = f"what {source.kind} sends ({_types(givers)})"
    params = [n for n, d in dest.params.items() if any(fits(giver, d) for giver in givers.values())]
    if inlet is not None:
        return f"{sends} cannot feed {dest.kind}.{inlet} ({carried(takers[inlet])})"
    if params:
        return f"name the param that {sends} is to drive: {', '.join(params)}"
    return f"{sends} cannot feed {dest.kind}, which takes {_types(takers) or 'no wires'}"


def _types(ports: dict[str, Declaration]) -> str:
    return ", ".join(dict.fromkeys(carried(port) for port in ports.values()))
