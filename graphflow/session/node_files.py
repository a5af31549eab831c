"""Node files while they play: when one is saved, its nodes are made anew beside the old ones and crossfaded in."""

from __future__ import annotations

import ast
import importlib.util
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from graphflow.core.errors import PatchError
from graphflow.core.graph import Graph
from graphflow.core.library import BUILTIN, builtin_folder, module_name, node_files, user_package
from graphflow.core.renewal import PLAYS_ON, NodeFile, Renewal, renewed, without
from graphflow.session.session import Session

LATE = 5.0
"""Seconds within which a saved file is seen, whatever else goes on."""
AGAIN = 0.04
"""Seconds after which it is looked again for a file that is gone."""
MOST_TRIED = 4
"""Nodes of a kind, of different values, with which a new version has to play."""


@dataclass(frozen=True)
class Taken:
    """How long the last swap took, in seconds from when its file was saved: seen, tried and run, compiled, swapped."""

    seen: float = 0.0
    tried: float = 0.0
    compiled: float = 0.0
    swapped: float = 0.0

    @property
    def whole(self) -> float:
        return self.seen + self.tried + self.compiled + self.swapped

    def __str__(self) -> str:
        return (
            f"{self.whole:.2f} s from save to sound: seen after {self.seen:.2f}, tried in {self.tried:.2f}, "
            f"compiled in {self.compiled:.2f}, swapped in {self.swapped:.3f}"
        )


class NodeFiles:
    """Follows the files of some folders. `folders` says which; what is not graphflow's own is tried in a process.

    A kind that no file holds any more stays for as long as the patch uses it. `changed` runs in any thread but the
    session's, or in the session's on the manual clock.
    """

    def __init__(self, session: Session, folders: Callable[[], Sequence[Path]], report: Callable[[str], None]) -> None:
        self.reloads = self.refused = 0
        self.taken = Taken()
        self._session, self._folders, self._report = session, folders, report
        self._orphans: dict[Path, NodeFile] = {}
        self._pause = threading.Event()

    def changed(self, paths: Iterable[Path]) -> None:
        """These files, absolute, may have been saved, have come or gone: bring the library up to them."""
        session, begun = self._session, time.time()
        patch = session.patch
        used = {node.kind for node in patch.nodes.values()}
        files = {one.file: one for one in self._concerned(set(paths))}
        if not all(map(saved_at, files)):
            self._pause.wait(AGAIN)  # an editor may take the old file away before it writes the new one
        saved = max(map(saved_at, files), default=0.0)
        own = builtin_folder().resolve()
        values = numbers_of(session.graph)

        def first(file: Path) -> str | None:
            if file.resolve().is_relative_to(own) or not is_python(file):
                return None
            return session.trials.run(file, used, values=values)

        renewal = renewed(session.library, {**self._orphans, **files}.values(), used, first)
        for problem in renewal.problems:
            self._refuse(str(problem))
        tried = time.time()
        for kind, file in renewal.kept.items():
            if file not in self._orphans:
                self._orphans[file] = files[file]
                self._report(f"{file.name}: {kind} is gone from it; it plays on as it was while the patch uses it")
        renewal = self._playable(renewal)
        if not renewal:
            return
        compiled = time.time()
        try:
            session.call(
                lambda: session.play(session.patch, library=renewal.library, quant="now", step="none"),
            )
        except PatchError as wrong:  # the patch was edited meanwhile
            self._refuse(f"{wrong.problems[0]}; {PLAYS_ON}")
            return
        self._orphans = {file: one for file, one in self._orphans.items() if file in renewal.kept.values()}
        # a file that was moved here keeps the time at which it was once saved
        seen = begun - saved if 0.0 < begun - saved < LATE else 0.0
        self.taken = Taken(seen, tried - begun, compiled - tried, time.time() - compiled)
        self.reloads += 1
        self._tell(renewal, used)

    def _playable(self, renewal: Renewal) -> Renewal:
        """What of it can be played: compiled and tried. The rest is told."""
        session = self._session
        while renewal.changed:
            patch = session.patch
            try:
                session.prepare(patch, renewal.library)
                return renewal
            except PatchError as wrong:  # a kind cannot be compiled, or does not take what the patch says
                for problem in wrong.problems:
                    self._refuse(f"{problem}; {PLAYS_ON}")
                names = [problem.place.split(".")[1] for problem in wrong.problems if problem.place[:6] == "nodes."]
                kinds = {patch.nodes[name].kind for name in names if name in patch.nodes}
            renewal = without(renewal, kinds & set(renewal.changed) or set(renewal.changed), session.library)
        return renewal

    def _concerned(self, paths: Collection[Path]) -> Iterator[NodeFile]:
        """The node files that have to be read again."""
        for folder in self._folders():
            package = BUILTIN if folder.resolve() == builtin_folder().resolve() else user_package(folder)
            inside = [path for path in paths if path.is_relative_to(folder.absolute())]
            # whatever has imported a helper has to read it again
            forgotten = [forget(path) for path in inside if path.name.startswith("_")]
            again = any(forgotten)
            files = {folder / path.relative_to(folder.absolute()) for path in inside}
            for file in sorted(files | set(node_files(folder) if again else ())):
                if not any(part.startswith(("_", ".")) for part in file.relative_to(folder).parts):
                    yield NodeFile(file, module_name(folder, file, package), again)

    def _refuse(self, line: str) -> None:
        self.refused += 1
        self._report(line)

    def _tell(self, renewal: Renewal, used: Collection[str]) -> None:
        for file in dict.fromkeys(renewal.changed.values()):
            kinds = [kind for kind, place in renewal.changed.items() if place == file]
            playing, new = [k for k in kinds if k in used], [k for k in kinds if k not in used]
            parts = [f"{', '.join(playing)} plays as saved {self.taken.whole:.1f} s ago"] if playing else []
            parts += [f"{', '.join(new)} can be used"] if new else []
            self._report(f"{file.name}: {'; '.join(parts)}")
        for kind, file in renewal.dropped.items():
            self._report(f"{file.name}: {kind} is gone from it")


