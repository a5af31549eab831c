"""The address space of a patch, all of it from what its nodes declare.

`declared` needs no engine. `addresses` is the same with the values of a session behind it. What a patch has not got
and the server itself answers to (`/gf/sys/...`, `/gf/patch/...`, subscriptions) is in `always`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from graphflow.control.osc.entry import ROOT, Access, Entry
from graphflow.core.declare import Choice, Numeric, Param, Switch, Text
from graphflow.core.graph import Graph, GraphNode
from graphflow.core.heard import Heard
from graphflow.core.macro import macro_range
from graphflow.core.node import Spec
from graphflow.core.patch import TRANSPORT, Expose, Patch
from graphflow.core.prompts import HEAVIEST, SLOTS, prompt_inlet

if TYPE_CHECKING:
    from graphflow.session import Session

NORM = (0.0, 1.0)
FLOOR_DB = -120.0
LEVELS = ((FLOOR_DB, 24.0), (FLOOR_DB, 24.0))


def declared(graph: Graph, patch: Patch) -> list[Entry]:
    """Every address that a patch has, in its order; without the values, so without an engine."""
    entries = [entry for node in graph.nodes.values() for entry in of_node(node)]
    entries += [entry for name, macro in patch.expose.items() for entry in of_macro(name, macro, graph)]
    entries += [of_scene(name) for name in patch.scenes]
    entries += [entry for node in graph.nodes.values() for entry in (*of_meter(node), *of_heard(node))]
    return entries + list(always())


def addresses(session: Session) -> dict[str, Entry]:
    """Every address of what plays now, with its value and what it does."""
    from graphflow.control.osc.bind import bound

    return {entry.address: bound(entry, session) for entry in declared(session.graph, session.patch)}


# --- nodes ------------------------------------------------------------------------------------------------------------


def of_node(node: GraphNode) -> Iterator[Entry]:
    """The addresses of one node; a placeholder has none."""
    if node.spec is None:
        return
    slots = prompt_inlet(node.spec)
    for name, param in node.spec.params.items():
        entry = of_param(node.name, name, param)
        if name == "reset" and slots:  # without an argument it does what it says
            entry = replace(entry, access=Access.WRITE, what="action", least=0)
        yield entry
        if isinstance(param, Numeric):
            yield norm_of(entry)
    if slots:
        yield from of_prompts(node.name, node.spec)


def of_param(node: str, name: str, param: Param) -> Entry:
    """A live param in its own unit."""
    address = f"{ROOT}/node/{node}/{name}"
    common = Entry(address, "f", param.doc, "number", default=param.default, node=node, param=name)
    if isinstance(param, Numeric):
        return replace(
            common, unit=param.unit, ranges=((param.min, param.max),), warp=param.warp, step=param.step
        )  # fmt: skip
    if isinstance(param, Switch):
        return replace(common, types="i", what="switch", ranges=((0.0, 1.0),))
    if isinstance(param, Choice):
        return replace(common, types="s", what="choice", choices=param.choices, ranges=(None,))
    assert isinstance(param, Text)  # there is no other kind of param
    return replace(common, types="s", what="text", ranges=(None,))


def norm_of(entry: Entry) -> Entry:
    """The twin of a number: where it lies on a fader, 0 to 1."""
    return replace(
        entry,
        address=f"{entry.address}/norm",
        types="f",
        what="norm",
        access=Access.BOTH,
        unit="",
        ranges=(NORM,),
        step=0.0,
        warp="lin",
        default=None,
        least=None,
    )


def of_prompts(node: str, spec: Spec) -> Iterator[Entry]:
    """The eight slots of a generator; where the kind has params of these names, those count."""
    weight = (0.0, HEAVIEST)
    if "prompt" not in spec.params:
        yield Entry(
            f"{ROOT}/node/{node}/prompt",
            "isf",
            "A prompt: slot 0 to 7, words, weight. The slot alone clears it; words alone go to slot 0.",
            "prompt",
            ranges=((0.0, SLOTS - 1.0), None, weight),
            node=node,
            param="prompt",
            least=1,
        )
    if "weights" not in spec.params:
        yield Entry(
            f"{ROOT}/node/{node}/weights",
            "f" * SLOTS,
            "The weights of the slots, from slot 0 on.",
            "weights",
            ranges=(weight,) * SLOTS,
            node=node,
            param="weights",
            least=1,
        )


def of_heard(node: GraphNode) -> Iterator[Entry]:
    """Addresses of the patch's own, which a node turns into signals."""
    for name in heard_by(node):
        address = str(node.settings.get(name))
        yield Entry(address, "", f"Heard by {node.name}.", "heard", Access.WRITE, node=node.name, param=name, least=0)


def heard_by(node: GraphNode) -> list[str]:
    """The settings of a node that name what it hears."""
    settings = node.spec.settings if node.spec is not None else {}
    return [name for name, setting in settings.items() if isinstance(setting, Heard)]


def of_meter(node: GraphNode) -> Iterator[Entry]:
    """How loud a node is; a node without sound has none."""
    spec = node.spec
    if spec is not None and (spec.audio_outs or spec.device_outs or spec.tapes):
        yield Entry(
            f"{ROOT}/meter/{node.name}",
            "ff",
            "Peak and RMS of its loudest out; goes to subscribers only.",
            "level",
            Access.READ,
            "dB",
            LEVELS,
            node=node.name,
        )


# --- the patch --------------------------------------------------------------------------------------------------------


