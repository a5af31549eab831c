"""One engine per model, device and precision, for all generators of a process that want the same."""

from __future__ import annotations

import threading
from typing import Any

from graphflow.models.magenta.engine import Engine
from graphflow.models.magenta.model import Model
from graphflow.models.magenta.seat import Seat

_engines: dict[tuple[str, str, str], Engine] = {}
_lock = threading.Lock()


def take(model: str, device: str, precision: str, **how: Any) -> tuple[Engine, Seat]:
    """A stream of a model, which is loaded where nobody plays it yet. `how`: as `Engine.open`. Raises UserError."""
    key = (model, device, precision)
    with _lock:
        engine = _engines.get(key)
        if engine is None:
            engine = _engines[key] = Engine(lambda: load_model(*key))
        engine.users += 1
    try:
        return engine, engine.open(**how)
    except BaseException:
        _let_go(engine)
        raise


def give_back(engine: Engine, seat: Seat) -> None:
    """The stream ends; with the last one of an engine the model goes."""
    try:
        seat.close()
    finally:
        _let_go(engine)


def _let_go(engine: Engine) -> None:
    with _lock:
        engine.users -= 1
        unused = engine.users == 0
        if unused:
            for key in [key for key, known in _engines.items() if known is engine]:
                del _engines[key]
    if unused:
        engine.close()


def load_model(model: str, device: str, precision: str) -> Model:
    from graphflow.models.magenta.loading import load

    return load(model, device, precision)
