"""First Light: the generator that ships with graphflow. It composes parts and plays them on its own synth bank."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphflow.models.first_light.generator import Generator


def open(settings: Mapping[str, str]) -> Generator:
    """A generator ready to play. Settings: device (auto, cpu, mps, cuda:0 ...) and seed (a whole number).

    torch is imported here and not before: it takes seconds.
    """
    from graphflow.models.first_light.generator import Generator

    return Generator(settings)
