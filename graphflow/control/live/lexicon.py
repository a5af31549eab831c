"""Every word a cell knows, and what it stands for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from graphflow.control.live.kinds import New
from graphflow.control.live.plain import plain
from graphflow.control.live.spans import BAR, BEAT
from graphflow.control.live.verbs import grid
from graphflow.control.live.words import Live, Nodes, Scenes, TransportWord, Wires

if TYPE_CHECKING:
    from graphflow.control.live.stage import Stage


def words(stage: Stage) -> dict[str, Any]:
    """Verbs and things."""
    things = {
        "beat": BEAT,
        "bar": BAR,
        "new": New(stage.draft),
        "nodes": Nodes(stage.draft),
        "wires": Wires(stage.draft),
        "scenes": Scenes(stage.draft),
        "transport": TransportWord(stage.draft, stage.verbs._now),
        "live": Live(lambda: stage.namespace.words),
    }
    return {**stage.verbs._words(), **things}


def readings(stage: Stage) -> dict[str, Callable[[], Any]]:
    """Words that are looked up at every use."""
    return {
        "tempo": lambda: stage.draft().patch.transport.tempo,
        "fade": lambda: stage.draft().patch.engine.fade,
        "quant": lambda: stage.draft().grid or stage.draft().patch.engine.quant,
        "patch": lambda: stage.draft().patch,
    }


def settings(stage: Stage) -> dict[str, Callable[[Any], None]]:
    """Words that can be assigned to."""

    def quant(value: Any) -> None:
        wanted, draft = grid(value, stage), stage.draft()
        draft.grid = None if isinstance(wanted, str) else wanted
        if isinstance(wanted, str):
            draft.set_engine("quant", wanted)
        draft.then.append(lambda: setattr(stage, "quant", draft.grid))

    return {
        "tempo": lambda value: stage.draft().set_transport("tempo", plain(value)),
        "fade": lambda value: stage.draft().set_engine("fade", plain(value)),
        "quant": quant,
    }
