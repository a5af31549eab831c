"""What an entry does to files: as it says them, in its order, and all at the moment it takes effect."""

from __future__ import annotations

from pathlib import Path

from graphflow.control.live.files import Files
from graphflow.control.live.writing import Writing
from graphflow.core.patch import Patch


class Saving(Files):
    """The patch's file as one entry sees it: where a `save` or `load` in it has led, though none of it plays yet.

    A file gets what the entry had made of the patch where it says `save`. `ready` does all that takes time or may go
    wrong; `put` is done in a moment, and then `files`, those of the stage, are as here.
    """

    def __init__(self, files: Files) -> None:
        super().__init__(files.folder, *files.known)
        self._files, self._before = files, (self.folder, self.known)
        self._writings: dict[Path, Writing] = {}

    def content(self, path: Path) -> bytes:
        """What a file will hold, as far as this entry says. Raises OSError."""
        writing = self._writings.get(path.resolve())
        return super().content(path) if writing is None else writing.text.encode()

    def save(self, path: Path, patch: Patch, now: str | None) -> None:
        """Have the patch written; the rest as `Files.save`. Raises UserError."""
        writing = self.writing(path, patch, now)
        earlier = self._writings.pop(path.resolve(), None)
        if earlier is not None:
            writing.found = earlier.found
        self._writings[path.resolve()] = writing
        self.known = path, writing.text

    def ready(self) -> None:
        """Write everything beside its place. Raises UserError."""
        for writing in self._writings.values():
            writing.make()

    def put(self) -> None:
        """Put everything into its place, and let the stage know; once. Raises UserError."""
        if (self.folder, self.known) == self._before and not self._writings:
            return
        before, self._files.known = self._files.known, self.known  # first, for who watches the file
        try:
            for place in list(self._writings):
                self._writings[place].put()
                del self._writings[place]
        except BaseException:
            self._files.known = before
            raise
        self._files.folder = self.folder
        self._before = self.folder, self.known

    def drop(self) -> None:
        """Leave nothing behind of what was not put."""
        for writing in self._writings.values():
            writing.drop()
        self._writings.clear()
