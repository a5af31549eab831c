"""The language model's step in a GPU's own kernels, for up to four sessions at once."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
import triton
from torch import Tensor

from graphflow.models.magenta import fused_kernels as kernels
from graphflow.models.magenta.attention import FeedForward, Norm
from graphflow.models.magenta.batch import Batch, Wanted
from graphflow.models.magenta.config import CODES
from graphflow.models.magenta.depth import DepthLayer
from graphflow.models.magenta.drawn import draw, power
from graphflow.models.magenta.linear import Linear
from graphflow.models.magenta.lm import LanguageModel
from graphflow.models.magenta.temporal import Attention, TemporalLayer

HOPPER = (9, 0)
"""From this compute capability on a kernel may begin while the one before it runs."""
EARLY_TRITON = (3, 5)
"""The version before knows the instructions and cannot compile them."""
NARROW = 1024


class Cut(NamedTuple):
    """How a matrix is shared out: programs per multiprocessor, the bytes one reads at once, its warps.

    Measured on an H200 (bench/mrt2_gpu.md): narrow rows go faster in more and smaller pieces.
    """

    programs: int
    tile_bytes: int
    warps: int


def may_be_early(device: torch.device) -> bool:
    """Whether device and compiler can do it. AMD's devices call themselves cuda too and count otherwise."""
    known = tuple(int(part) for part in triton.__version__.split(".")[:2]) >= EARLY_TRITON
    nvidia = device.type == "cuda" and torch.version.hip is None
    return known and nvidia and torch.cuda.get_device_capability(device) >= HOPPER


def cut(width: int) -> Cut:
    return Cut(4, 1 << 14, 4) if width <= NARROW else Cut(2, 1 << 15, 8)


