"""Beginning a stream with music that is there already: its codes go through the transformer, nothing is sampled."""

from __future__ import annotations

import torch
from torch import Tensor

from graphflow.core.errors import UserError
from graphflow.models.magenta.config import CHUNK, CODES, RATE
from graphflow.models.magenta.controls import NO_STYLE, Controls, Fingers, ask
from graphflow.models.magenta.files import CHECKPOINTS
from graphflow.models.magenta.model import Model
from graphflow.models.magenta.step import Step

LONGEST = 28 * RATE
"""Frames of sound that are used, the first ones of it."""
TRIM = 25
"""Chunks dropped at both ends, where the encoder heard only half of what it looks at."""
PIECE = 64
"""Chunks that go through the transformer at once."""
CODEC_CHUNKS = 16
"""Last chunks that the decoder hears: more than its convolutions reach back."""


@torch.inference_mode()
def prefill(
    model: Model,
    step: Step,
    slot: int,
    controls: Controls,
    tokens: Tensor | None,
    sound: Tensor | None,
    *,
    masked: bool,
) -> int:
    """Fill a slot's state; returns its chunk number. All pitches are left free, drums follow `controls`."""
    codes = tokens if sound is None else heard(model, sound)
    if codes is None:
        raise UserError("prefill has neither tokens nor sound; expected one of them")
    levels = model.config.levels
    if (
        codes.dim() != 2
        or codes.shape[1] != levels
        or len(codes) == 0
        or not bool(((codes >= 0) & (codes < CODES)).all())
    ):
        raise UserError(f"prefill has tokens of shape {list(codes.shape)}; expected [chunks, {levels}] of 0 to 1023")
    batch, device = step.batch, model.device
    batch.begin(slot)
    ids = model.lm.ids(codes.to(device).long())
    quiet = Controls(
        style=NO_STYLE if masked else controls.style,
        drums=controls.drums,
        guidance_style=controls.guidance_style,
        guidance_notes=controls.guidance_notes,
        guidance_drums=controls.guidance_drums,
    )
    orders, _ = ask(quiet, Fingers())
    source = model.lm.conditioning(torch.tensor([orders.conditions], device=device))
    count = len(ids) - 1
    for begun in range(0, count, PIECE):
        piece = ids[begun : min(begun + PIECE, count)]
        embedded = model.lm.embed(piece)[None]
        model.lm.temporal.over(embedded, source[None].expand(1, len(piece), -1), batch.memory.slot(slot), begun)
    light = batch.light(slot)
    light[0].copy_(ids[-1:])
    light[1].fill_(count)
    memory = list(light[2:])
    late = model.lm.codes(ids[-CODEC_CHUNKS:])
    spectra, new = model.decoder.spectra(model.decoder.features(late)[None], memory)
    _, tail = model.synthesise(spectra[:, :, -4:], memory[-1])
    torch._foreach_copy_(memory, [*new, memory[-2] + len(late), tail])
    return count


def heard(model: Model, sound: Tensor) -> Tensor:
    """Sound [frames, 2] at 48 kHz as codes [N, levels]. Raises UserError."""
    if model.encoder is None:
        name = model.config.name
        known = f"graphflow models download {name}"
        repair = known if name in CHECKPOINTS else "put it beside the model's other files"
        raise UserError(f"{name}: no encoder.safetensors, which hears what a stream is to continue from; {repair}")
    if sound.dim() != 2 or sound.shape[1] != 2:
        raise UserError(f"prefill has sound of shape {list(sound.shape)}; expected [frames, 2]")
    used = sound[:LONGEST]
    chunks = len(used) // CHUNK
    trim = TRIM if chunks > 2 * TRIM else 0
    if chunks - 2 * trim < 1:
        raise UserError(f"prefill has {len(sound) / RATE:.2f} s of sound; expected at least {CHUNK / RATE:g} s")
    padded = torch.nn.functional.pad(used, (0, 0, 0, -len(used) % CHUNK)).to(model.device, torch.float32)
    features = model.encoder.whole(padded[None])[0]
    codes = model.encoder.codes(features, model.config.levels)
    return codes[trim : chunks - trim]
