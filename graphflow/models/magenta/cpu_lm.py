"""The language model on a CPU, one stream at a time: the modules' own weights, read in place by compiled loops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import WeakSet

import numpy as np
import torch
from torch import Tensor, nn

from graphflow.models.magenta import cpu_kernels as kernels
from graphflow.models.magenta.attention import FeedForward, Norm
from graphflow.models.magenta.config import CODES, RESERVED
from graphflow.models.magenta.cpu_kernels import F32, I64, Matrix, Room
from graphflow.models.magenta.cpu_sampling import pick
from graphflow.models.magenta.cpu_team import Team
from graphflow.models.magenta.depth import DepthLayer
from graphflow.models.magenta.linear import Linear
from graphflow.models.magenta.lm import LanguageModel
from graphflow.models.magenta.quantised import BLOCK, QuantisedLinear
from graphflow.models.magenta.temporal import CrossAttention, Memory, SelfAttention, TemporalLayer

NOTHING = np.zeros(0, np.float32)
NO_SCALE = np.zeros((0, 0), np.float32)


def array(tensor: Tensor) -> Any:
    """The tensor's own memory as an array; bfloat16 as the uint16 that holds it."""
    if tensor.dtype == torch.bfloat16:
        return tensor.detach().view(torch.int16).numpy().view(np.uint16)
    return tensor.detach().numpy()


