"""graphflow trust: let patches use the node files of a folder."""

from __future__ import annotations

from argparse import Namespace

from graphflow.cli.trusted import config_folder, trust, trusted
from graphflow.core.errors import UserError
from graphflow.core.library import node_files


def run(arguments: Namespace) -> int:
    if arguments.folder is None:
        print("\n".join(map(str, trusted())) or "no folder is trusted")
        return 0
    folder = arguments.folder
    if not folder.is_dir() and not arguments.remove:
        raise UserError(f"{folder}: no such folder; expected one that holds node files")
    if (folder / "nodes").is_dir():  # the patch's folder was meant
        folder = folder / "nodes"
    try:
        trust(folder, not arguments.remove)
    except OSError as error:
        raise UserError(
            f"{config_folder()} cannot be written ({error.strerror}); set XDG_CONFIG_HOME to a folder you can write"
        ) from error
    if arguments.remove:
        print(f"{folder.resolve()} is trusted no longer")
    else:
        files = ", ".join(file.name for file in node_files(folder)) or "no node files yet"
        print(f"{folder.resolve()} is trusted: {files}")
    return 0
