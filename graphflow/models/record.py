"""What was downloaded: checksum, size, commit and date of each file, in a JSON file atop the model's folder."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path

from graphflow.core.errors import UserError

NAME = "graphflow-download.json"
FORMAT = 1


@dataclass(frozen=True)
class Entry:
    """One file, as it was when it was found right."""

    repository: str
    endpoint: str
    commit: str
    size: int  # bytes
    sha256: str
    date: str  # ISO 8601, UTC


def read(root: Path) -> dict[str, Entry]:
    """Entries by path below `root`; none where nothing was recorded. Raises UserError."""
    file = root / NAME
    if not file.is_file():
        return {}
    try:
        data = json.loads(file.read_text(encoding="utf-8"))
        entries = {str(path): Entry(**entry) for path, entry in data["files"].items()}
        for path, entry in entries.items():
            if not (isinstance(entry.size, int) and re.fullmatch("[0-9a-f]{64}", entry.sha256)):
                raise ValueError(f"{path} has no size and sha256")
        if data["format"] != FORMAT:
            raise ValueError(f"its format is {data['format']}, expected {FORMAT}")
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{file} cannot be read ({error}); delete it and download the model again") from error
    return entries


def add(root: Path, path: str, entry: Entry) -> None:
    """Record one more file. Raises UserError, OSError."""
    files = {**read(root), path: entry}
    data = {"format": FORMAT, "files": {name: asdict(files[name]) for name in sorted(files)}}
    part = root / f"{NAME}.part"
    part.write_text(json.dumps(data, indent=1) + "\n", encoding="utf-8")
    part.replace(root / NAME)


def of(file: Path) -> Entry | None:
    """What is recorded of a file, in its folder or one of the three above. Raises UserError."""
    for root in file.absolute().parents[:4]:
        if (root / NAME).is_file():
            return read(root).get(file.absolute().relative_to(root).as_posix())
    return None
