"""The temporal transformer: one step per chunk, over a ring of what it remembers.

There is no positional encoding, so a ring of keys needs no order: what lies in it is a set, and the mask says which
slots are within the window. The ring has more slots than the window, so that a chunk or two can be taken back
without copying it. Slot 0 of keys and values is the sink, a learned key that is always seen.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from graphflow.models.magenta.attention import HIDDEN, FeedForward, Norm, attend
from graphflow.models.magenta.config import Stack
from graphflow.models.magenta.linear import Linear

SPARE = 2
"""Ring slots beyond window and current: so many chunks can be taken back."""


@dataclass
class Memory:
    """Keys and values of all layers, each [B, H, 1 + ring, h]; what a chunk writes lies at 1 + chunk % ring."""

    self_keys: list[Tensor]
    self_values: list[Tensor]
    cross_keys: list[Tensor]
    cross_values: list[Tensor]

    def slot(self, slot: int) -> Memory:
        """One slot's own view, as a batch of one."""
        own = slice(slot, slot + 1)
        return Memory(*([ring[own] for ring in rings] for rings in vars(self).values()))

    @property
    def tensors(self) -> list[Tensor]:
        return [*self.self_keys, *self.self_values, *self.cross_keys, *self.cross_values]


class Attention(nn.Module):
    """Queries, sink and output of one attention; scale and sink are folded (see `weights`)."""

    sink_key: Tensor
    sink_value: Tensor

    def __init__(self, dim: int, heads: int, head_dim: int) -> None:
        super().__init__()
        self.heads, self.head_dim = heads, head_dim
        self.pre, self.post = Norm(dim), Norm(dim)
        self.out = Linear(heads * head_dim, dim, bias=False)
        self.register_buffer("sink_key", torch.zeros(heads, head_dim))
        self.register_buffer("sink_value", torch.zeros(heads, head_dim))

    def split(self, x: Tensor) -> Tensor:
        """[B, T, H * h] to [B, H, T, h]."""
        return x.view(x.shape[0], x.shape[1], self.heads, self.head_dim).transpose(1, 2)


class SelfAttention(Attention):
    def __init__(self, dim: int, heads: int, head_dim: int) -> None:
        super().__init__(dim, heads, head_dim)
        self.qkv = Linear(dim, 3 * heads * head_dim, bias=False)

    def project(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """x [B, T, dim] to query, key, value [B, H, T, h]."""
        query, key, value = self.qkv(self.pre(x).to(self.sink_key.dtype)).chunk(3, -1)
        return self.split(query), self.split(key), self.split(value)


class CrossAttention(Attention):
    """Its keys and values come from the conditioning source."""

    def __init__(self, dim: int, heads: int, head_dim: int, source: int) -> None:
        super().__init__(dim, heads, head_dim)
        self.query = Linear(dim, heads * head_dim, bias=False)
        self.kv = Linear(source, 2 * heads * head_dim, bias=False)

    def project(self, x: Tensor) -> Tensor:
        query: Tensor = self.query(self.pre(x).to(self.sink_key.dtype))
        return self.split(query)

    def listen(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """source [B, T, E] to key and value [B, H, T, h]."""
        key, value = self.kv(source.to(self.sink_key.dtype)).chunk(2, -1)
        return self.split(key), self.split(value)


class TemporalLayer(nn.Module):
    """Self-attention, cross-attention and feed-forward, each x + norm(f(norm(x)))."""

    def __init__(self, sizes: Stack, source: int) -> None:
        super().__init__()
        self.self_attention = SelfAttention(sizes.dim, sizes.heads, sizes.head_dim)
        self.cross_attention = CrossAttention(sizes.dim, sizes.heads, sizes.head_dim, source)
        self.ffn = FeedForward(sizes.dim, sizes.ffn)
        self.ffn_pre, self.ffn_post = Norm(sizes.dim), Norm(sizes.dim)

    def forward(
        self,
        x: Tensor,
        source: Tensor,
        ring: tuple[Tensor, Tensor, Tensor, Tensor],
        slot: tuple[Tensor, Tensor],
        mask: Tensor,
    ) -> Tensor:
        """One chunk. x [B, 1, dim] float32; source [B, 1, E]; `ring`: this layer's keys and values, which are written;
        `slot`: row numbers [B] and the ring's slot of each [B]; mask [B, 1, 1, 1 + ring]. Returns the new x."""
        keys, values, cross_keys, cross_values = ring
        rows, at = slot
        query, key, value = self.self_attention.project(x)
        keys[rows, :, at] = key[:, :, 0].to(keys.dtype)
        values[rows, :, at] = value[:, :, 0].to(values.dtype)
        x = self._add(x, self.self_attention, attend(query, keys, values, mask))
        key, value = self.cross_attention.listen(source)
        cross_keys[rows, :, at] = key[:, :, 0].to(keys.dtype)
        cross_values[rows, :, at] = value[:, :, 0].to(values.dtype)
        query = self.cross_attention.project(x)
        x = self._add(x, self.cross_attention, attend(query, cross_keys, cross_values, mask))
        return self._feed(x)

    def over(
        self,
        x: Tensor,
        source: Tensor,
        past: tuple[Tensor, Tensor, Tensor, Tensor],
        mask: Tensor,
    ) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor, Tensor]]:
        """Many chunks at once: x [B, T, dim], source [B, T, E], `past` keys and values [B, H, 1 + P, h] (sink first,
        then the past, oldest first), mask [B, 1, T, 1 + P + T]. Returns x and the new keys and values [B, H, T, h]."""
        keys, values, cross_keys, cross_values = past
        query, key, value = self.self_attention.project(x)
        mixed = attend(query, torch.cat([keys, key], 2), torch.cat([values, value], 2), mask)
        x = self._add(x, self.self_attention, mixed)
        cross_key, cross_value = self.cross_attention.listen(source)
        query = self.cross_attention.project(x)
        heard = (torch.cat([cross_keys, cross_key], 2), torch.cat([cross_values, cross_value], 2))
        x = self._add(x, self.cross_attention, attend(query, *heard, mask))
        return self._feed(x), (key, value, cross_key, cross_value)

    def _add(self, x: Tensor, attention: Attention, mixed: Tensor) -> Tensor:
        added: Tensor = x + attention.post(attention.out(mixed))
        return added

    def _feed(self, x: Tensor) -> Tensor:
        dtype = self.self_attention.sink_key.dtype
        added: Tensor = x + self.ffn_post(self.ffn(self.ffn_pre(x).to(dtype)))
        return added


