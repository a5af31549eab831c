"""Hot reload: the patch file and the node files are watched while it plays, and what is saved is heard at once."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from graphflow.core.library import builtin_folder, node_files
from graphflow.core.patch import Patch
from graphflow.core.patch_text import read
from graphflow.session.node_files import NodeFiles, Taken
from graphflow.session.patch_file import PatchFile
from graphflow.session.session import Session
from graphflow.session.watch import Watch

SETTLE, AT_MOST = 0.01, 0.2
"""Seconds in which nothing more may be saved before it is looked at, and after which it is looked at all the same."""


@dataclass(frozen=True)
class ReloadStatistics:
    """What was taken up and what was refused, and how long the last node took from save to sound."""

    patches: int
    nodes: int
    refused: int
    taken: Taken
    polls: bool


class Inbox:
    """A thread that takes up what was saved, one thing after the other, each when nothing more follows."""

    def __init__(self, name: str, take: Callable[[set[Path]], None], tell: Callable[[str], None]) -> None:
        self._take, self._tell = take, tell
        self._saved: queue.SimpleQueue[set[Path] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name=f"reloading {name}", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def put(self, paths: set[Path]) -> None:
        self._saved.put(paths)

    def stop(self) -> None:
        self._saved.put(None)
        if self._thread.ident is not None:
            self._thread.join(0.5)  # it may wait for the session, which no longer answers

    def _run(self) -> None:
        while (saved := self._saved.get()) is not None:
            began = time.monotonic()
            while time.monotonic() - began < AT_MOST:
                try:
                    more = self._saved.get(timeout=SETTLE)
                except queue.Empty:
                    break
                if more is None:
                    return
                saved |= more
            try:
                self._take(saved)
            except TimeoutError:
                self._tell("the session does not answer; save again once it does")
            except Exception as error:  # noqa: BLE001 - a fault of ours must not end the watch; it is told
                self._tell(f"{type(error).__name__}: {error}; playing on, please report this line")


class Reloading:
    """Follows a patch's file and the folders of node files for as long as a session plays.

    `written` is the patch as it was read from the file; `folders` says which folders are followed, and is asked again
    and again, as one may be made or trusted meanwhile. Whatever is wrong with a file is told in one line, and what
    played before plays on. `report` is called from threads of its own. `ready`: a node is about to be written, so the
    process it is tried in waits from the start, though there is none yet.
    """

    def __init__(
        self,
        session: Session,
        path: Path,
        folders: Callable[[], Sequence[Path]],
        report: Callable[[str], None],
        *,
        written: Patch,
        ready: bool = False,
    ) -> None:
        self.patch = PatchFile(session, path, self._say, written)
        self.nodes = NodeFiles(session, folders, self._say)
        self._session, self._folders, self._report, self._ready = session, folders, report, ready
        # a node takes a second to be tried and compiled; a patch that is saved meanwhile does not wait for it
        self._inboxes = Inbox("patch", self._take_patch, self._tell), Inbox("nodes", self._take_nodes, self._tell)
        self._watch = Watch(self._patch_paths, lambda: [f.absolute() for f in folders()], self._saved)
        self.elsewhere: Callable[[], tuple[Path, str] | None] = lambda: None
        """Says which file the patch has now, and what it said, where that may become another: it is followed then."""
        self.patch.known = lambda: self.elsewhere()
        self._ended = False

    def start(self) -> None:
        """Begin with the session's first look, when the patch plays."""
        self._session.listeners.append(self._begin)

    def stop(self) -> None:
        """End before the session is closed."""
        self._ended = True
        if self._begin in self._session.listeners:
            self._session.listeners.remove(self._begin)
        self._watch.stop()
        for inbox in self._inboxes:
            inbox.stop()

    def statistics(self) -> ReloadStatistics:
        refused = self.patch.refused + self.nodes.refused
        return ReloadStatistics(self.patch.reloads, self.nodes.reloads, refused, self.nodes.taken, self._watch.polls)

    def __str__(self) -> str:
        said = self.statistics()
        return f"{said.patches} patches and {said.nodes} node files taken up, {said.refused} refused"

    def _patch_paths(self) -> Sequence[Path]:
        now = self.elsewhere()
        path = self.patch.path if now is None else now[0]
        # an editor may write to the file that a link leads to
        return tuple(dict.fromkeys((path.absolute(), path.resolve())))

    def _begin(self, frame: int) -> None:
        self._session.listeners.remove(self._begin)
        self._watch.start()
        for inbox in self._inboxes:
            inbox.start()
        self._saved(set(self._patch_paths()))  # it may have been saved since it was opened
        self._inboxes[1].put(set())  # for a process to try nodes in

    def _saved(self, paths: set[Path]) -> None:
        patches, nodes = self._inboxes
        if found := paths & set(self._patch_paths()):
            patches.put(found)
        if found := {path for path in paths if path.suffix == ".py"}:
            nodes.put(found)

    def _take_patch(self, saved: set[Path]) -> None:
        now = self.elsewhere()
        if now is not None and now[0].absolute() != self.patch.path.absolute():
            self.patch.follow(now[0], read(now[1])[0])
        self.patch.changed()

    def _take_nodes(self, saved: set[Path]) -> None:
        own = builtin_folder().resolve()
        held = (folder for folder in self._folders() if folder.resolve() != own and folder.is_dir())
        if self._ready or any(map(node_files, held)):
            self._session.trials.keep_warm()
        if saved:
            self.nodes.changed(saved)

    def _tell(self, line: str) -> None:
        self._say(f"reload: {line}")

    def _say(self, line: str) -> None:
        if not self._ended:
            self._report(line)
