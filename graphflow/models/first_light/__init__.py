"""First Light: the generator that ships with graphflow. It composes parts and plays them on its own synth bank."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphflow.models.first_light.generator import Generator


def open(settings: Mapping[str, str]) -> Generator:
    """A generator ready to play. Settings: device (auto, cpu, mps, cuda:0 ...) and seed (a whole number).

    auto is the CPU: it is fast enough, leaves the GPU to larger models and needs no torch, whose import takes seconds.
    """
    from graphflow.models.first_light.generator import Generator

    return Generator(settings)


def prepare() -> None:
    """Import what `open` needs, so that it is quick when it comes."""
    from graphflow.models.first_light import generator as _  # noqa: F401
