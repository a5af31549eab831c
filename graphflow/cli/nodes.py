"""graphflow nodes: what can be wired."""

from __future__ import annotations

import json
from argparse import Namespace
from pathlib import Path

from graphflow.cli.opening import library_for
from graphflow.core.describe import data, describe, table
from graphflow.core.errors import UserError, did_you_mean


def run(arguments: Namespace) -> int:
    library = library_for(Path.cwd(), arguments.nodes)
    if arguments.kind is None:
        specs = list(library.specs.values())
        print(json.dumps([data(spec) for spec in specs], indent=1) if arguments.json else table(specs))
        return 0
    if arguments.kind not in library:
        raise UserError(f"{arguments.kind}: no node is of that kind{did_you_mean(arguments.kind, library)}")
    spec = library[arguments.kind].spec
    print(json.dumps(data(spec), indent=1) if arguments.json else describe(spec))
    return 0
