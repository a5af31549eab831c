"""graphflow models: what models there are, which are here, and getting the others."""

from __future__ import annotations

import importlib
import math
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import safetensors

from graphflow.cli.progress import Progress
from graphflow.core.errors import UserError
from graphflow.models import verify as verifying
from graphflow.models.catalogue import MODELS, Model, amount, model
from graphflow.models.download import Plan, carry_out, plan
from graphflow.models.home import shown
from graphflow.models.hub import Hub
from graphflow.models.hub_connection import Connection
from graphflow.models.magenta.files import find, locate


def run(arguments: Namespace) -> int:
    actions = {"list": show_all, "info": info, "download": download, "verify": verify, "parity": parity}
    return actions[arguments.action](arguments)


def show_all(arguments: Namespace) -> int:
    for known in MODELS.values():
        print(f"{known.name:<12} {known.parameters / 1e6:>7,.1f} M  {amount(size(known)):>9}  {where(known)}")
    return 0


def size(known: Model) -> int:
    """Bytes on the disk of a model that comes with graphflow, else what a download will bring, about."""
    if known.folder is not None:
        return sum(path.stat().st_size for item in known.items if (path := known.folder / item.path).is_file())
    return known.size


def where(known: Model) -> str:
    """Where a model is, or the command to get it."""
    if known.folder is not None:
        return f"comes with graphflow, {shown(known.folder)}"
    found = locate(known.name)
    if found is None:
        return f"not here; graphflow models download {known.name}"
    here = str(found).removeprefix(f"{known.name}: ")
    return f"here, {here}; graphflow models download {known.name}" if found.missing else f"here, {here}"


def info(arguments: Namespace) -> int:
    if Path(arguments.name).is_dir():
        return info_of_folder(arguments.name)
    known = model(arguments.name)
    print(f"{known.name}: {known.title}\n")
    rows = [("parameters", f"{known.parameters:,}"), ("licence", known.licence), ("credit", known.attribution)]
    rows += [("limits", line) for line in known.limits]
    if known.repository:
        rows.append(("from", f"{known.repository} on the Hugging Face hub"))
    rows.append(("is", where(known)))
    rows += [("files", line) for line in files(known)]
    last = ""
    for label, text in rows:
        print(f"  {label if label != last else '':<12}{text}")
        last = label
    return 0


def info_of_folder(name: str) -> int:
    """A model that somebody saved: how large it is, which of its parts are there."""
    found = find(name)
    try:
        with safetensors.safe_open(found.checkpoint, framework="numpy") as tensors:
            shapes = [tensors.get_slice(key).get_shape() for key in tensors.keys()]  # noqa: SIM118 - it is no dict
    except (safetensors.SafetensorError, OSError) as error:
        raise UserError(
            f"{found.checkpoint}: no safetensors file ({error}); save or download the model again"
        ) from error
    print(f"{found.name}: {sum(map(math.prod, shapes)):,} parameters in {len(shapes)} tensors\n")
    parts = {"weights": found.checkpoint, "sizes": found.config, "encoder": found.encoder, "style": found.musiccoca}
    without = {
        "sizes": "as its name says",
        "encoder": "not here: no music to go on from",
        "style": "not here: no words",
    }
    for part, path in parts.items():
        print(f"  {part:<12}{shown(path) if path else without[part]}")
    print(f"  {'check':<12}graphflow models verify {name}")
    return 0


def files(known: Model) -> list[str]:
    """A line per file, with its size where that is known and where it lies."""
    found = None if known.folder else locate(known.name)
    lines = []
    for item in known.items:
        path = known.folder / item.path if known.folder else verifying.used(item, found) if found else None
        if path is not None and path.is_file():
            lines.append(f"{item.path:<56} {amount(path.stat().st_size):>9}  here")
        else:
            lines.append(f"{item.path:<56} {amount(item.size) if item.size else '?':>9}")
    return lines


class Shown:
    """What is being done to which file, as a bar or a line now and then."""

    def __init__(self) -> None:
        self._now: tuple[str, str] | None = None
        self._progress: Progress | None = None

    def __call__(self, doing: str, path: str, size: int, done: int) -> None:
        if self._now != (doing, path) or self._progress is None:
            self.end()
            total = max(round(size / 1e6, 1), 0.1)
            self._now, self._progress = (doing, path), Progress(f"{doing} {Path(path).name}", total, "MB")
        self._progress.show(done / 1e6)

    def line(self, text: str) -> None:
        (self._progress or Progress("", 1.0)).line(text)

    def end(self) -> None:
        if self._progress is not None:
            self._progress.end()


def download(arguments: Namespace) -> int:
    wanted = model(arguments.name)
    if wanted.folder is not None:
        print(f"{wanted.name} comes with graphflow; nothing to download")
        return 0
    shown_now = Shown()
    hub = Hub(Connection(arguments.endpoint), shown_now.line)
    try:
        made = plan(wanted, hub, shown_now)
        shown_now.end()
        print(made, flush=True)
        if made.missing and not arguments.yes and not agreed(made):
            return 130
        carry_out(made, hub, shown_now)
    except KeyboardInterrupt:
        shown_now.line(f"{wanted.name}: ended by hand; what came is kept, and the same command goes on from there")
        raise
    finally:
        shown_now.end()
    print(f"{wanted.name} is here, {len(made.missing)} of {len(made.files)} files fetched, every checksum is right")
    return 0


def agreed(made: Plan) -> bool:
    """Asks before anything large is fetched. Raises UserError where nobody can answer."""
    if not sys.stdin.isatty():
        raise UserError(f"{made.model.name}: nobody is here to agree to this download; add --yes")
    print("download it? [y/N] ", end="", flush=True)
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def verify(arguments: Namespace) -> int:
    shown_now, damaged = Shown(), 0
    try:
        for verdict in verifying.verify(arguments.name, shown_now):
            shown_now.end()
            print(verdict, flush=True)
            damaged += verdict.state == "bad"
    finally:
        shown_now.end()
    return 2 if damaged else 0


def parity(arguments: Namespace) -> int:
    """Compares our Magenta RealTime 2 with goldens of the official one; it needs torch, so it is imported here."""
    if not arguments.folder.is_dir():
        raise UserError(f"{arguments.folder}: no such folder; expected one that holds goldens")
    compare: Any = importlib.import_module("graphflow.models.magenta.parity")
    return int(compare.main(arguments.folder))