def of_macro(name: str, macro: Expose, graph: Graph) -> Iterator[Entry]:
    """A macro in its unit, and its twin; one that moves nothing has none."""
    numbers = macro_numbers(macro, graph)
    if not numbers:
        return
    own = macro_range(macro, next(iter(numbers.values())))
    entry = Entry(
        f"{ROOT}/macro/{name}",
        "f",
        f"Moves {', '.join(numbers)}.",
        "number",
        unit=own.unit,
        ranges=((own.min, own.max),),
        warp=own.warp,
        param=name,
    )
    yield entry
    yield norm_of(entry)


def macro_numbers(macro: Expose, graph: Graph) -> dict[str, Numeric]:
    """The numbers a macro moves, by `node.param`."""
    numbers: dict[str, Numeric] = {}
    for path in macro.params:
        name, _, param = path.partition(".")
        node = graph.nodes.get(name)
        declared = node.spec.params.get(param) if node is not None and node.spec is not None else None
        if isinstance(declared, Numeric):
            numbers[path] = declared
    return numbers


def of_scene(name: str) -> Entry:
    return Entry(
        f"{ROOT}/scene/{name}",
        "f",
        "Goes to the scene, in so many seconds or at once.",
        "action",
        Access.WRITE,
        "s",
        ((0.0, 3600.0),),
        param=name,
        least=0,
    )


def always() -> Iterator[Entry]:
    """What every patch has."""
    tempo = TRANSPORT["tempo"]
    yield Entry(
        f"{ROOT}/transport/tempo", "f", tempo.doc, "number", unit="bpm", ranges=((tempo.min, tempo.max),), param="tempo"
    )
    for name, doc in (("beat", "The beat it has come to, from 0."), ("bar", "The bar it has come to, from 0.")):
        yield Entry(f"{ROOT}/transport/{name}", "i", doc, "status", Access.READ, ranges=(None,), param=name)
    yield Entry(
        f"{ROOT}/transport/running", "i", "Whether the beats go on; 0 lets them stand still.", "switch",
        ranges=(NORM,), step=1.0, default=True, param="running",
    )  # fmt: skip
    for name, doc in (
        ("play", "Lets the beats go on from where they stand."),
        ("stop", "Lets the beats stand still, and what counts them wait; the sound plays on."),
    ):
        yield Entry(f"{ROOT}/transport/{name}", "i", doc, "action", Access.WRITE, ranges=(NORM,), param=name, least=0)
    yield Entry(
        f"{ROOT}/hush",
        "i",
        "Fades everything out, or with 0 in again.",
        "action",
        Access.WRITE,
        ranges=(NORM,),
        least=0,
    )
    yield Entry(
        f"{ROOT}/panic",
        "i",
        "Silence now; hush with 0 brings the sound back.",
        "action",
        Access.WRITE,
        "",
        (NORM,),
        least=0,
    )
    yield from of_files()
    yield from of_midi()
    yield from of_server()


def of_files() -> Iterator[Entry]:
    for name, types, doc in (
        ("save", "si", "Writes what plays to its file, or to another in its folder; with 1 over one that is there."),
        ("load", "s", "Goes over to another patch of its folder."),
        ("reload", "i", "Goes back to what the patch's file says."),
        ("undo", "i", "Takes the last edit back."),
        ("redo", "i", "Makes the edit again that was taken back."),
        ("list", "", "Answers with the names of the patches in the folder."),
        ("store", "s", "Writes what plays now into the patch as a scene of this name."),
    ):
        ranges = (None,) * len(types)
        least = int(name in ("load", "store"))
        yield Entry(f"{ROOT}/patch/{name}", types, doc, "action", Access.WRITE, ranges=ranges, least=least)


def of_midi() -> Iterator[Entry]:
    for name, least, doc in (
        (
            "learn",
            1,
            "The control that is turned next moves this: hall.mix, band.mute, a macro, scene or action; answered.",
        ),
        ("forget", 1, "No control moves this any more; answered."),
    ):
        yield Entry(f"{ROOT}/midi/{name}", "s", doc, "action", Access.WRITE, ranges=(None,), least=least)


def of_server() -> Iterator[Entry]:
    everything = (
        ("sys/ping", "s", 0, "Answered by /gf/sys/pong with the same argument and the time in seconds."),
        (
            "sys/hello",
            "i",
            0,
            "Answered with name, address and ports; then all values come, to this port if it is given.",
        ),
        ("subscribe", "sfi", 1, "Values of a pattern: so many times a second, to this port; for 60 s."),
        ("unsubscribe", "si", 0, "No more of that pattern, or of anything."),
    )
    for name, types, least, doc in everything:
        ranges = (None,) * len(types)
        yield Entry(f"{ROOT}/{name}", types, doc, "action", Access.WRITE, ranges=ranges, least=least)
    for name, types, doc in (
        ("version", "s", "The version of graphflow."),
        ("status", "fffi", "Seconds played, load, peak in dB, xruns."),
        ("error", "ss", "The last message that was refused, and why."),
    ):
        ranges = (None,) * len(types)
        yield Entry(f"{ROOT}/sys/{name}", types, doc, "status", Access.READ, ranges=ranges)
    yield Entry(
        f"{ROOT}/sys/log_level", "s", "What of OSC is told: nothing, what is wrong, or all.", "choice",
        choices=("quiet", "errors", "all"), ranges=(None,), default="errors",
    )  # fmt: skip