class Temporal(nn.Module):
    """The stack. Its output is not normed."""

    def __init__(self, sizes: Stack, source: int) -> None:
        super().__init__()
        self.sizes = sizes
        self.layers = nn.ModuleList(TemporalLayer(sizes, source) for _ in range(sizes.layers))

    @property
    def ring(self) -> int:
        """Slots of the ring, without the sink's."""
        return self.sizes.window + 1 + SPARE

    def memory(self, batch: int) -> Memory:
        """Empty rings with their sinks, on the weights' device and in their precision."""
        lists: tuple[list[Tensor], ...] = ([], [], [], [])
        for layer in self.layers:
            assert isinstance(layer, TemporalLayer)
            for attention, keys, values in (
                (layer.self_attention, lists[0], lists[1]),
                (layer.cross_attention, lists[2], lists[3]),
            ):
                for sink, store in ((attention.sink_key, keys), (attention.sink_value, values)):
                    ring = sink.new_zeros(batch, self.sizes.heads, 1 + self.ring, self.sizes.head_dim)
                    ring[:, :, 0] = sink
                    store.append(ring)
        return Memory(*lists)

    def mask(self, chunk: Tensor) -> Tensor:
        """What chunk number `chunk` [B] may see of the ring: itself and `window` before it, [B, 1, 1, 1 + ring]."""
        slots = torch.arange(self.ring, device=chunk.device)
        age = (chunk[:, None] - slots) % self.ring
        seen = (age <= self.sizes.window) & (age <= chunk[:, None])
        hidden = torch.where(seen, 0.0, HIDDEN)
        return nn.functional.pad(hidden, (1, 0))[:, None, None, :]

    def forward(self, x: Tensor, source: Tensor, memory: Memory, chunk: Tensor) -> Tensor:
        """One chunk: x [B, dim] (see `lm.embed`), source [B, E], chunk numbers [B]. Returns [B, dim] float32."""
        mask = self.mask(chunk)
        slot = (torch.arange(x.shape[0], device=x.device), 1 + chunk % self.ring)
        y, heard = x[:, None].float(), source[:, None]
        for i, layer in enumerate(self.layers):
            ring = (memory.self_keys[i], memory.self_values[i], memory.cross_keys[i], memory.cross_values[i])
            y = layer(y, heard, ring, slot, mask)
        return y[:, 0]

    def over(self, x: Tensor, source: Tensor, memory: Memory, chunk: int) -> Tensor:
        """Many chunks of one stream at once, from chunk number `chunk` on: x [1, T, dim], source [1, T, E].

        The same as T steps; the memory is brought up to date. Returns [1, T, dim].
        """
        count, ring, window = x.shape[1], self.ring, self.sizes.window
        known = min(chunk, window)
        order = [1 + (chunk - known + i) % ring for i in range(known)]
        at = torch.arange(count, device=x.device)
        past = torch.arange(-known, 0, device=x.device)
        age = at[:, None] - torch.cat([past, at])
        hidden = torch.where((age >= 0) & (age <= window), 0.0, HIDDEN)
        mask = nn.functional.pad(hidden, (1, 0))[None, None]
        kept = min(count, window)
        stored = [1 + (chunk + count - kept + i) % ring for i in range(kept)]
        y = x.float()
        for i, layer in enumerate(self.layers):
            assert isinstance(layer, TemporalLayer)
            rings = (memory.self_keys[i], memory.self_values[i], memory.cross_keys[i], memory.cross_values[i])
            sink, self_value, cross_sink, cross_value = (r[:, :, [0, *order]] for r in rings)
            y, made = layer.over(y, source, (sink, self_value, cross_sink, cross_value), mask)
            for store, new in zip(rings, made, strict=True):
                store[:, :, stored] = new[:, :, count - kept :].to(store.dtype)
        return y
