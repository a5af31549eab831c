"""Cells from a pipe or a file: what a script says, in order, each after the one before has ended."""

from __future__ import annotations

import codecs
import os
from collections.abc import Callable, Iterator

from graphflow.control.live.above import shown
from graphflow.control.live.asking import LEAVE, Asking, answer
from graphflow.control.live.desk import Desk
from graphflow.core.errors import UserError

PIECE = 1 << 16


class Pipe(Asking):
    """Runs what a descriptor says. `said` gets every outcome; `left` is called when there is no more.

    A line is a cell; one that goes on, as a `for` does, ends with an empty line.
    """

    def __init__(
        self,
        desk: Desk,
        descriptor: int,
        *,
        said: Callable[[str], None],
        left: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(desk, "pipe")
        self._descriptor, self._said, self._left = descriptor, said, left

    def end(self) -> None:
        """Take no more. It is not waited for: nothing wakes who waits for a pipe."""
        self._ending = True

    def interrupt(self) -> bool:
        """False: without a terminal, Ctrl-C is for the music."""
        return False

    def say(self, line: str) -> None:
        self._said(shown(line))

    def __str__(self) -> str:
        return f"{self.entered} cells from a pipe"

    def _run(self) -> None:
        self._desk.hear(self.say)
        self.listening = True
        try:
            for source in cells(self._lines(), self._desk.unfinished):
                if self._ending or source.strip() in LEAVE:
                    break
                self._enter(source)
        finally:
            self.listening = False
            self._desk.unhear(self.say)
            if not self._ending:
                self._left()

    def _enter(self, source: str) -> None:
        try:
            text, _ = answer(self._hand_over(source))
        except UserError as error:
            text = str(error)
        if text:
            self.say(text)

    def _lines(self) -> Iterator[str]:
        # not by sys.stdin: its lock would be held by a thread that waits, and Python could not end
        decode = codecs.getincrementaldecoder("utf-8")(errors="replace").decode
        rest = ""
        while not self._ending:
            try:
                piece = os.read(self._descriptor, PIECE)
            except OSError:
                piece = b""
            *lines, rest = (rest + decode(piece, final=not piece)).replace("\r\n", "\n").split("\n")
            yield from lines
            if not piece:
                if rest:
                    yield rest
                return


def cells(lines: Iterator[str], unfinished: Callable[[str], bool]) -> Iterator[str]:
    """What belongs together: single lines, and blocks up to an empty line or to where they are complete."""
    held: list[str] = []
    block = False
    for line in lines:
        if not held and not line.strip():
            continue
        held.append(line)
        block = block or line.rstrip().endswith(":") or line.startswith("@")
        if block and line.strip():
            continue
        source = "\n".join(held)
        if line.strip() and unfinished(source):
            continue
        held, block = [], False
        yield source
    if held:
        yield "\n".join(held)
