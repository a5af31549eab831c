"""Whether our model is the official one: every golden set of a folder, tensor by tensor.

A set is CASE_config.json, CASE_stream.npz, CASE_decode.npz, CASE_encode.npz and CASE_sampler.npz (those that are
there), made with the official package from weights that follow a rule (`invented`). docs/magenta.md states the format.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from graphflow.core.errors import UserError
from graphflow.models.magenta.codec.decoder import Decoder, as_int16, played
from graphflow.models.magenta.codec.encoder import Encoder
from graphflow.models.magenta.config import CHUNK, CODES, CONDITIONS, RESERVED, Config
from graphflow.models.magenta.golden import PARTS, Part, cases, condition_bounds, sizes
from graphflow.models.magenta.invented import Invented, encoder_shapes, model_shapes
from graphflow.models.magenta.lm import LanguageModel
from graphflow.models.magenta.sampling import guided, pick_capped
from graphflow.models.magenta.weights import Loader, load_decoder, load_encoder, load_lm

FLOAT = 1e-5
"""Largest error of a float tensor, as a share of the reference's largest value."""
LSB = 1
TIE = 1e-5
"""How much nearer than the reference's entry of a codebook ours may be, as a share of the largest distance: the order
of a sum decides between the two."""


@dataclass(frozen=True)
class Row:
    """One tensor compared."""

    case: str
    tensor: str
    error: float
    tolerance: float = 0.0
    unit: str = ""
    note: str = ""

    @property
    def passed(self) -> bool:
        return self.error <= self.tolerance

    def __str__(self) -> str:
        mark = "ok  " if self.passed else "MISS"
        note = f"  {self.note}" if self.note else ""
        return (
            f"{mark}  {self.case:<10} {self.tensor:<14} {self.error:<10.2g} of {self.tolerance:<8g} {self.unit}{note}"
        )


def check_folder(folder: Path) -> list[Row]:
    """All sets of a folder. Raises UserError."""
    return [row for case in cases(folder) for row in check_case(folder, case)]


def check_case(folder: Path, case: str) -> Iterator[Row]:
    """One set, tensor by tensor, as they are worked out. Raises UserError."""
    config, salt = sizes(folder, case)
    sampler, stream, decode, encode = (Part(folder, case, part) for part in PARTS)
    if not (sampler or stream or decode or encode):
        raise UserError(f"{folder}: {case} has no tensors; expected at least one of {case}_stream.npz, ...")
    with torch.inference_mode():
        if sampler:
            yield _sampler(sampler)
        given, codes = _stream_inputs(stream, config), _decode_inputs(decode, config)
        wave = _encode_inputs(encode)
        if stream or decode:
            loader = Loader(Invented(model_shapes(config), salt, case))
            decoder = Decoder(config.codec).requires_grad_(False)
            load_decoder(loader, decoder)
            if given is not None:
                lm = LanguageModel(config).requires_grad_(False)
                load_lm(loader, lm)
                loader.finish()
                yield from _stream(stream, *given, lm, decoder)
            if codes is not None:
                yield from _floats(decode, "wave_offline", decoder.whole(codes))
        if wave is not None:
            yield from _encode(encode, wave, config, salt)


def _stream_inputs(part: Part, config: Config) -> tuple[torch.Tensor, torch.Tensor] | None:
    """Conditions [N, 144] and token ids [N, levels]. What cannot be is found before weights are made. Raises
    UserError."""
    if not part:
        return None
    least, most = condition_bounds()
    cond = part.whole("cond", None, CONDITIONS, least=least, most=most)
    first = RESERVED + CODES * np.arange(config.levels)
    tokens = part.whole("tokens", len(cond), config.levels, least=first, most=first + CODES - 1)
    part.one_of("source", "temporal_in", "temporal_out", "logits_precap", "audio_int16")
    return torch.from_numpy(cond), torch.from_numpy(tokens)


def _decode_inputs(part: Part, config: Config) -> torch.Tensor | None:
    if not part:
        return None
    codes = part.whole("codes", None, None, config.levels, least=0, most=CODES - 1)
    part.one_of("wave_offline")
    return torch.from_numpy(codes)


def _encode_inputs(part: Part) -> torch.Tensor | None:
    if not part:
        return None
    wave = part.floats("wave", None, None, None)
    if wave.shape[2] not in (1, 2):
        raise UserError(f"{part.path}: wave is {list(wave.shape)}; expected [any, any, 2]")
    part.one_of("emb", "codes")
    return torch.from_numpy(wave)


def _floats(part: Part, tensor: str, ours: torch.Tensor) -> Iterator[Row]:
    """A tensor of floats, where the reference has it."""
    reference, made = part.get(tensor), ours.double().numpy()
    if reference is None:
        return
    unit = "of the largest"
    if made.shape != reference.shape:
        yield Row(part.case, tensor, float("inf"), FLOAT, unit, f"shape {reference.shape}, ours {made.shape}")
        return
    peak = float(np.abs(reference).max(initial=0.0)) or 1.0
    error = float(np.abs(made - reference).max(initial=0.0)) / peak
    yield Row(part.case, tensor, error if error == error else float("inf"), FLOAT, unit)


