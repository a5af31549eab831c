"""The file of the patch that plays: when it is saved, what changed in it is done to what plays."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from graphflow.core.difference import Difference
from graphflow.core.errors import PatchError, Problem
from graphflow.core.library import Library
from graphflow.core.merge import merge
from graphflow.core.patch import Patch
from graphflow.core.patch_text import read
from graphflow.core.reconcile import reconciled
from graphflow.session.session import Session

PLAYS_ON = "what played before plays on"
AGAIN = 0.04
"""Seconds after which a text that is no patch is looked at again: it may be half saved."""
SHOWN = 6
"""Changes that a line lists."""
FIXED = {"rate": "Hz", "block": "frames"}
"""Keys of [engine] that cannot change while it plays."""


@dataclass(frozen=True)
class Found:
    """A file as it was found: when it was saved (ns) and its text, what that says, and what is wrong with it."""

    saved: tuple[int, bytes]
    patch: Patch
    problems: list[Problem]


class PatchFile:
    """Follows one file. What was changed live and not in the file stays; where both changed, the file counts.

    `written` is the patch as it was read from the file. `changed` runs in any thread but the session's, or in the
    session's on the manual clock.
    """

    def __init__(self, session: Session, path: Path, report: Callable[[str], None], written: Patch) -> None:
        self.path = path
        self.reloads = self.refused = 0
        self._session, self._report = session, report
        self._base = written
        self._refused: tuple[int, bytes] | None = None
        self._gone = not path.exists()  # a patch that is not saved yet is not missed
        self._pause = threading.Event()
        self.taken: Callable[[Path, str], None] = lambda path, text: None
        """Told the file's text whenever what plays has followed it, for who writes to it too; in any thread."""
        self.known: Callable[[], tuple[Path, str] | None] = lambda: None
        """Says what who writes to it too has written last, and where: that plays, or was edited since."""

    def changed(self) -> None:
        """The file may have been saved: read it, and go over to what it says."""
        found = self._whole()
        if found is None or found.saved == self._refused:
            return
        if found.problems:
            self._refuse(found, found.problems)
            return
        patch = found.patch
        if self.known() == (self.path, found.saved[1].decode()):
            self._base = patch
        if patch == self._base:
            self._take(found)
            return
        for key, unit in FIXED.items():
            now = getattr(patch.engine, key)
            if now != (was := getattr(self._base.engine, key)):
                self._tell(f"engine.{key} is {now} {unit}; it stays {was} while it plays: start again to hear it")
        session, base, ours = self._session, self._base, self._session.patch
        try:
            made = brought(base, ours, patch, session.library)
            session.prepare(made[0])
            lines, change = session.call(lambda: self._play(base, patch, ours, made))
        except PatchError as wrong:
            self._refuse(found, wrong.problems)
            return
        self._base = patch
        self._take(found)
        for line in lines:
            self._tell(line)
        if change:
            self.reloads += 1
            self._tell(told(change))

    def follow(self, path: Path, written: Patch) -> None:
        """Follow another file from now on, which says what plays."""
        self.path, self._base, self._refused, self._gone = path, written, None, not path.exists()

    def _take(self, found: Found) -> None:
        self._refused = None
        self.taken(self.path, found.saved[1].decode())

    def _play(
        self, base: Patch, patch: Patch, ours: Patch, made: tuple[Patch, list[str]]
    ) -> tuple[list[str], Difference]:
        """Make the change; in the session's thread. `made` was made for `ours`, and may come too late."""
        session = self._session
        merged, lines = made if session.patch is ours else brought(base, session.patch, patch, session.library)
        if merged == session.patch:  # as after a save of our own
            return lines, Difference()
        return lines, session.play(merged, by_hand=by_hand(base, patch))

    def _whole(self) -> Found | None:
        """What the file says, once nobody writes to it; None where it is empty or gone."""
        last: tuple[int, bytes] | None = None
        for _ in range(50):
            try:
                saved = self.path.stat().st_mtime_ns, self.path.read_bytes()
            except FileNotFoundError:
                saved = 0, b""
            except OSError as error:
                self._tell(f"it cannot be read ({error.strerror or error}); {PLAYS_ON}")
                return None
            patch, problems = read(saved[1])
            if saved == last or not problems:
                break
            last = saved
            self._pause.wait(AGAIN)
        was_gone, self._gone = self._gone, not saved[0]
        if self._gone and not was_gone:
            self._tell(f"it is gone; {PLAYS_ON}")
        return Found(saved, patch, problems) if saved[1].strip() else None

    def _refuse(self, found: Found, problems: Sequence[Problem]) -> None:
        self._refused = found.saved
        self.refused += 1
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        self._tell(f"{problems[0]}{more}; {PLAYS_ON}")

    def _tell(self, line: str) -> None:
        self._report(f"{self.path.name}: {line}")


def brought(base: Patch, ours: Patch, theirs: Patch, library: Library) -> tuple[Patch, list[str]]:
    """What the file changed, done to what plays; and a line for each place where they disagree."""
    merged, lines = merge(base, ours, theirs)
    whole, more = reconciled(merged, theirs, library)
    return whole, lines + more


def by_hand(base: Patch, patch: Patch) -> set[tuple[str, str]]:
    """The values that were changed in the file: they count, though a controller has moved them since."""
    return {
        (name, key)
        for name, node in patch.nodes.items()
        if name in base.nodes
        for key, value in node.values.items()
        if base.nodes[name].values.get(key) != value
    }


def told(change: Difference) -> str:
    """A change on one line."""
    lines = str(change).splitlines()
    more = f" and {len(lines) - SHOWN} more" if len(lines) > SHOWN else ""
    return ", ".join(islice(lines, SHOWN)) + more
