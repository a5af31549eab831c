"""graphflow check: everything that is wrong with patches, all at once."""

from __future__ import annotations

import sys
from argparse import Namespace

from graphflow.cli.opening import find_patch, library_for
from graphflow.core.check import check
from graphflow.core.errors import UserError


def run(arguments: Namespace) -> int:
    faults = 0
    for name in arguments.patches:
        try:
            path = find_patch(name)
            source = path.read_bytes()
        except (UserError, OSError) as error:
            print(f"{name}: {error}" if isinstance(error, OSError) else error, file=sys.stderr)
            faults += 1
            continue
        problems = check(source, library_for(path.resolve().parent, arguments.nodes), path.resolve().parent)
        for problem in problems:
            print(f"{path}: {problem}", file=sys.stderr)
        if not problems:
            print(f"{path}: well")
        faults += len(problems)
    return 2 if faults else 0
