"""Patches loaded, saved and taken back from outside: files of the patch's own folder, and of no other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphflow.control.live.files import Files, replaceable
from graphflow.control.osc.peer import Call
from graphflow.core.errors import UserError
from graphflow.core.prompts import PROMPTS

if TYPE_CHECKING:
    from graphflow.core.patch import Patch
    from graphflow.session import Session

SUFFIX = ".toml"
MOST = 200
"""Names in an answer, which has to fit into a datagram."""


class PatchFiles:
    """What `/gf/patch/...` does. `remote`: whether other hosts may load and save too."""

    def __init__(self, session: Session, path: Path | None = None, *, remote: bool = False) -> None:
        self._session, self._remote = session, remote
        folder = (path.parent if path is not None else session.folder).resolve()
        try:
            text = path.read_text(encoding="utf-8") if path is not None else ""
        except (OSError, UnicodeError):
            text = ""  # it plays already; what is there now is told when it is saved
        self._own = Files(folder, path, text)
        self.shared: Callable[[], Files | None] = lambda: None
        """The same of a prompt that plays the patch too: both save into one file."""

    @property
    def files(self) -> Files:
        return self.shared() or self._own

    def check(self, call: Call, address: str) -> None:
        """Raises UserError for a host that may not."""
        if not (call.peer.local or self._remote):
            raise UserError(f"{address}: only programs on this computer may; --allow-files lets the others too")

    def place(self, name: str, address: str) -> Path:
        """The file a name means, in the patch's folder. Raises UserError for any other."""
        folder = self.files.folder
        wrong = not name.isprintable() or "\\" in name or Path(name).is_absolute()
        wrong = wrong or not name or any(part.startswith(".") for part in Path(name).parts)  # hidden files neither
        path = folder / f"{name.removesuffix(SUFFIX)}{SUFFIX}"
        try:
            wrong = wrong or not path.resolve().is_relative_to(folder)
        except (OSError, ValueError, RuntimeError):  # too long, no text, a link that leads to itself
            wrong = True
        if wrong:
            raise UserError(f"{address} is {name[:80]!r}; expected the name of a patch in {folder}")
        return path

    def names(self) -> list[str]:
        """The patches of the folder. Raises UserError."""
        try:
            return sorted(file.stem for file in self.files.folder.glob(f"*{SUFFIX}") if file.is_file())[:MOST]
        except OSError as error:
            raise UserError(f"{self.files.folder} cannot be read ({error.strerror or error})") from error

    async def load(self, path: Path) -> None:
        """Go over to a patch, as an edit that can be undone. Raises UserError; then nothing has changed."""
        loop = asyncio.get_running_loop()
        _, text, patch = await loop.run_in_executor(None, self.files.load, path)
        await loop.run_in_executor(None, self._session.prepare, patch)  # compiling takes its time
        self._session.play(patch, by_hand=_every_value(patch, self._session))
        if patch.transport.tempo is not None:
            self._session.tempo(patch.transport.tempo)
        self.files.path, self.files.text = path, text

    def own(self, address: str) -> Path:
        """The patch's own file. Raises UserError where it has none."""
        if self.files.path is None:
            raise UserError(f"{address}: this patch has no file yet; give it a name")
        return self.files.path

    def save(self, name: str, address: str, *, over: bool = False) -> Path:
        """Write what plays, with the values that controllers have left; over another patch only where that is meant.

        Raises UserError.
        """
        path = replaceable(self.place(name, address) if name else self.own(address))
        own = self.files.path
        if path.exists() and not over and (own is None or path.resolve() != own.resolve()):
            raise UserError(f"{path.name} is there already; {address} {name} 1 replaces it")
        patch = self._session.with_values_left()
        now = self.files.changed_meanwhile(path)
        if now is not None:
            patch = self.files.brought_together(now, path, patch)
        self.files.save(path, patch, now)
        return path

    def back(self) -> None:
        """Undo. Raises UserError."""
        self._session.play(self._session.history.back(self._session.patch), step="back")

    def again(self) -> None:
        """Redo. Raises UserError."""
        self._session.play(self._session.history.again(self._session.patch), step="again")


def _every_value(patch: Patch, session: Session) -> list[tuple[str, str]]:
    """All values of all nodes: after a load they are what the file says, not what a hand has left."""
    kinds = {
        name: session.library[node.kind].spec for name, node in patch.nodes.items() if node.kind in session.library
    }
    return [(name, what) for name, spec in kinds.items() for what in (*spec.params, PROMPTS)]


def word(arguments: Sequence[Any], address: str) -> str:
    """The one text that was sent, or "". Raises UserError."""
    if not arguments:
        return ""
    if isinstance(arguments[0], str):
        return arguments[0]
    raise UserError(f"{address} is {arguments[0]!r}; expected a name")
