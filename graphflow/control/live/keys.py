"""What the keys do, beyond what every prompt of this make does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from prompt_toolkit.buffer import Buffer
from prompt_toolkit.enums import DEFAULT_BUFFER, EditingMode
from prompt_toolkit.filters import (
    Condition,
    emacs_mode,
    has_focus,
    has_selection,
    vi_insert_mode,
    vi_navigation_mode,
)
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

HELP = (
    "Enter runs, Alt-Enter begins a line, Tab completes, Ctrl-C stops a cell or clears the line, Ctrl-D ends, "
    "F2 traceback of the last error, F4 vi or emacs keys, Ctrl-X Ctrl-E editor (vi: v), NAME? asks"
)
INDENT = "    "


def bindings(
    *,
    unfinished: Callable[[str], bool],
    running: Callable[[], int],
    interrupt: Callable[[], bool],
    traceback: Callable[[], str],
    say: Callable[[str], None],
    hold: Callable[[bool], None],
) -> KeyBindings:
    """`say` prints above the prompt; `hold(True)` keeps the terminal free for an editor."""
    keys = KeyBindings()
    typing = has_focus(DEFAULT_BUFFER)
    inserting = typing & (emacs_mode | vi_insert_mode)

    @Condition
    def at_margin() -> bool:
        from prompt_toolkit.application import get_app

        document = get_app().current_buffer.document
        return "\n" in document.text and not document.current_line_before_cursor.strip()

    @keys.add("enter", filter=typing)
    def run(event: KeyPressEvent) -> None:
        buffer = event.current_buffer
        if buffer.complete_state is not None and buffer.complete_state.current_completion is not None:
            buffer.complete_state = None  # what the menu put in is taken as it stands
            return
        inside = "\n" in buffer.text and buffer.document.text_after_cursor.strip()
        if inside or unfinished(ended(buffer.text)):
            new_line(buffer)
        else:
            buffer.validate_and_handle()

    @keys.add("escape", "enter", filter=inserting)
    def line(event: KeyPressEvent) -> None:
        new_line(event.current_buffer)

    @keys.add("tab", filter=inserting & at_margin)
    def indent(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text(INDENT)

    @keys.add("c-c", filter=typing)
    def stop(event: KeyPressEvent) -> None:
        if not running():
            event.current_buffer.reset()
        # also where none seems to run: what is known of an engine elsewhere is a moment old
        asyncio.get_running_loop().run_in_executor(None, interrupt)

    @keys.add("f1")
    def help(event: KeyPressEvent) -> None:
        say(HELP)

    @keys.add("f2")
    def why(event: KeyPressEvent) -> None:
        async def ask() -> None:
            found = await asyncio.get_running_loop().run_in_executor(None, traceback)
            say(found.rstrip() or "no error so far")

        event.app.create_background_task(ask())

    @keys.add("f4")
    def toggle(event: KeyPressEvent) -> None:
        vi = event.app.editing_mode == EditingMode.VI
        event.app.editing_mode = EditingMode.EMACS if vi else EditingMode.VI

    @keys.add("c-x", "c-e", filter=typing & emacs_mode & ~has_selection)
    @keys.add("v", filter=typing & vi_navigation_mode & ~has_selection)
    def edit(event: KeyPressEvent) -> None:
        buffer = event.current_buffer

        async def editor() -> None:
            hold(True)
            try:
                await buffer.open_in_editor()
            finally:
                hold(False)

        event.app.create_background_task(editor())

    return keys


def ended(text: str) -> str:
    """A block whose last line holds nothing but its indentation has ended there."""
    head, newline, last = text.rpartition("\n")
    return f"{head}\n" if newline and not last.strip() else text


def new_line(buffer: Buffer) -> None:
    """Begin a line with the indentation that Python wants there."""
    opens = buffer.document.current_line_before_cursor.rstrip().endswith(":")
    buffer.newline()
    if opens:
        buffer.insert_text(INDENT)
