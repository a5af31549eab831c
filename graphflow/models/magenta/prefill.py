"""Beginning a stream with music that is there already: its codes go through the transformer, nothing is sampled."""

from __future__ import annotations

import torch
from torch import Tensor

from graphflow.core.errors import UserError
from graphflow.models.magenta.config import CHUNK, CODES, RATE
from graphflow.models.magenta.controls import NO_STYLE, Controls, Fingers, ask, in_short
from graphflow.models.magenta.files import CHECKPOINTS
from graphflow.models.magenta.model import Model
from graphflow.models.magenta.step import Step

LONGEST = 28 * RATE
"""Frames of sound that are used, the first ones of it."""
TRIM = 25
"""Chunks dropped at both ends, where the encoder heard only half of what it looks at."""
PIECE = 64
"""Chunks that go through the transformer at once."""
WHOLE = (torch.int64, torch.int32, torch.int16, torch.uint8)
"""Kinds of numbers that tokens may have."""
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
    if (tokens is None) == (sound is None):
        which = "neither tokens nor sound" if tokens is None else "both tokens and sound"
        raise UserError(f"prefill has {which}; expected one of them")
    if not isinstance(masked, bool):
        raise UserError(f"masked is {in_short(masked)}; expected True or False")
    codes = heard(model, sound) if tokens is None else _tensor("tokens", tokens)
    levels = model.config.levels
    if codes.dtype not in WHOLE:
        raise UserError(f"prefill has tokens of {_kind(codes)}; expected whole numbers, 0 to {CODES - 1}")
    if (
        codes.dim() != 2
        or codes.shape[1] != levels
        or len(codes) == 0
        or not bool(((codes >= 0) & (codes < CODES)).all())
    ):
        raise UserError(
            f"prefill has tokens of shape {list(codes.shape)}; expected [chunks, {levels}] of 0 to {CODES - 1}"
        )
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


def heard(model: Model, sound: Tensor | None) -> Tensor:
    """Sound [frames, 2] at 48 kHz as codes [N, levels]. Raises UserError."""
    sound = _tensor("sound", sound)
    if model.encoder is None:
        name = model.config.name
        known = f"graphflow models download {name}"
        repair = known if name in CHECKPOINTS else "put it beside the model's other files"
        raise UserError(f"{name}: no encoder.safetensors, which hears what a stream is to continue from; {repair}")
    if sound.dim() != 2 or sound.shape[1] != 2:
        raise UserError(f"prefill has sound of shape {list(sound.shape)}; expected [frames, 2]")
    if not sound.is_floating_point():
        raise UserError(f"prefill has sound of {_kind(sound)}; expected numbers with a point, -1 to 1")
    used = sound[:LONGEST]
    if not bool(used.isfinite().all()):
        raise UserError("prefill has sound that is no number or endless; expected -1 to 1")
    chunks = len(used) // CHUNK
    trim = TRIM if chunks > 2 * TRIM else 0
    if chunks - 2 * trim < 1:
        seconds = len(sound) * 100 // RATE / 100  # rounded down: 0.0399 s are not 0.04 s
        raise UserError(f"prefill has {seconds:.2f} s of sound; expected at least {CHUNK / RATE:g} s")
    padded = torch.nn.functional.pad(used, (0, 0, 0, -len(used) % CHUNK)).to(model.device, torch.float32)
    features = model.encoder.whole(padded[None])[0]
    codes = model.encoder.codes(features, model.config.levels)
    return codes[trim : chunks - trim]


def _tensor(what: str, given: object) -> Tensor:
    """Raises UserError."""
    if not isinstance(given, Tensor):
        raise UserError(f"prefill has {what} in a {type(given).__name__}; expected a torch.Tensor")
    return given


def _kind(tensor: Tensor) -> str:
    """As torch calls it: float32, int16."""
    return str(tensor.dtype).removeprefix("torch.")
