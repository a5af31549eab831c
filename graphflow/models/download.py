"""A whole model from the hub: what is missing, whether it fits, and fetching it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from graphflow.core.errors import UserError
from graphflow.models import record
from graphflow.models.catalogue import Item, Model, amount
from graphflow.models.checksum import matches, sha256
from graphflow.models.home import shown
from graphflow.models.hub import Hub, Remote, part_of
from graphflow.models.hub_connection import NotThere
from graphflow.models.magenta.files import roots

Show = Callable[[str, str, int, int], None]
"""Hears what is being done, to which file of how many bytes, and how many are done."""


@dataclass(frozen=True)
class Wanted:
    """A file of the model, what the hub says of it, and where a right copy of it already lies."""

    item: Item
    remote: Remote
    here: Path | None

    def __str__(self) -> str:
        place = f"  is here, {shown(self.here)}" if self.here else ""
        return f"{self.item.path:<56} {amount(self.remote.size):>9}{place}"


@dataclass(frozen=True)
class Plan:
    """What a download will do."""

    model: Model
    root: Path
    files: tuple[Wanted, ...]
    absent: tuple[str, ...]  # paths that the repository does not have
    free: int  # bytes of the disk

    @property
    def missing(self) -> list[Wanted]:
        return [wanted for wanted in self.files if wanted.here is None]

    @property
    def to_fetch(self) -> int:
        """Bytes, without those that an interrupted download left."""
        return sum(wanted.remote.size - self._kept(wanted) for wanted in self.missing)

    def _kept(self, wanted: Wanted) -> int:
        part = part_of(wanted.remote, self.root / wanted.item.path)
        return min(part.stat().st_size, wanted.remote.size) if part.is_file() else 0

    def __str__(self) -> str:
        lines = [f"{self.model.title}, {self.model.repository} at {self.files[0].remote.commit[:8]}"]
        lines += [f"  {wanted}" for wanted in self.files]
        lines += [f"  {path}  is not in the repository; left out" for path in self.absent]
        if self.missing:
            lines.append(
                f"to fetch: {amount(self.to_fetch)} into {shown(self.root)}, where {amount(self.free)} are free"
            )
        lines.append(f"licence: {self.model.licence}; give credit as: {self.model.attribution}")
        return "\n".join(lines)


def plan(model: Model, hub: Hub, show: Show) -> Plan:
    """Ask the hub for every file and look which of them are here. Raises UserError; also where the disk is too full."""
    root, *others = roots()
    remotes: list[tuple[Item, Remote]] = []
    absent = []
    revision = "main"
    for item in model.items:
        try:
            remote = hub.look(model.repository, item.path, revision)
        except NotThere:
            if item.needed:
                raise
            absent.append(item.path)
            continue
        revision = remote.commit  # all files are of one commit
        remotes.append((item, remote))
    here: dict[str, Path] = {}
    for part in dict.fromkeys(item.part for item, _ in remotes):
        here |= _copies([(item, remote) for item, remote in remotes if item.part == part], root, others, show)
    files = tuple(Wanted(item, remote, here.get(item.path)) for item, remote in remotes)
    made = Plan(model, root, files, tuple(absent), _free(root))
    if made.to_fetch > made.free:
        raise UserError(
            f"{model.name} needs {amount(made.to_fetch)} and {shown(root)} has {amount(made.free)} free; "
            "make room, or set GRAPHFLOW_HOME to a folder on another disk"
        )
    return made


def carry_out(plan: Plan, hub: Hub, show: Show) -> None:
    """Fetch what is missing and record what is here. Interrupted, it goes on the next time. Raises UserError."""
    for wanted in plan.files:
        path, size, target = wanted.item.path, wanted.remote.size, plan.root / wanted.item.path
        if wanted.here is None:
            hub.fetch(
                wanted.remote,
                target,
                partial(show, "fetching", path, size),
                partial(show, "checking", path, size),
            )
        elif wanted.here != target:
            continue
        _record(plan.root, path, target, wanted.remote, hub.connection.endpoint)


def _record(root: Path, path: str, target: Path, remote: Remote, endpoint: str) -> None:
    checksum = remote.checksum if len(remote.checksum) == 64 else sha256(target)
    date = datetime.now(UTC).isoformat(timespec="seconds")
    entry = record.Entry(remote.repository, endpoint, remote.commit, remote.size, checksum, date)
    try:
        record.add(root, path, entry)
    except OSError as error:
        raise UserError(
            f"{root / record.NAME} cannot be written ({error.strerror}); make room, then download again"
        ) from error


def _copies(part: list[tuple[Item, Remote]], root: Path, others: list[Path], show: Show) -> dict[str, Path]:
    """Right copies of a part's files, in graphflow's folder each for itself, elsewhere only all together."""

    def right(place: Path) -> dict[str, Path]:
        return {item.path: place / item.path for item, remote in part if _is(place / item.path, remote, show)}

    own = right(root)
    if len(own) < len(part):
        for place in others:
            found = right(place)
            if len(found) == len(part):
                return found
    return own


def _is(file: Path, remote: Remote, show: Show) -> bool:
    """Whether a file is what the hub has. Its bytes are read: an entry in the record does not know of damage."""
    return (
        file.is_file()
        and file.stat().st_size == remote.size
        and matches(file, remote.checksum, partial(show, "looking at", remote.path, remote.size))
    )


def _free(root: Path) -> int:
    """Bytes on the disk that will hold the folder."""
    while not root.exists() and root != root.parent:
        root = root.parent
    return shutil.disk_usage(root).free
