"""A library after node files were saved, came or went: a new one, while the old one stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from graphflow.core.errors import Problem
from graphflow.core.library import Library, classes_of, fault_line, fault_text, load

PLAYS_ON = "what it held before plays on"


@dataclass(frozen=True)
class NodeFile:
    """A file that may hold nodes, and the name of its module. `again`: it is run though it reads as before."""

    file: Path
    module: str
    again: bool = False


@dataclass(frozen=True)
class Renewal:
    """The new library and what is new in it.

    `changed` are kinds whose class is another or new; `kept` those that no file holds any more and that are still
    used, `dropped` those that were not; each with the file it came from. `problems` are of files that failed.
    """

    library: Library
    changed: dict[str, Path]
    kept: dict[str, Path]
    dropped: dict[str, Path]
    problems: list[Problem]

    def __bool__(self) -> bool:
        return bool(self.changed or self.dropped)

    def __str__(self) -> str:
        lines = [f"! {kind} {file.name}" for kind, file in self.changed.items()]
        lines += [f"= {kind} {file.name}" for kind, file in self.kept.items()]
        lines += [f"- {kind} {file.name}" for kind, file in self.dropped.items()]
        return "\n".join([*lines, *map(str, self.problems)]) or "nothing"


def renewed(
    library: Library,
    files: Iterable[NodeFile],
    used: Collection[str],
    first: Callable[[Path], str | None] = lambda file: None,
) -> Renewal:
    """The library with those files read again. A file that fails leaves its kinds as they are.

    `used` are the kinds that play, which are not taken away. `first` is asked before a file is run, and says what is
    wrong with it, if anything.
    """
    fresh, problems = library.copied(), list[Problem]()
    kept, dropped = dict[str, Path](), dict[str, Path]()
    for node_file in files:
        file = node_file.file
        classes = []
        if file.is_file():
            if fault := first(file):
                problems.append(Problem("", f"{fault}; {PLAYS_ON}"))
                continue
            try:
                classes = classes_of(load(file, node_file.module, again=node_file.again))
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a file of somebody else may do anything
                problems.append(Problem(f"{file}:{fault_line(error, file)}", fault_text(error, PLAYS_ON)))
                continue
        held = {cls.spec.kind for cls in classes}
        for kind in [kind for kind, cls in fresh.items() if cls.spec.file == file and kind not in held]:
            (kept if kind in used else dropped)[kind] = file
            if kind not in used:
                fresh.drop(kind)
        for cls in classes:
            other = fresh.get(cls.spec.kind)
            if other is not None and other.spec.file != file and not other.spec.file.exists():
                fresh.drop(cls.spec.kind)  # the file was given another name
            if (problem := fresh.add(cls)) is not None:
                problems.append(problem)
    changed = {kind: cls.spec.file for kind, cls in fresh.items() if library.get(kind) is not cls}
    kept = {kind: file for kind, file in kept.items() if fresh[kind].spec.file == file}
    dropped = {kind: file for kind, file in dropped.items() if kind not in fresh}
    return Renewal(fresh, changed, kept, dropped, problems)


def without(renewal: Renewal, kinds: Collection[str], library: Library) -> Renewal:
    """The renewal with some kinds as they were in the library before, or not at all."""
    fresh = renewal.library.copied()
    for kind in kinds:
        fresh.drop(kind)
        if kind in library:
            fresh.add(library[kind])
    changed = {kind: file for kind, file in renewal.changed.items() if kind not in kinds}
    return Renewal(fresh, changed, renewal.kept, renewal.dropped, renewal.problems)
