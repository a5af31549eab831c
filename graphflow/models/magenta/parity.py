"""Whether our model is the official one: every golden set of a folder, tensor by tensor.

A set is CASE_config.json, CASE_stream.npz, CASE_decode.npz, CASE_encode.npz and CASE_sampler.npz (those that are
there), made with the official package from weights that follow a rule (`invented`). docs/magenta.md states the format.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from graphflow.core.errors import UserError
from graphflow.models.magenta.codec.decoder import Decoder, as_int16, played
from graphflow.models.magenta.codec.encoder import Encoder
from graphflow.models.magenta.config import Config
from graphflow.models.magenta.invented import Invented, encoder_shapes, model_shapes
from graphflow.models.magenta.lm import LanguageModel
from graphflow.models.magenta.sampling import guided, pick_capped
from graphflow.models.magenta.weights import Loader, load_decoder, load_encoder, load_lm

FLOAT = 1e-5
"""Largest error of a float tensor, as a share of the reference's largest value."""
LSB = 1
CODES = 0.001
"""Share of encoder codes that may differ: ties between two entries, which the order of a sum decides."""

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class Row:
    """One tensor compared."""

    case: str
    tensor: str
    error: float
    tolerance: float
    unit: str
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


def cases(folder: Path) -> list[str]:
    """The names of a folder's golden sets. Raises UserError where there is none."""
    found = sorted(path.name.removesuffix("_config.json") for path in folder.glob("*_config.json"))
    if not found:
        raise UserError(f"{folder}: no golden set; expected CASE_config.json and CASE_stream.npz, CASE_decode.npz ...")
    return found


def check_folder(folder: Path) -> list[Row]:
    """All sets of a folder. Raises UserError."""
    return [row for case in cases(folder) for row in check_case(folder, case)]


def check_case(folder: Path, case: str) -> Iterator[Row]:
    """One set, tensor by tensor, as they are worked out. Raises UserError."""
    data = json.loads((folder / f"{case}_config.json").read_text())
    config, salt = Config.of(data, case), str(data.get("salt", ""))
    parts = {part: folder / f"{case}_{part}.npz" for part in ("sampler", "stream", "decode", "encode")}
    if not any(path.is_file() for path in parts.values()):
        raise UserError(f"{folder}: {case} has no tensors; expected at least one of {case}_stream.npz, ...")
    with torch.inference_mode():
        if arrays := _arrays(parts["sampler"]):
            yield _sampler(case, arrays)
        stream, decode, encode = (_arrays(parts[part]) for part in ("stream", "decode", "encode"))
        if stream or decode:
            loader = Loader(Invented(model_shapes(config), salt, case))
            decoder = Decoder(config.codec).requires_grad_(False)
            load_decoder(loader, decoder)
            if stream:
                lm = LanguageModel(config).requires_grad_(False)
                load_lm(loader, lm)
                loader.finish()
                yield from _stream(case, lm, decoder, stream)
            if decode:
                wave = decoder.whole(torch.from_numpy(decode["codes"].astype(np.int64)))
                yield _floats(case, "wave_offline", wave, decode["wave_offline"])
        if encode:
            yield from _encode(case, config, salt, encode)


def _arrays(path: Path) -> dict[str, Array]:
    if not path.is_file():
        return {}
    with np.load(path, allow_pickle=False) as stored:
        return {name: stored[name] for name in stored.files}


def _floats(case: str, tensor: str, ours: torch.Tensor, reference: Array) -> Row:
    made = ours.double().numpy()
    if made.shape != reference.shape:
        return Row(case, tensor, float("inf"), FLOAT, "of the largest", f"shape {made.shape}, not {reference.shape}")
    peak = float(np.abs(reference).max()) or 1.0
    error = float(np.abs(made - reference).max()) / peak
    return Row(case, tensor, error if error == error else float("inf"), FLOAT, "of the largest")


def _sampler(case: str, arrays: dict[str, Array]) -> Row:
    wrong = 0
    for rows, noise, expected, settings in zip(
        *(arrays[name] for name in ("logits", "gumbel", "pick", "temperature_topk_cfgstyle_cfgnotes")), strict=True
    ):
        temperature, top_k, style, notes = (float(value) for value in settings)
        logits = torch.from_numpy(rows)
        mixed = logits[0] if style != style else guided(logits, style, notes if notes == notes else 0.0)
        picked = pick_capped(
            mixed[None], torch.from_numpy(noise)[None], torch.tensor([temperature]), torch.tensor([int(top_k)])
        )
        wrong += int(picked) != int(expected)
    return Row(case, "sampler", wrong, 0, f"of {len(arrays['pick'])} codes")


def _stream(case: str, lm: LanguageModel, decoder: Decoder, arrays: dict[str, Array]) -> Iterator[Row]:
    ids = torch.from_numpy(arrays["tokens"].astype(np.int64))
    trace = lm.trace(torch.from_numpy(arrays["cond"].astype(np.int64)), ids)
    yield _floats(case, "source", trace.source, arrays["source"])
    yield _floats(case, "temporal_in", trace.embedded, arrays["temporal_in"])
    yield _floats(case, "temporal_out", trace.temporal, arrays["temporal_out"])
    yield _floats(case, "logits_precap", trace.logits, arrays["logits_precap"])
    memory = decoder.memory(1)
    chunks = []
    for codes in lm.codes(ids):
        wave, memory = decoder(codes[None], memory)
        chunks.append(as_int16(played(wave))[0])
    made = torch.stack(chunks).numpy().astype(np.int32)
    error = int(np.abs(made - arrays["audio_int16"].astype(np.int32)).max())
    yield Row(case, "audio_int16", error, LSB, "LSB")


def _encode(case: str, config: Config, salt: str, arrays: dict[str, Array]) -> Iterator[Row]:
    encoder = Encoder(config.codec).requires_grad_(False)
    loader = Loader(Invented(encoder_shapes(config), salt, f"{case} encoder"))
    load_encoder(loader, encoder)
    loader.finish()
    features = encoder.whole(torch.from_numpy(arrays["wave"]))
    yield _floats(case, "emb", features, arrays["emb"])
    codes = encoder.codes(features).numpy()
    different = float(np.mean(codes != arrays["codes"]))
    yield Row(case, "codes", different, CODES, "of the codes differ")


def main(folder: Path) -> int:
    """Print every tensor's largest error beside its tolerance; 1 where one is missed. Raises UserError."""
    missed = count = 0
    for case in cases(folder):
        for row in check_case(folder, case):
            print(row, flush=True)
            count += 1
            missed += not row.passed
    print(f"{count} tensors, {missed} missed" if missed else f"{count} tensors, all within their tolerance")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
