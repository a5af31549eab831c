"""Where downloaded models are kept."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def home() -> Path:
    """Where a download goes: GRAPHFLOW_HOME, or the system's place for a user's data."""
    return Path(chosen).expanduser() if (chosen := os.environ.get("GRAPHFLOW_HOME")) else default_home()


def default_home() -> Path:
    """The system's place for a user's data."""
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "graphflow"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "graphflow"
    data = Path(os.environ.get("XDG_DATA_HOME", ""))
    # a relative one is to be ignored, says the XDG specification
    return (data if data.is_absolute() else Path.home() / ".local" / "share") / "graphflow"


def shown(path: Path) -> str:
    """A path as it is shown: `~` for the user's own folder, so that a line stays short."""
    try:
        return str(Path("~") / path.relative_to(Path.home()))
    except ValueError:
        return str(path)
