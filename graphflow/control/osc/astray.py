"""Why there is nothing at an address: one line that names what was meant, perhaps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from graphflow.control.osc.entry import ROOT, Entry
from graphflow.control.osc.pattern import is_pattern
from graphflow.core.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from graphflow.session import Session

FAMILIES = ("node", "macro", "scene", "transport", "patch", "hush", "panic", "sys", "meter", "subscribe", "unsubscribe")
SHOWN = 80
"""Characters of an address in a line."""


def why_not(address: str, entries: Mapping[str, Entry], session: Session) -> str:
    """One line for an address at which there is nothing."""
    family, *rest = address.strip("/").split("/")[1:] or [""]
    shown = plain(address)
    if not address.startswith(f"{ROOT}/") or not family:
        return f"{shown}: expected an address below {ROOT}, like {ROOT}/node/NAME/PARAM"
    if is_pattern(address):
        return f"{shown}: no value is called like this"
    if family not in FAMILIES:
        return f"{shown}: no such address{did_you_mean(family[:SHOWN], FAMILIES)}"
    if family == "node" and len(rest) in (2, 3):
        return _in_node(shown, rest, session)
    families: dict[str, Mapping[str, object]]
    families = {"macro": session.patch.expose, "scene": session.patch.scenes, "meter": session.graph.nodes}
    known = families.get(family)
    if known is not None and rest and rest[0] not in known:
        what = "node" if family == "meter" else family
        return f"no {what} is called {rest[0][:SHOWN]!r}{did_you_mean(rest[0][:SHOWN], known)}"
    if family == "node":  # there may be thousands of them, too many to look for one that is near
        return f"{shown}: no such address; expected {ROOT}/node/NAME/PARAM"
    below = [entry for entry in entries if entry.startswith(f"{ROOT}/{family}")]
    return f"{shown}: no such address{did_you_mean(shown, below)}"


def plain(address: str) -> str:
    """An address as a line may hold it."""
    shown = "".join(sign if sign.isprintable() else "?" for sign in address[:SHOWN])
    return shown if len(address) <= SHOWN else f"{shown}..."


def _in_node(shown: str, rest: list[str], session: Session) -> str:
    node, param = rest[0][:SHOWN], rest[1][:SHOWN]
    try:
        session.find(node, param)
    except UserError as error:
        return str(error)
    if rest[2:] == ["norm"]:
        return f"{shown}: {param} is no number; it has no norm"
    return f"{shown}: no such address; expected {ROOT}/node/{node}/{param} or .../norm"
