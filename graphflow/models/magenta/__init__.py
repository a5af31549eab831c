"""Magenta RealTime 2: prompts, notes and drums steer a language model of sound, 40 ms at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphflow.models.magenta.generator import Generator


def open(settings: Mapping[str, Any]) -> Generator:
    """A generator ready to play. Settings: see `settings.Settings`. Raises UserError, without weights above all."""
    from graphflow.models.magenta.files import find
    from graphflow.models.magenta.settings import Settings

    find(Settings.read(settings).model)  # before torch is imported, which takes seconds
    from graphflow.models.magenta.generator import Generator

    return Generator(settings)


def prepare() -> None:
    """Import what `open` needs, so that it is quick when it comes."""
    from graphflow.models.magenta import generator as _  # noqa: F401
