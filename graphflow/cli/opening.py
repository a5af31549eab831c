"""From what is typed to a patch and the kinds of node it may use."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterable
from dataclasses import dataclass, replace
from importlib.metadata import entry_points
from pathlib import Path

import graphflow
from graphflow.cli.trusted import config_folder, is_trusted
from graphflow.core.address import assign
from graphflow.core.check import faults
from graphflow.core.errors import PatchError, UserError, did_you_mean
from graphflow.core.library import Library, builtin_folder
from graphflow.core.node import Spec
from graphflow.core.patch import Patch
from graphflow.core.patch_text import read


@dataclass(frozen=True)
class Opened:
    """A patch ready to be played, and where it came from."""

    patch: Patch
    library: Library
    path: Path
    text: str = ""
    """What the file said."""

    @property
    def folder(self) -> Path:
        """Files the patch names are looked for here."""
        return self.path.resolve().parent


def patches_folder() -> Path:
    """Where the patches of graphflow lie: in the installed package, or beside it in a checkout."""
    package = Path(graphflow.__file__).parent
    return package / "patches" if (package / "patches").is_dir() else package.parent / "patches"


def find_patch(name: str) -> Path:
    """The file of a patch: a path, or the name of an installed one with or without its number. Raises UserError."""
    path = Path(name)
    if path.is_file():
        return path
    installed = {file.stem: file for file in sorted(patches_folder().glob("*.toml"))}
    for stem, file in installed.items():
        if name in (stem, file.name, stem.lstrip("0123456789").lstrip("-")):
            return file
    if path.is_dir():
        raise UserError(f"{name} is a folder; expected a patch file")
    known = ", ".join(installed)
    raise UserError(f"{name}: no such patch{did_you_mean(name, installed)}; expected a file, or one of {known}")


def library_for(folder: Path | None, more: Iterable[Path] = ()) -> Library:
    """All kinds of node: graphflow's, installed plugins', the user's, and those beside the patch if trusted."""
    library = Library.builtin()
    for point in entry_points(group="graphflow.nodes"):
        try:
            module = point.load()
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything; the rest plays
            print(f"plugin {point.name}: {type(error).__name__}: {error}; its nodes are left out", file=sys.stderr)
            continue
        library.scan(Path(str(module.__file__)).parent)
    for place in more:
        if not place.is_dir():
            raise UserError(f"--nodes {place}: no such folder; expected one that holds node files")
    for place in (config_folder() / "nodes", *more):
        if place.is_dir():
            library.scan(place)
    beside = folder / "nodes" if folder is not None else None
    if beside is not None and beside.is_dir() and beside.resolve() != builtin_folder().resolve():
        if is_trusted(beside):
            library.scan(beside)
        else:
            library.distrust(beside)
    for problem in library.problems:
        print(problem, file=sys.stderr)
    return library


def foreign(spec: Spec) -> bool:
    """True for a node that does not come with graphflow: it gets bounds checks, budgets and a trial."""
    return not spec.file.resolve().is_relative_to(builtin_folder().resolve())


def open_patch(arguments: Namespace) -> Opened:
    """The patch of a command line, with --set, --rate and --block in it. Raises PatchError, UserError."""
    path = find_patch(arguments.patch)
    try:
        source = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: it cannot be read ({error.strerror or error})") from error
    return open_source(source, path, arguments)


def open_source(source: bytes, path: Path, arguments: Namespace) -> Opened:
    """The same of a text that lies, or is to lie, at a path. Raises PatchError, UserError."""
    patch, problems = read(source)
    library = library_for(path.resolve().parent, arguments.nodes)
    if problems and not patch.nodes and not patch.wires:
        raise PatchError(problems)  # not a patch at all
    for assignment in arguments.set:
        patch = assign(patch, library, assignment)
    if problems := [*problems, *faults(patch, library, wired=not problems, placeholders=True)]:
        raise PatchError(problems)
    engine = patch.engine
    if arguments.rate:
        engine = replace(engine, rate=arguments.rate)
    if arguments.block:
        engine = replace(engine, block=arguments.block)
    # the folder it was started in may go while it plays: from here on no path depends on it
    return Opened(replace(patch, engine=engine), library, path.absolute(), source.decode())


def writable(path: Path, what: str) -> None:
    """Raise UserError, in one line, where a file cannot be written."""
    if path.is_dir():
        raise UserError(f"{what} {path} is a folder; expected a file name like {path / 'take.wav'}")
    folder = path.resolve().parent
    if not folder.is_dir():
        raise UserError(f"{what} {path}: no such folder {folder}; make it first")
    there = path.exists()
    try:
        with path.open("ab"):  # the only question a full, read-only or foreign file system answers truly
            pass
        if not there:
            path.unlink()
    except OSError as error:
        raise UserError(
            f"{what} {path}: it cannot be written there ({error.strerror}); name a file elsewhere"
        ) from error
