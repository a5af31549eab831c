"""The official Magenta RealTime 2 package at any size, with weights made from the tensors' names.

Run by a Python that has `magenta-rt[jax]` 2.0.3; graphflow never imports this. Everything of the official package is
reached through its own classes: a subclass of its model class carries the sizes, its sampler and codec do the work.

What can vary is what the configuration names. Fixed by the package: 144 conditioning values (12 style codes, 128
pitches, drum, 3 guidance bins) and their tables, 6 and 7 reserved ids, the codec's strides, its 2 channels at 48 kHz,
one learned sink per head, a soft cap of 30.
"""

from __future__ import annotations

import dataclasses
import json
import math
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import flax.traverse_util
import jax
import jax.numpy as jnp
import magenta_rt  # noqa: F401 - puts its bundled sequence_layers on the path
import numpy as np
import sequence_layers.jax as sl
from flax.core.meta import unbox
from magenta_rt.config import SPECTROSTREAM, ModelSpec
from magenta_rt.jax.model import MagentaRT2ModelSmall
from magenta_rt.jax.spectrostream import SpectroStream, stft_spectrostream_40ms_generic_48khz_stereo_config
from magenta_rt.jax.system import MagentaRT2Sampler

CONDITIONING_CHANNELS = 144
CONDITIONING_OFFSET = 7  # raw value -1 (masked) is id 6
ENCODER_MARK = "encoder:"  # marks the names of the codec encoder's own file in CASE_shapes.json

Weights = dict[str, np.ndarray]
Shapes = dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Sizes:
    """One CASE_config.json."""

    salt: str
    conditioning: int
    temporal: dict[str, int]
    depth: dict[str, int]
    codec: dict[str, int]
    chunks: int

    @classmethod
    def read(cls, path: Path) -> Sizes:
        return cls(**json.loads(path.read_text()))

    def text(self) -> str:
        return json.dumps(dataclasses.asdict(self), indent=1)


def model_class(sizes: Sizes, compute_dtype: Any = jnp.float32) -> type[MagentaRT2ModelSmall]:
    """The official model class with other sizes."""

    def spec(part: dict[str, int]) -> ModelSpec:
        return ModelSpec(
            num_layers=part["layers"],
            model_dims=part["dim"],
            hidden_dims=part["ffn"],
            num_heads=part["heads"],
            dim_per_head=part["head_dim"],
            ffn_use_gated_activation=False,
        )

    window = sizes.temporal["window"]
    fields = {
        # of the encoder only the width reaches the network: its body is an identity
        "encoder_size": dataclasses.replace(spec(sizes.temporal), model_dims=sizes.conditioning),
        "decoder_temporal_size": spec(sizes.temporal),
        "decoder_depth_size": spec(sizes.depth),
        "encoder_max_past_horizon": window,
        "decoder_temporal_self_attention_max_past_horizon": window,
        "decoder_temporal_cross_attention_max_past_horizon": window,
        "spectrostream": dataclasses.replace(SPECTROSTREAM, rvq_truncation_level=sizes.codec["used_levels"]),
        "compute_dtype": compute_dtype,
    }
    return type("SizedModel", (MagentaRT2ModelSmall,), fields)


def codec_config(sizes: Sizes) -> SpectroStream.Config:
    released = stft_spectrostream_40ms_generic_48khz_stereo_config(rvq_truncation_level=sizes.codec["used_levels"])
    return dataclasses.replace(
        released,
        num_features=sizes.codec["features"],
        encoder_base_conv_depth=sizes.codec["encoder_base_depth"],
        decoder_base_conv_depth=sizes.codec["decoder_base_depth"],
        quantizer=dataclasses.replace(
            released.quantizer,
            num_quantizers=sizes.codec["quantizer_levels"],
            embedding_dim=sizes.codec["features"],
        ),
    )


def sampler(sizes: Sizes, compute_dtype: Any = jnp.float32) -> MagentaRT2Sampler:
    """Conditioning ids in, int16 audio out, one chunk a step."""
    depthformer = model_class(sizes, compute_dtype)().depthformer_config()
    return MagentaRT2Sampler.Config(depthformer=depthformer, spectrostream=codec_config(sizes)).make()


