"""`node.param=value`, as commands take it."""

from __future__ import annotations

import tomllib
from typing import Any

from graphflow.core.declare import Choice, Declaration, Inlet, Numeric, Setting, Switch, Text
from graphflow.core.errors import PatchError, Problem, did_you_mean
from graphflow.core.graph import build_node
from graphflow.core.library import Library
from graphflow.core.literals import takes_literal
from graphflow.core.patch import Patch

_SWITCHES = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}


def assign(patch: Patch, library: Library, assignment: str) -> Patch:
    """The patch with one param, setting or inlet set: "hall.mix=0.5", "dusk.text=choir in a cave".

    Raises PatchError with one problem.
    """
    path, equals, written = assignment.partition("=")
    node, dot, key = path.strip().partition(".")
    if not (equals and dot and node and key):
        raise _fault(f"--set {assignment}", "expected node.param=value, like hall.mix=0.5")
    if node not in patch.nodes:
        raise _fault(f"--set {path.strip()}", f"no node is called {node!r}{did_you_mean(node, patch.nodes)}")
    kind = patch.nodes[node].kind
    if kind not in library:
        raise _fault(f"--set {path.strip()}", f"{node} is of the unknown kind {kind!r}; its params are not known")
    declared = library[kind].spec.declarations.get(key)
    changed = patch.with_value(node, key, value_of(written.strip(), declared))
    problems: list[Problem] = []
    build_node(node, changed.nodes[node], library, problems)
    for problem in problems:
        if problem.place == f"nodes.{node}.{key}":
            raise PatchError([Problem(f"--set {node}.{key}", problem.message)])
    return changed


def value_of(written: str, declared: Declaration | None) -> Any:
    """A value typed without quotes, read as its declaration wants it; text that does not fit is left as it is."""
    as_toml = _toml(written)
    if isinstance(declared, Numeric) or (
        isinstance(declared, Setting) and not isinstance(declared.default, (str, bool))
    ):
        return as_toml if as_toml is not None else written
    if isinstance(declared, Switch) or (isinstance(declared, Setting) and isinstance(declared.default, bool)):
        return _SWITCHES.get(written.lower(), written)
    if isinstance(declared, (Choice, Text, Setting)):
        return as_toml if isinstance(as_toml, str) else written
    if isinstance(declared, Inlet) and takes_literal(declared):
        return as_toml if isinstance(as_toml, (str, list, int, float)) else written
    return written if as_toml is None else as_toml


def _toml(written: str) -> Any:
    try:
        return tomllib.loads(f"value = {written}").get("value")
    except tomllib.TOMLDecodeError:
        return None


def _fault(where: str, message: str) -> PatchError:
    return PatchError([Problem(where, message)])
