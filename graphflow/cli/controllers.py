"""graphflow touchosc, maxpat, pd: a controller for a patch, ready to be opened."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

from graphflow.cli.opening import open_patch, writable
from graphflow.control.layouts import maxpat, pd, touchosc
from graphflow.control.layouts.sheet import Sheet, sheet
from graphflow.core.errors import UserError
from graphflow.core.graph import build

SUFFIX = {"touchosc": ".tosc", "maxpat": ".maxpat", "pd": ".pd"}


def run(arguments: Namespace) -> int:
    opened = open_patch(arguments)
    file: Path = arguments.output
    if file.suffix.lower() != SUFFIX[arguments.form]:
        raise UserError(f"-o {file}: expected a name that ends in {SUFFIX[arguments.form]}")
    writable(file, "-o")
    graph, _ = build(opened.patch, opened.library, placeholders=True)
    made = sheet(graph, opened.patch, opened.patch.title or opened.path.stem, arguments.only)
    file.write_bytes(written(made, arguments))
    print(f"{file}: {len(made.controls)} controls for {opened.path.name}; {advice(arguments)}")
    return 0


def written(made: Sheet, arguments: Namespace) -> bytes:
    """The bytes of the file that was asked for."""
    if arguments.form == "touchosc":
        return touchosc.touchosc(made, arguments.reply_port or touchosc.REPLY_PORT)
    if arguments.form == "maxpat":
        reply = arguments.reply_port or maxpat.REPLY_PORT
        return maxpat.maxpat(made, arguments.host, arguments.port, reply).encode()
    return pd.pd(made, arguments.host, arguments.port).encode()


def advice(arguments: Namespace) -> str:
    """What to do next, in a few words."""
    if arguments.form == "touchosc":
        reply = arguments.reply_port or touchosc.REPLY_PORT
        return f"in TouchOSC: connection OSC 1, UDP, this computer's address, send port 7654, receive port {reply}"
    return f"play the patch with --osc {arguments.port}, then open the file"
