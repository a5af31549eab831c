"""What a control can be learned for, as people name it."""

from __future__ import annotations

from graphflow.core.declare import Switch, Text
from graphflow.core.errors import UserError, did_you_mean
from graphflow.core.midi import ACTIONS
from graphflow.session import Session

ADDRESSES = {"/gf/node/": "params", "/gf/macro/": "macros", "/gf/scene/": "scenes"}
ACTED = {f"/gf/transport/{name}": name for name in ("play", "stop", "running")} | {
    "/gf/hush": "hush",
    "/gf/panic": "panic",
}
"""The addresses of actions."""
MUTE = "mute"
"""`band.mute` is whether band is muted, where its kind has no param of that name."""


def find_target(written: str, session: Session) -> tuple[str, str]:
    """The section of [midi] and the name there: of `hall.mix`, `band.mute`, a macro, scene, action or OSC address.

    A name that is a macro's and a scene's is the macro's, and one of theirs comes before an action. Raises UserError.
    """
    patch = session.patch
    if written in ACTED:
        return "actions", ACTED[written]
    for root, section in ADDRESSES.items():
        if written.startswith(root):
            name = written.removeprefix(root).removesuffix("/norm").strip("/").replace("/", ".")
            return _known(section, name, session)
    if "." in written:
        return _of_node(written, session)
    if written in patch.expose:
        return "macros", written
    if written in patch.scenes:
        return "scenes", written
    if written in ACTIONS:
        return "actions", written
    known = [*patch.expose, *patch.scenes, *ACTIONS]
    if written in session.graph.nodes:
        spec = session.graph.nodes[written].spec
        params = ", ".join(f"{written}.{param}" for param in (spec.params if spec is not None else ()))
        raise UserError(f"{written} is a node; name one of its params: {params}; or {written}.{MUTE}")
    raise UserError(f"no param, macro, scene or action is called {written!r}{did_you_mean(written, known)}")


def called(section: str, name: str) -> str:
    """A target as people name it."""
    return f"{name}.{MUTE}" if section == "mutes" else name


def _of_node(written: str, session: Session) -> tuple[str, str]:
    node, _, param = written.partition(".")
    spec = session.graph.nodes[node].spec if node in session.graph.nodes else None
    if spec is not None and param == MUTE and MUTE not in spec.params:
        return "mutes", node
    return _known("params", written, session)


def _known(section: str, name: str, session: Session) -> tuple[str, str]:
    if section == "params":
        session.find(*name.partition(".")[::2])
        return section, name
    known = session.patch.expose if section == "macros" else session.patch.scenes
    if name not in known:
        raise UserError(f"no {section[:-1]} is called {name!r}{did_you_mean(name, known)}")
    return section, name


def pressable(section: str, name: str, session: Session) -> bool:
    """Whether a key can do it."""
    return section in ("scenes", "actions", "mutes") or (
        section == "params" and isinstance(_param(name, session), Switch)
    )


def turnable(section: str, name: str, session: Session) -> bool:
    """Whether a knob can."""
    return section != "params" or not isinstance(_param(name, session), Text)


def _param(name: str, session: Session) -> object:
    return session.find(*name.partition(".")[::2])[1]
