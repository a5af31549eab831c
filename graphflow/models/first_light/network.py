"""The transformer that writes the next 16th note, and its streaming state.

A temporal part looks back over up to 256 steps; a depth part writes the eight symbols of a step one after the
other. All state of a performance lives in `Memory`, outside the modules, so that it can be copied and stored.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from graphflow.models.first_light import symbols as sy
from graphflow.models.first_light.form import FILLS, SECTIONS
from graphflow.models.first_light.style import SCORE_SIZE

STREAMS = len(sy.STREAMS)
BARS = 16  # of a phrase


@dataclass(frozen=True)
class Shape:
    """The network's sizes."""

    width: int = 256
    layers: int = 4
    heads: int = 4
    window: int = 256  # steps of memory
    depth: int = 128  # width of the depth part
    style: int = SCORE_SIZE + 2  # genres, moods, density, presence

    def to_json(self) -> dict[str, int]:
        return asdict(self)


@dataclass
class Conditions:
    """What the network is told about each step; leading shape [batch, steps]."""

    clock: Tensor  # int64 [..., 4]: step in bar, bar in phrase, section, fill
    mode: Tensor  # int64 [...]
    style: Tensor  # float [..., style]; all zeros: unconditioned
    parts: Tensor  # float [..., 4]: 1 where a part is switched off
    chroma: Tensor  # float [..., 12]: wanted pitch classes above the tonic; all zeros: free


@dataclass
class Memory:
    """Keys and values of the last steps, one slot per step in a ring; position counts steps written."""

    keys: list[Tensor]  # per layer [batch, heads, window, width / heads]
    values: list[Tensor]
    position: int = 0


