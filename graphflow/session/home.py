"""Where the patch that plays lies, and what becomes of the files its nodes name when that is elsewhere."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from graphflow.core.difference import Difference
from graphflow.core.graph import Graph, GraphNode


@dataclass(frozen=True)
class Home:
    """The folder in which the files that a patch names are looked for; its own file, and what that said, if any."""

    folder: Path
    path: Path | None = None
    text: str = ""


def resettled(change: Difference, graph: Graph, folders: Iterable[Path]) -> Difference:
    """A change of folders as well: nodes that name a file by a relative path begin anew, as it is another file."""
    fresh = {*change.added, *change.replaced}
    moved = [n for n, node in graph.nodes.items() if n not in fresh and names_file(node, folders)]
    if not moved:
        return change
    params = {end: values for end, values in change.params.items() if end[0] not in moved}
    literals = {end: values for end, values in change.literals.items() if end[0] not in moved}
    return replace(change, replaced=(*change.replaced, *moved), params=params, literals=literals)


def names_file(node: GraphNode, folders: Iterable[Path]) -> bool:
    """Whether a setting of a node names what is in one of the folders."""
    if node.spec is None:
        return False
    texts = [value for value in node.settings.values() if isinstance(value, str) and value]
    return any(not Path(text).is_absolute() and _there(folder / text) for text in texts for folder in folders)


def _there(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long, or no path at all
        return False
