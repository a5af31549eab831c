"""Notices within a tenth of a second that a file was saved, or that node files of some folders came, changed or went.

The system says that something happened (watchfiles); what happened is seen by looking at the files. So it does not
matter how an editor saves, whether a folder is replaced by another, or, but for the time it takes, whether the system
says anything at all: a folder on a network does not, and a system may run out of watches.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from watchfiles import Change, watch

STEP, DEBOUNCE = 15, 60
"""Milliseconds in which nothing more must happen before it is told, and after which it is told all the same."""
LOOK_EVERY = 0.25
"""Seconds between two looks when the system says nothing."""
POLL_EVERY = 0.05
"""Seconds between two looks where it never will."""

Seen = dict[Path, tuple[int, int, int]]
"""What is known of each file: when it was changed (ns), its size and its number on the disk."""


class Watch:
    """Calls `changed`, in a thread of its own, with the paths that did. Folders that are not there are waited for.

    `files` says which single files, `folders` which folders of node files, with all that is in them; both are asked
    again at every look. All paths are absolute.
    """

    def __init__(
        self,
        files: Callable[[], Sequence[Path]],
        folders: Callable[[], Sequence[Path]],
        changed: Callable[[set[Path]], None],
    ) -> None:
        self._files, self._folders, self._changed = files, folders, changed
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watching files", daemon=True)
        self._places: list[Path] = []
        self._single: Sequence[Path] = ()
        self.polls = False
        """True where the system gives no notice."""

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(2.0)

    def __str__(self) -> str:
        places = ", ".join(map(str, self._places)) or "nothing"
        return f"{'polls' if self.polls else 'watches'} {places}"

    def _run(self) -> None:
        seen = self._look()
        while not self._stop.is_set():
            places = self._places
            try:
                for told in self._alarms(places):
                    now = self._look()
                    paths = {path for path in {**now, **seen} if now.get(path) != seen.get(path)} | (told & set(now))
                    seen = now
                    if self._stop.is_set():
                        return
                    if paths:
                        self._changed(paths)
                    if self._places != places:  # others have to be watched
                        break
            except (OSError, RuntimeError):  # no watches are left, or a folder went as it was to be watched
                self.polls = all(place.is_dir() for place in places)
                self._stop.wait(POLL_EVERY)  # whatever it was, it may be so again at once

    def _alarms(self, places: Sequence[Path]) -> Iterator[set[Path]]:
        """Each time that something may have changed: the paths that the system named."""
        if self.polls or not places:
            while not self._stop.wait(POLL_EVERY):
                yield set()
            return
        for changes in watch(
            *places,
            watch_filter=self._concerns,
            debounce=DEBOUNCE,
            step=STEP,
            stop_event=self._stop,
            rust_timeout=round(1000 * LOOK_EVERY),
            yield_on_timeout=True,
            raise_interrupt=False,
            recursive=False,
        ):
            yield {Path(path) for _, path in changes}

    def _concerns(self, change: Change, path: str) -> bool:
        name = Path(path)
        return name.suffix in ("", ".py") or name in self._single

    def _look(self) -> Seen:
        """Every file there is; and note which folders to watch for it."""
        seen: Seen = {}
        self._single = self._files()
        places = {there(file.parent): None for file in self._single}
        for file in self._single:
            note(file, seen)
        for folder in self._folders():
            if folder.is_dir():
                into(folder, seen, places)
            else:
                places[there(folder)] = None
        self._places = list(places)
        return seen


def there(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder


def into(folder: Path, seen: Seen, places: dict[Path, None]) -> None:
    """Note all Python files of a folder and of those in it."""
    places[folder] = None
    try:
        with os.scandir(folder) as entries:
            inside = sorted((entry.name, entry.is_dir()) for entry in entries)
    except OSError:  # it went as it was looked at, or may not be read
        return
    for name, is_folder in inside:
        if name.startswith((".", "__")):
            continue
        if is_folder and (folder / name).resolve() not in places:  # a link may lead back
            into(folder / name, seen, places)
        elif name.endswith(".py"):
            note(folder / name, seen)


def note(file: Path, seen: Seen) -> None:
    try:
        is_now = file.stat()
    except OSError:  # gone
        return
    seen[file] = is_now.st_mtime_ns, is_now.st_size, is_now.st_ino
