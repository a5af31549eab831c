"""What a scene holds when it is made of what plays now."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from graphflow.core.declare import Numeric
from graphflow.core.graph import Graph
from graphflow.core.patch import Patch
from graphflow.core.targets import target


def chosen(name: str, patch: Patch, graph: Graph, driver: Callable[[str, str], str]) -> list[str]:
    """The params, as `node.param`, that belong into a scene of that name when none are named.

    Those it has already; a new one takes what somebody has a hand in: what the patch writes, what macros, controls
    and other scenes move, and what stands elsewhere than by default. What a wire drives is left out.
    """
    if name in patch.scenes:
        return list(patch.scenes[name])
    touched = {path for values in patch.scenes.values() for path in values}
    touched |= {path for macro in patch.expose.values() for path in macro.params}
    touched |= set(patch.midi.get("params", ()))
    paths = []
    for node in graph.nodes.values():
        written = patch.nodes[node.name].values
        for param, declared in node.spec.params.items() if node.spec is not None else ():
            path = f"{node.name}.{param}"
            moved = param in written or path in touched or node.params[param] != declared.default
            if moved and not driver(node.name, param):
                paths.append(path)
    return paths


def values_now(paths: Iterable[str], graph: Graph) -> dict[str, Any]:
    """The values of params, as a patch writes them. Raises ValueError with one line."""
    values: dict[str, Any] = {}
    for path in paths:
        try:
            declared = target(path, graph.nodes)
        except ValueError as error:
            raise ValueError(f"{path}{error}") from error
        name, _, param = path.partition(".")
        if declared is not None:
            value = graph.nodes[name].params[param]
            values[path] = rounded(declared, value) if isinstance(declared, Numeric) else value
    return values


def rounded(declared: Numeric, value: float) -> float:
    """No more digits than anybody hears."""
    return declared.clip(float(f"{value:.6g}"))
