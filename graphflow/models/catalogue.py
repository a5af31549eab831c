"""The models that graphflow knows: what each consists of, where its weights come from, whose they are.

Knows no torch, so that the main process may look things up here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import graphflow
from graphflow.core.errors import UserError, did_you_mean
from graphflow.models.magenta.config import BASE, SMALL, Config
from graphflow.models.magenta.files import CHECKPOINTS, ENCODER, MUSICCOCA, MUSICCOCA_FILES

Tensors = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Item:
    """A file of a model, by its path in the repository and below the model's folder."""

    path: str
    size: int | None  # bytes as known beforehand; the hub's word counts
    part: str  # a part is used from one place, as a whole
    needed: bool = False  # without it the model cannot play
    tensors: Tensors = field(default_factory=dict)  # by which it is told from another of its kind


@dataclass(frozen=True)
class Model:
    """What is known of a model before it is here. Without a repository it comes with graphflow."""

    name: str
    title: str
    parameters: int
    licence: str
    attribution: str
    limits: tuple[str, ...]
    repository: str = ""
    items: tuple[Item, ...] = ()
    folder: Path | None = None  # of a model that comes with graphflow

    @property
    def size(self) -> int:
        """Bytes, as far as they are known beforehand."""
        return sum(item.size or 0 for item in self.items)

    def __str__(self) -> str:
        return f"{self.name}: {self.title}, {self.parameters:,} parameters, {self.licence}"


_EMBEDDING = "params/depthformer/decoder/decoder_embedding/embedding/embedding"


def _magenta(config: Config, title: str, parameters: int) -> Model:
    checkpoint = Item(
        CHECKPOINTS[config.name],
        4 * parameters,  # float32; the file's header comes on top
        "checkpoint",
        needed=True,
        tensors={_EMBEDDING: (config.vocabulary, config.temporal.dim)},
    )
    return Model(
        config.name,
        title,
        parameters,
        "CC-BY-4.0",
        "Magenta RealTime 2 by the Magenta team of Google DeepMind "
        "(https://huggingface.co/google/magenta-realtime-2); weights CC-BY-4.0, code Apache-2.0",
        (
            "reported by others: left alone for many minutes it may grow too loud; true guidance, by several "
            "passes, above about 3.5 may run away or fall silent",
            "trained on clips of 20 s, mostly without voices",
        ),
        "google/magenta-realtime-2",
        (
            checkpoint,
            *(Item(f"{MUSICCOCA}/{name}", size, "musiccoca") for name, size in MUSICCOCA_FILES.items()),
            Item(ENCODER, None, "encoder"),
        ),
    )


_FIRST_LIGHT = Path(graphflow.__file__).parent / "models" / "first_light"

MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        Model(
            "first-light",
            "First Light, composes and plays on its own synths",
            3_535_154,
            "Apache-2.0",
            "graphflow",
            (f"see {_FIRST_LIGHT / 'card.md'}",),
            items=(
                Item("weights.safetensors", None, "checkpoint", needed=True),
                Item("words.safetensors", None, "words", needed=True),
            ),
            folder=_FIRST_LIGHT,
        ),
        _magenta(SMALL, "Magenta RealTime 2 small", 282_194_376),
        _magenta(BASE, "Magenta RealTime 2 base", 2_459_163_592),
    )
}


def model(name: str) -> Model:
    """A model by its name, with - or _. Raises UserError."""
    known = name.replace("_", "-")
    if known not in MODELS:
        near = did_you_mean(known, MODELS)
        raise UserError(f"{name}: no such model{near}; expected {', '.join(MODELS)}")
    return MODELS[known]


def amount(size: int) -> str:
    """Bytes as they are said: `1.13 GB`, `8.7 MB`."""
    return f"{size / 1e9:.2f} GB" if size >= 999_500_000 else f"{size / 1e6:.1f} MB"
