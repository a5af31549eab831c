"""graphflow new: a node or a patch to begin with, which plays as it is."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from graphflow.cli.opening import find_patch, library_for, patches_folder
from graphflow.cli.trusted import config_folder, is_trusted, trust
from graphflow.core.errors import UserError
from graphflow.core.library import node_files
from graphflow.core.names import name_fault
from graphflow.core.node import snake

NODE = '''"""{kind}: louder and softer in turn."""

from graphflow import TAU, AudioIn, AudioNode, AudioOut, Ramp, State, float64, sin


class {name}(AudioNode):
    """A tremolo: the sound swells and sinks.

    Save this file while a patch plays, and you hear what you changed.
    """

    input = AudioIn("What swells and sinks.")
    speed = Ramp(4.0, "How often.", "Hz", min=0.05, max=30.0, warp="exp")
    depth = Ramp(0.7, "How far it sinks.", min=0.0, max=1.0)
    phase = State(float64)  # where in its turn it is, from 0 to 1; it is kept when you save
    out = AudioOut("The moving sound.")

    @staticmethod
    def tick(input: float, speed: float, depth: float, phase: float, rate: float) -> tuple[float, float]:
        """One frame of one channel: from what comes in to what goes out, and the state for the next frame."""
        gain = 1.0 - depth * (0.5 - 0.5 * sin(TAU * phase))
        return input * gain, (phase + speed / rate) % 1.0
'''

PATCH = """\
format = 1
title = "{title}"
wires = [
  "notes -> voice.freq",
  "sweep -> tone.cutoff",
  "voice -> tone -> echo -> guard -> out",
]

[nodes.notes] # from one note to the other and back
kind = "lfo"
rate = 0.25
low = 110.0
high = 130.81
shape = "square"

[nodes.voice]
kind = "saw"

[nodes.sweep]
kind = "lfo"
rate = 0.1
low = 300.0
high = 2500.0

[nodes.tone]
kind = "svf"
q = 3.0

[nodes.echo]
kind = "delay"
time = 0.375
mix = 0.35

[nodes.guard] # nothing gets past it too loud
kind = "limiter"

[nodes.out]
kind = "output"
level = -6.0
"""


def run(arguments: Namespace) -> int:
    return new_node(arguments) if arguments.what == "node" else new_patch(arguments)


def new_node(arguments: Namespace) -> int:
    """Write a node file into the patch's nodes folder, or the one given; a folder made for it is trusted."""
    kind = arguments.name
    place, patch_folder = folder_for(arguments)
    file = place / f"{kind}.py"
    name = "".join(part.capitalize() for part in kind.split("_"))
    if fault := name_fault(kind):
        raise UserError(f"{kind!r} {fault}")
    if snake(name) != kind:
        raise UserError(f"{kind!r} makes no name for a class; expected words of two letters or more, joined by _")
    if file.exists():
        raise UserError(f"{file} is there already; choose another name, or edit it")
    library = library_for(patch_folder, [place] if place.is_dir() and allowed(place) else [])
    if kind in library:
        raise UserError(f"the kind {kind!r} is there already, from {library[kind].spec.file}; choose another name")
    ours = not place.is_dir() or not node_files(place)
    try:
        place.mkdir(parents=True, exist_ok=True)
        if ours and not allowed(place):
            trust(place)  # before there is anything in it, so that who looks meanwhile finds it trusted
        write(file, NODE.format(kind=kind, name=name))
    except OSError as error:
        raise UserError(f"{file} cannot be written ({error.strerror or error}); choose a folder with --into") from error
    print(f"{file}: {kind}, with input, out, speed and depth; wire it in: ... -> {kind} -> ...")
    if not allowed(place):
        print(f"{place} holds other programs and is not trusted; read what is in it, then: graphflow trust {place}")
    elif ours and not of_config(place):
        print(f"{place} is trusted, as you made it: graphflow trust --remove {place} takes that back")
    return 0


def new_patch(arguments: Namespace) -> int:
    """Write a patch that plays."""
    file = Path(arguments.name)
    file = file if file.suffix == ".toml" else Path(f"{file}.toml")
    title = file.stem.replace("-", " ").replace("_", " ").strip().capitalize()
    if not title or any(not character.isprintable() or character in '"\\' for character in title):
        raise UserError(f"{arguments.name!r} is no name for a patch; expected letters, digits, - and _")
    if file.exists():
        raise UserError(f"{file} is there already; choose another name")
    if not file.resolve().parent.is_dir():
        raise UserError(f"{file}: no such folder {file.resolve().parent}; make it first")
    try:
        write(file, PATCH.format(title=title))
    except OSError as error:
        raise UserError(f"{file} cannot be written ({error.strerror or error}); choose another place") from error
    print(f"{file}: hear it with graphflow play {file}")
    return 0


def folder_for(arguments: Namespace) -> tuple[Path, Path | None]:
    """Where the node file goes, and the folder of the patch that will use it. Raises UserError."""
    if arguments.into is not None:
        if arguments.into.exists() and not arguments.into.is_dir():
            raise UserError(f"--into {arguments.into} is no folder")
        return arguments.into, None
    if arguments.patch is None:
        return Path("nodes"), Path()
    path = find_patch(arguments.patch)
    folder = path.resolve().parent
    if folder == patches_folder().resolve():
        raise UserError(f"{arguments.patch} came with graphflow; use --into {config_folder() / 'nodes'}, or copy it")
    return path.parent / "nodes", folder


def of_config(place: Path) -> bool:
    """Is it the user's own folder, whose nodes every patch may use?"""
    return place.resolve().is_relative_to((config_folder() / "nodes").resolve())


def allowed(place: Path) -> bool:
    return of_config(place) or is_trusted(place)


def write(file: Path, text: str) -> None:
    """The whole file or nothing: a patch may play that takes it up at once."""
    part = file.with_suffix(".part")
    part.write_text(text, encoding="utf-8")
    part.replace(file)
