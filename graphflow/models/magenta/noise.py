"""Chance that can be repeated: noise is worked out from (seed, chunk, level, code), never drawn from a stream.

The same on every device, in every batch, after pauses and when a chunk is made again. The generator is Philox4x32-10
(Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
"""

from __future__ import annotations

import torch
from torch import Tensor

from graphflow.models.magenta.config import CODES

_MULTIPLY = (0xD2511F53, 0xCD9E8D57)
_WEYL = (0x9E3779B9, 0xBB67AE85)
_LOW = 0xFFFFFFFF
_ROUNDS = 10


def philox(counter: tuple[Tensor, ...], key: tuple[Tensor, Tensor]) -> tuple[Tensor, ...]:
    """Four words of 32 random bits for each counter of four words; all int64 tensors that hold 32 bits.

    Products of two 32-bit words wrap in int64; their bits are right all the same, and the mask drops the sign.
    """
    a, b, c, d = counter
    k0, k1 = key
    for _ in range(_ROUNDS):
        left, right = a * _MULTIPLY[0], c * _MULTIPLY[1]
        a, b, c, d = (
            ((right >> 32) & _LOW) ^ b ^ k0,
            right & _LOW,
            ((left >> 32) & _LOW) ^ d ^ k1,
            left & _LOW,
        )
        k0, k1 = (k0 + _WEYL[0]) & _LOW, (k1 + _WEYL[1]) & _LOW
    return a, b, c, d


def gumbel(seed: Tensor, chunk: Tensor, levels: int) -> Tensor:
    """Gumbel noise [B, levels, 1024] float32 for seeds and chunk numbers [B] (int64).

    In float64 until the end, so that the logarithms of different devices round to the same float32.
    """
    device = seed.device
    if device.type == "mps":  # it has no float64
        return gumbel(seed.cpu(), chunk.cpu(), levels).to(device)
    shape = (seed.shape[0], levels, CODES // 4)
    group = torch.arange(CODES // 4, device=device).expand(shape)
    level = torch.arange(levels, device=device)[:, None].expand(shape)
    at, start = chunk[:, None, None].expand(shape), seed[:, None, None].expand(shape)
    counter = (group, level, at & _LOW, (at >> 32) & _LOW)
    words = torch.stack(philox(counter, (start & _LOW, (start >> 32) & _LOW)), -1).flatten(-2)
    uniform = (words.double() + 0.5) * 2.0**-32
    return -torch.log(-torch.log(uniform)).float()
