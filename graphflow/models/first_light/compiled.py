"""The network in compiled loops, for playing on a CPU.

A step of two rows is too little work for a matrix library: measured on the layer that is 1024 by 256, torch takes
four to five times as long as these loops. They also need no torch, whose import takes seconds.
"""

from __future__ import annotations

from collections.abc import Mapping

import numba
import numpy as np
import numpy.typing as npt

from graphflow.models.first_light import symbols as sy

F32 = npt.NDArray[np.float32]
I64 = npt.NDArray[np.int64]
_FAST = {"reassoc", "contract", "nsz", "arcp"}  # sums may be reordered, NaN stays NaN


@numba.njit(cache=True, nogil=True, fastmath=_FAST)  # type: ignore[untyped-decorator]
def _linear(x: F32, w: F32, bias: F32, out: F32) -> None:
    """out[2, n] = x[2, m] @ w[n, m].T + bias[n]"""
    for r in range(w.shape[0]):
        a, b = np.float32(0.0), np.float32(0.0)
        for i in range(w.shape[1]):
            a += w[r, i] * x[0, i]
            b += w[r, i] * x[1, i]
        out[0, r] = a + bias[r]
        out[1, r] = b + bias[r]


@numba.njit(cache=True, nogil=True, fastmath=_FAST)  # type: ignore[untyped-decorator]
def _norm(x: F32, scale: F32, shift: F32, out: F32) -> None:
    n = x.shape[1]
    for b in range(2):
        mean = np.float32(0.0)
        for i in range(n):
            mean += x[b, i]
        mean /= np.float32(n)
        var = np.float32(0.0)
        for i in range(n):
            var += (x[b, i] - mean) * (x[b, i] - mean)
        inverse = np.float32(1.0) / np.sqrt(var / np.float32(n) + np.float32(1e-5))
        for i in range(n):
            out[b, i] = (x[b, i] - mean) * inverse * scale[i] + shift[i]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _gelu(x: F32) -> None:
    for b in range(2):
        for i in range(x.shape[1]):
            v = x[b, i]
            u = np.float32(0.7978845608) * (v + np.float32(0.044715) * v * v * v)
            x[b, i] = np.float32(0.5) * v * (np.float32(1.0) + np.tanh(u))


@numba.njit(cache=True, nogil=True, fastmath=_FAST)  # type: ignore[untyped-decorator]
def _attend(qkv: F32, keys: F32, values: F32, distance: F32, slot: int, filled: int, out: F32) -> None:
    """keys, values [2, heads, window, size]; qkv [2, 3 * heads * size]"""
    heads, window, size = keys.shape[1], keys.shape[2], keys.shape[3]
    width = heads * size
    scores = np.empty(window, dtype=np.float32)
    scale = np.float32(1.0) / np.sqrt(np.float32(size))
    for b in range(2):
        for h in range(heads):
            at = h * size
            for i in range(size):
                keys[b, h, slot, i] = qkv[b, width + at + i]
                values[b, h, slot, i] = qkv[b, 2 * width + at + i]
            top = np.float32(-1e30)
            for t in range(filled):
                dot = np.float32(0.0)
                for i in range(size):
                    dot += qkv[b, at + i] * keys[b, h, t, i]
                far = slot - t
                if far < 0:
                    far += window
                scores[t] = dot * scale + distance[h, far]
                top = max(top, scores[t])
            total = np.float32(0.0)
            for t in range(filled):
                scores[t] = np.exp(scores[t] - top)
                total += scores[t]
            for i in range(size):
                out[b, at + i] = np.float32(0.0)
            for t in range(filled):
                share = scores[t] / total
                for i in range(size):
                    out[b, at + i] += share * values[b, h, t, i]


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _layers(
    x: F32, norm: F32, qkv_w: F32, out_w: F32, up_w: F32, up_b: F32, down_w: F32, down_b: F32, distance: F32,
    keys: F32, values: F32, position: int,
) -> None:  # fmt: skip
    """Runs x [2, width] through all layers in place."""
    layers, width, window = qkv_w.shape[0], x.shape[1], keys.shape[3]
    slot, filled = position % window, min(position + 1, window)
    normed, attended, back = np.empty_like(x), np.empty_like(x), np.empty_like(x)
    qkv = np.empty((2, 3 * width), dtype=np.float32)
    wide = np.empty((2, up_w.shape[1]), dtype=np.float32)
    none3, none = np.zeros(3 * width, dtype=np.float32), np.zeros(width, dtype=np.float32)
    for n in range(layers):
        _norm(x, norm[n, 0], norm[n, 1], normed)
        _linear(normed, qkv_w[n], none3, qkv)
        _attend(qkv, keys[n], values[n], distance[n], slot, filled, attended)
        _linear(attended, out_w[n], none, back)
        x += back
        _norm(x, norm[n, 2], norm[n, 3], normed)
        _linear(normed, up_w[n], up_b[n], wide)
        _gelu(wide)
        _linear(wide, down_w[n], down_b[n], back)
        x += back


