"""Weights made by a rule, for comparing implementations and for measuring speed: nobody's music, any size."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graphflow.models.magenta.conditioning import REGULAR_ROWS, STYLE_ROWS
from graphflow.models.magenta.config import CODES, STYLE_LEVELS, STYLE_WIDTH, Config, Stack
from graphflow.models.magenta.weights import DECODER, DEPTHFORMER, ENCODER

Shapes = dict[str, tuple[int, ...]]


class Invented:
    """A source of tensors whose numbers follow from their names, a salt and nothing else."""

    def __init__(self, shapes: Mapping[str, Sequence[int]], salt: str = "", place: str = "invented weights") -> None:
        self.place, self.salt = place, salt
        self._shapes = {name: tuple(shape) for name, shape in shapes.items()}

    def shape(self, name: str) -> tuple[int, ...] | None:
        return self._shapes.get(name)

    def names(self) -> list[str]:
        return list(self._shapes)

    def read(self, name: str) -> Tensor:
        return torch.from_numpy(invent(name, self._shapes[name], self.salt))


def invent(name: str, shape: tuple[int, ...], salt: str = "") -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    """The tensor called `name`, normally distributed around what such a tensor is for, float32."""
    z = np.random.RandomState(zlib.crc32((salt + name).encode())).standard_normal(shape)
    numbers: np.ndarray[tuple[int, ...], np.dtype[np.float64]] = spread(z, name, shape)
    return numbers.astype(np.float32)


def spread(z: Any, name: str, shape: tuple[int, ...]) -> Any:
    """Standard normal numbers, an array or a tensor, brought to the mean and width that fit such a tensor."""
    last = name.rsplit("/", 1)[-1]
    if last == "scale":
        return 1.0 + 0.2 * z
    if last == "bias":
        return 0.1 * z
    if last == "per_dim_scale" or last.startswith("sink_"):
        return 0.5 * z
    if last == "embedding":
        return z / shape[-1] ** 0.5 if "depthformer" in name else 0.3 * z
    if last == "kernel":
        return z / fan(name, shape) ** 0.5
    return z


def fan(name: str, shape: tuple[int, ...]) -> int:
    """How many numbers one output of a kernel adds up."""
    if len(shape) == 3:
        return shape[1] * shape[2] if "output_projection" in name else shape[0]
    return int(np.prod(shape[:-1]))


def model_shapes(config: Config) -> Shapes:
    """Every tensor of a checkpoint of these sizes."""
    e, t, d = config.conditioning, config.temporal, config.depth
    body, decoder = f"{DEPTHFORMER}encoder/body/", f"{DEPTHFORMER}decoder/"
    style = f"{body}layers_1/branched_mulan_embedder/mulan_embedder/"
    shapes: Shapes = {
        f"{style}mulan_dequantizer/embedding": (STYLE_LEVELS * STYLE_ROWS, STYLE_WIDTH),
        f"{style}depth_input_adapter/kernel": (STYLE_WIDTH, e),
        f"{body}layers_1/branched_regular_embedder/regular_embedder/embedding": (REGULAR_ROWS, e),
        f"{body}encoder_ln/scale": (e,),
        f"{body}encoder_ln/bias": (e,),
        f"{decoder}decoder_embedding/embedding/embedding": (config.vocabulary, t.dim),
        f"{decoder}depth_body/final_ln/scale": (d.dim,),
        f"{decoder}depth_body/final_ln/bias": (d.dim,),
        f"{decoder}depth_body/to_logits/kernel": (d.dim, config.vocabulary),
        f"{decoder}depth_body/to_logits/bias": (config.vocabulary,),
    }
    if t.dim != d.dim:
        shapes[f"{decoder}depth_body/depth_input_adapter/kernel"] = (t.dim, d.dim)
    for i in range(t.layers):
        name = f"{decoder}temporal_body/transformer/x_layers_{i}/"
        shapes |= _attention(f"{name}self_attention/", t, t.dim, sink=True)
        shapes |= _attention(f"{name}cross_attention/", t, e, sink=True)
        shapes |= _ffn(f"{name}ffn/", t)
    for i in range(d.layers):
        name = f"{decoder}depth_body/transformer/x_layers_{i}/"
        shapes |= _attention(f"{name}self_attention/", d, d.dim, sink=False)
        shapes |= _ffn(f"{name}ffn/", d)
    return shapes | _decoder(config)


def _attention(name: str, sizes: Stack, heard: int, *, sink: bool) -> Shapes:
    heads = (sizes.heads, sizes.head_dim)
    shapes: Shapes = {
        f"{name}attention/query_projection/kernel": (sizes.dim, *heads),
        f"{name}attention/key_projection/kernel": (heard, *heads),
        f"{name}attention/value_projection/kernel": (heard, *heads),
        f"{name}attention/per_dim_scale": (sizes.head_dim,),
        f"{name}output_projection/kernel": (sizes.dim, *heads),
        f"{name}pre_norm/scale": (sizes.dim,),
        f"{name}post_norm/scale": (sizes.dim,),
    }
    if sink:
        shapes |= {f"{name}attention/sink_{what}_embeddings": (1, *heads) for what in ("key", "value")}
    return shapes


def _ffn(name: str, sizes: Stack) -> Shapes:
    return {
        f"{name}ffn_layer1/kernel": (sizes.dim, sizes.ffn),
        f"{name}ffn_layer1/bias": (sizes.ffn,),
        f"{name}ffn_layer2/kernel": (sizes.ffn, sizes.dim),
        f"{name}ffn_layer2/bias": (sizes.dim,),
        f"{name}pre_norm/scale": (sizes.dim,),
        f"{name}post_norm/scale": (sizes.dim,),
    }


def _conv(name: str, kernel: tuple[int, int], channels: int, out: int) -> Shapes:
    return {f"{name}/conv/kernel": (*kernel, channels, out), f"{name}/conv/bias": (out,)}


def _decoder(config: Config) -> Shapes:
    from graphflow.models.magenta.codec.decoder import BLOCKS

    sizes, b = config.codec, config.codec.decoder_base_depth
    shapes: Shapes = {"params/soundstream/quantizer/embedding": (sizes.quantizer_levels, CODES, sizes.features)}
    shapes |= _conv(f"{DECODER}input_layer/conv1x1_first", (1, 1), sizes.features, 40 * b)
    shapes |= _conv(f"{DECODER}input_layer/shortcut_layer/conv1x1_b1", (1, 1), sizes.features, 40 * b)
    shapes |= _conv(f"{DECODER}input_layer/shortcut_layer/conv1x1_b2", (1, 1), 40 * b, 40 * b)
    for part in ("conv2d_3x3_a", "conv2d_3x3"):
        shapes |= _conv(f"{DECODER}input_layers_residual_unit/{part}", (3, 3), 8 * b, 8 * b)
    for i, ((kt, kf), _, channels, out) in enumerate(BLOCKS):
        name = f"{DECODER}decoder_{i}/"
        shapes |= _conv(f"{name}conv2dtranspose_{kt}x{kf}", (kt, kf), channels * b, out * b)
        shapes |= _conv(f"{name}conv2d_3x3", (3, 3), out * b, out * b)
        if channels != out:
            shapes |= _conv(f"{name}shortcut_layer/conv1x1", (1, 1), channels * b, out * b)
    return shapes | _conv(f"{DECODER}output_layer/base_conv_last", (7, 7), b, 2)


def encoder_shapes(config: Config) -> Shapes:
    """Every tensor of the codec encoder's own file."""
    from graphflow.models.magenta.codec.encoder import BLOCKS

    sizes, b = config.codec, config.codec.encoder_base_depth
    shapes: Shapes = {"params/quantizer/embedding": (sizes.quantizer_levels, CODES, sizes.features)}
    shapes |= _conv(f"{ENCODER}base_conv_first", (7, 7), 2, b)
    for i, ((kt, kf), _, channels, out) in enumerate(BLOCKS):
        name = f"{ENCODER}encoder_{i}/"
        shapes |= _conv(f"{name}conv2d_3x3", (3, 3), channels * b, channels * b)
        shapes |= _conv(f"{name}conv2d_{kt}x{kf}_a", (kt, kf), channels * b, out * b)
        if channels != out:
            shapes |= _conv(f"{name}shortcut_layer/conv1x1", (1, 1), channels * b, out * b)
    for part in ("conv2d_3x3_a", "conv2d_3x3"):
        shapes |= _conv(f"{ENCODER}bottleneck/{part}", (3, 3), 8 * b, 8 * b)
    shapes |= _conv(f"{ENCODER}output_convs/conv1x1_last", (1, 1), 40 * b, sizes.features)
    shapes |= _conv(f"{ENCODER}output_convs/shortcut_layer/conv1x1_b1", (1, 1), 40 * b, 40 * b)
    return shapes | _conv(f"{ENCODER}output_convs/shortcut_layer/conv1x1_b2", (1, 1), 40 * b, sizes.features)


class Drawn(Invented):
    """The same distributions drawn on a device, quickly: for measuring speed at real sizes, not for comparing."""

    def __init__(self, shapes: Mapping[str, Sequence[int]], device: torch.device, seed: int = 0) -> None:
        super().__init__(shapes, place="drawn weights")
        self._random = torch.Generator(device).manual_seed(seed)
        self._device = device

    def read(self, name: str) -> Tensor:
        shape = self._shapes[name]
        z = torch.randn(shape, generator=self._random, device=self._device)
        drawn: Tensor = spread(z, name, shape)
        return drawn
