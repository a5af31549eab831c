"""From logits to codes: the k likeliest, and chance in proportion to the temperature."""

from __future__ import annotations

import torch
from torch import Tensor

from graphflow.models.magenta.depth import capped


def keep_by_rank(logits: Tensor, top_k: Tensor) -> Tensor:
    """Which logits [B, n] are at least the k-th largest, k per row [B]; ties widen the set.

    Counts for each how many are larger: no sort, which a GPU would do in many small steps.
    """
    larger = (logits[:, None, :] > logits[:, :, None]).sum(-1)
    return larger < top_k[:, None]


def keep_by_sort(logits: Tensor, top_k: Tensor) -> Tensor:
    """The same by sorting, which is less work for a CPU."""
    ordered = torch.sort(logits, -1, descending=True).values
    last = (top_k.clamp(1, logits.shape[-1]) - 1).long()[:, None]
    return logits >= ordered.gather(-1, last)


def pick(logits: Tensor, noise: Tensor, temperature: Tensor, top_k: Tensor) -> Tensor:
    """One code per row [B]: logits [B, 1024] before the cap, noise [B, 1024], temperature and top_k [B].

    Temperature multiplies the noise; at 0 the likeliest code is taken.
    """
    return pick_capped(capped(logits), noise, temperature, top_k)


def pick_capped(logits: Tensor, noise: Tensor, temperature: Tensor, top_k: Tensor) -> Tensor:
    """As `pick`, from logits that have been capped (and mixed) already."""
    keep = keep_by_sort if logits.device.type == "cpu" else keep_by_rank
    noisy = logits + temperature[:, None] * noise
    chosen: Tensor = torch.where(keep(logits, top_k.clamp(min=1)), noisy, -torch.inf).argmax(-1)
    return chosen


def guided(rows: Tensor, style: float, notes: float) -> Tensor:
    """Classifier-free guidance of a model that was not distilled: capped logits [3, ...] with everything, without
    style, without notes, mixed into one. The released models have their guidance in the conditioning instead."""
    everything, no_style, no_notes = rows
    mixed: Tensor = everything + style * (everything - no_style) + notes * (everything - no_notes)
    return mixed
