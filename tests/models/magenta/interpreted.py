"""Run by test_fused.py with TRITON_INTERPRET=1, which has to be set before the kernels are imported: the GPU's kernels,
carried out number by number on a CPU, against the model as it is written. Ends with a line where they differ."""

from __future__ import annotations

import sys
from typing import Any

import torch
from torch import Tensor
from triton.runtime import interpreter

from graphflow.models.magenta.config import CODES, CodecSizes, Config, Stack
from graphflow.models.magenta.invented import Invented, model_shapes
from graphflow.models.magenta.model import build
from graphflow.models.magenta.noise import gumbel
from graphflow.models.magenta.sampling import pick
from graphflow.models.magenta.step import Step, fused_compose

ODD = Config("odd", 24, Stack(2, 40, 3, 12, 72, 2), Stack(1, 24, 2, 20, 56), CodecSizes(8, 16, 3, 2, 2))
"""No size is a power of two; the ring holds five chunks."""
CHUNKS = 8
SEEDS, TEMPERATURES, TOP_K = [-5, 2**33 + 1, 2**63 - 1, 7], [0.0, 1.2, 1.0, 0.7], [1024, 1, 50, 7]

_patch = interpreter._patch_lang_tensor


def _patched(tensor: Any, *scope: Any) -> None:
    """With numpy 2.5 Triton's own fails: an array of one number is no number to it."""
    _patch(tensor, *scope)
    put = scope[0].set_attr if scope else setattr
    put(tensor, "__index__", lambda self: int(self.handle.data.item()))


def steps(slots: int) -> None:
    """Masked slots, seeds of 64 bits, a window that wraps."""
    model = build(ODD, Invented(model_shapes(ODD)), None, "cpu", "float32")
    plain, fused = (Step(model.lm, model.decoder, slots, model.device) for _ in range(2))
    fused.compose = fused_compose(model.lm, slots)
    for step in (plain, fused):
        step.wanted.seed.copy_(torch.tensor(SEEDS[:slots]))
        step.wanted.temperature.copy_(torch.tensor(TEMPERATURES[:slots]))
        step.wanted.top_k.copy_(torch.tensor(TOP_K[:slots]))
        step.wanted.conditions.copy_(torch.arange(144).expand(slots, -1) % 4 - 1)
        step.batch.chunk.fill_(2**32 - 3)  # the counter's second word begins to count, the mask sees a full ring
    for chunk in range(CHUNKS):
        running = torch.tensor([(chunk + slot) % 3 != 0 for slot in range(slots)])
        made = []
        for step in (plain, fused):
            step.wanted.running.copy_(running)
            made.append(step.run())
        (sound, ids), (their_sound, their_ids) = made
        if not torch.equal(ids[running], their_ids[running]) or not torch.equal(sound[running], their_sound[running]):
            sys.exit(f"chunk {chunk} of {slots} slots differs")
    for mine, theirs in zip(plain.batch.light(0), fused.batch.light(0), strict=True):
        if not torch.equal(mine, theirs):
            sys.exit("the state differs")


def draws() -> None:
    """Ties, chosen from and at the edge of the set; as `sampling.pick` takes them, the first of the largest."""
    from graphflow.models.magenta.drawn import draw

    random = torch.Generator().manual_seed(3)
    smooth = 20.0 * torch.randn(CODES, generator=random)
    coarse = torch.round(3.0 * torch.randn(CODES, generator=random))  # a dozen values: all is ties
    rows = [smooth, coarse, torch.zeros(CODES), -100.0 + torch.arange(CODES) % 2, 1e4 * smooth]
    for temperature in (0.0, 1.3):
        for top_k in (1, 2, 50, 1024):
            check(torch.stack(rows), temperature, top_k, draw)


def check(logits: Tensor, temperature: float, top_k: int, draw: Any) -> None:
    class Given:
        seed = torch.arange(len(logits)) * 2**35 + 1
        chunk = torch.arange(len(logits)) * 2**31
        temperature_ = torch.full((len(logits),), temperature)
        top_k_ = torch.full((len(logits),), top_k)

    class Wanted:
        seed, temperature, top_k = Given.seed, Given.temperature_, Given.top_k_

    level, levels = 1, 3
    ids = torch.zeros(len(logits), levels, dtype=torch.int64)
    following = torch.zeros(len(logits), 5)
    table = torch.randn(6 + CODES * levels, 5)
    draw(ids, following, logits, table, level, Given, Wanted, {})
    noise = gumbel(Given.seed, Given.chunk, levels)[:, level]
    expected = 6 + CODES * level + pick(logits, noise, Wanted.temperature, Wanted.top_k)
    if not torch.equal(ids[:, level], expected) or not torch.equal(following, table[expected]):
        sys.exit(f"temperature {temperature}, top_k {top_k}: {ids[:, level].tolist()}, not {expected.tolist()}")


if __name__ == "__main__":
    interpreter._patch_lang_tensor = _patched
    torch.set_num_threads(1)
    with torch.inference_mode():
        if sys.argv[1] == "draws":
            draws()
        else:
            steps(int(sys.argv[1]))
