"""From logits to a code, as `sampling` and `noise` do it, for one stream on a CPU."""

from __future__ import annotations

import math

import numpy as np
from numba.extending import register_jitable

from graphflow.models.magenta.compiled import compiled
from graphflow.models.magenta.cpu_dots import as_bits, as_float
from graphflow.models.magenta.cpu_maths import Float, tanh
from graphflow.models.magenta.cpu_work import F32

CAP = np.float32(30.0)


@compiled(fast=False)
def gumbel(seed: int, chunk: int, level: int, code: int) -> Float:
    """The same number as `noise.gumbel` has there."""
    low = np.uint64(0xFFFFFFFF)
    a, b = np.uint64(code // 4), np.uint64(level)
    c, d = np.uint64(chunk) & low, (np.uint64(chunk) >> np.uint64(32)) & low
    k0, k1 = np.uint64(seed) & low, (np.uint64(seed) >> np.uint64(32)) & low
    for _ in range(10):
        left, right = a * np.uint64(0xD2511F53), c * np.uint64(0xCD9E8D57)
        a, b, c, d = (right >> np.uint64(32)) ^ b ^ k0, right & low, (left >> np.uint64(32)) ^ d ^ k1, left & low
        k0, k1 = (k0 + np.uint64(0x9E3779B9)) & low, (k1 + np.uint64(0xBB67AE85)) & low
    word = (a, b, c, d)[code % 4]
    return np.float32(-math.log(-math.log((np.float64(word) + 0.5) * 2.0**-32)))


@register_jitable  # type: ignore[untyped-decorator]
def largest_but(values: F32, k: int) -> Float:
    """The k-th largest, bit by bit from the top: the greatest number that k values are not smaller than."""
    keys = np.empty(values.shape[0], np.uint32)
    for i in range(values.shape[0]):
        bits = as_bits(values[i])  # turned round so that they sort as the numbers do
        keys[i] = bits ^ (np.uint32(0xFFFFFFFF) if bits >> np.uint32(31) else np.uint32(0x80000000))
    found = np.uint32(0)
    for bit in range(31, -1, -1):
        tried = np.uint32(found | np.uint32(np.uint32(1) << np.uint32(bit)))
        count = np.int32(0)
        for i in range(keys.shape[0]):
            count = np.int32(count + np.int32(keys[i] >= tried))
        if count >= k:
            found = tried
    return as_float(np.uint32(found ^ (np.uint32(0x80000000) if found >> np.uint32(31) else np.uint32(0xFFFFFFFF))))


@compiled(fast=False)
def pick(logits: F32, temperature: float, top_k: int, seed: int, chunk: int, level: int) -> int:
    """A code by its logits, which are capped in place. As `sampling.pick`, with noise only for who can be picked."""
    codes = logits.shape[0]
    for i in range(codes):
        logits[i] = CAP * tanh(logits[i] / CAP)
    least = largest_but(logits, min(max(top_k, 1), codes))
    best, chosen = np.float32(-np.inf), 0
    for i in range(codes):
        if logits[i] >= least:
            noisy = logits[i]
            if temperature != 0.0:
                noisy += np.float32(temperature) * np.float32(gumbel(seed, chunk, level, i))
            if noisy > best:
                best, chosen = noisy, i
    return chosen
