"""What a control can be learned for, as people name it."""

from __future__ import annotations

from graphflow.core.declare import Switch, Text
from graphflow.core.errors import UserError, did_you_mean
from graphflow.session import Session

ADDRESSES = {"/gf/node/": "params", "/gf/macro/": "macros", "/gf/scene/": "scenes"}


def find_target(written: str, session: Session) -> tuple[str, str]:
    """The section of [midi] and the name there: of `hall.mix`, of a macro or scene, or of an OSC address.

    A name that is a macro's and a scene's is the macro's. Raises UserError.
    """
    patch = session.patch
    for root, section in ADDRESSES.items():
        if written.startswith(root):
            name = written.removeprefix(root).removesuffix("/norm").strip("/").replace("/", ".")
            return _known(section, name, session)
    if "." in written:
        return _known("params", written, session)
    if written in patch.expose:
        return "macros", written
    if written in patch.scenes:
        return "scenes", written
    known = [*patch.expose, *patch.scenes]
    if written in session.graph.nodes:
        spec = session.graph.nodes[written].spec
        params = ", ".join(f"{written}.{param}" for param in (spec.params if spec is not None else ()))
        raise UserError(f"{written} is a node; name one of its params: {params}")
    raise UserError(f"no param, macro or scene is called {written!r}{did_you_mean(written, known)}")


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
    return section == "scenes" or (section == "params" and isinstance(_param(name, session), Switch))


def turnable(section: str, name: str, session: Session) -> bool:
    """Whether a knob can."""
    return section != "params" or not isinstance(_param(name, session), Text)


def _param(name: str, session: Session) -> object:
    return session.find(*name.partition(".")[::2])[1]
