"""A model in memory: language model, codec, and what they are."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from graphflow.core.errors import UserError
from graphflow.models.magenta.codec.decoder import Decoder, played
from graphflow.models.magenta.codec.encoder import Encoder
from graphflow.models.magenta.codec.spectrum import synthesise
from graphflow.models.magenta.config import Config
from graphflow.models.magenta.lm import LanguageModel
from graphflow.models.magenta.precision import Precision, apply, choose
from graphflow.models.magenta.seam import CapturedSeam, Seam
from graphflow.models.magenta.step import CapturedStep, Step
from graphflow.models.magenta.weights import Loader, Source, load_decoder, load_encoder, load_lm

MACOS = (14, 0)
"""Before it Apple's GPU had no Fourier transform and no bfloat16."""


@dataclass
class Model:
    """Weights on a device. `fingerprint` tells which: snapshots belong to one."""

    config: Config
    lm: LanguageModel
    decoder: Decoder
    encoder: Encoder | None
    device: torch.device
    precision: Precision
    fingerprint: str
    folder: Path | None = None

    def step(self, slots: int = 1) -> Step:
        """The fastest step there is for the device."""
        if self.device.type == "cpu":
            from graphflow.models.magenta.cpu import CpuStep  # numba, which no other device needs

            return CpuStep(self.lm, self.decoder, slots, self.device)
        kind = CapturedStep if self.device.type == "cuda" else Step
        return kind(self.lm, self.decoder, slots, self.device)

    def seam(self) -> Seam:
        """What makes a seam's sound on the device."""
        return CapturedSeam(self) if self.device.type == "cuda" else Seam(self)

    def synthesise(self, spectra: Tensor, tail: Tensor) -> tuple[Tensor, Tensor]:
        return synthesise(spectra, tail)

    @torch.inference_mode()
    def sound_after(self, codes: Tensor, memory: list[Tensor]) -> Tensor:
        """The sound [1920, 2] that one slot's codec memory goes on with when it is given `codes` [1, levels]."""
        wave, _ = self.decoder(codes, memory)
        return played(wave)[0]

    def __str__(self) -> str:
        return f"{self.config}; {self.precision} on {self.device}, {self.fingerprint}"


def build(
    config: Config, source: Source, encoder_source: Source | None, device: str = "auto", precision: str = "auto"
) -> Model:
    """Make the modules, fill them, bring them to the device. Raises UserError.

    Tensor by tensor, in the end's precision, so that no second copy of the weights is needed.
    """
    target = device_named(device)
    chosen = choose(precision, target, config)
    loader = Loader(source)
    try:
        with torch.inference_mode(False), torch.no_grad():
            lm, decoder = LanguageModel(config), Decoder(config.codec)
            encoder = Encoder(config.codec) if encoder_source is not None else None
            for module in (lm, decoder, encoder):
                if module is not None:
                    module.requires_grad_(False)
            apply(lm, decoder, chosen, target)
            load_lm(loader, lm)
            load_decoder(loader, decoder)
            loader.finish()
            if target.type == "cuda":  # what cuDNN's fast kernels want; it would convert each time
                decoder.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
            if encoder is not None and encoder_source is not None:
                hearing = Loader(encoder_source)
                load_encoder(hearing, encoder)
                hearing.finish()
                encoder.to(target)
    except torch.OutOfMemoryError as error:
        raise UserError(
            f'{config.name} in {chosen} does not fit into the memory of {target}; choose device = "cpu", a smaller '
            'model or precision = "int8"'
        ) from error
    return Model(config, lm, decoder, encoder, target, chosen, fingerprint(config, loader))


def fingerprint(config: Config, loader: Loader) -> str:
    """Which weights these are: the sizes and some numbers of every tensor."""
    digest = hashlib.sha256(repr(config).encode())
    for name in sorted(loader.samples):
        digest.update(name.encode() + loader.samples[name])
    return f"{config.name or 'model'}-{digest.hexdigest()[:12]}"


def device_named(name: str) -> torch.device:
    """The device that a setting means. Raises UserError."""
    if name.startswith(("tpu", "xla")):
        raise UserError(
            "device is 'tpu'; expected auto, cpu, mps or cuda:N: graphflow runs Magenta RealTime in torch only"
        )
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        usable = torch.backends.mps.is_available() and torch.backends.mps.is_macos_or_newer(*MACOS)
        return torch.device("mps" if usable else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        device = None
    if device is None or device.type not in ("cpu", "mps", "cuda"):
        raise UserError(f"device is {name!r}; expected auto, cpu, mps or cuda:N")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise UserError(f"device is {name!r}, but torch sees {torch.cuda.device_count()} CUDA devices; try auto or cpu")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise UserError("device is 'mps', which this computer has not; try auto or cpu")
    if device.type == "mps" and not torch.backends.mps.is_macos_or_newer(*MACOS):
        raise UserError(f"device is 'mps', which needs macOS {MACOS[0]} or newer here; try auto or cpu")
    return device
