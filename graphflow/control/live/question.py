"""`hall?`: nodes, params, kinds and words told to a performer."""

from __future__ import annotations

import builtins
import inspect
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from graphflow.control.live.draft import Draft
from graphflow.control.live.handles import Node, Number, Port, Recipe, Toggle, Unknown, Words, settable
from graphflow.control.live.happening import Happening
from graphflow.control.live.kinds import Kind
from graphflow.control.live.shown import literal, node_line
from graphflow.control.live.words import Live, Nodes, Scene, Scenes, TransportWord, Wires
from graphflow.core.declare import AudioIn, Choice, Declaration, DeviceIn, Inlet, Numeric, Param, Setting, Switch
from graphflow.core.describe import describe
from graphflow.core.errors import UserError
from graphflow.core.names import instead
from graphflow.core.ports import carried, ins, outs
from graphflow.core.units import show

if TYPE_CHECKING:
    from graphflow.control.live.stage import Stage

UNTOLD = ("exit",)
"""Words that say what another says."""

_QUESTION = re.compile(r"\?\s*([\w.]+)|([\w.]+)\s*\?")

EXAMPLES = """\
band.temperature = 0.9               a param; hall? tells all of a node's
hall = reverb(mix=0.3)               a new node, or other values for the one of that name
blend >> band >> hall >> out         wires; cut(band, out), insert(hall, band, out)
out.level << lfo(rate=0.2, low=-12)  a node that drives a param
del hall                             away with it; its neighbours are not joined
every(4 * beat, lambda: ...)         and after(...), @loop; stop() ends them
save()                               into the patch's file; undo() takes an entry back"""


def asked(source: str) -> str | None:
    """What `hall?` or `?hall` asks about; None where the source asks nothing."""
    match = _QUESTION.fullmatch(source.rstrip())
    return (match[1] or match[2]) if match else None


def answer_to(stage: Stage, path: str) -> str:
    """What is behind a name, or a node's param. Raises UserError."""
    name, dot, key = path.partition(".")
    try:
        value = stage.namespace[name]
    except KeyError:
        builtin = vars(builtins).get(name)
        if builtin is None:
            known = [*stage.draft().patch.nodes, *stage.namespace.words, *stage.draft().library]
            raise UserError(f"nothing is called {name!r}{instead(name, known) if len(known) < 9 else ''}") from None
        value = builtin
    if not dot:
        return answer(stage, value)
    if isinstance(value, Node):
        return param(stage.draft(), value._name, key)
    if isinstance(value, Kind):
        return param_of_kind(stage, value._kind, key)
    for part in key.split("."):
        value = getattr(value, part)
    return answer(stage, value)


def answer(stage: Stage, what: Any) -> str:
    """What a value of a cell is."""
    if isinstance(what, Node) or (isinstance(what, Recipe) and what._name):
        return node(stage.draft(), what._name)
    if isinstance(what, (Port, Number, Toggle, Words)):
        return param(stage.draft(), what._end.node, str(what._end.port))
    if isinstance(what, Kind):
        return describe(stage.draft().library[what._kind].spec)
    if isinstance(what, str) and what in stage.draft().patch.nodes:
        return node(stage.draft(), what)
    if isinstance(what, (Happening, Scene, Recipe)):
        return repr(what)
    if isinstance(what, (Live, Nodes, Scenes, TransportWord, Wires)):
        return f"{what!r}\n{inspect.getdoc(type(what)) or ''}".strip()
    doc = inspect.getdoc(what) or "it says nothing about itself"
    if inspect.ismethod(what) and what.__self__ is stage.verbs:
        return doc
    name = getattr(what, "__name__", type(what).__name__)
    return f"{name}: {doc}"


