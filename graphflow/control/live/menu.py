"""What may come next, as a menu below the cursor."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document

from graphflow.control.live.above import shown
from graphflow.control.live.desk import Desk


class Menu(Completer):
    """Asks the desk, with one line of doc for each suggestion. Runs in a thread beside the prompt."""

    def __init__(self, desk: Desk, tell: Callable[[str], None]) -> None:
        self._desk, self._tell = desk, tell
        self._told = ""

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterator[Completion]:
        cursor = document.cursor_position
        try:
            suggestions = self._desk.complete(document.text, cursor)
        except Exception as error:  # noqa: BLE001 - a fault of ours while somebody types is told, once
            line = f"completion: {type(error).__name__}: {error}; please report this line"
            if line != self._told:
                self._told = line
                self._tell(line)
            return
        for suggestion in suggestions:
            yield Completion(
                suggestion.text,
                start_position=min(suggestion.start - cursor, 0),
                display=shown(suggestion.text).replace("\n", " "),
                display_meta=shown(suggestion.doc).replace("\n", " "),
            )