class Layer(nn.Module):
    """One block of the temporal part: attention with a learned bias per distance, then an MLP."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.heads = shape.heads
        self.before = nn.LayerNorm(shape.width)
        self.qkv = nn.Linear(shape.width, 3 * shape.width, bias=False)
        self.out = nn.Linear(shape.width, shape.width, bias=False)
        self.between = nn.LayerNorm(shape.width)
        self.up = nn.Linear(shape.width, 4 * shape.width)
        self.down = nn.Linear(4 * shape.width, shape.width)
        # nearer steps begin louder; each head has its own slope
        slope = 0.5 ** torch.arange(1, shape.heads + 1).float().unsqueeze(1) * 0.5
        self.distance = nn.Parameter(-slope * torch.arange(shape.window).float().sqrt())

    def split(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        batch, steps, width = x.shape
        qkv = self.qkv(self.before(x)).view(batch, steps, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4).unbind(0)
        return q, k, v

    def rest(self, x: Tensor, attended: Tensor) -> Tensor:
        batch, _, steps, _ = attended.shape
        x = x + self.out(attended.transpose(1, 2).reshape(batch, steps, -1))
        return cast(Tensor, x + self.down(functional.gelu(self.up(self.between(x)), approximate="tanh")))

    def forward(self, x: Tensor, far: Tensor, hidden: Tensor) -> Tensor:
        """x [batch, steps, width]; far [steps, steps] distances; hidden marks the future."""
        q, k, v = self.split(x)
        bias = self.distance[:, far].masked_fill(hidden, float("-inf")).to(q.dtype)
        return self.rest(x, functional.scaled_dot_product_attention(q, k, v, attn_mask=bias.unsqueeze(0)))


class Block(nn.Module):
    """One residual MLP of the depth part, shared by the eight streams."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.before = nn.LayerNorm(width)
        self.up = nn.Linear(width, 2 * width)
        self.down = nn.Linear(2 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return cast(Tensor, x + self.down(functional.gelu(self.up(self.before(x)), approximate="tanh")))


class Network(nn.Module):
    """Next-step model over the eight streams."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        self.shape = shape
        width, depth = shape.width, shape.depth
        self.offsets: tuple[int, ...] = tuple(sum(sy.SIZES[:s]) for s in range(STREAMS))
        total = sum(sy.SIZES)
        self.symbols = nn.Embedding(total, width)
        self.clock = nn.ModuleList(nn.Embedding(n, width) for n in (16, BARS, len(SECTIONS), FILLS))
        self.mode = nn.Embedding(len(sy.MODE_NAMES), width)
        self.style_up = nn.Linear(shape.style, 128)
        self.style_down = nn.Linear(128, width)
        self.parts = nn.Linear(len(sy.PARTS), width, bias=False)
        self.chroma = nn.Linear(12, width, bias=False)
        self.layers = nn.ModuleList(Layer(shape) for _ in range(shape.layers))
        self.last = nn.LayerNorm(width)
        self.into_depth = nn.Linear(width, depth)
        self.depth_symbols = nn.Embedding(total, depth)
        self.stream = nn.Embedding(STREAMS, depth)
        self.blocks = nn.ModuleList(Block(depth) for _ in range(2))
        self.norm = nn.LayerNorm(depth)
        self.head = nn.Linear(depth, total)
        for embedding in (self.symbols, self.depth_symbols, self.stream, self.mode, *self.clock):
            nn.init.normal_(cast(nn.Embedding, embedding).weight, std=0.05)
        for linear in (*(layer.out for layer in self.layers), *(layer.down for layer in self.layers)):
            nn.init.normal_(cast(nn.Linear, linear).weight, std=0.02 / (2 * shape.layers) ** 0.5)

    def inputs(self, previous: Tensor, told: Conditions) -> Tensor:
        """previous: the symbols one step earlier, plus offsets, [batch, steps, 8]."""
        x = self.symbols(previous).sum(2) + self.mode(told.mode)
        for i, embedding in enumerate(self.clock):
            x = x + embedding(told.clock[..., i])
        x = x + self.style_down(functional.gelu(self.style_up(told.style), approximate="tanh"))
        return cast(Tensor, x + self.parts(told.parts) + self.chroma(told.chroma))

    def forward(self, previous: Tensor, current: Tensor, told: Conditions) -> Tensor:
        """Training: log-likelihood loss in nats per stream, [8], averaged over batch and steps."""
        steps = previous.shape[1]
        count = torch.arange(steps, device=previous.device)
        far = count[:, None] - count[None, :]
        hidden = far < 0
        x = self.inputs(previous, told)
        for layer in self.layers:
            x = layer(x, far.clamp(min=0), hidden)
        base = self.into_depth(self.last(x))
        written = self.depth_symbols(current)  # [batch, steps, 8, depth]
        sums = torch.cumsum(written, dim=2) - written
        y = base.unsqueeze(2) + sums + self.stream.weight
        for block in self.blocks:
            y = block(y)
        y = self.norm(y)
        losses = []
        for s, (offset, size) in enumerate(zip(self.offsets, sy.SIZES, strict=True)):
            logits = functional.linear(
                y[:, :, s], self.head.weight[offset : offset + size], self.head.bias[offset : offset + size]
            )
            target = current[:, :, s] - offset
            losses.append(functional.cross_entropy(logits.float().flatten(0, 1), target.flatten()))
        return torch.stack(losses)

    def memory(self, batch: int, device: torch.device) -> Memory:
        s = self.shape
        empty = [torch.zeros(batch, s.heads, s.window, s.width // s.heads, device=device) for _ in range(2 * s.layers)]
        return Memory(empty[: s.layers], empty[s.layers :])

    def listen(self, previous: Tensor, told: Conditions, memory: Memory) -> Tensor:
        """Playing: take in one step ([batch, 1, 8]) and return what the depth part starts from, [batch, depth]."""
        window = self.shape.window
        slot, filled = memory.position % window, min(memory.position + 1, window)
        x = self.inputs(previous, told)
        far = (slot - torch.arange(filled, device=x.device)) % window
        for layer, keys, values in zip(self.layers, memory.keys, memory.values, strict=True):
            block = cast(Layer, layer)
            q, k, v = block.split(x)
            keys[:, :, slot] = k[:, :, 0]
            values[:, :, slot] = v[:, :, 0]
            scores = (q @ keys[:, :, :filled].transpose(2, 3)) * (q.shape[-1] ** -0.5)
            scores = scores + block.distance[:, far].unsqueeze(1)
            x = block.rest(x, scores.softmax(-1) @ values[:, :, :filled])
        memory.position += 1
        return cast(Tensor, self.into_depth(self.last(x))[:, 0])

    def logits(self, base: Tensor, stream: int) -> Tensor:
        """base [batch, depth]: the depth part's start plus the embeddings of the streams written so far."""
        y = base + self.stream.weight[stream]
        for block in self.blocks:
            y = block(y)
        offset, size = self.offsets[stream], sy.SIZES[stream]
        return functional.linear(
            self.norm(y), self.head.weight[offset : offset + size], self.head.bias[offset : offset + size]
        )
