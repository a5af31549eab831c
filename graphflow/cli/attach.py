"""graphflow attach: a prompt at an engine that runs already."""

from __future__ import annotations

import signal
import sys
import threading
from argparse import Namespace

from graphflow.cli.faces import Prompt, said, terminal
from graphflow.cli.trusted import config_folder
from graphflow.control.attach import place
from graphflow.control.attach.remote import RemoteDesk
from graphflow.core.errors import UserError

LOOK = 0.1
"""Seconds between two looks whether it is over, so that signals are heard."""


def run(arguments: Namespace) -> int:
    if not place.available():
        raise UserError("attach is not available on this system: it has no local sockets")
    ended = threading.Event()
    desk = RemoteDesk(place.find(arguments.name), ended.set)
    desk.start()
    prompt = prompt_for(desk, arguments.vi)

    def ctrl_c(number: int, frame: object) -> None:
        if not prompt.interrupt():
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, ctrl_c)
    prompt.start()
    try:
        while not prompt.join(LOOK) and not ended.is_set():
            pass
    finally:
        prompt.end()
        desk.close()
        signal.signal(signal.SIGINT, before)
    if ended.is_set():
        print(f"{desk.place.name} has ended", file=sys.stderr)
    return 0


def prompt_for(desk: RemoteDesk, vi: bool) -> Prompt:
    if terminal():
        from graphflow.control.live.repl import Repl

        greeting = f"{desk.place}: Ctrl-D leaves, the music plays on; F1 names the keys"
        return Repl(desk, history=config_folder() / "history", vi=vi, greeting=greeting)
    from graphflow.control.live.pipe import Pipe

    return Pipe(desk, sys.stdin.fileno(), said=said)
