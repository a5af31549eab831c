"""graphflow generate: sound files straight from a model, each of which says how it was made."""

from __future__ import annotations

import logging
import re
import tempfile
import time
from argparse import Namespace
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import graphflow
from graphflow.cli import provenance
from graphflow.cli.progress import Progress
from graphflow.core.errors import UserError
from graphflow.core.units import level_of
from graphflow.models.checksum import sha256
from graphflow.models.magenta.api import MagentaRT
from graphflow.models.magenta.asking import Asking, One, checked, frames_of, parts_of, seeds_of
from graphflow.models.magenta.controls import Controls
from graphflow.models.magenta.files import find

TOGETHER = 8
"""Samples made in one go on a GPU, where eight take hardly longer than one."""
MOST = 100_000
"""Files of one command."""
LONGEST_NAME = 48
"""Characters of the prompt in a file's name."""

Weighted = list[One | tuple[One, float]]


@dataclass(frozen=True)
class Wanted:
    """One file that is to be made, and what will be said in it."""

    seed: int
    path: Path
    about: dict[str, Any]


def run(arguments: Namespace) -> int:
    given = {name: getattr(arguments, name, None) for name in Asking.__annotations__}
    controls = cast(Asking, checked({name: value for name, value in given.items() if value is not None}))
    frames_of("--duration", arguments.duration)
    if arguments.num > MOST:
        raise UserError(f"--num is {arguments.num}; expected 1 to {MOST}; begin the next ones with --seed")
    seeds, prompt = seeds_of(arguments.seed, arguments.num), prompt_of(arguments)
    if arguments.prefill is not None and not arguments.prefill.is_file():
        raise UserError(f"--prefill {arguments.prefill}: no such file; expected one of sound (wav, flac, ogg, mp3)")
    parts_of(prompt)  # read before anything is loaded
    files = find(arguments.model)
    folder = made_folder(arguments.output)
    progress = Progress(f"{files.name}:", len(seeds) * arguments.duration, "s")
    progress.line(f"{files.name}: loading")
    log, said = logging.getLogger("graphflow.models"), Said(f"{files.name}: ", progress)
    log.setLevel(logging.INFO)
    log.addHandler(said)
    try:
        with MagentaRT(files, arguments.device, arguments.precision) as rt:
            about = about_all(rt, arguments, prompt, controls)
            wanted = [each for seed in seeds if (each := missing(arguments, folder, prompt, about, seed))]
            make(rt, wanted, arguments, prompt, controls, progress)
    except KeyboardInterrupt:
        progress.line(f"{files.name}: ended by hand; finished files are kept, and the same command makes the rest")
        raise
    finally:
        log.removeHandler(said)
        progress.end()
    return 0


class Said(logging.Handler):
    """Shows what a model logs, such as a compilation that takes long."""

    def __init__(self, before: str, progress: Progress) -> None:
        super().__init__()
        self._before, self._progress = before, progress

    def emit(self, record: logging.LogRecord) -> None:
        self._progress.line(f"{self._before}{record.getMessage()}")


def prompt_of(arguments: Namespace) -> Weighted:
    """All that is to be blended."""
    tokens = [f"musiccoca:{codes}" for codes in arguments.style_tokens]
    recordings = [(Path(name), weight) for name, weight in arguments.style_audio]
    return [*arguments.prompt, *tokens, *recordings]


def made_folder(folder: Path) -> Path:
    """Raises UserError where it cannot be made, or nothing can be written into it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"-o {folder}: no folder can be made there ({error.strerror}); name another") from error
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(f"-o {folder}: nothing can be written there ({error.strerror}); name another") from error
    return folder


def about_all(rt: MagentaRT, arguments: Namespace, prompt: Weighted, controls: Asking) -> dict[str, Any]:
    """What is said in all files of one command."""
    before = arguments.prefill
    return {
        "graphflow": graphflow.__version__,
        "model": rt.model.config.name,
        "fingerprint": rt.fingerprint,
        "precision": f"{rt.precision} on {rt.model.device.type}",
        "licence": rt.licence,
        "attribution": rt.attribution,
        "seconds": arguments.duration,
        "settings": {name: controls.get(name, getattr(Controls, name)) for name in Asking.__annotations__},
        "prefill": {"file": before.name, "sha256": sha256(before)} if before is not None else None,
        "prompt": [recognised(part) for part in parts_of(prompt)],
    }


def recognised(part: dict[str, Any]) -> dict[str, Any]:
    """A part of the prompt, a recording with its checksum: another of the same name makes other music."""
    recording = Path(part.get("audio", "")).expanduser()
    return {**part, "sha256": sha256(recording)} if "audio" in part and recording.is_file() else part


def missing(arguments: Namespace, folder: Path, prompt: Weighted, about: dict[str, Any], seed: int) -> Wanted | None:
    """What is to be made for a seed; None where a file is there that was made in the same way.

    A file of the same name that was made otherwise stays: a number is added to the name.
    """
    whole = provenance.identified({"seed": seed, **about})
    name, number = f"{spoken(prompt, '-') or about['model']}-seed{seed}", 1
    while True:
        path = folder / f"{name}{f'-{number}' if number > 1 else ''}.{arguments.format}"
        if not path.exists():
            return Wanted(seed, path, whole)
        if provenance.read(path).get("id") == whole["id"]:
            if arguments.overwrite:
                return Wanted(seed, path, whole)
            print(f"{path}: is there, made in this way; --overwrite makes it again")
            return None
        number += 1


def spoken(prompt: Weighted, joint: str) -> str:
    """A prompt in letters and digits, as a file may be named."""
    words = []
    for item in prompt:
        one = item[0] if isinstance(item, tuple) else item
        text = one.stem if isinstance(one, Path) else str(one)
        words += re.findall(r"\w+", "tokens" if text.lower().startswith("musiccoca:") else text.lower())
    return joint.join(words)[:LONGEST_NAME].strip(joint)


def groups(wanted: Sequence[Wanted], most: int) -> Iterator[list[Wanted]]:
    """Those with seeds that follow each other, which one call makes."""
    group: list[Wanted] = []
    for each in wanted:
        if group and (each.seed != group[-1].seed + 1 or len(group) == most):
            yield group
            group = []
        group.append(each)
    if group:
        yield group


def make(
    rt: MagentaRT,
    wanted: Sequence[Wanted],
    arguments: Namespace,
    prompt: Weighted,
    controls: Asking,
    progress: Progress,
) -> None:
    """Make the files, some at a time. Raises UserError."""
    together = arguments.together or (1 if rt.model.device.type == "cpu" else TOGETHER)
    seconds = arguments.duration
    done = (arguments.num - len(wanted)) * seconds
    for group in groups(wanted, together):
        begun, before, size = time.monotonic(), done, len(group)

        def show(made: float, of: float, before: float = before, size: int = size) -> None:
            progress.show(before + size * made)

        sounds = rt.generate(
            prompt,
            seconds,
            seed=group[0].seed,
            num_samples=size,
            prefill=arguments.prefill,
            progress=show,
            **controls,
        )
        took = (time.monotonic() - begun) / size
        progress.end()
        for sound, each in zip(sounds, group, strict=True):
            provenance.write(each.path, sound, rt.sample_rate, spoken(prompt, " ") or rt.files.name, each.about)
            peak = level_of(float(abs(sound).max()))
            print(f"{each.path}: {seconds:g} s in {took:.1f} s, peak {peak:.1f} dB", flush=True)
        done += size * seconds
