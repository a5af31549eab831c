"""Folders whose node files may be run. A patch can come from anywhere; the programs beside it are asked for once."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def config_folder() -> Path:
    """Where the user's own nodes and choices are kept."""
    if sys.platform == "win32":
        return Path(os.environ.get("APPDATA", Path.home())) / "graphflow"
    return Path(os.environ.get("XDG_CONFIG_HOME", Path.home() / ".config")) / "graphflow"


def _file() -> Path:
    return config_folder() / "trusted"


def trusted() -> list[Path]:
    """The folders trusted so far."""
    if not _file().is_file():
        return []
    return [Path(line) for line in _file().read_text(encoding="utf-8").splitlines() if line]


def is_trusted(folder: Path) -> bool:
    return folder.resolve() in trusted()


def trust(folder: Path, yes: bool = True) -> None:
    """Trust a folder from now on, or no longer."""
    kept = [place for place in trusted() if place != folder.resolve()]
    if yes:
        kept.append(folder.resolve())
    _file().parent.mkdir(parents=True, exist_ok=True)
    part = _file().with_suffix(".part")
    part.write_text("".join(f"{place}\n" for place in kept), encoding="utf-8")
    part.replace(_file())
