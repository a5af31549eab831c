"""Stages on the manual clock, and one that plays in a thread of its own."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from graphflow.control.live.stage import Stage
from graphflow.core.library import Library
from graphflow.core.patch_text import read
from graphflow.session import Session
from graphflow.session.offline import render
from tests.control.live.tide import Calm, Rest, Tide
from tests.session import kinds

LIBRARY = Library(*kinds.LIBRARY.values(), Tide, Calm, Rest)

ONE = """
format = 1
wires = ["a -> out"]
[nodes.a]
kind = "steady"
[nodes.out]
kind = "out"
"""

TEMPO = ONE + "[transport]\ntempo = 120.0\n"
BEAT = 24_000
"""Frames of a beat of TEMPO."""


class Trial:
    """A stage on the manual clock. `told` holds every line it told."""

    def __init__(self, text: str = ONE, *, folder: Path = Path(), library: Library = LIBRARY, **how: Any) -> None:
        self.told: list[str] = []
        self.session = Session(library, folder=folder, lockstep=True)
        self.stage = Stage(self.session, text=text, **how)
        self.stage.hear(self.told.append)
        if text:
            patch, problems = read(text)
            assert not problems
            self.session.play(patch, fade=0.0)

    def does(self, source: str) -> str:
        """Enter a cell that must be well; what it says."""
        outcome = self.stage.run(source)
        assert outcome.ok, outcome.text
        return outcome.text

    def fails(self, source: str) -> str:
        """Enter a cell that must fail and change nothing; its line."""
        before = self.session.patch
        outcome = self.stage.run(source)
        assert not outcome.ok, outcome.text
        assert self.session.patch == before
        assert "\n" not in outcome.text
        return outcome.text

    @property
    def wires(self) -> list[str]:
        return list(self.session.patch.wires)

    def values(self, name: str) -> dict[str, Any]:
        return self.session.patch.nodes[name].values

    def hear(self, frames: int) -> npt.NDArray[np.float32]:
        """The next frames, [frames, 2]."""
        return np.concatenate(list(render(self.session, frames)))

    def close(self) -> None:
        self.stage.close()
        self.session.close()


class Playing(Trial):
    """The same with its threads, and a clock that keeps about real time."""

    def __init__(self, text: str = ONE, **how: Any) -> None:
        super().__init__(text, **how)
        self._ending = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        self.stage.start()

    def _run(self) -> None:
        self.session.own_thread()
        self.session.loop.run_until_complete(self._loop())

    async def _loop(self) -> None:
        while not self._ending:
            self.session.pump()
            self.session.engine.run(256)
            await asyncio.sleep(256 / 48_000)

    def close(self) -> None:
        self.stage.close()
        self._ending = True
        self._thread.join(10.0)
        self.session.own_thread()
        self.session.close()
