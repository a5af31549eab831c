"""Hears ten seconds as MusicCoCa does: 992 moments of 128 bands, in logarithm.

Pre-emphasis 0.97 over the whole clip, frames of 25 ms every 10 ms without centring, periodic Hann, FFT of 2048, power,
mel bands without the DC bin, log of that plus 0.001. The bands come from audio_preprocessor.tflite, where public
readers report them to lie as [1024, 128]; which frequencies they span is published nowhere else.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from graphflow.core.errors import UserError
from graphflow.models.magenta.style.tflite_file import TfliteFile

RATE = 16000
CLIP = 10 * RATE  # frames
MOMENTS, BANDS = 992, 128
_FRAME, _HOP, _FFT = 400, 160, 2048
_PRE_EMPHASIS, _FLOOR = 0.97, 1e-3


def read_bands(path: Path) -> npt.NDArray[np.float32]:
    """How much of each FFT bin but DC is in each band, [1024, 128]."""
    file = TfliteFile(path)
    wanted = (_FFT // 2, BANDS)
    found: list[npt.NDArray[Any]] = []
    for graph in file.graphs:
        weights = (file.weight(graph, at) for at, t in enumerate(graph.tensors) if t.shape == wanted)
        found += [w for w in weights if w is not None and w.dtype == np.float32 and w.min() >= 0.0]
    if len(found) != 1:
        raise UserError(f"{path} holds {len(found)} sets of mel bands {list(wanted)}; expected one; download it again")
    return np.array(found[0])


class LogMel:
    """Waveform to log-mel. bands: [1024, 128]."""

    def __init__(self, bands: npt.NDArray[np.float32]) -> None:
        self.bands = torch.from_numpy(bands)
        self.window = torch.hann_window(_FRAME, periodic=True)

    @torch.inference_mode()
    def __call__(self, clip: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """[160000] at 16 kHz -> [992, 128]; a shorter clip is continued with silence, a longer one cut."""
        x = torch.zeros(CLIP)
        x[: min(len(clip), CLIP)] = torch.from_numpy(np.ascontiguousarray(clip[:CLIP], dtype=np.float32))
        x[1:] -= _PRE_EMPHASIS * x[:-1].clone()
        frames = x.unfold(0, _FRAME, _HOP)[:MOMENTS] * self.window
        power = torch.fft.rfft(frames, n=_FFT).abs().square()
        found: npt.NDArray[np.float32] = torch.log(power[:, 1:] @ self.bands + _FLOOR).numpy()
        return found
