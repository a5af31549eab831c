"""A tiny model in memory, for what does not care where it comes from."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

import torch
from torch import Tensor

from graphflow.models.magenta.model import Model, build
from tests.models.magenta.tiny_build import TINY, encoder_tensors, tensors


class Held:
    """A source of tensors that are there already."""

    place = "tiny weights"

    def __init__(self, held: Mapping[str, Tensor]) -> None:
        self._held = held

    def shape(self, name: str) -> tuple[int, ...] | None:
        return tuple(self._held[name].shape) if name in self._held else None

    def names(self) -> list[str]:
        return list(self._held)

    def read(self, name: str) -> Tensor:
        return self._held[name]


@cache
def tiny_model(*, encoder: bool = True) -> Model:
    torch.set_num_threads(1)
    return build(TINY, Held(tensors()), Held(encoder_tensors()) if encoder else None, "cpu", "float32")
