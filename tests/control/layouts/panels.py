"""Patches as sheets, and small ones whose controls can be counted by head."""

from __future__ import annotations

from argparse import Namespace
from functools import cache
from pathlib import Path

from graphflow.cli.opening import open_patch, patches_folder
from graphflow.control.layouts.sheet import Only, Sheet, sheet
from graphflow.control.osc.entry import Entry
from graphflow.control.osc.tree import declared
from graphflow.core.graph import Graph, build
from graphflow.core.patch import Patch

PATCHES = sorted(file.stem for file in patches_folder().glob("*.toml"))

SMALL = """
format = 1
title = "Small"
wires = ["sway -> hall.mix", "band -> hall -> out"]
[nodes.sway]
kind = "lfo"
[nodes.band]
kind = "first_light"
[nodes.hall]
kind = "reverb"
[nodes.out]
kind = "output"
[scenes.far_away]
"hall.size" = 0.9
[expose.distance]
params = ["hall.size"]
max = 0.5
"""


@cache
def opened(name: str) -> tuple[Graph, Patch]:
    """A patch of graphflow, or a file."""
    found = open_patch(Namespace(patch=name, set=[], rate=None, block=None, nodes=[]))
    graph, _ = build(found.patch, found.library, placeholders=True)
    return graph, found.patch


def drawn(name: str, only: Only = "") -> Sheet:
    return sheet(*opened(name), only=only)


def tree_of(name: str) -> dict[str, Entry]:
    """Every address the patch has."""
    return {entry.address: entry for entry in declared(*opened(name))}


def small(folder: Path) -> str:
    file = folder / "small.toml"
    file.write_text(SMALL)
    return str(file)