def saved_at(file: Path) -> float:
    """When a file was saved, in seconds of the wall's clock; 0 where it is gone."""
    try:
        return file.stat().st_mtime
    except OSError:
        return 0.0


def is_python(file: Path) -> bool:
    """Can it be run at all? What is merely mistyped, as most is, is not worth a process."""
    try:
        ast.parse(file.read_bytes())
    except (SyntaxError, ValueError, OSError, RecursionError):
        return False
    return True


def forget(helper: Path) -> bool:
    """Let the next import of a helper file run it again. False where nothing has imported it."""
    names = [name for name, module in list(sys.modules.items()) if _file_of(module) == helper]
    for name in names:
        del sys.modules[name]
    try:  # what is kept compiled would be taken for a file that was changed twice in the same second
        Path(importlib.util.cache_from_source(str(helper))).unlink(missing_ok=True)
    except (OSError, NotImplementedError):
        pass
    importlib.invalidate_caches()
    return bool(names)


def _file_of(module: object) -> Path | None:
    file = getattr(module, "__file__", None)
    return Path(file) if isinstance(file, str) else None


def numbers_of(graph: Graph) -> dict[str, list[dict[str, float]]]:
    """The numbers of all nodes, by kind: with these a new version has to play."""
    found: dict[str, list[dict[str, float]]] = {}
    for node in graph.nodes.values():
        if node.spec is not None and node.spec.room == "audio":
            numbers = {name: float(node.params[name]) for name in node.spec.numeric}
            if numbers not in found.setdefault(node.kind, []) and len(found[node.kind]) < MOST_TRIED:
                found[node.kind].append(numbers)
    return found
