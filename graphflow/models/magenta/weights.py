"""From the official checkpoint's tensors to our modules: names, shapes, and the folds that save work while playing.

Folded: the learned query scale into the query projection, and out of the sink's key, which sees the query unscaled;
query, key and value projections into one; the token table's sqrt(D) and the mean over levels into the table; the
depth transformer's adapter into a table of its own; the logits into one matrix per level; the transposed
convolutions' kernels turned round.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from graphflow.core.errors import UserError
from graphflow.models.magenta.attention import FeedForward, Norm, query_scale
from graphflow.models.magenta.codec.decoder import Block as UpBlock
from graphflow.models.magenta.codec.decoder import Decoder
from graphflow.models.magenta.codec.encoder import Block as DownBlock
from graphflow.models.magenta.codec.encoder import Encoder
from graphflow.models.magenta.codec.layers import Conv, Pointwise, Upconv
from graphflow.models.magenta.conditioning import REGULAR_ROWS, STYLE_ROWS, Conditioning
from graphflow.models.magenta.config import CODES, RESERVED, STYLE_LEVELS, STYLE_WIDTH, Config, Stack
from graphflow.models.magenta.depth import Depth, DepthLayer
from graphflow.models.magenta.linear import LayerNorm, Linear
from graphflow.models.magenta.lm import LanguageModel
from graphflow.models.magenta.quantised import Packed
from graphflow.models.magenta.temporal import Attention, CrossAttention, SelfAttention, Temporal, TemporalLayer

SAMPLES = 64
"""Numbers of each tensor that tell one set of weights from another."""
DEPTHFORMER = "params/depthformer/"
DECODER = "params/soundstream/decoder/"
ENCODER = "params/encoder/"


class Source(Protocol):
    """Where tensors come from: a file, or a rule."""

    place: str

    def shape(self, name: str) -> tuple[int, ...] | None:
        """None where there is no such tensor."""

    def read(self, name: str) -> Tensor: ...
    def names(self) -> Sequence[str]: ...


class Loader:
    """Takes tensors by name and shape, and knows in the end what was left."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.taken: set[str] = set()
        self.samples: dict[str, bytes] = {}

    def has(self, name: str) -> bool:
        return self.source.shape(name) is not None

    def take(self, name: str, *shape: int) -> Tensor:
        """One tensor in float32. Raises UserError where it is missing, of another shape, or not finite."""
        found = self.source.shape(name)
        if found is None:
            raise UserError(f"{self.source.place}: {name} is missing; expected {list(shape)}; download it again")
        if found != shape:
            raise UserError(
                f"{self.source.place}: {name} is {list(found)}; expected {list(shape)}; is it another model's file?"
            )
        tensor = self.source.read(name).float()
        if not bool(torch.isfinite(tensor.sum(dtype=torch.float64))):  # a NaN or an infinity makes the sum one
            raise UserError(f"{self.source.place}: {name} holds values that are no numbers; download it again")
        self.taken.add(name)
        flat = tensor.flatten()
        self.samples[name] = flat[:: max(1, flat.numel() // SAMPLES)].cpu().numpy().tobytes()
        return tensor

    def finish(self, prefix: str = "") -> None:
        """Raises UserError where tensors were not asked for."""
        left = [name for name in self.source.names() if name.startswith(prefix) and name not in self.taken]
        if left:
            raise UserError(
                f"{self.source.place}: {len(left)} tensors too many, {left[0]} the first; expected the official "
                "checkpoint of a model whose sizes are known"
            )


def put(target: nn.Parameter | Tensor | Packed | None, value: Tensor) -> None:
    """Give a parameter, buffer or packed matrix its numbers, in its own precision and place."""
    assert target is not None and target.shape == value.shape, (target is not None and target.shape, value.shape)
    if isinstance(target, Packed):
        target.fill(value)
    else:
        target.data.copy_(value)


def load_lm(loader: Loader, model: LanguageModel) -> None:
    """Fill the language model. Raises UserError."""
    config = model.config
    _conditioning(loader, model.conditioning, config.conditioning)
    d, dd = config.temporal.dim, config.depth.dim
    table = loader.take(f"{DEPTHFORMER}decoder/decoder_embedding/embedding/embedding", config.vocabulary, d)
    table = table * d**0.5
    name = f"{DEPTHFORMER}decoder/depth_body/depth_input_adapter/kernel"
    adapter = loader.take(name, d, dd) if d != dd else torch.eye(d, device=table.device)  # widths that agree need none
    put(model.table.weight, table / config.levels)
    put(model.depth_table.weight, table @ adapter)
    put(model.depth.adapter.weight, adapter.T)
    _temporal(loader, model.temporal, config)
    _depth(loader, model.depth, config)


def _conditioning(loader: Loader, module: Conditioning, width: int) -> None:
    body = f"{DEPTHFORMER}encoder/body/"
    style = f"{body}layers_1/branched_mulan_embedder/mulan_embedder/"
    rows = STYLE_LEVELS * STYLE_ROWS
    put(module.style.weight, loader.take(f"{style}mulan_dequantizer/embedding", rows, STYLE_WIDTH))
    put(module.style_projection.weight, loader.take(f"{style}depth_input_adapter/kernel", STYLE_WIDTH, width).T)
    regular = f"{body}layers_1/branched_regular_embedder/regular_embedder/embedding"
    put(module.regular.weight, loader.take(regular, REGULAR_ROWS, width))
    _layer_norm(loader, module.norm, f"{body}encoder_ln", width)


def _layer_norm(loader: Loader, norm: LayerNorm, name: str, width: int) -> None:
    put(norm.scale, loader.take(f"{name}/scale", width))
    put(norm.bias, loader.take(f"{name}/bias", width))


def _temporal(loader: Loader, temporal: Temporal, config: Config) -> None:
    sizes = config.temporal
    for i, layer in enumerate(temporal.layers):
        assert isinstance(layer, TemporalLayer)
        name = f"{DEPTHFORMER}decoder/temporal_body/transformer/x_layers_{i}/"
        _self_attention(loader, layer.self_attention, f"{name}self_attention/", sizes)
        _cross_attention(loader, layer.cross_attention, f"{name}cross_attention/", sizes, config.conditioning)
        _ffn(loader, layer.ffn, layer.ffn_pre, layer.ffn_post, f"{name}ffn/", sizes)


def _norms(loader: Loader, pre: Norm, post: Norm, name: str, dim: int) -> None:
    put(pre.scale, loader.take(f"{name}pre_norm/scale", dim))
    put(post.scale, loader.take(f"{name}post_norm/scale", dim))


def _projections(loader: Loader, name: str, width: int, sizes: Stack, parts: tuple[str, ...]) -> list[Tensor]:
    """Each part as [heads * head_dim, width], from separate or packed tensors."""
    shape = (sizes.heads, sizes.head_dim)
    packed = {
        ("query", "key", "value"): ("query_key_value_projection",),
        ("key", "value"): ("key_value_projection", "shared_key_value_projection"),
    }
    for some, names in packed.items():
        for each in names:
            if set(some) <= set(parts) and loader.has(f"{name}{each}/kernel"):
                if each.startswith("shared"):  # one tensor is key and value
                    one = loader.take(f"{name}{each}/kernel", width, *shape)
                    made = dict.fromkeys(some, one)
                else:
                    stacked = loader.take(f"{name}{each}/kernel", width, len(some), *shape)
                    made = dict(zip(some, stacked.unbind(1), strict=True))
                rest = [part for part in parts if part not in some]
                made |= {part: loader.take(f"{name}{part}_projection/kernel", width, *shape) for part in rest}
                return [made[part].flatten(1).T for part in parts]
    return [loader.take(f"{name}{part}_projection/kernel", width, *shape).flatten(1).T for part in parts]


def _scale(loader: Loader, name: str, sizes: Stack) -> Tensor:
    """[head_dim], float64 so that folding it in costs no precision."""
    return query_scale(loader.take(f"{name}per_dim_scale", sizes.head_dim).double(), sizes.head_dim)


def _scaled(query: Tensor, scale: Tensor, heads: int) -> Tensor:
    return (query.double() * scale.repeat(heads)[:, None]).float()


def _output(loader: Loader, out: Linear, name: str, sizes: Stack) -> None:
    """Stored [dim, heads, head_dim] and contracted over heads and head_dim."""
    kernel = loader.take(f"{name}output_projection/kernel", sizes.dim, sizes.heads, sizes.head_dim)
    put(out.weight, kernel.flatten(1))


def _sink(loader: Loader, module: Attention, name: str, sizes: Stack, scale: Tensor) -> None:
    shape = (1, sizes.heads, sizes.head_dim)
    key = loader.take(f"{name}sink_key_embeddings", *shape)[0].double()
    put(module.sink_key, (key / scale).float())
    put(module.sink_value, loader.take(f"{name}sink_value_embeddings", *shape)[0])


def _self_attention(loader: Loader, module: SelfAttention, name: str, sizes: Stack) -> None:
    inner = f"{name}attention/"
    query, key, value = _projections(loader, inner, sizes.dim, sizes, ("query", "key", "value"))
    scale = _scale(loader, inner, sizes)
    put(module.qkv.weight, torch.cat([_scaled(query, scale, sizes.heads), key, value]))
    _sink(loader, module, inner, sizes, scale)
    _output(loader, module.out, name, sizes)
    _norms(loader, module.pre, module.post, name, sizes.dim)


def _cross_attention(loader: Loader, module: CrossAttention, name: str, sizes: Stack, source: int) -> None:
    inner = f"{name}attention/"
    (query,) = _projections(loader, inner, sizes.dim, sizes, ("query",))
    scale = _scale(loader, inner, sizes)
    put(module.query.weight, _scaled(query, scale, sizes.heads))
    put(module.kv.weight, torch.cat(_projections(loader, inner, source, sizes, ("key", "value"))))
    _sink(loader, module, inner, sizes, scale)
    _output(loader, module.out, name, sizes)
    _norms(loader, module.pre, module.post, name, sizes.dim)


def _ffn(loader: Loader, ffn: FeedForward, pre: Norm, post: Norm, name: str, sizes: Stack) -> None:
    put(ffn.rise.weight, loader.take(f"{name}ffn_layer1/kernel", sizes.dim, sizes.ffn).T)
    put(ffn.rise.bias, loader.take(f"{name}ffn_layer1/bias", sizes.ffn))
    put(ffn.fall.weight, loader.take(f"{name}ffn_layer2/kernel", sizes.ffn, sizes.dim).T)
    put(ffn.fall.bias, loader.take(f"{name}ffn_layer2/bias", sizes.dim))
    _norms(loader, pre, post, name, sizes.dim)


def _depth(loader: Loader, depth: Depth, config: Config) -> None:
    sizes = config.depth
    body = f"{DEPTHFORMER}decoder/depth_body/"
    for i, layer in enumerate(depth.layers):
        assert isinstance(layer, DepthLayer)
        name = f"{body}transformer/x_layers_{i}/"
        inner = f"{name}self_attention/attention/"
        query, key, value = _projections(loader, inner, sizes.dim, sizes, ("query", "key", "value"))
        query = _scaled(query, _scale(loader, inner, sizes), sizes.heads)
        put(layer.qkv.weight, torch.cat([query, key, value]))
        _output(loader, layer.out, f"{name}self_attention/", sizes)
        _norms(loader, layer.pre, layer.post, f"{name}self_attention/", sizes.dim)
        _ffn(loader, layer.ffn, layer.ffn_pre, layer.ffn_post, f"{name}ffn/", sizes)
    _layer_norm(loader, depth.norm, f"{body}final_ln", sizes.dim)
    kernel = loader.take(f"{body}to_logits/kernel", sizes.dim, config.vocabulary)
    bias = loader.take(f"{body}to_logits/bias", config.vocabulary)
    for level, head in enumerate(depth.heads):
        assert isinstance(head, Linear)
        own = slice(RESERVED + CODES * level, RESERVED + CODES * (level + 1))
        put(head.weight, kernel[:, own].T)
        put(head.bias, bias[own])


def _conv(loader: Loader, conv: Conv | Pointwise | Linear, name: str) -> None:
    """Kernels are stored [time, frequency, in, out]."""
    out, channels = conv.weight.shape[:2]
    kernel = tuple(conv.weight.shape[2:]) or (1, 1)
    stored = loader.take(f"{name}/conv/kernel", *kernel, channels, out)
    put(conv.weight, stored.permute(3, 2, 0, 1).reshape(conv.weight.shape))
    put(conv.bias, loader.take(f"{name}/conv/bias", out))


def _upconv(loader: Loader, conv: Upconv, name: str) -> None:
    """Stored for a correlation over the stretched input; torch's transposed convolution wants it turned round."""
    channels, out, kt, kf = conv.weight.shape
    stored = loader.take(f"{name}/conv/kernel", kt, kf, channels, out)
    put(conv.weight, stored.flip(0, 1).permute(2, 3, 0, 1))
    put(conv.bias, loader.take(f"{name}/conv/bias", out))


def load_decoder(loader: Loader, decoder: Decoder) -> None:
    """Fill the codec's decoder. Raises UserError."""
    sizes = decoder.sizes
    books = loader.take("params/soundstream/quantizer/embedding", sizes.quantizer_levels, CODES, sizes.features)
    put(decoder.codebooks, books[: sizes.used_levels])
    _conv(loader, decoder.first, f"{DECODER}input_layer/conv1x1_first")
    _conv(loader, decoder.b1, f"{DECODER}input_layer/shortcut_layer/conv1x1_b1")
    _conv(loader, decoder.b2, f"{DECODER}input_layer/shortcut_layer/conv1x1_b2")
    _conv(loader, decoder.residual_a, f"{DECODER}input_layers_residual_unit/conv2d_3x3_a")
    _conv(loader, decoder.residual, f"{DECODER}input_layers_residual_unit/conv2d_3x3")
    for i, block in enumerate(decoder.blocks):
        assert isinstance(block, UpBlock)
        name = f"{DECODER}decoder_{i}/"
        kt, kf = block.up.kernel
        _upconv(loader, block.up, f"{name}conv2dtranspose_{kt}x{kf}")
        _conv(loader, block.conv, f"{name}conv2d_3x3")
        if isinstance(block.shortcut, Pointwise):
            _conv(loader, block.shortcut, f"{name}shortcut_layer/conv1x1")
    _conv(loader, decoder.last, f"{DECODER}output_layer/base_conv_last")


def load_encoder(loader: Loader, encoder: Encoder) -> None:
    """Fill the codec's encoder, which has a file of its own. Raises UserError."""
    sizes = encoder.sizes
    books = loader.take("params/quantizer/embedding", sizes.quantizer_levels, CODES, sizes.features)
    put(encoder.codebooks, books)
    _conv(loader, encoder.first, f"{ENCODER}base_conv_first")
    for i, block in enumerate(encoder.blocks):
        assert isinstance(block, DownBlock)
        name = f"{ENCODER}encoder_{i}/"
        kt, kf = block.down.kernel
        _conv(loader, block.conv, f"{name}conv2d_3x3")
        _conv(loader, block.down, f"{name}conv2d_{kt}x{kf}_a")
        if isinstance(block.shortcut, Pointwise):
            _conv(loader, block.shortcut, f"{name}shortcut_layer/conv1x1")
    _conv(loader, encoder.bottleneck_a, f"{ENCODER}bottleneck/conv2d_3x3_a")
    _conv(loader, encoder.bottleneck, f"{ENCODER}bottleneck/conv2d_3x3")
    _conv(loader, encoder.last, f"{ENCODER}output_convs/conv1x1_last")
    _conv(loader, encoder.b1, f"{ENCODER}output_convs/shortcut_layer/conv1x1_b1")
    _conv(loader, encoder.b2, f"{ENCODER}output_convs/shortcut_layer/conv1x1_b2")
