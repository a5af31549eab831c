"""What is followed while a patch plays: its own file, and the folders its nodes come from."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterable
from pathlib import Path

import graphflow
from graphflow.cli.opening import Opened
from graphflow.cli.trusted import config_folder, is_trusted
from graphflow.core.library import builtin_folder
from graphflow.core.patch_text import read
from graphflow.session import Session
from graphflow.session.reload import Reloading


def following(session: Session, opened: Opened, arguments: Namespace, report: Callable[[str], None]) -> Reloading:
    """Hot reload for a performance; begins once `start` was called and the patch plays."""
    more = [place.absolute() for place in arguments.nodes]
    written = read(opened.text)[0]
    # they may be made or trusted meanwhile, and a patch that is loaded has its own
    folders = lambda: node_folders(session.folder, more)  # noqa: E731
    return Reloading(session, opened.path, folders, report, written=written, ready=arguments.repl)


def node_folders(folder: Path, more: Iterable[Path] = ()) -> list[Path]:
    """Folders whose node files may be run, whether they are there or not; graphflow's own in a checkout."""
    own, beside = builtin_folder(), folder / "nodes"
    folders = [config_folder() / "nodes", *more]
    if is_trusted(beside) and beside.resolve() != own.resolve():
        folders.append(beside)
    if own.parent != Path(graphflow.__file__).parent:
        folders.append(own)
    return folders
