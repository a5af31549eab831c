"""Moves the embedding of words to where recordings of such music lie, because the model was trained on recordings.

One step of a diffusion: a fixed noise vector goes in, the embedding steers every layer, a point near it comes out.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch.nn import functional as F

from graphflow.core.errors import UserError
from graphflow.models.magenta.style.litert import Network
from graphflow.models.magenta.style.mapper_weights import Sizes, Weights, read_weights

F32 = npt.NDArray[np.float32]
EPSILON = 1e-6
SOFT_CAP = 30.0
ROPE_BASE = 10000.0
ALIKE = 0.99999  # cosine between torch and LiteRT that is asked for


def fixed_noise(width: int, seed: int = 0) -> F32:
    """The noise that the official programs feed: numpy's legacy generator, seed 0."""
    return np.random.RandomState(seed).randn(width).astype(np.float32)  # its numbers are the contract


class TorchMapper:
    """The mapper in torch. Weights as in mapper_weights.shapes."""

    def __init__(self, weights: Weights, sizes: Sizes | None = None, device: str = "cpu") -> None:
        self.sizes = s = sizes or Sizes()
        self.ends = {name: torch.from_numpy(value).to(device) for name, value in weights.ends.items()}
        self.layers = {name: torch.from_numpy(value).to(device) for name, value in weights.layers.items()}
        self.noise = torch.from_numpy(fixed_noise(s.embedding)).to(device)
        pitch = ROPE_BASE ** (-torch.arange(s.head // 2, dtype=torch.float32) / (s.head // 2))
        angle = (torch.arange(s.tokens, dtype=torch.float32)[:, None] * pitch)[:, None]  # [tokens, 1, head / 2]
        self.cos, self.sin = angle.cos().to(device), angle.sin().to(device)

    def _shifted(self, x: torch.Tensor, condition: torch.Tensor, which: str, layer: int) -> torch.Tensor:
        """RMS norm, then scale and shift as the condition wants."""
        x = x * torch.rsqrt(x.square().mean(-1, keepdim=True) + EPSILON) * self.layers[f"{which}_norm"][layer]
        moved = torch.einsum("c,ckd->kd", condition, self.layers[f"{which}_shift"][layer])
        scale, shift = moved + self.layers[f"{which}_shift_bias"][layer]
        shifted: torch.Tensor = x * (1.0 + scale) + shift
        return shifted

    def _turned(self, x: torch.Tensor) -> torch.Tensor:
        """Rotary position, halves paired: [tokens, heads, head]."""
        a, b = x.chunk(2, dim=-1)
        return torch.cat([a * self.cos - b * self.sin, b * self.cos + a * self.sin], dim=-1)

    def _attention(self, x: torch.Tensor, layer: int) -> torch.Tensor:
        w = self.layers
        q, k, v = torch.einsum("td,dknh->ktnh", x, w["qkv"][layer])
        q, k = self._turned(q), self._turned(k)
        sink = torch.einsum("tnh,snh->nts", q, w["sink_key"][layer])  # trap: the query is not scaled here
        score = torch.einsum("tnh,snh->nts", q * self.sizes.head**-0.5, k)
        share = (SOFT_CAP * torch.tanh(torch.cat([sink, score], dim=-1) / SOFT_CAP)).softmax(-1)
        heard = torch.einsum("nts,snh->tnh", share, torch.cat([w["sink_value"][layer], v]))
        return torch.einsum("tnh,dnh->td", heard, w["attention_out"][layer])

    @torch.inference_mode()
    def __call__(self, embedding: F32) -> F32:
        """[768] -> [768], not yet of unit length."""
        s, w = self.sizes, self.layers
        words = torch.tensor(embedding, dtype=torch.float32, device=self.noise.device)
        condition = torch.cat([self.ends["prefix"], self.ends["prefix"], words])
        x = F.linear(self.noise, self.ends["in"], self.ends["in_bias"]).view(s.tokens, s.width)
        for layer in range(s.layers):
            x = x + self._attention(self._shifted(x, condition, "attention", layer), layer)
            h = self._shifted(x, condition, "feed", layer)
            h = F.gelu(h @ w["up"][layer] + w["up_bias"][layer], approximate="tanh")
            x = x + h @ w["down"][layer] + w["down_bias"][layer]
        end = F.linear(x.reshape(-1), self.ends["out"], self.ends["out_bias"])
        found: F32 = (self.noise + (end - self.noise)).cpu().numpy()
        return found


class Mapper:
    """mapper.tflite, in torch where that agrees with LiteRT, else by LiteRT; `how` says which and why."""

    def __init__(self, path: Path, threads: int = 1, sizes: Sizes | None = None) -> None:
        s = sizes or Sizes()
        self._noise = fixed_noise(s.embedding)
        self._torch: TorchMapper | None = None
        self._litert: Network | None = Network(path, threads)
        if [int(np.prod(d["shape"])) for d in self._litert.inputs] != [s.embedding] * 2:
            raise UserError(f"{path} does not take an embedding and noise of {s.embedding} each; download it again")
        try:
            native = TorchMapper(read_weights(path, s), s)
        except UserError as error:
            self.how = f"LiteRT, because {error}"
            return
        probe = fixed_noise(s.embedding, seed=1)
        probe /= np.linalg.norm(probe)
        mine, theirs = native(probe), self._litert.run(probe, self._noise)
        alike = float(np.dot(mine.astype(float), theirs) / (np.linalg.norm(mine) * np.linalg.norm(theirs)))
        if alike >= ALIKE:
            self._torch, self._litert = native, None
            self.how = f"torch, cosine {alike:.6f} with LiteRT"
        else:
            self.how = f"LiteRT, because torch's answer is not alike (cosine {alike:.5f}, at least {ALIKE} expected)"

    def __call__(self, embedding: F32) -> F32:
        """[768] -> [768] of unit length."""
        if self._litert:
            moved = self._litert.run(embedding, self._noise)
        else:
            assert self._torch
            moved = self._torch(embedding)
        found: F32 = moved / np.linalg.norm(moved)
        return found

    def __str__(self) -> str:
        return f"mapper by {self.how}"
