"""graphflow osc: what a patch can be told from outside."""

from __future__ import annotations

import json
from argparse import Namespace

from graphflow.cli.opening import open_patch
from graphflow.control.layouts.table import data, markdown, table
from graphflow.control.osc.tree import declared
from graphflow.core.graph import build


def run(arguments: Namespace) -> int:
    opened = open_patch(arguments)
    graph, _ = build(opened.patch, opened.library, placeholders=True)
    entries = declared(graph, opened.patch)
    if arguments.json:
        print(json.dumps(data(entries), indent=1, ensure_ascii=False))
    else:
        print(markdown(entries) if arguments.markdown else table(entries))
    return 0
