"""Playing a patch until somebody ends it: the loop beside the audio thread."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from graphflow.core.patch import Patch
from graphflow.session.output import Output
from graphflow.session.session import Session

LOOK = 0.005
"""Seconds between two looks at control nodes, signals and workers."""
COLLECT = 10.0
"""Seconds between garbage collections, which otherwise come when they like and stop every Python thread."""
FADE_IN, FADE_OUT = 0.1, 0.25
LATEST = 0.5
"""Seconds after the fade in which it ends, whatever the engine says."""
REACTS_WITHIN = 3.0
"""Seconds after which a loop that a node holds up is interrupted, so that one signal is enough to end."""
READY_WITHIN = 60.0
"""Seconds a generator may take to load before the patch begins without it."""


class Live:
    """One performance: from the first block to the end of the fade out."""

    def __init__(self, session: Session, output: Output) -> None:
        self.session, self.output = session, output
        self.ending = False
        self.begun = 0.0
        self.keyboard: Callable[[], bool] = lambda: False
        """Asked at Ctrl-C: True where somebody at a prompt takes it, for whom it stops a cell, not the music."""
        self._told: set[str] = set()

    def end(self) -> None:
        """Ask for a fade and an end; a second call ends at once."""
        if self.ending:
            self.session.engine.silence()
        self.ending = True

    def run(
        self,
        patch: Patch,
        start: Callable[[], None],
        *,
        seconds: float | None = None,
        show: Callable[[Live], None] = lambda live: None,
    ) -> None:
        """Play. `start` starts the clock, `show` is called at every look.

        Raises PatchError, DeviceError.
        """
        try:
            self.session.loop.run_until_complete(self._run(patch, start, seconds, show))
        except KeyboardInterrupt:
            if self.begun:  # the clock runs on by itself
                self.session.engine.fade(0.0, FADE_OUT)
                threading.Event().wait(FADE_OUT)
            raise

    async def _run(
        self,
        patch: Patch,
        start: Callable[[], None],
        seconds: float | None,
        show: Callable[[Live], None],
    ) -> None:
        engine = self.session.engine
        engine.silence()
        self.session.own_thread()
        self.session.play(patch, fade=0.0, quant="now", forgiving=True)
        listen_no_more = self._listen_to_signals()
        interval = sys.getswitchinterval()
        try:
            await self._generators_ready(show)
            gc.collect()
            gc.freeze()
            gc.disable()
            sys.setswitchinterval(0.001)
            if not self.ending:
                start()
                engine.fade(1.0, FADE_IN)
                self.begun = time.monotonic()
                await self._loop(None if seconds is None else round(seconds * engine.rate), show)
        finally:
            gc.enable()
            gc.unfreeze()
            sys.setswitchinterval(interval)
            listen_no_more()

    async def _loop(self, frames: int | None, show: Callable[[Live], None]) -> None:
        engine = self.session.engine
        first = engine.frame
        collected = time.monotonic()
        fade_frames = round(FADE_OUT * engine.rate)
        deadline = 0.0
        while True:
            now = time.monotonic()
            try:
                self.session.pump()
            except Exception as error:  # noqa: BLE001 - a fault of ours must not end the music; it is told, once
                self._tell(error)
            try:
                await self.output.supervise(now)
            except Exception as error:  # noqa: BLE001 - nor must one of a sound card's driver
                self._tell(error)
            show(self)
            if frames is not None and engine.frame - first >= frames - fade_frames:
                self.ending = True
            if self.ending and not deadline:
                engine.fade(0.0, FADE_OUT)
                deadline = now + FADE_OUT + LATEST
            if deadline and (now > deadline or (engine.silent and (frames is None or engine.frame - first >= frames))):
                return
            if now - collected > COLLECT:
                gc.collect()  # all generations: what was there at the start is frozen, so this is short
                collected = now
            await asyncio.sleep(LOOK)

    def _tell(self, error: Exception) -> None:
        frames = traceback.extract_tb(error.__traceback__)
        place = f"{frames[-1].filename}:{frames[-1].lineno} " if frames else ""
        line = f"session: {place}{type(error).__name__}: {error}; playing on, please report this line"
        if line not in self._told:
            self._told.add(line)
            self.session.report(line)

    async def _generators_ready(self, show: Callable[[Live], None]) -> None:
        """Let generators load before the first block, so that the music begins where the patch does."""
        deadline = time.monotonic() + READY_WITHIN
        while not self.ending and time.monotonic() < deadline:
            self.session.pump()
            if self.session.generators_ready:
                return
            show(self)
            await asyncio.sleep(LOOK)

    def _listen_to_signals(self) -> Callable[[], None]:
        """Fade out at the first signal, end at the second; returns what undoes it.

        Not by the loop's own signal handlers: those wait for a node that holds the loop up, and Ctrl-C must not.
        """
        loop, main = asyncio.get_running_loop(), threading.get_ident()
        heard, ended = threading.Event(), threading.Event()
        asked, held_up = 0, False

        def on_signal(number: int, frame: object) -> None:
            nonlocal asked
            if number == signal.SIGINT and not asked and self.keyboard():
                return
            asked += 1
            if asked == 1:
                loop.call_soon_threadsafe(react)
                threading.Thread(target=watch, name="waiting for the end", daemon=True).start()
            elif asked == 2 and heard.is_set() and not held_up:
                loop.call_soon_threadsafe(self.end)
            else:
                raise KeyboardInterrupt

        def react() -> None:
            heard.set()
            self.end()

        def watch() -> None:
            nonlocal held_up
            if heard.wait(REACTS_WITHIN) and ended.wait(FADE_OUT + LATEST + REACTS_WITHIN):
                return
            held_up = True  # by a node, before it was heard or while it fades out
            if hasattr(signal, "pthread_kill"):  # not on Windows
                signal.pthread_kill(main, signal.SIGINT)

        numbers = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
        # who started us may want a signal ignored: nohup, or a shell's background job
        before = {n: signal.getsignal(n) for n in numbers if signal.getsignal(n) is not signal.SIG_IGN}
        for number in before:
            signal.signal(number, on_signal)

        def undo() -> None:
            ended.set()
            for number, handler in before.items():
                signal.signal(number, handler)

        return undo


def fallback_file(patch_name: str) -> Path:
    """The file that is written where there is no sound card: `first-light.wav` for `01-first-light`."""
    stem = Path(patch_name).stem
    return Path(f"{stem.lstrip('0123456789').lstrip('-_ ') or stem}.wav")
