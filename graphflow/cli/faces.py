"""What a performer sees of a performance: a prompt here, prompts that attach from elsewhere, or the status line."""

from __future__ import annotations

import importlib
import sys
from argparse import Namespace
from pathlib import Path
from typing import Protocol

from graphflow.cli.opening import Opened
from graphflow.cli.status import Status
from graphflow.cli.terminal import dumb
from graphflow.cli.trusted import config_folder
from graphflow.control.attach.server import AttachServer
from graphflow.control.live.files import Files
from graphflow.control.live.stage import Stage
from graphflow.core.errors import UserError
from graphflow.session import Session
from graphflow.session.live import Live


class Prompt(Protocol):
    """Where cells come from: a terminal or a pipe."""

    listening: bool

    def start(self) -> None: ...
    def end(self) -> None: ...
    def join(self, seconds: float | None = None) -> bool: ...
    def interrupt(self) -> bool: ...


class Faces:
    """Begins when the patch plays, so that nothing is typed at a patch that is not there."""

    def __init__(self, arguments: Namespace, opened: Opened, status: Status, *, greeting: str = "") -> None:
        self._arguments, self._opened, self._status, self._greeting = arguments, opened, status, greeting
        self._stage: Stage | None = None
        self._server: AttachServer | None = None
        self._prompt: Prompt | None = None
        self._live: Live | None = None
        if arguments.repl and terminal():  # now, while nothing plays: it takes a third of a second
            importlib.import_module("graphflow.control.live.repl")

    def report(self, line: str) -> None:
        """Something everybody should know."""
        if self._prompt is None or not self._prompt.listening:
            self._status.line(line)
        if self._stage is not None:
            self._stage.tell(line)

    @property
    def files(self) -> Files | None:
        """What saves the patch; None before it plays."""
        return self._stage.files if self._stage is not None else None

    def file(self) -> tuple[Path, str] | None:
        """Which file the patch has now, and what it said last; load and save may have given it another."""
        files = self.files
        path, text = files.known if files is not None else (None, "")
        return None if path is None else (path, text)

    def followed(self, path: Path, text: str) -> None:
        """What plays has followed the file: a save goes on from what it says."""
        files = self.files
        if files is not None and files.path is not None and files.path.resolve() == path.resolve():
            files.text = text

    def show(self, live: Live) -> None:
        """To be called at every look at the performance."""
        if self._stage is None:
            self._begin(live)
        if not self._arguments.repl:
            self._status.show(live)
        elif self._prompt is None and (terminal() or live.begun):  # a script may end before a generator has loaded
            self._prompt = self._prompt_for(live)
            live.keyboard = self._prompt.interrupt
            self._prompt.start()

    def _begin(self, live: Live) -> None:
        session: Session = live.session
        self._live = live
        opened = self._opened
        # a patch that came with graphflow is not written over: save() asks for a name
        own = opened.path if Path(self._arguments.patch or "").is_file() else None
        self._stage = Stage(session, path=own, text=opened.text, stopping=self._end)
        self._stage.start()
        if self._arguments.attach:
            try:
                self._server = AttachServer(self._stage, opened.path.stem)
                self._server.start()
            except UserError as error:
                self.report(str(error))

    def _prompt_for(self, live: Live) -> Prompt:
        assert self._stage is not None  # it has begun
        if terminal():
            from graphflow.control.live.repl import Repl  # prompt_toolkit is for those who type

            return Repl(
                self._stage,
                left=self._end,
                history=config_folder() / "history",
                vi=self._arguments.vi,
                greeting=self._greeting,
            )
        from graphflow.control.live.pipe import Pipe

        return Pipe(self._stage, sys.stdin.fileno(), said=said, left=self._script_ended)

    def _script_ended(self) -> None:
        if self._arguments.seconds is None:
            self._end()

    def _end(self) -> None:
        """Fade out and end, from any thread."""
        live = self._live
        assert live is not None  # it has begun
        try:
            live.session.loop.call_soon_threadsafe(live.end)
        except RuntimeError:
            pass  # it has ended

    def close(self) -> None:
        """Give the terminal back, let prompts elsewhere go."""
        if self._prompt is not None:
            self._prompt.end()
            self._prompt = None
        if self._server is not None:
            self._server.close()
        if self._stage is not None:
            self._stage.close()
            self._stage = None


def terminal() -> bool:
    """Whether somebody can type here and see what comes of it."""
    return (
        sys.stdin is not None
        and sys.stdin.isatty()
        and sys.__stdout__ is not None
        and sys.__stdout__.isatty()
        and not dumb()
    )


def said(text: str) -> None:
    """Print for whoever reads; when he has gone, the music plays on."""
    try:
        print(text, flush=True)
    except OSError:
        sys.stdout = None  # to which print says nothing