class FusedLM:
    """`LanguageModel.forward` and its sampling with buffers of its own, for a batch of `slots`."""

    def __init__(self, lm: LanguageModel, slots: int) -> None:
        self.lm, self.slots = lm, slots
        t, d = lm.config.temporal, lm.config.depth
        weight = lm.table.weight
        narrow, wide = weight.new_empty, lm.depth.norm.scale.new_empty
        self.kv = self._one_matrix_of_all_layers()
        heads = t.heads * t.head_dim
        self.projected = narrow(slots, 3 * max(heads, d.heads * d.head_dim))
        self.heard = narrow(slots, self.kv.shape[0])
        self.mixed = narrow(slots, max(heads, d.heads * d.head_dim))
        self.hidden = narrow(slots, max(t.ffn, d.ffn))
        self.residual = [wide(slots, max(t.dim, d.dim)) for _ in range(2)]
        self.made = wide(slots, max(t.dim, d.dim))
        self.logits = wide(slots, CODES)
        self.ids = torch.zeros(slots, lm.config.levels, dtype=torch.int64, device=weight.device)
        device = weight.device
        self.early = may_be_early(device)
        self.launch: dict[str, Any] = {"launch_pdl": True} if self.early else {}
        self.processors = torch.cuda.get_device_properties(device).multi_processor_count if device.type == "cuda" else 1

    @torch.inference_mode(False)  # the layers' weights are tensors of the ordinary kind, and stay so
    def _one_matrix_of_all_layers(self) -> Tensor:
        """The cross-attentions' keys and values of all layers in one; the layers keep views of it."""
        layers = [layer.cross_attention for layer in self.lm.temporal.layers if isinstance(layer, TemporalLayer)]
        first = layers[0].kv.weight
        if first._base is not None and first._base.shape[0] == len(layers) * first.shape[0]:
            return first._base
        stacked = torch.cat([layer.kv.weight for layer in layers])
        for layer, rows in zip(layers, stacked.chunk(len(layers)), strict=True):
            layer.kv.weight.data = rows
        return stacked

    @torch.inference_mode()
    def __call__(self, batch: Batch, wanted: Wanted) -> Tensor:
        """One chunk's token ids [slots, levels]. Writes the batch's rings."""
        lm = self.lm
        embedded, source = lm.listen(wanted.conditions, batch.previous)
        mask = lm.temporal.mask(batch.chunk).view(self.slots, -1)
        at = 1 + batch.chunk % lm.temporal.ring
        self._project(self.heard, self.kv, source.to(self.heard.dtype), kernels.PLAIN.value)
        ended = self._temporal(embedded, batch, mask, at)
        self._depth(ended, batch, wanted)
        return self.ids

    def _temporal(self, embedded: Tensor, batch: Batch, mask: Tensor, at: Tensor) -> tuple[Tensor, Norm]:
        """All temporal layers; returns the residual stream before its last sum, and that sum's norm."""
        sizes, memory = self.lm.config.temporal, batch.memory
        width = sizes.heads * sizes.head_dim
        x: Tensor = embedded
        last: Norm | None = None
        for i, layer in enumerate(self.lm.temporal.layers):
            assert isinstance(layer, TemporalLayer)
            own, cross = layer.self_attention, layer.cross_attention
            qkv = self.projected.view(-1)[: self.slots * 3 * width].view(self.slots, 3 * width)
            x = self._normed(qkv, own.qkv, x, last, own.pre)
            parts = qkv[:, :width], qkv[:, width : 2 * width], qkv[:, 2 * width :]
            self._attend(own, *parts, (memory.self_keys[i], memory.self_values[i]), mask, at)
            self._out(own, sizes.dim, width)
            query = self.projected.view(-1)[: self.slots * width].view(self.slots, width)
            x = self._normed(query, cross.query, x, own.post, cross.pre)
            begun = 2 * width * i
            parts = query, self.heard[:, begun : begun + width], self.heard[:, begun + width : begun + 2 * width]
            self._attend(cross, *parts, (memory.cross_keys[i], memory.cross_values[i]), mask, at)
            self._out(cross, sizes.dim, width)
            x = self._feed(layer.ffn, x, cross.post, layer.ffn_pre, sizes.dim)
            last = layer.ffn_post
        assert last is not None
        return x, last

    def _depth(self, ended: tuple[Tensor, Norm], batch: Batch, wanted: Wanted) -> None:
        depth, sizes = self.lm.depth, self.lm.config.depth
        width = sizes.heads * sizes.head_dim
        following = self.lm.depth.norm.scale.new_empty(self.slots, sizes.dim)
        x, post = ended
        self._project(
            following, depth.adapter.weight, x, kernels.ADD.value, added=self._made(x.shape[1]), post=post.scale
        )
        for level, head in enumerate(depth.heads):
            assert isinstance(head, Linear)
            x, last = following, None
            for layer, (keys, values) in zip(depth.layers, batch.depth_memory, strict=True):
                assert isinstance(layer, DepthLayer)
                qkv = self.projected.view(-1)[: self.slots * 3 * width].view(self.slots, 3 * width)
                x = self._normed(qkv, layer.qkv, x, last, layer.pre)
                parts = qkv[:, :width], qkv[:, width : 2 * width], qkv[:, 2 * width :]
                row = depth.mask[level].view(1, -1)
                self._attend(layer, *parts, (keys, values), row, self.lm.at[level : level + 1])
                self._out(layer, sizes.dim, width)
                x = self._feed(layer.ffn, x, layer.post, layer.ffn_pre, sizes.dim)
                last = layer.ffn_post
            assert last is not None
            self._project(
                self.logits,
                head.weight,
                x,
                kernels.ADD_LAYER_NORM.value,
                bias=head.bias,
                added=self._made(sizes.dim),
                post=last.scale,
                pre=depth.norm.scale,
                pre_bias=depth.norm.bias,
                stored=self._other(x),
            )
            draw(self.ids, following, self.logits, self.lm.depth_table.weight, level, batch, wanted, self.launch)

    def _made(self, dim: int) -> Tensor:
        return self.made.view(-1)[: self.slots * dim].view(self.slots, dim)

    def _other(self, x: Tensor) -> Tensor:
        """The residual stream's other buffer, so that a kernel never writes what its neighbours still read."""
        taken = x.data_ptr() == self.residual[0].data_ptr()
        return self.residual[int(taken)].view(-1)[: x.numel()].view(x.shape)

    def _normed(self, out: Tensor, linear: Linear, x: Tensor, post: Norm | None, pre: Norm) -> Tensor:
        """out = linear(pre(x)), after x was brought up to date with what was made last; returns that x."""
        if post is None:
            self._project(out, linear.weight, x, kernels.NORM.value, bias=linear.bias, pre=pre.scale)
            return x
        new = self._other(x)
        self._project(
            out,
            linear.weight,
            x,
            kernels.ADD_NORM.value,
            bias=linear.bias,
            added=self._made(x.shape[1]),
            post=post.scale,
            pre=pre.scale,
            stored=new,
        )
        return new

    def _out(self, attention: Attention | DepthLayer, dim: int, width: int) -> None:
        mixed = self.mixed.view(-1)[: self.slots * width].view(self.slots, width)
        self._project(self._made(dim), attention.out.weight, mixed, kernels.PLAIN.value)

    def _feed(self, ffn: FeedForward, x: Tensor, post: Norm, pre: Norm, dim: int) -> Tensor:
        hidden = self.hidden.view(-1)[: self.slots * ffn.rise.weight.shape[0]].view(self.slots, -1)
        new = self._other(x)
        self._project(
            hidden,
            ffn.rise.weight,
            x,
            kernels.ADD_NORM.value,
            bias=ffn.rise.bias,
            added=self._made(dim),
            post=post.scale,
            pre=pre.scale,
            stored=new,
            gelu=True,
        )
        self._project(self._made(dim), ffn.fall.weight, hidden, kernels.PLAIN.value, bias=ffn.fall.bias)
        return new

    def _project(
        self,
        out: Tensor,
        weight: Tensor,
        source: Tensor,
        rows_are: int,
        *,
        bias: Tensor | None = None,
        added: Tensor | None = None,
        post: Tensor | None = None,
        pre: Tensor | None = None,
        pre_bias: Tensor | None = None,
        stored: Tensor | None = None,
        gelu: bool = False,
    ) -> None:
        rows, width = weight.shape
        span = power(width)
        share = cut(width)
        slots = power(self.slots)
        tile = max(1, min(power(rows), share.tile_bytes // (slots * span * weight.element_size())))
        grid = (min(share.programs * self.processors, -(-rows // tile)),)
        kernels.project[grid](
            out,
            weight,
            bias if bias is not None else weight,
            source,
            added if added is not None else source,
            post if post is not None else source,
            pre if pre is not None else source,
            pre_bias if pre_bias is not None else source,
            stored if stored is not None else source,
            rows,
            width,
            rows_are=rows_are,
            sessions=self.slots,
            slots=slots,
            tile=tile,
            span=span,
            has_bias=bias is not None,
            gelu=gelu,
            num_warps=share.warps,
            early=self.early,
            **self.launch,
        )

    def _attend(
        self,
        module: Attention | DepthLayer,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        ring: tuple[Tensor, Tensor],
        mask: Tensor,
        at: Tensor,
    ) -> None:
        keys, values = ring
        _, heads, slots, size = keys.shape
        shared = mask.shape[0] == 1
        kernels.attention[(heads, self.slots)](
            self.mixed,
            query,
            key,
            value,
            keys,
            values,
            mask,
            at,
            query.stride(0),
            key.stride(0),
            0 if shared else mask.stride(0),
            0 if at.shape[0] == 1 else 1,
            heads,
            slots,
            size,
            span=power(size),
            slots=power(slots),
            num_warps=4,
            early=self.early,
            **self.launch,
        )

    def __str__(self) -> str:
        early = "each kernel beginning while the one before runs" if self.early else "one kernel after the other"
        return f"fused language model of {self.slots} slots on {self.processors} multiprocessors, {early}"
