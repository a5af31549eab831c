"""The patch's file: what it said last, and how what plays gets into it without losing anybody's work."""

from __future__ import annotations

from pathlib import Path

from graphflow.control.live.writing import Writing, content
from graphflow.core.errors import PatchError, Problem, UserError
from graphflow.core.merge import merge
from graphflow.core.patch import Patch
from graphflow.core.patch_text import read
from graphflow.core.patch_write import write
from graphflow.session.home import Home


class Files:
    """Where the patch lies (None: nowhere yet), and its text as it was last read or written.

    Both are held as one, as a thread that follows the file looks at them while another saves.
    """

    def __init__(self, folder: Path, path: Path | None = None, text: str = "") -> None:
        self.folder = folder
        self.known: tuple[Path | None, str] = path, text

    @property
    def path(self) -> Path | None:
        return self.known[0]

    @path.setter
    def path(self, path: Path | None) -> None:
        self.known = path, self.known[1]

    def go(self, home: Home) -> None:
        """The patch lies there from now on."""
        self.folder, self.known = home.folder, (home.path, home.text)

    @property
    def text(self) -> str:
        return self.known[1]

    @text.setter
    def text(self, text: str) -> None:
        self.known = self.known[0], text

    @property
    def patch(self) -> Patch:
        """What the file says."""
        return read(self.text)[0] if self.text.strip() else Patch(format=0)

    def named(self, name: str | Path) -> Path:
        """A file by its name beside the patch; `.toml` need not be said."""
        path = Path(name).expanduser()
        path = path if path.suffix else path.with_suffix(".toml")
        return path if path.is_absolute() else self.folder / path

    def target(self, name: str | Path | None, over: bool) -> Path:
        """Where a patch is to be saved. Raises UserError where there is no name, or somebody else's file."""
        if name is None:
            return replaceable(self._own("save"))
        path = self.named(name)
        same = self.path is not None and path.resolve() == self.path.resolve()
        if path.is_dir():
            raise UserError(f"{path} is a folder; expected a file name")
        if path.exists() and not same and not over:
            raise UserError(f'{path.name} is there already; save("{name}", over=True) replaces it')
        if not path.resolve().parent.is_dir():
            raise UserError(f"{path.name} cannot be saved: there is no folder {path.parent}")
        return replaceable(path)

    def _own(self, word: str) -> Path:
        if self.path is None:
            raise UserError(f'this patch has no file yet; name one, as in {word}("evening")')
        return self.path

    def content(self, path: Path) -> bytes:
        """What a file holds. Raises OSError."""
        return path.read_bytes()

    def changed_meanwhile(self, path: Path) -> str | None:
        """The text of the patch's own file where somebody else has changed it. Raises UserError."""
        if self.path is None or path.resolve() != self.path.resolve():
            return None
        try:
            now = self.content(path).decode()
        except FileNotFoundError:
            return None
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{path.name} cannot be read ({error}); save under another name") from error
        return now if now != self.text else None

    def brought_together(self, now: str, path: Path, ours: Patch) -> Patch:
        """Our patch with what somebody else has changed in the file. Raises UserError where both changed the same."""
        theirs, problems = read(now)
        if problems:
            raise UserError(
                f"{path.name} was changed meanwhile and is broken now ({problems[0]}); save under another name"
            )
        merged, conflicts = merge(self.patch, ours, theirs)
        if conflicts:
            more = f", and {len(conflicts) - 1} more" if len(conflicts) > 1 else ""
            raise UserError(f"{path.name} was changed meanwhile ({conflicts[0]}{more}); save under another name")
        return merged

    def writing(self, path: Path, patch: Patch, now: str | None) -> Writing:
        """The patch on its way into a file; `now` is the text that is there, where somebody else has changed it.

        Raises UserError.
        """
        try:
            text = write(self.text if now is None else now, patch)
            found = content(path) if now is None else now.encode()
        except PatchError as error:
            raise UserError(f"{path.name}: {error}") from error
        except OSError as error:
            raise UserError(f"{path.name} cannot be read ({error.strerror or error})") from error
        if now is None and found is not None and self.path is not None and path.resolve() == self.path.resolve():
            found = self.text.encode()
        return Writing(path, text, found)

    def save(self, path: Path, patch: Patch, now: str | None) -> None:
        """Write the patch now; the rest as `writing` says. Raises UserError; then nothing has changed."""
        writing = self.writing(path, patch, now)
        before, self.known = self.known, (path, writing.text)  # first, so that who watches the file finds it known
        try:
            writing.make()
            writing.put()
        except UserError:
            self.known = before
            raise
        finally:
            writing.drop()

    def load(self, name: str | Path | None) -> tuple[Path, str, Patch]:
        """A patch by the name of its file; None: the patch's own. Raises UserError, PatchError."""
        path = self._own("load") if name is None else self.named(name)
        try:
            text = self.content(path).decode()
        except FileNotFoundError as error:
            raise UserError(f"{path.name}: no such file in {path.parent}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"{path.name} cannot be read ({error})") from error
        patch, problems = read(text)
        if problems:
            raise PatchError(Problem(f"{path.name}, {problem.place}", problem.message) for problem in problems)
        return path, text, patch


def replaceable(path: Path) -> Path:
    """The path again. Raises UserError where its owner wants it left as it is, which replacing it would not heed."""
    if path.exists() and not path.stat().st_mode & 0o222:
        raise UserError(f"{path.name} is read-only; save under another name, or make it writable first")
    return path
