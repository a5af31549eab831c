"""Magenta RealTime 2's files in small: checkpoints of invented weights in the official layout and as saved."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor

from graphflow.models.magenta.config import CodecSizes, Config, Stack
from graphflow.models.magenta.invented import Shapes, encoder_shapes, invent, model_shapes

TINY = Config("tiny", 16, Stack(2, 32, 2, 16, 48, 4), Stack(2, 16, 1, 16, 32), CodecSizes(8, 16, 12, 2, 2))
STYLES = "mulan_dequantizer/embedding"  # 9.5 million numbers in models of any size


@cache
def tensors() -> dict[str, Tensor]:
    """What a tiny checkpoint holds. Not to be changed."""
    return {name: _tensor(name, shape) for name, shape in model_shapes(TINY).items()}


@cache
def encoder_tensors() -> dict[str, Tensor]:
    return {name: _tensor(name, shape) for name, shape in encoder_shapes(TINY).items()}


def _tensor(name: str, shape: tuple[int, ...]) -> Tensor:
    if name.endswith(STYLES):  # by a faster rule
        return torch.from_numpy(np.random.default_rng(1).standard_normal(shape, np.float32) / np.float32(28))
    return torch.from_numpy(invent(name, shape))


def write_saved(
    folder: Path,
    held: Mapping[str, Tensor] | None = None,
    encoder: Mapping[str, Tensor] | None = None,
    config: Config = TINY,
) -> Path:
    """A folder as `save_pretrained` writes one; without an encoder where none is given."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config.data()))
    save_file(dict(tensors() if held is None else held), folder / "model.safetensors")
    if encoder is not None:
        save_file(dict(encoder), folder / "encoder.safetensors")
    return folder


def write_hollow(path: Path, shapes: Shapes) -> Path:
    """A safetensors file of any size whose numbers are all 0 and take no room on the disk."""
    header, end = {}, 0
    for name, shape in shapes.items():
        begin, end = end, end + 4 * int(np.prod(shape))
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        file.truncate(8 + len(text) + end)
    return path


def pack(held: Mapping[str, Tensor], *, shared: bool = False) -> dict[str, Tensor]:
    """The same weights with projections in one tensor, as other writers of the checkpoint have them.

    shared: cross-attention's keys are its values too.
    """
    made = dict(held)
    for name in held:
        if not name.endswith("attention/attention/query_projection/kernel"):
            continue
        inner = name.removesuffix("query_projection/kernel")
        query, key, value = (held[f"{inner}{part}_projection/kernel"] for part in ("query", "key", "value"))
        gone = ["key", "value"]
        if "self_attention" in inner:
            made[f"{inner}query_key_value_projection/kernel"] = torch.stack([query, key, value], 1)
            gone.append("query")
        elif shared:
            made[f"{inner}shared_key_value_projection/kernel"] = key
        else:
            made[f"{inner}key_value_projection/kernel"] = torch.stack([key, value], 1)
        for part in gone:
            del made[f"{inner}{part}_projection/kernel"]
    return made


def share(held: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """With cross-attention's keys in place of its values."""
    values = {name for name in held if name.endswith("cross_attention/attention/value_projection/kernel")}
    return {
        name: held[name.replace("value_projection", "key_projection")].clone() if name in values else tensor
        for name, tensor in held.items()
    }


def without(held: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key: tensor for key, tensor in held.items() if key != name}


def renamed(config: Config = TINY, **temporal: int) -> Config:
    """Another window or the like."""
    return replace(config, temporal=replace(config.temporal, **temporal))
