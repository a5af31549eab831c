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

A replay is the same to the bit on the same machine with the same versions, also where sound came too late, as long as
every generator makes the same of the same states. First Light does, and Magenta on a CPU; on a GPU the sums of a
batch depend on who else is in it. What cannot be repeated is told with its frame: a worker that was killed before it
could say what it did last, a chunk made again that came too late, a Python node that was too slow.
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
