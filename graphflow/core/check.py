"""All that is wrong with a patch, in one go."""

from __future__ import annotations

from pathlib import Path

from graphflow.core.errors import PatchError, Problem
from graphflow.core.graph import Built, Graph, build
from graphflow.core.library import Library
from graphflow.core.patch import Patch
from graphflow.core.patch_text import read


def check(source: str | bytes, library: Library, folder: Path | None = None) -> list[Problem]:
    """Every fault of a patch's text. `folder`: where the patch lies, so that the files it names are looked for."""
    patch, problems = read(source)
    if problems and not patch.nodes and not patch.wires:
        return problems  # not a patch at all; what follows from that is no news
    return problems + faults(patch, library, folder, wired=not _of_wires(problems))


def faults(
    patch: Patch, library: Library, folder: Path | None = None, *, wired: bool = True, placeholders: bool = False
) -> list[Problem]:
    """What keeps a patch that was read from being played. `placeholders`: unknown kinds are no fault but silent.

    `wired`: its wires were all read; else, as after a wire that is wrong, that nothing is heard is no news.
    """
    graph, problems = build(patch, library, placeholders=placeholders)
    unheard = silent(graph) if wired and not _of_wires(problems) else silent(graph, wires=False)
    return problems + unheard + (files_missing(graph, folder) if folder is not None else [])


def playable(patch: Patch, library: Library, built: Built | None = None) -> Graph:
    """The graph of a patch, unknown kinds as placeholders. Raises PatchError with everything that is wrong.

    `built` as `graph.build` takes it.
    """
    graph, problems = build(patch, library, placeholders=True, built=built)
    problems += silent(graph)
    if problems:
        raise PatchError(problems)
    return graph


def _of_wires(problems: list[Problem]) -> bool:
    return any(problem.place.rpartition(".")[2] == "wires" for problem in problems)


def silent(graph: Graph, *, wires: bool = True) -> list[Problem]:
    """Why nothing could be heard: no output node, or, where `wires` are looked at too, nothing wired to one."""
    outputs = {name for name, node in graph.nodes.items() if node.spec is None or node.spec.device_outs}
    if not outputs:
        return [Problem("nodes", "none is an output, so nothing would be heard; add one and wire the sound to it")]
    hidden = not wires or any(node.spec is None for node in graph.nodes.values())
    if hidden or any(wire.dest in outputs for wire in graph.wires):
        return []
    name = next(iter(outputs))
    return [Problem(f"nodes.{name}", f' has no wire, so nothing would be heard; add one, like "node -> {name}"')]


def files_missing(graph: Graph, folder: Path) -> list[Problem]:
    """The files that nodes are to read and that are not there. Relative names count from the patch's folder."""
    problems = []
    for node in graph.nodes.values():
        if node.spec is None or node.spec.tapes:  # a tape's file is written
            continue
        named = {**node.spec.sound_files, **{n: s for n, s in node.spec.settings.items() if n == "file"}}
        for name in named:
            file = node.settings[name]
            if isinstance(file, str) and file and not (folder / file).exists():
                problems.append(Problem(f"nodes.{node.name}.{name}", f" is {file!r}; no such file in {folder}"))
    return problems
