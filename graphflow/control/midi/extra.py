"""mido and python-rtmidi, which come with the extra `midi`."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from graphflow.core.errors import UserError

MISSING = "MIDI needs mido and python-rtmidi, which are not here; pip install 'graphflow-live[midi]'"


def library(name: str) -> Any:
    """One of the two. Raises UserError where it is missing."""
    try:
        return import_module(name)
    except ImportError as error:
        raise UserError(MISSING) from error
