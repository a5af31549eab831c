"""The GPU's own kernels for one step with few sessions: matrix times vector with the norms around it, attention over a
ring, and the draw of a code. With so few rows a step is reading weights, so every kernel reads its share as soon as it
begins and works out the small things meanwhile. With `early`, on Hopper and newer, it begins while the kernel before it
still runs: it reads its weights, waits for that one's end, and lets the next one begin.
"""

from __future__ import annotations

import triton
import triton.language as tl
from triton.language.extra.cuda import gdc_launch_dependents, gdc_wait

PLAIN, NORM, ADD, ADD_NORM, ADD_LAYER_NORM = (tl.constexpr(n) for n in range(5))


@triton.jit
def project(
    out,
    weight,
    bias,
    source,
    added,
    post,
    pre,
    pre_bias,
    stored,
    rows,
    width,
    rows_are: tl.constexpr,
    sessions: tl.constexpr,
    slots: tl.constexpr,
    tile: tl.constexpr,
    span: tl.constexpr,
    has_bias: tl.constexpr,
    gelu: tl.constexpr,
    early: tl.constexpr,
):
    """out [sessions, rows] = f(W v + b) for v [sessions, width] made from `source` as `rows_are` says; `slots` is the
    power of two that holds the sessions.

    PLAIN: as it is. NORM: RMS norm with scale `pre`. ADD: source + norm(added) * post, the end of a residual block.
    ADD_NORM: that, kept in `stored`, then normed with `pre`. ADD_LAYER_NORM: that, then layer norm.
    """
    at = tl.arange(0, span)
    inside = at < width
    slot = tl.arange(0, slots)
    row = tl.program_id(0) * tile + tl.arange(0, tile)
    hop = tl.num_programs(0) * tile
    w = tl.load(
        weight + row[:, None].to(tl.int64) * width + at[None], mask=(row < rows)[:, None] & inside[None], other=0.0
    )
    if early:
        gdc_wait()
        gdc_launch_dependents()
    place = slot[:, None] * width + at[None]
    there = inside[None]
    if sessions < slots:
        there = there & (slot < sessions)[:, None]
    v = tl.load(source + place, mask=there, other=0.0).to(tl.float32)
    if rows_are >= ADD:
        joining = tl.load(added + place, mask=there, other=0.0).to(tl.float32)
        size = tl.sum(joining * joining, axis=1) / width
        scale = tl.load(post + at, mask=inside, other=0.0)
        v = v + joining * tl.rsqrt(size + 1e-6)[:, None] * scale[None]
        if rows_are >= ADD_NORM and tl.program_id(0) == 0:
            tl.store(stored + place, v, mask=there)
    if rows_are == NORM or rows_are == ADD_NORM:  # noqa: SIM109 - Triton knows no `in`
        size = tl.sum(v * v, axis=1) / width
        scale = tl.load(pre + at, mask=inside, other=0.0)
        v = v * tl.rsqrt(size + 1e-6)[:, None] * scale[None]
    if rows_are == ADD_LAYER_NORM:
        mean = tl.sum(v, axis=1) / width
        centred = tl.where(inside[None], v - mean[:, None], 0.0)
        size = tl.sum(centred * centred, axis=1) / width
        scale = tl.load(pre + at, mask=inside, other=0.0)
        shift = tl.load(pre_bias + at, mask=inside, other=0.0)
        v = centred * tl.rsqrt(size + 1e-6)[:, None] * scale[None] + shift[None]
    v = v.to(weight.dtype.element_ty).to(tl.float32)  # as the matrix product would round it
    for begun in range(tl.program_id(0) * tile, rows, hop):
        row = begun + tl.arange(0, tile)
        ahead = row + hop
        w_next = tl.load(
            weight + ahead[:, None].to(tl.int64) * width + at[None],
            mask=(ahead < rows)[:, None] & inside[None],
            other=0.0,
        )
        y = tl.sum(w.to(tl.float32)[:, None, :] * v[None, :, :], axis=2)
        if has_bias:
            y = y + tl.load(bias + row, mask=row < rows, other=0.0).to(tl.float32)[:, None]
        if gelu:
            inner = 0.7978845608028654 * (y + 0.044715 * y * y * y)
            y = y * (1.0 / (1.0 + tl.exp(-2.0 * inner)))
        asked = (row < rows)[:, None]
        if sessions < slots:
            asked = asked & (slot < sessions)[None]
        tl.store(out + slot[None] * rows + row[:, None], y.to(out.dtype.element_ty), mask=asked)
        w = w_next


