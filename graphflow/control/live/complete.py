"""How what is typed may go on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphflow.control.live.outcome import Suggestion

if TYPE_CHECKING:
    from graphflow.control.live.stage import Stage


def suggestions(stage: Stage, text: str, cursor: int) -> list[Suggestion]:
    return []
