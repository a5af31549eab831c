"""What can be typed after `graphflow osc`, `touchosc`, `maxpat` and `pd`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any


def controller_commands(
    commands: argparse._SubParsersAction[Any], lazily: Callable[[str], Callable[[argparse.Namespace], int]]
) -> None:
    osc = commands.add_parser("osc", help="list every OSC address of a patch")
    _patch(osc)
    osc.add_argument("--markdown", action="store_true", help="as a Markdown table")
    osc.add_argument("--json", action="store_true", help="for machines")
    osc.set_defaults(run=lazily("osc"))

    for name, file, help in (
        ("touchosc", "panel.tosc", "write a TouchOSC layout for a patch"),
        ("maxpat", "panel.maxpat", "write a Max patcher for a patch"),
        ("pd", "panel.pd", "write a Pure Data patch for a patch"),
    ):
        command = commands.add_parser(name, help=help)
        _patch(command)
        command.add_argument("-o", "--output", type=Path, required=True, metavar=file)
        command.add_argument("--only", choices=("macros", "nodes"), default="", help="leave the others out")
        if name != "touchosc":  # in TouchOSC both are set in the app
            command.add_argument("--host", type=_host, default="127.0.0.1", help="where graphflow plays (127.0.0.1)")
            command.add_argument("--port", type=_port, default=7654, help="its OSC port (7654)")
        if name != "pd":  # Pd hears on the socket by which it sends
            command.add_argument(
                "--reply-port", type=_port, metavar="PORT", help="where the controller listens for values"
            )
        command.set_defaults(run=lazily("controllers"), form=name, reply_port=None)


def _patch(command: argparse.ArgumentParser) -> None:
    command.add_argument("patch", metavar="PATCH", help="a patch file, or the name of one that comes with graphflow")
    command.add_argument("--set", action="append", default=[], metavar="NODE.PARAM=VALUE", help="change a value")
    command.add_argument("--nodes", action="append", type=Path, default=[], metavar="DIR", help="a folder of nodes")
    command.set_defaults(rate=None, block=None)


def _port(text: str) -> int:
    if text.isdecimal() and 0 < int(text) < 65536:
        return int(text)
    raise argparse.ArgumentTypeError(f"is '{text}'; expected a port, 1 to 65535")


def _host(text: str) -> str:
    if text and not any(letter.isspace() or letter in ',;\\"$' for letter in text):
        return text
    raise argparse.ArgumentTypeError(f"is '{text}'; expected an address or a name, like 192.168.1.20")