@numba.njit(cache=True, nogil=True)  # type: ignore[untyped-decorator]
def _depth(
    base: F32, stream: F32, norm: F32, up_w: F32, up_b: F32, down_w: F32, down_b: F32, head_w: F32, head_b: F32,
    last: F32,
) -> F32:  # fmt: skip
    y = base + stream
    normed, back = np.empty_like(y), np.empty_like(y)
    wide = np.empty((2, up_w.shape[1]), dtype=np.float32)
    for n in range(up_w.shape[0]):
        _norm(y, norm[n, 0], norm[n, 1], normed)
        _linear(normed, up_w[n], up_b[n], wide)
        _gelu(wide)
        _linear(wide, down_w[n], down_b[n], back)
        y += back
    _norm(y, last[0], last[1], normed)
    logits = np.empty((2, head_w.shape[0]), dtype=np.float32)
    _linear(normed, head_w, head_b, logits)
    return logits


class Compiled:
    """Two rows of the network with their memory: row 0 is told what is wanted, row 1 nothing."""

    def __init__(self, weights: Mapping[str, npt.NDArray[np.generic]]) -> None:
        self.w = w = {name: np.ascontiguousarray(a, dtype=np.float32) for name, a in weights.items()}
        self.offsets = np.cumsum((0, *sy.SIZES[:-1]))
        self.width = w["symbols.weight"].shape[1]
        layers = range(1 + max(int(name.split(".")[1]) for name in w if name.startswith("layers.")))
        self.norms = self._stack("layers", layers, ("before.weight", "before.bias", "between.weight", "between.bias"))
        self.layer = {n: np.stack([w[f"layers.{i}.{n}"] for i in layers]) for n in (
            "qkv.weight", "out.weight", "up.weight", "up.bias", "down.weight", "down.bias", "distance")}  # fmt: skip
        blocks = range(2)
        self.block_norms = self._stack("blocks", blocks, ("before.weight", "before.bias"))
        self.block = {n: np.stack([w[f"blocks.{i}.{n}"] for i in blocks]) for n in (
            "up.weight", "up.bias", "down.weight", "down.bias")}  # fmt: skip
        heads, window = w["layers.0.distance"].shape
        self.style = w["style_up.weight"].shape[1]
        self.keys = np.zeros((len(layers), 2, heads, window, self.width // heads), dtype=np.float32)
        self.values = np.zeros_like(self.keys)
        self.position = 0
        self.final = np.stack([w["last.weight"], w["last.bias"]])
        self.depth_final = np.stack([w["norm.weight"], w["norm.bias"]])
        # load or compile the loops now, on no layers, and not in the first step
        self._run(np.zeros((2, self.width), dtype=np.float32), 0)
        self._logits(np.zeros((2, w["into_depth.weight"].shape[0]), dtype=np.float32), 0, 0)

    def _stack(self, where: str, which: range, names: tuple[str, ...]) -> F32:
        return np.stack([np.stack([self.w[f"{where}.{i}.{name}"] for name in names]) for i in which])

    def listen(self, previous: I64, clock: I64, mode: int, told: F32, off: F32, chroma: F32) -> F32:
        """Take in one step: previous symbols [8], clock [4], told [2, style], off [2, 4], chroma [2, 12].

        Returns what the depth part starts from, [2, depth].
        """
        w = self.w
        x = np.empty((2, self.width), dtype=np.float32)
        x[:] = w["symbols.weight"][previous + self.offsets].sum(0) + w["mode.weight"][mode]
        for i, place in enumerate(clock):
            x += w[f"clock.{i}.weight"][place]
        hidden = np.ascontiguousarray(told @ w["style_up.weight"].T + w["style_up.bias"])
        _gelu(hidden)
        x += hidden @ w["style_down.weight"].T + w["style_down.bias"]
        x += off @ w["parts.weight"].T + chroma @ w["chroma.weight"].T
        self._run(x, len(self.norms))
        self.position += 1
        normed = np.empty_like(x)
        _norm(x, self.final[0], self.final[1], normed)
        return np.asarray(normed @ w["into_depth.weight"].T + w["into_depth.bias"], dtype=np.float32)

    def _run(self, x: F32, layers: int) -> None:
        n = self.layer
        _layers(
            x, self.norms, n["qkv.weight"][:layers], n["out.weight"], n["up.weight"], n["up.bias"], n["down.weight"],
            n["down.bias"], n["distance"], self.keys, self.values, self.position,
        )  # fmt: skip

    def logits(self, base: F32, stream: int) -> F32:
        """[2, symbols of the stream]"""
        return self._logits(base, stream, len(self.block_norms))

    def _logits(self, base: F32, stream: int, blocks: int) -> F32:
        at, size, b = int(self.offsets[stream]), sy.SIZES[stream], self.block
        return np.asarray(
            _depth(
                base, self.w["stream.weight"][stream], self.block_norms, b["up.weight"][:blocks], b["up.bias"],
                b["down.weight"], b["down.bias"], self.w["head.weight"][at : at + size],
                self.w["head.bias"][at : at + size], self.depth_final,
            )
        )  # fmt: skip

    def chosen(self, base: F32, stream: int, symbol: int) -> F32:
        """The start of the next stream, now that this one's symbol is known."""
        return np.asarray(base + self.w["depth_symbols.weight"][int(self.offsets[stream]) + symbol])

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        return {"keys": self.keys.copy(), "values": self.values.copy()}

    def restore(self, arrays: Mapping[str, npt.NDArray[np.generic]], position: int) -> None:
        self.keys, self.values = arrays["keys"].astype(np.float32), arrays["values"].astype(np.float32)
        self.position = position
