"""A model from its files: which sizes it has, and one line for everything that can be wrong with it."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path

from torch import Tensor

from graphflow.core.errors import UserError
from graphflow.models.catalogue import amount
from graphflow.models.home import shown
from graphflow.models.magenta.checkpoint import Checkpoint
from graphflow.models.magenta.config import CODES, NAMED, RESERVED, CodecSizes, Config, Stack
from graphflow.models.magenta.files import CHECKPOINTS, Files, find
from graphflow.models.magenta.model import Model, build
from graphflow.models.magenta.weights import DECODER, DEPTHFORMER, ENCODER, Source

LONGEST_WINDOW = 1024
"""Chunks; the model was trained on music of 500."""
BOOKS, OWN_BOOKS = "params/soundstream/quantizer/embedding", "params/quantizer/embedding"
"""The codec's codebooks in a checkpoint, and in the encoder's file where it has its own."""

Shapes = Mapping[str, Sequence[int]]


def load(model: str | Path, device: str = "auto", precision: str = "auto", *, encoder: bool = True) -> Model:
    """The model of a name (`mrt2-small`, `mrt2-base`) or folder, ready to play.

    `encoder=False` leaves out what hears recordings; a model whose files lack it is made without. Raises UserError.
    """
    return load_files(find(str(model)), device, precision, encoder=encoder)


def load_files(files: Files, device: str = "auto", precision: str = "auto", *, encoder: bool = True) -> Model:
    """The model of these files. Raises UserError."""
    known = files.name in CHECKPOINTS and files.config is None
    repair = f"graphflow models download {files.name}" if known else "download or save it again"
    size = files.checkpoint.stat().st_size if files.checkpoint.is_file() else 0
    try:
        with ExitStack() as stack:
            checkpoint = stack.enter_context(Checkpoint(files.checkpoint, repair))
            hearing: Hearing | None = None
            if encoder and files.encoder is not None:
                hearing = Hearing(stack.enter_context(Checkpoint(files.encoder, repair)), checkpoint)
            config = _config(files, checkpoint, hearing)
            model = build(config, checkpoint, hearing, device, precision)
    except (MemoryError, RuntimeError) as error:
        if not out_of_memory(error):
            raise
        raise UserError(
            f"{files.name}: {amount(size)} of weights do not fit into this computer's memory; close other programs, "
            "or choose a smaller model"
        ) from error
    model.folder = files.checkpoint.parent
    return model


class Hearing:
    """The encoder's file; where it has no codebooks of its own, the checkpoint's are the same."""

    def __init__(self, own: Source, checkpoint: Source) -> None:
        self.own, self.checkpoint, self.place = own, checkpoint, own.place

    def shape(self, name: str) -> tuple[int, ...] | None:
        held = self.own.shape(name)
        return self.checkpoint.shape(BOOKS) if held is None and name == OWN_BOOKS else held

    def names(self) -> Sequence[str]:
        return self.own.names()

    def read(self, name: str) -> Tensor:
        lent = name == OWN_BOOKS and self.own.shape(name) is None
        return self.checkpoint.read(BOOKS) if lent else self.own.read(name)


def config_of(shapes: Shapes, place: str = "checkpoint") -> Config:
    """The released model that has tensors of these shapes. Raises UserError for any other.

    How far a model looks back cannot be seen in them, so that other sizes need a config.json.
    """
    seen = sizes_of(shapes, place)
    if known := released(seen):
        return known
    raise UserError(
        f"{place} has sizes of no released model (temporal {seen.temporal.layers} x {seen.temporal.dim}, depth "
        f"{seen.depth.layers} x {seen.depth.dim}), and its window cannot be seen; put model.safetensors and "
        "config.json into one folder"
    )


def released(seen: Config) -> Config | None:
    """The model with a name that has these sizes."""
    return next((known for known in NAMED.values() if not difference(seen, known)), None)


def sizes_of(shapes: Shapes, place: str = "checkpoint") -> Config:
    """What can be seen in tensors' shapes. Not to be seen, and 0: the windows, and the encoder without its tensors.

    Raises UserError where a tensor that tells a size is missing.
    """

    def dims(name: str, rank: int) -> Sequence[int]:
        found = shapes.get(name)
        if found is None:
            raise UserError(f"{place}: {name} is missing; expected a checkpoint of Magenta RealTime 2")
        if len(found) != rank:
            raise UserError(
                f"{place}: {name} is {list(found)}; expected {rank} dimensions, of a checkpoint of Magenta RealTime 2"
            )
        return found

    def stack(body: str, dim: int) -> Stack:
        pattern = re.compile(re.escape(f"{body}transformer/x_layers_") + r"(\d+)/")
        layers = {int(found[1]) for name in shapes if (found := pattern.match(name))}
        first = f"{body}transformer/x_layers_0/"
        _, heads, head_dim = dims(f"{first}self_attention/output_projection/kernel", 3)
        return Stack(len(layers), dim, heads, head_dim, dims(f"{first}ffn/ffn_layer1/kernel", 2)[1])

    decoder = f"{DEPTHFORMER}decoder/"
    vocabulary, dim = dims(f"{decoder}decoder_embedding/embedding/embedding", 2)
    levels, _, features = dims(BOOKS, 3)
    ear = f"{ENCODER}base_conv_first/conv/kernel"
    return Config(
        "",
        dims(f"{DEPTHFORMER}encoder/body/encoder_ln/scale", 1)[0],
        stack(f"{decoder}temporal_body/", dim),
        stack(f"{decoder}depth_body/", dims(f"{decoder}depth_body/final_ln/scale", 1)[0]),
        CodecSizes(
            features,
            levels,
            (vocabulary - RESERVED) // CODES,
            dims(ear, 4)[3] if ear in shapes else 0,
            dims(f"{DECODER}output_layer/base_conv_last/conv/kernel", 4)[2],
        ),
    )


def difference(seen: Config, expected: Config) -> str:
    """The first size in which they differ, as `temporal.dim is 64; expected 1024`; "" where none does."""
    blind = replace(expected, temporal=replace(expected.temporal, window=0))
    if not seen.codec.encoder_base_depth:
        blind = replace(blind, codec=replace(blind.codec, encoder_base_depth=0))
    ours, theirs = _flat(seen), _flat(blind)
    return next((f"{key} is {size}; expected {theirs[key]}" for key, size in ours.items() if size != theirs[key]), "")


def _flat(config: Config) -> dict[str, int]:
    parts = {name: asdict(getattr(config, name)) for name in ("temporal", "depth", "codec")}
    sizes = {f"{name}.{key}": size for name, part in parts.items() for key, size in part.items()}
    return {"conditioning": config.conditioning, **sizes}


def _config(files: Files, checkpoint: Checkpoint, hearing: Hearing | None) -> Config:
    """The sizes: what config.json says, else those of the released model. Raises UserError."""
    shapes = {name: checkpoint.shape(name) or () for name in checkpoint.names()}
    if hearing is not None:
        shapes |= {name: hearing.shape(name) or () for name in hearing.names()}
    seen = sizes_of(shapes, checkpoint.place)
    expected, says = NAMED.get(files.name), files.name
    if files.config is not None:
        expected, says = Config.read(files.config), shown(files.config)
        if not 1 <= expected.temporal.window <= LONGEST_WINDOW:
            raise UserError(
                f"{says}: temporal.window is {expected.temporal.window}; expected 1 to {LONGEST_WINDOW} chunks"
            )
    if expected is None:
        return config_of(shapes, checkpoint.place)
    differs = difference(seen, expected)
    if (held := released(seen)) and differs:
        raise UserError(f"{checkpoint.place} holds {held.name}, not what {says} is; {checkpoint.repair}")
    if differs:
        place = hearing.place if hearing is not None and "encoder" in differs else checkpoint.place
        raise UserError(f"{place}: {differs} as {says} has it; {checkpoint.repair}")
    return expected


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that there was no memory left; torch says so in words only."""
    words = str(error).lower()
    return isinstance(error, MemoryError) or any(
        sign in words
        for sign in ("can't allocate memory", "cannot allocate memory", "not enough memory", "out of memory")
    )


def memory_of_computer() -> float:
    """Bytes, taken or not; without end where the system does not tell (Windows, which refuses what it has not)."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError, OSError):
        return math.inf
