"""A take: a performance on disk, in a folder of its own.

    take.toml     rate, seed, versions: what has to be the same for the sound to be the same
    patch.toml    the patch at the start, as it was written
    events.jsonl  what happened, one JSON object a line, each with its frame (absolute, the patch's rate)
    audio.wav     what the sound card got, float32; heard.wav what it heard
    nodes/        files of nodes that do not come with graphflow, each in every version that played

An event says one thing, told apart by its first key: `kind` and `new` introduce a kind of node and an instance of it;
`plan` is an edit (its first plan, with the edit) or the next stage of one; `set` a param's number; `piece` how many
frames are made in one go from there on; `gain` the output's fade; `ring` what the audio thread saw of a generator's
sound; `generator` what its worker did; `patch` and `control` what was asked for, for people to read; `inexact` and
`lost` what a replay cannot repeat; `end` the frame after the last.
"""

from __future__ import annotations

import json
import platform
import tomllib
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Protocol

import tomlkit

import graphflow
from graphflow.audio.fingerprint import fingerprint
from graphflow.audio.instance import Instance
from graphflow.core.errors import UserError
from graphflow.core.patch import Patch
from graphflow.worker.link import GeneratorLink

HEAD, PATCH, EVENTS, AUDIO, HEARD, NODES = (
    "take.toml", "patch.toml", "events.jsonl", "audio.wav", "heard.wav", "nodes",
)  # fmt: skip
FORMAT = 1
Event = dict[str, Any]


class Witness(Protocol):
    """Who sees what a session does. Called in the session's thread; never waits."""

    def transaction(self, patch: Patch, frame: int) -> None:
        """This patch is what is meant now, from a frame on."""

    def control(self, node: str, param: str, value: Any, frame: int) -> None:
        """A param of a node that runs outside the audio thread was set."""

    def generator(self, instance: Instance, link: GeneratorLink) -> None:
        """A generator is there; what its worker says is of interest."""

    def close(self) -> None:
        """The clock has stopped."""


@dataclass(frozen=True)
class Head:
    """What a take says of itself. `engine` is the fingerprint of everything that turns nodes into native code."""

    rate: int
    seed: int
    block: int
    format: int = FORMAT
    title: str = ""
    begun: str = ""
    folder: str = ""
    heard: bool = False
    graphflow: str = graphflow.__version__
    engine: str = ""
    machine: str = ""

    @classmethod
    def here(cls, **rest: Any) -> Head:
        """With what is true of this machine."""
        return cls(engine=fingerprint(), machine=machine(), **rest)

    def text(self) -> str:
        return tomlkit.dumps(asdict(self))


def machine() -> str:
    """The parts that sound may depend on."""
    parts = [platform.system(), platform.machine(), f"Python {platform.python_version()}"]
    for name in ("numba", "numpy", "soxr", "torch"):
        try:
            parts.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    return ", ".join(parts)


def read_head(folder: Path) -> Head:
    """Raises UserError where there is no take, or one of a newer graphflow."""
    if not (folder / HEAD).is_file():
        raise UserError(f"{folder} is no take; expected a folder that --record has made, with {HEAD} in it")
    try:
        data = tomllib.loads((folder / HEAD).read_text(encoding="utf-8"))
        known = {field.name for field in fields(Head)}
        head = Head(**{key: value for key, value in data.items() if key in known})
    except (OSError, ValueError, TypeError) as error:
        raise UserError(f"{folder / HEAD}: it cannot be read ({error}); the take is lost without it") from error
    if head.format > FORMAT:
        raise UserError(f"{folder} is a take of format {head.format}; this graphflow reads up to {FORMAT}")
    return head


def read_events(folder: Path) -> Iterator[Event]:
    """What happened, in order. A last line that was cut off is left out. Raises UserError."""
    try:
        with (folder / EVENTS).open("rb") as file:
            for number, line in enumerate(file, 1):
                if not line.endswith(b"\n"):
                    return
                try:
                    yield json.loads(line)
                except ValueError as error:
                    raise UserError(f"{folder / EVENTS}: line {number} is not JSON ({error})") from error
    except OSError as error:
        raise UserError(f"{folder / EVENTS}: it cannot be read ({error.strerror or error})") from error


# --- long lists, as what has changed in them --------------------------------------------------------------------------


def changes(old: list[Any], new: list[Any]) -> dict[str, Any]:
    """From one list to another: places of `old` that go, then places of `new` with what comes; or `all` of it."""
    had, has = set(old), set(new)
    stay = [item for item in new if item in had]
    if len(had) < len(old) or len(has) < len(new) or stay != [item for item in old if item in has]:
        return {"all": new}
    gone = [at for at, item in enumerate(old) if item not in has]
    come = [[at, item] for at, item in enumerate(new) if item not in had]
    return {name: places for name, places in (("gone", gone), ("come", come)) if places}


def changed(old: list[Any], change: dict[str, Any]) -> list[Any]:
    """The list after a change."""
    if "all" in change:
        return list(change["all"])
    gone = set(change.get("gone", ()))
    made = [item for at, item in enumerate(old) if at not in gone]
    for at, item in change.get("come", ()):
        made.insert(at, item)
    return made


def state_changes(old: dict[str, Any] | None, new: dict[str, Any]) -> dict[str, Any]:
    """A generator's state, as `also` what is different from its last one, or as `state` where it has lost a key."""
    inner = _more(old, new) if old is not None else None
    return {"state": new} if inner is None else {"also": inner}


def state_changed(old: dict[str, Any], event: Event) -> dict[str, Any]:
    """The state that an event speaks of."""
    return dict(event["state"]) if "state" in event else _merged(old, event["also"])


def _more(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any] | None:
    if list(old) != list(new):
        return None
    made = {}
    for key, value in new.items():
        if isinstance(value, dict) and isinstance(old[key], dict):
            inner = _more(old[key], value)
            if inner is None:
                return None
            if inner:
                made[key] = inner
        elif isinstance(value, dict) or isinstance(old[key], dict):
            return None
        elif repr(old[key]) != repr(value):
            made[key] = value
    return made


def _merged(old: dict[str, Any], more: dict[str, Any]) -> dict[str, Any]:
    return {key: (_merged(value, more[key]) if isinstance(value, dict) else more[key]) if key in more else value
            for key, value in old.items()}  # fmt: skip


def tree_changes(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """What is different in nested tables: new values at their places, None for what is gone."""
    made: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        before = old.get(key)
        if isinstance(before, dict) and isinstance(value, dict):
            if inner := tree_changes(before, value):
                made[key] = inner
        elif key not in old or before != value:
            made[key] = value
    return made


def tree_changed(old: dict[str, Any], change: dict[str, Any]) -> dict[str, Any]:
    """The tables after a change."""
    made = dict(old)
    for key, value in change.items():
        if value is None:
            made.pop(key, None)
        elif isinstance(value, dict):
            made[key] = tree_changed(before if isinstance(before := made.get(key), dict) else {}, value)
        else:
            made[key] = value
    return made