def gather(module: nn.Module) -> None:
    """Move a layer's numbers into one array. numpy asks for large pages where an array is larger than 4 MB, and weights
    on large pages are read a third faster (measured): a page of 4 kB ends after four rows."""
    tensors = [*module.parameters(), *module.buffers()]
    sizes = [-(-tensor.numel() * tensor.element_size() // 64) * 64 for tensor in tensors]
    place, at = torch.from_numpy(np.empty(sum(sizes), np.uint8)), 0
    for tensor, size in zip(tensors, sizes, strict=True):
        own = place[at : at + tensor.numel() * tensor.element_size()].view(tensor.dtype).view(tensor.shape)
        tensor.data = own.copy_(tensor)
        at += size


_gathered: WeakSet[LanguageModel] = WeakSet()


def matrix(linear: Linear) -> Matrix:
    bias = NOTHING if linear.bias is None else array(linear.bias)
    if isinstance(linear, QuantisedLinear):
        return Matrix(array(linear.weight.codes), array(linear.weight.scale), bias)
    return Matrix(array(linear.weight), NO_SCALE, bias)


def own_attention(module: SelfAttention | DepthLayer) -> kernels.AttentionWeights:
    return _attention(module.pre, module.post, module.qkv, module.out)


def _attention(pre: Norm, post: Norm, project: Linear, out: Linear) -> kernels.AttentionWeights:
    return kernels.AttentionWeights(array(pre.scale), array(post.scale), matrix(project), matrix(out))


def feed_forward(pre: Norm, post: Norm, module: FeedForward) -> kernels.FeedForwardWeights:
    return kernels.FeedForwardWeights(array(pre.scale), array(post.scale), matrix(module.rise), matrix(module.fall))


def temporal_weights(layer: nn.Module) -> kernels.TemporalWeights:
    assert isinstance(layer, TemporalLayer)
    cross: CrossAttention = layer.cross_attention
    return kernels.TemporalWeights(
        own_attention(layer.self_attention),
        _attention(cross.pre, cross.post, cross.query, cross.out),
        matrix(cross.kv),
        feed_forward(layer.ffn_pre, layer.ffn_post, layer.ffn),
    )


def depth_weights(layer: nn.Module) -> kernels.DepthWeights:
    assert isinstance(layer, DepthLayer)
    return kernels.DepthWeights(own_attention(layer), feed_forward(layer.ffn_pre, layer.ffn_post, layer.ffn))


@dataclass(frozen=True)
class Draw:
    """How one stream's chunk is drawn."""

    temperature: float
    top_k: int
    seed: int
    chunk: int


class CpuLanguageModel:
    """`LanguageModel` for one stream on a CPU. Its weights are the module's; it may be used by one thread at a time.

    The team reads matrices in few bits with it while a chunk is made.
    """

    def __init__(self, lm: LanguageModel, team: Team | None = None) -> None:
        self.lm, self._team = lm, team or Team()
        if lm not in _gathered:
            _gathered.add(lm)
            for part in (*lm.temporal.layers, lm.depth):
                gather(part)
        temporal, depth = lm.temporal.sizes, lm.depth.sizes
        self._temporal = [temporal_weights(layer) for layer in lm.temporal.layers]
        self._depth = [depth_weights(layer) for layer in lm.depth.layers]
        self._adapter = matrix(lm.depth.adapter)
        self._heads = [matrix(head) for head in lm.depth.heads if isinstance(head, Linear)]
        self._final = (array(lm.depth.norm.scale), array(lm.depth.norm.bias))
        self._depth_table = array(lm.depth_table.weight)
        shape = (depth.heads, lm.config.levels, depth.head_dim)
        self._memory = [(np.zeros(shape, np.float32), np.zeros(shape, np.float32)) for _ in lm.depth.layers]
        self._levels = [np.arange(level + 1) for level in range(lm.config.levels)]
        self.logits = np.zeros((lm.config.levels, CODES), np.float32)
        """The last chunk's, capped."""
        widest = max(max(3 * s.heads * s.head_dim, s.ffn, s.dim) for s in (temporal, depth))
        inner = max(widest, lm.config.conditioning)
        self._room = Room(
            normed=np.zeros(widest, np.float32),
            mixed=np.zeros(widest, np.float32),
            wide=np.zeros(widest, np.float32),
            out=np.zeros(widest, np.float32),
            logits=np.zeros(1 + lm.temporal.ring + lm.config.levels, np.float32),
            shorts=np.zeros(inner + BLOCK, np.int16),
            offset=np.zeros((inner // 32 + 2) * 8, np.int32),
            board=self._team.board,
            part=self._team.part,
        )

    def seen(self, chunk: int) -> I64:
        """The ring's slots that chunk number `chunk` sees, the sink first and its own last."""
        ring, window = self.lm.temporal.ring, self.lm.temporal.sizes.window
        past = range(chunk - min(chunk, window), chunk + 1)
        return np.array([0, *(1 + number % ring for number in past)])

    def temporal(self, embedded: F32, source: F32, memory: Memory, slot: int, chunk: int) -> F32:
        """One chunk of a stream whose rings are a batch's slot: [D] from the token embedding [D] and the source [E]."""
        x, seen, at = embedded.copy(), self.seen(chunk), 1 + chunk % self.lm.temporal.ring
        lists = (memory.self_keys, memory.self_values, memory.cross_keys, memory.cross_values)
        for number, weights in enumerate(self._temporal):
            rings = tuple(array(rings[number])[slot] for rings in lists)
            kernels.temporal_layer(weights, x, source, rings, at, seen, self._room)
        return x

    def begin(self, temporal: F32) -> F32:
        """The depth transformer's input at level 0."""
        x = np.empty(self.lm.depth.sizes.dim, np.float32)
        kernels.product(self._adapter, temporal, x, self._room)
        return x

    def level(self, x: F32, level: int) -> F32:
        """The logits of a level before the cap; x [dim] is overwritten."""
        for weights, (keys, values) in zip(self._depth, self._memory, strict=True):
            kernels.depth_layer(weights, x, keys, values, level, self._levels[level], self._room)
        logits: F32 = self.logits[level]
        kernels.head(self._heads[level], *self._final, x, logits, self._room)
        return logits

    def token(self, level: int, code: int) -> F32:
        """What the depth transformer sees of a code of this level."""
        row: F32 = self._depth_table[RESERVED + CODES * level + code].copy()
        return row

    def write(self, temporal: F32, draw: Draw) -> list[int]:
        """The chunk's token ids from the temporal output."""
        x, ids = self.begin(temporal), []
        for level in range(self.lm.config.levels):
            logits = self.level(x, level)
            code = pick(logits, draw.temperature, draw.top_k, draw.seed, draw.chunk, level)
            ids.append(RESERVED + CODES * level + code)
            x = self.token(level, code)
        return ids

    def __call__(self, conditions: Tensor, previous: Tensor, memory: Memory, slot: int, draw: Draw) -> list[int]:
        """One chunk's ids of the stream in a batch's slot, from conditions [144] and the ids before [levels]."""
        embedded, source = self.lm.listen(conditions[None], previous[None])
        with self._team.at_work():
            temporal = self.temporal(array(embedded[0].float()), array(source[0]), memory, slot, draw.chunk)
            return self.write(temporal, draw)

    def trace(self, conditions: Tensor, ids: Tensor) -> tuple[Tensor, Tensor]:
        """One stream from its start with its tokens given, conditions [N, 144] and ids [N, levels]: the temporal
        outputs [N, D] and the logits before the cap [N, levels, 1024]. As `LanguageModel.trace`."""
        memory, previous = self.lm.temporal.memory(1), torch.zeros_like(ids[0])
        temporal, logits = [], []
        for chunk in range(ids.shape[0]):
            embedded, source = self.lm.listen(conditions[chunk][None], previous[None])
            made = self.temporal(array(embedded[0].float()), array(source[0]), memory, 0, chunk)
            x = self.begin(made)
            for level in range(self.lm.config.levels):
                self.level(x, level)
                x = self.token(level, int(ids[chunk, level]) - RESERVED - CODES * level)
            temporal.append(torch.from_numpy(made))
            logits.append(torch.from_numpy(self.logits.copy()))
            previous = ids[chunk]
        return torch.stack(temporal), torch.stack(logits)
