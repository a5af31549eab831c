"""The prompt: Python in, sound out. It runs in a thread and a loop of its own, and waits for nobody."""

from __future__ import annotations

import asyncio
import importlib
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from prompt_toolkit import PromptSession
from prompt_toolkit.application import create_app_session
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.enums import EditingMode
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.input import Input
from prompt_toolkit.lexers import Lexer, PygmentsLexer
from prompt_toolkit.output import Output
from prompt_toolkit.styles import Style

from graphflow.control.live.above import Above, shown
from graphflow.control.live.asking import LEAVE, Asking, answer
from graphflow.control.live.desk import Desk
from graphflow.control.live.keys import bindings
from graphflow.control.live.menu import Menu
from graphflow.control.live.outcome import Outcome
from graphflow.control.live.toolbar import Lookout
from graphflow.core.errors import UserError

PROMPT, GOES_ON = "gf> ", "... "
TICK = 0.25
"""Seconds between two looks at the engine: 4 Hz."""
LEAVES_WITHIN = 5.0
STYLE = Style.from_dict(
    {
        "prompt": "ansigreen bold",
        "prompt.trouble": "ansired bold",
        "goes-on": "ansibrightblack",
        "report": "ansiyellow",
        "error": "ansired",
    }
)


class Repl(Asking):
    """A prompt at a desk. `left` is called from its thread when the performer leaves (not when `end` ends it)."""

    def __init__(
        self,
        desk: Desk,
        *,
        left: Callable[[], None] = lambda: None,
        history: Path | None = None,
        vi: bool = False,
        greeting: str = "",
        input: Input | None = None,
        output: Output | None = None,
    ) -> None:
        super().__init__(desk, "prompt")
        self._left, self._history, self._vi, self._greeting = left, history, vi, greeting
        self._input, self._output = input, output
        self._lookout = Lookout()
        self._above = Above(STYLE)
        self._bar = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._prompt: PromptSession[str] | None = None

    def end(self) -> None:
        """Take the prompt away and leave the terminal as it was."""
        self._ending = True
        if self._loop is not None:
            try:
                self._loop.call_soon_threadsafe(self._exit)
            except RuntimeError:
                pass  # it has just left by itself
        if self._thread.is_alive() and threading.current_thread() is not self._thread:
            self._thread.join(LEAVES_WITHIN)

    def interrupt(self) -> bool:
        """Ctrl-C that came as a signal, as while an editor has the terminal: it is for the cell, not for the music."""
        if self._ending or not self._thread.is_alive():
            return False
        threading.Thread(target=self._desk.interrupt, name="Ctrl-C", daemon=True).start()
        return True

    def say(self, line: str) -> None:
        """Print above the prompt, from any thread."""
        self._above.report(line)

    def __str__(self) -> str:
        return f"{self.entered} cells typed, {self._above.dropped} lines left out"

    # --- in its own thread --------------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            with create_app_session(input=self._input, output=self._output):
                asyncio.run(self._talk())
        except Exception as error:  # noqa: BLE001 - a prompt that is lost must not take the music with it
            print(
                f"prompt: {type(error).__name__}: {error}; the music plays on, `graphflow attach` opens another prompt",
                file=sys.stderr,
            )

    async def _talk(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(self._fault)
        prompt = self._prompt = self._made()
        tasks = [asyncio.ensure_future(self._above.show(prompt.app)), asyncio.ensure_future(self._tick())]
        self._desk.hear(self._above.report)
        self.listening = True
        by_hand = False
        try:
            with self._in_place_of_stdout():
                if self._greeting:
                    self._above.line(self._greeting)
                    self._above.now(prompt.app)
                by_hand = await self._ask(prompt)
        finally:
            self.listening = False
            self._desk.unhear(self._above.report)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self._above.last(prompt.app)
            if by_hand:
                self._left()

    async def _ask(self, prompt: PromptSession[str]) -> bool:
        """Ask until somebody leaves; whether the performer did."""
        while not self._ending:
            try:
                text = await prompt.prompt_async(set_exception_handler=False, handle_sigint=False)
            except EOFError:
                return not self._ending
            if text.strip() in LEAVE:
                return True
            if text.strip():
                self._enter(text.strip("\n").rstrip())
        return False

    def _enter(self, source: str) -> None:
        try:
            future = self._hand_over(source)
        except UserError as error:
            self._above.line(str(error), "class:error")
            return
        future.add_done_callback(self._outcome)

    def _outcome(self, future: Future[Outcome]) -> None:
        text, ok = answer(future)
        if text:
            self._above.line(text, "" if ok else "class:error")

    async def _tick(self) -> None:
        """Keep the toolbar true. The desk is asked in a thread: it may be held up, and the prompt must not be."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                line, running = await loop.run_in_executor(None, lambda: (self._desk.toolbar(), self._desk.running))
            except Exception as error:  # noqa: BLE001 - the prompt is of use without its toolbar
                line, running = f"no toolbar: {type(error).__name__}: {error}; please report this line", 0
            self._bar = shown(self._lookout.look(line, running)).replace("\n", " ")
            if self._prompt is not None:
                self._prompt.app.invalidate()
            await asyncio.sleep(TICK)

    def _exit(self) -> None:
        app = self._prompt.app if self._prompt is not None else None
        if app is not None and app.is_running and not app.is_done:
            app.exit(exception=EOFError())

    def _fault(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        why = f"{type(error).__name__}: {error}" if error is not None else str(context.get("message"))
        self._above.line(f"prompt: {why}; please report this line", "class:error")

    # --- how it looks -------------------------------------------------------------------------------------------------

    def _made(self) -> PromptSession[str]:
        desk = self._desk
        return PromptSession(
            self._message,
            multiline=True,
            completer=Menu(desk, self._above.report),
            complete_in_thread=True,
            complete_while_typing=True,
            auto_suggest=AutoSuggestFromHistory(),
            history=self._past(),
            lexer=python_lexer(),
            style=STYLE,
            include_default_pygments_style=True,
            bottom_toolbar=lambda: self._toolbar(),
            prompt_continuation=[("class:goes-on", GOES_ON)],
            key_bindings=bindings(
                unfinished=desk.unfinished,
                running=lambda: desk.running,
                interrupt=desk.interrupt,
                traceback=desk.traceback,
                say=self._above.line,
                hold=self._hold,
            ),
            editing_mode=EditingMode.VI if self._vi else EditingMode.EMACS,
            enable_suspend=False,
            tempfile_suffix=".py",
            reserve_space_for_menu=6,
        )

    def _message(self) -> StyleAndTextTuples:
        return [("class:prompt.trouble" if self._lookout.trouble else "class:prompt", PROMPT)]

    def _toolbar(self) -> str:
        if self._prompt is None:
            return ""
        app = self._prompt.app
        text = f"{'vi  ' if app.editing_mode == EditingMode.VI else ''}{self._bar}"
        return text[: app.output.get_size().columns - 1]  # it would wrap, and push the prompt up

    def _hold(self, yes: bool) -> None:
        self._above.held = yes
        self._above.wake()

    def _past(self) -> History:
        """What was typed before, also in other performances."""
        if self._history is None:
            return InMemoryHistory()
        try:
            self._history.parent.mkdir(parents=True, exist_ok=True)
            self._history.touch(mode=0o600)
            self._history.open("a").close()
        except OSError as error:
            self._above.report(f"{self._history}: what you type is not kept ({error.strerror})")
            return InMemoryHistory()
        return Kept(self._history, self._above.report)

    @contextmanager
    def _in_place_of_stdout(self) -> Iterator[None]:
        """What anybody prints meanwhile stands above the prompt."""
        before = sys.stdout, sys.stderr
        sys.stdout = sys.stderr = self._above
        try:
            yield
        finally:
            sys.stdout, sys.stderr = before


class Kept(FileHistory):
    """A history in a file; a full disk is told once and hinders nobody."""

    def __init__(self, path: Path, report: Callable[[str], None]) -> None:
        super().__init__(str(path))
        self._report = report
        self._lost = False

    def store_string(self, string: str) -> None:
        try:
            super().store_string(string)
        except OSError as error:
            if not self._lost:
                self._lost = True
                self._report(f"{self.filename!s}: what you type is not kept ({error.strerror})")


def python_lexer() -> Lexer | None:
    """Colours for Python, where pygments is installed."""
    try:
        return PygmentsLexer(importlib.import_module("pygments.lexers.python").PythonLexer)
    except ImportError:
        return None
