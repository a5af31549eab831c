"""The kinds of node in a take: which file of which content each was, and where it is found again."""

from __future__ import annotations

import hashlib
from pathlib import Path

from graphflow.core.errors import UserError
from graphflow.core.library import Library, builtin_folder, classes_of, load
from graphflow.core.node import Spec
from graphflow.session.take import Event


def digest(content: bytes) -> str:
    return hashlib.blake2b(content, digest_size=12).hexdigest()


class KindFiles:
    """Gives every kind that plays a number, and keeps a copy of each file that does not come with graphflow."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers: dict[type, int] = {}

    def of(self, spec: Spec) -> tuple[int, Event | None]:
        """Its number, and the event that introduces it where it is new. Raises OSError."""
        if spec.cls in self._numbers:
            return self._numbers[spec.cls], None
        number = self._numbers[spec.cls] = len(self._numbers) + 1
        content = source_of(spec)
        found = digest(content)
        own = spec.file.resolve().is_relative_to(builtin_folder().resolve())
        file = str(spec.file.resolve().relative_to(builtin_folder().resolve())) if own else f"{spec.kind}_{found}.py"
        if not own:
            self._folder.mkdir(exist_ok=True)
            (self._folder / file).write_bytes(content)
        return number, {"kind": spec.kind, "number": number, "file": file, "hash": found, "own": own}


class KindsFound:
    """The kinds of a take, found again: in the library where it has the very file, else in the take's own folder.

    `trusted`: whether programs in that folder may be run. `changed` lists kinds that are another version now.
    """

    def __init__(self, folder: Path, library: Library, *, trusted: bool) -> None:
        self._folder, self._library, self._trusted = folder, library, trusted
        self._specs: dict[int, Spec] = {}
        self.changed: list[str] = []

    def introduce(self, event: Event) -> None:
        """Raises UserError where a kind cannot be had."""
        kind, number = event["kind"], event["number"]
        here = self._library.get(kind)
        if here is not None and digest(source_of(here.spec)) == event["hash"]:
            self._specs[number] = here.spec
            return
        if event["own"]:
            if here is None:
                raise UserError(f"{self._folder.parent}: it plays {kind!r}, which this graphflow does not have")
            self.changed.append(kind)
            self._specs[number] = here.spec
            return
        file = self._folder / event["file"]
        if not file.is_file():
            raise UserError(f"{file}: the file of {kind!r} is missing; the take cannot be played without it")
        if not self._trusted:
            raise UserError(
                f"{file} is a program that came with the take; look at it, then: graphflow trust {self._folder}"
            )
        found = [cls for cls in classes_of(load(file, f"graphflow_take_{event['hash']}")) if cls.spec.kind == kind]
        if not found:
            raise UserError(f"{file}: it holds no {kind!r} any more")
        self._specs[number] = found[0].spec

    def __getitem__(self, number: int) -> Spec:
        return self._specs[number]


def source_of(spec: Spec) -> bytes:
    """The text that made a kind, whatever its file holds by now; nothing where neither is there any more."""
    for value in vars(spec.cls).values():
        function = getattr(value, "__func__", value)
        source = getattr(function, "__globals__", {}).get("_graphflow_source")
        if source is not None:
            return bytes(source)
    try:
        return spec.file.read_bytes()
    except OSError:
        return b""