def conditioning(cond: np.ndarray) -> sl.Sequence:
    """Raw values [N, 144] to the ids [1, N, 144] that the model reads."""
    return sl.Sequence.from_values(jnp.asarray(cond[None].astype(np.int32) + CONDITIONING_OFFSET))


def sampling(temperature: float, top_k: int) -> dict[str, jax.Array]:
    return {"temperature": jnp.array([temperature]), "top_k": jnp.array([top_k], jnp.int32)}


def checkpoint_shapes(sizes: Sizes) -> Shapes:
    """Names and shapes of the model's checkpoint, by the official modules' own account."""
    module = sampler(sizes)
    x = conditioning(np.zeros((1, CONDITIONING_CHANNELS), np.int16))
    constants = sampling(1.0, 1)

    def touch_all(m: MagentaRT2Sampler) -> Any:
        state = m.get_initial_state(1, x.channel_spec, constants={}, training=False)
        return m.step_with_emits(x, state=state, constants=constants, training=False)

    keys = {"params": jax.random.PRNGKey(0), "random": jax.random.PRNGKey(0)}
    return _shapes(jax.eval_shape(lambda: module.init(keys, method=touch_all)))


def encoder_shapes(sizes: Sizes) -> Shapes:
    """The same of the codec encoder's own file, with its quantizer."""
    module = codec_config(sizes).make()
    wave = sl.Sequence.from_values(jnp.zeros((1, 1920, 2)))
    tree = jax.eval_shape(lambda: module.init(jax.random.PRNGKey(0), wave, training=False))
    return {name: shape for name, shape in _shapes(tree).items() if "/decoder/" not in name}


def _shapes(tree: Any) -> Shapes:
    flat = flax.traverse_util.flatten_dict({"params": unbox(tree["params"])}, sep="/")
    return {name: tuple(leaf.shape) for name, leaf in sorted(flat.items())}


def all_shapes(sizes: Sizes) -> dict[str, list[int]]:
    """What CASE_shapes.json holds."""
    encoder = {ENCODER_MARK + name: list(shape) for name, shape in encoder_shapes(sizes).items()}
    return dict(sorted((encoder | {name: list(shape) for name, shape in checkpoint_shapes(sizes).items()}).items()))


def weight(salt: str, name: str, shape: tuple[int, ...]) -> np.ndarray:
    """The tensor called `name`: float32, the same on every machine, of a size that keeps the network's signals sane."""
    return scaled(name, np.random.RandomState(zlib.crc32((salt + name).encode())).standard_normal(shape))


def scaled(name: str, z: np.ndarray) -> np.ndarray:
    """Normal noise made into the tensor called `name`."""
    last = name.rsplit("/", 1)[-1]
    if last == "scale":
        z = 1.0 + 0.2 * z
    elif last == "bias":
        z = 0.1 * z
    elif last == "per_dim_scale" or last.startswith("sink_"):
        z = 0.5 * z
    elif last == "embedding":
        z = z / math.sqrt(z.shape[-1]) if "depthformer" in name else 0.3 * z
    elif last == "kernel":
        z = z / math.sqrt(_fan(name, z.shape))
    else:
        raise ValueError(f"{name}: the weights rule has no case for `{last}`")
    return z.astype(np.float32, copy=False)


def _fan(name: str, shape: tuple[int, ...]) -> int:
    if len(shape) == 3:
        # an output projection is stored [dim, heads, head_dim] and contracted over its last two
        return shape[1] * shape[2] if "output_projection" in name else shape[0]
    return math.prod(shape[:-1])


def make_weights(salt: str, shapes: Shapes) -> Weights:
    return {name: weight(salt, name, shape) for name, shape in shapes.items()}


def as_params(weights: Weights) -> Any:
    """The nested tree that flax applies."""
    return flax.traverse_util.unflatten_dict({name: jnp.asarray(w) for name, w in weights.items()}, sep="/")
