"""What goes wrong while a patch plays, looked for at every pump and told in one line each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from graphflow.audio.autopsy import explain
from graphflow.audio.engine import Engine
from graphflow.audio.instance import Instance
from graphflow.audio.layout import WELL
from graphflow.session.parts import Parts

KEPT = 1000
"""Lines that are not told again."""


class Troubles:
    """Tells what nodes and recordings suffer from."""

    def __init__(self, loop: asyncio.AbstractEventLoop, engine: Engine, report: Callable[[str], None]) -> None:
        self._loop, self._engine, self._report = loop, engine, report
        self._told: dict[str, None] = {}
        self._explained: set[str] = set()
        loop.set_exception_handler(lambda loop, context: self.unforeseen("session", context))

    def tell_once(self, line: str) -> None:
        """Tell a line that was not told before; nothing for none."""
        if line and line not in self._told:
            self._told[line] = None
            if len(self._told) > KEPT:
                self._told.pop(next(iter(self._told)))
            self._report(line)

    def unforeseen(self, place: str, context: Mapping[str, Any]) -> None:
        """What an event loop has to say, such as that there are no more files for who wants to connect."""
        error = context.get("exception")
        what = f"{type(error).__name__}: {error}" if error is not None else str(context.get("message"))
        # the system's refusals are nobody's mistake here
        repair = "" if isinstance(error, OSError) else ", please report this line"
        self.tell_once(f"{place}: {what.splitlines()[0]}; playing on{repair}")

    def look(self, parts: Parts) -> None:
        """See what has gone wrong. Never waits."""
        for line in parts.troubles():
            self.tell_once(line)
        mute = parts.mute()
        self._explained &= {instance.key for instance in mute}
        for instance in mute:
            if instance.spec.room == "worker":
                # its worker keeps such samples back; any others are left out block by block, not for ever
                instance.fault[0] = WELL
                self.tell_once(f"nodes.{instance.name}: its model made a non-finite sample; such a block is silent")
            elif instance.key not in self._explained:
                self._explained.add(instance.key)
                # its own Python is run again to find the line: that takes a while, and the music does not wait
                self._loop.run_in_executor(None, self._explain, instance)

    def _explain(self, instance: Instance) -> None:
        why = explain(instance, round(self._engine.rate), self._engine.frame)
        self._loop.call_soon_threadsafe(self._report, f"nodes.{instance.name}: {why}; it is silent until it is edited")

    def __str__(self) -> str:
        return "\n".join(self._told) or "all is well"
