"""Between samples and spectra: 480 bins, 960 samples long, every 480 samples."""

from __future__ import annotations

import torch
from torch import Tensor

LENGTH, HOP = 960, 480
BINS = 480
"""DC to 479; the Nyquist bin is left out."""


def hann(like: Tensor) -> Tensor:
    """The periodic Hann window."""
    return torch.hann_window(LENGTH, dtype=torch.float32, device=like.device)


def analyse(wave: Tensor) -> Tensor:
    """Samples [..., 480 * (n + 1)] to [..., n, 480, 2] (real, imaginary); frame j begins at 480 j."""
    framed = wave.unfold(-1, LENGTH, HOP) * hann(wave)
    return torch.view_as_real(torch.fft.rfft(framed)[..., :BINS])


def synthesise(spectra: Tensor, tail: Tensor) -> tuple[Tensor, Tensor]:
    """Spectra [B, 2, n, 480] (real, imaginary) and the last chunk's tail [B, 480] to samples [B, 480 n] and a tail."""
    padded = torch.nn.functional.pad(spectra, (0, 1))  # while it is real: Apple's GPU pads no complex numbers
    framed = torch.fft.irfft(torch.complex(padded[:, 0], padded[:, 1]), n=LENGTH)
    window = hann(spectra)
    framed = framed * (window / (window.square() + window.roll(HOP).square()))
    first, second = framed[..., :HOP], framed[..., HOP:]
    overlapped = first + torch.cat([tail[:, None], second[:, :-1]], 1)
    return overlapped.flatten(1), second[:, -1]