def node(draft: Draft, name: str) -> str:
    """A node: as it is typed, its words, then each param, setting and port."""
    spec = draft.spec(name)
    line = node_line(draft, name)
    if spec is None:
        return f"{line}\nits kind is unknown here, so it is silent"
    rows = [_row(draft, name, key, spec.declarations[key]) for key in (*spec.params, *spec.settings)]
    rows += [(key, carried(d), "in", d.doc) for key, d in ins(spec).items()]
    rows += [(key, carried(d), "out", d.doc) for key, d in outs(spec).items()]
    return "\n".join([line, *spec.doc.splitlines(), *_columns(rows)])


def _row(draft: Draft, name: str, key: str, declared: Declaration) -> tuple[str, str, str, str]:
    driver = draft.driver(name, key)
    said = f"{declared.doc} Driven by {driver}.".lstrip() if driver else declared.doc
    return key, shown_value(declared, draft.value(name, key)), takes(declared), said


def _columns(rows: Iterable[tuple[str, str, str, str]]) -> list[str]:
    table = list(rows)
    widths = [max((len(row[i]) for row in table), default=0) for i in range(3)]
    return [f"  {row[0]:{widths[0]}}  {row[1]:{widths[1]}}  {row[2]:{widths[2]}}  {row[3]}".rstrip() for row in table]


def param(draft: Draft, name: str, key: str) -> str:
    """One param, setting or port: value, range, default, words, and what drives it."""
    spec = draft.spec(name)
    declared = spec.declarations.get(key) if spec else None
    if spec is None or declared is None or key not in settable(draft, name):
        kind = draft.node(name).kind
        raise Unknown(f"{name}.{key}: {kind} has no {key!r}{instead(key, settable(draft, name))}")
    lines = []
    if isinstance(declared, (Param, Setting)):
        lines.append(f"{name}.{key} is {shown_value(declared, draft.value(name, key))}; {_about(declared)}")
    else:
        way = "in" if isinstance(declared, (AudioIn, DeviceIn, Inlet)) else "out"
        lines.append(f"{name}.{key}: {carried(declared)} {way}")
    lines += declared.doc.splitlines()
    if key in spec.params and (driver := draft.driver(name, key)):
        lines.append(f"driven by {driver}")
    wires = [str(hop) for hop in draft.wiring.of(name) if key in (hop.source.port, hop.dest.port)]
    return "\n".join([*lines, *wires])


def param_of_kind(stage: Stage, kind: str, key: str) -> str:
    """The same of a kind, which has no value yet."""
    spec = stage.draft().library[kind].spec
    if key not in spec.declarations:
        raise Unknown(f"{kind} has no {key!r}{instead(key, spec.declarations)}")
    declared = spec.declarations[key]
    said = _about(declared) if isinstance(declared, (Param, Setting)) else carried(declared)
    return "\n".join([f"{kind}.{key}: {said}", *declared.doc.splitlines()])


def takes(declared: Declaration) -> str:
    """The range or the choices of a param or setting."""
    if isinstance(declared, Numeric):
        return declared.range()
    if isinstance(declared, (Choice, Setting)) and declared.choices:
        return " ".join(declared.choices)
    if isinstance(declared, Switch) or (isinstance(declared, Setting) and isinstance(declared.default, bool)):
        return "True or False"
    if isinstance(declared, Setting) and not isinstance(declared.default, str):
        return declared.range()
    return "text"


def _about(declared: Param | Setting) -> str:
    setting = ", a setting: a change begins the node anew" if isinstance(declared, Setting) else ""
    return f"{takes(declared)}, {shown_value(declared, declared.default)} by default{setting}"


def shown_value(declared: Declaration, value: Any) -> str:
    """A value with its unit."""
    unit = declared.unit if isinstance(declared, (Numeric, Setting)) else ""
    if isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool)):
        return show(float(value), unit)
    return literal(value)


def overview(stage: Stage) -> str:
    """How to begin, and every word."""
    told = {word: thing for word, thing in stage.namespace.words.items() if inspect.ismethod(thing)}
    verbs = [(inspect.getdoc(verb) or "").partition("\n")[0] for word, verb in told.items() if word not in UNTOLD]
    return "\n".join([*EXAMPLES.splitlines(), "", *verbs, "", f"kinds: {' '.join(stage.draft().library)}"])
