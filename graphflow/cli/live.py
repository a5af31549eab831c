"""graphflow live: play, and change what plays, from a prompt."""

from __future__ import annotations

import itertools
from argparse import Namespace
from pathlib import Path

from graphflow.cli import play
from graphflow.cli.opening import open_patch, open_source

EMPTY = """\
format = 1
wires = [
  "guard -> out",
]

[nodes.guard] # whatever is wired here cannot be too loud
kind = "limiter"

[nodes.out]
kind = "output"
"""
FIRST = 'nothing plays yet; try: band = first_light(style="warm piano"); band >> guard (F1 names the keys)'
AGAIN = "F1 names the keys, NAME? asks about a node, Ctrl-D ends"


def run(arguments: Namespace) -> int:
    arguments.repl = True
    if arguments.patch is None:
        return play.perform(arguments, open_source(EMPTY.encode(), unnamed(), arguments), FIRST)
    return play.perform(arguments, open_patch(arguments), AGAIN)


def unnamed() -> Path:
    """Stands for the patch that has no file yet: one that is there would be followed as if it were the patch's."""
    names = itertools.chain(["live.toml"], (f"live-{number}.toml" for number in itertools.count(2)))
    return next(path for path in map(Path, names) if not path.exists())