@triton.jit
def attention(
    out,
    query,
    key,
    value,
    keys,
    values,
    mask,
    at,
    query_row,
    key_row,
    mask_row,
    at_row,
    heads,
    ring,
    size,
    span: tl.constexpr,
    slots: tl.constexpr,
    early: tl.constexpr,
):
    """One session's head: the new key and value join the ring [B, H, ring, size] at slot `at`, the query looks at all
    that `mask` [B, ring] lets it see. out [B, H * size]."""
    if early:
        gdc_wait()
        gdc_launch_dependents()
    head, session = tl.program_id(0), tl.program_id(1)
    d = tl.arange(0, span)
    inside = d < size
    slot = tl.arange(0, slots)
    there = slot < ring
    base = (session * heads + head).to(tl.int64) * ring * size
    place = base + slot[:, None] * size + d[None]
    seen = there[:, None] & inside[None]
    old_keys = tl.load(keys + place, mask=seen, other=0.0).to(tl.float32)
    old_values = tl.load(values + place, mask=seen, other=0.0).to(tl.float32)
    hidden = tl.load(mask + session * mask_row + slot, mask=there, other=float("-inf"))
    written = tl.load(at + session * at_row)
    q = tl.load(query + session * query_row + head * size + d, mask=inside, other=0.0).to(tl.float32)
    k = tl.load(key + session * key_row + head * size + d, mask=inside, other=0.0)
    v = tl.load(value + session * key_row + head * size + d, mask=inside, other=0.0)
    tl.store(keys + base + written * size + d, k.to(keys.dtype.element_ty), mask=inside)
    tl.store(values + base + written * size + d, v.to(values.dtype.element_ty), mask=inside)
    new = (slot == written)[:, None]
    all_keys = tl.where(new, k.to(tl.float32)[None], old_keys)
    all_values = tl.where(new, v.to(tl.float32)[None], old_values)
    logits = tl.sum(all_keys * q[None], axis=1) + hidden
    weights = tl.exp(logits - tl.max(logits, axis=0))
    weights = weights / tl.sum(weights, axis=0)
    mixed = tl.sum(all_values * weights[:, None], axis=0)
    tl.store(out + (session * heads + head) * size + d, mixed.to(out.dtype.element_ty), mask=inside)


@triton.jit
def draw(
    ids,
    following,
    logits,
    table,
    seed,
    chunk,
    temperature,
    top_k,
    level,
    levels,
    first,
    width,
    codes: tl.constexpr,
    span: tl.constexpr,
    early: tl.constexpr,
):
    """One session's code of one level, as `sampling.pick` with `noise.gumbel`; its id goes to ids [B, levels], the
    depth transformer's next input [B, width] to `following`."""
    if early:
        gdc_wait()
        gdc_launch_dependents()
    session = tl.program_id(0)
    code = tl.arange(0, codes)
    raw = tl.load(logits + session * codes + code)
    bent = 30.0 * (2.0 / (1.0 + tl.exp(-2.0 * (raw / 30.0))) - 1.0)
    # order as unsigned numbers, so that the k-th largest is found bit by bit
    bits = bent.to(tl.uint32, bitcast=True)
    order = tl.where(bits >= 0x80000000, bits ^ 0xFFFFFFFF, bits | 0x80000000)
    wanted = tl.maximum(tl.load(top_k + session), 1)
    last = tl.full((), 0, tl.uint32)
    for place in tl.static_range(32):
        higher = last | (0x80000000 >> place)
        enough = tl.sum((order >= higher).to(tl.int32), axis=0) >= wanted
        last = tl.where(enough, higher, last)
    number = tl.load(chunk + session)
    zero = code * 0
    w0, w1, w2, w3 = tl.philox(
        tl.load(seed + session).to(tl.uint64),
        (code // 4).to(tl.uint32),
        (zero + level).to(tl.uint32),
        (zero + number).to(tl.uint32),
        (zero + (number >> 32)).to(tl.uint32),
        10,
    )
    which = code % 4
    word = tl.where(which == 0, w0, tl.where(which == 1, w1, tl.where(which == 2, w2, w3)))
    uniform = (word.to(tl.uint32, bitcast=True).to(tl.float64) + 0.5) * 2.3283064365386963e-10
    noise = (-tl.log(-tl.log(uniform))).to(tl.float32)
    noisy = tl.where(order >= last, bent + tl.load(temperature + session) * noise, float("-inf"))
    picked = tl.argmax(noisy, axis=0) + first
    tl.store(ids + session * levels + level, picked.to(tl.int64))
    d = tl.arange(0, span)
    row = tl.load(table + picked.to(tl.int64) * width + d, mask=d < width, other=0.0)
    tl.store(following + session * width + d, row.to(tl.float32), mask=d < width)