def _sampler(part: Part) -> Row:
    settings = part.floats("temperature_topk_cfgstyle_cfgnotes", None, 4)
    count = len(settings)
    logits = part.floats("logits", count, 3, None)
    noise, picks = part.floats("gumbel", count, logits.shape[2]), part.whole("pick", count)
    wrong = 0
    for rows, own_noise, expected, (temperature, top_k, style, notes) in zip(
        torch.from_numpy(logits), torch.from_numpy(noise), picks, settings.tolist(), strict=True
    ):
        mixed = rows[0] if style != style else guided(rows, style, notes if notes == notes else 0.0)
        picked = pick_capped(
            mixed[None], own_noise[None], torch.tensor([temperature]), torch.tensor([int(min(top_k, len(mixed)))])
        )
        wrong += int(picked) != int(expected)
    return Row(part.case, "sampler", wrong, 0, f"of {count} codes")


def _stream(part: Part, cond: torch.Tensor, ids: torch.Tensor, lm: LanguageModel, decoder: Decoder) -> Iterator[Row]:
    trace = lm.trace(cond, ids)
    yield from _floats(part, "source", trace.source)
    yield from _floats(part, "temporal_in", trace.embedded)
    yield from _floats(part, "temporal_out", trace.temporal)
    yield from _floats(part, "logits_precap", trace.logits)
    reference = part.get("audio_int16")
    if reference is None:
        return
    if reference.shape != (len(cond), CHUNK, 2):
        expected = f"shape {reference.shape}, ours {(len(cond), CHUNK, 2)}"
        yield Row(part.case, "audio_int16", float("inf"), LSB, "LSB", expected)
        return
    memory, error = decoder.memory(1), 0.0
    for codes, played_there in zip(lm.codes(ids), reference, strict=True):
        wave, memory = decoder(codes[None], memory)
        made = as_int16(played(wave))[0].double().numpy()
        error = float(np.maximum(error, np.abs(made - played_there).max()))  # which keeps what is no number
    yield Row(part.case, "audio_int16", error, LSB, "LSB")


def _encode(part: Part, wave: torch.Tensor, config: Config, salt: str) -> Iterator[Row]:
    encoder = Encoder(config.codec).requires_grad_(False)
    loader = Loader(Invented(encoder_shapes(config), salt, f"{part.case} encoder"))
    load_encoder(loader, encoder)
    loader.finish()
    features = encoder.whole(wave)
    yield from _floats(part, "emb", features)
    if part.get("codes") is not None:
        yield compare_codes(part, encoder, features)


def compare_codes(part: Part, encoder: Encoder, features: torch.Tensor) -> Row:
    """The encoder's codes. Each of the reference's is judged from where those before it lead, so that after a tie the
    further levels can still be compared; ours until they part from the reference's."""
    reference = part.whole("codes", *features.shape[:2], None, least=0, most=CODES - 1)
    levels, books = reference.shape[-1], len(encoder.codebooks)
    if levels > books:
        return Row(part.case, "codes", float("inf"), 0, "of the codes", f"{levels} levels, ours {books}")
    left, wrong, ties, parted = features, 0, 0, torch.zeros(features.shape[:2], dtype=torch.bool)
    ours = encoder.codes(features, levels)
    for level, code in enumerate(torch.from_numpy(reference).unbind(-1)):
        book = encoder.codebooks[level]
        distance = book.square().sum(-1) - 2.0 * left @ book.T
        own = ours[..., level]
        limit = distance.amin(-1) + TIE * distance.abs().max()
        far, too_far = (distance.gather(-1, some[..., None])[..., 0] > limit for some in (code, own))
        other = (own != code) & ~parted
        miss = far | (other & too_far)
        wrong, ties = wrong + int(miss.sum()), ties + int((other & ~miss).sum())
        parted |= other
        left = left - book[code]
    note = f"{ties} are ties" if ties else ""
    return Row(part.case, "codes", wrong, 0, f"of {reference.size} codes", note)


def main(folder: Path) -> int:
    """Print every tensor's largest error beside its tolerance; 1 where one is missed or a set cannot be compared, which
    is said in its line. Raises UserError."""
    missed = count = refused = 0
    for case in cases(folder):
        try:
            for row in check_case(folder, case):
                print(row, flush=True)
                count += 1
                missed += not row.passed
        except UserError as error:
            refused += 1
            print(f"MISS  {error}", flush=True)
    sets = f", {refused} {'set' if refused == 1 else 'sets'} not compared" if refused else ""
    print(
        f"{count} tensors, {missed} missed{sets}"
        if missed or refused
        else f"{count} tensors, all within their tolerance"
    )
    return 1 if missed or refused else 0


if __name__ == "__main__":
    try:
        sys.exit(main(Path(sys.argv[1])))
    except (UserError, IndexError) as problem:
        text = problem if isinstance(problem, UserError) else "expected the folder of golden sets to compare with"
        print(text, file=sys.stderr)
        sys.exit(2)
