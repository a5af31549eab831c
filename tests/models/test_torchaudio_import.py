"""torchaudio's DSP works beside any torch, with or without its compiled extension."""

import subprocess
import sys

import numpy as np
import pytest
import torch

from graphflow.models import torchaudio_import

ta = torchaudio_import.load()


def sine(freq, seconds=2.0, rate=48000):
    return torch.sin(2 * torch.pi * freq * torch.arange(int(rate * seconds), dtype=torch.float64) / rate).float()


def test_resampling_keeps_pitch_and_level():
    there = ta.functional.resample(sine(1000.0), 48000, 32000)
    assert there.shape == (64000,)
    spectrum = torch.fft.rfft(there[8000:40000]).abs()
    assert int(spectrum.argmax()) == 1000
    assert float(there[8000:40000].abs().max()) == pytest.approx(1.0, abs=0.01)


def test_the_mel_spectrogram_peaks_where_the_tone_is():
    mel = ta.transforms.MelSpectrogram(48000, n_fft=2048, n_mels=40)
    low, high = (int(mel(sine(f)).mean(1).argmax()) for f in (200.0, 8000.0))
    assert 0 < low < 10 < 25 < high < 40


def test_loudness_reads_the_standards_tone():
    # EBU Tech 3341: 1 kHz in both channels at -23 dBFS reads -23 LUFS
    tone = torch.stack([sine(1000.0, 4.0)] * 2) * 10 ** (-23 / 20)
    assert float(ta.functional.loudness(tone, 48000)) == pytest.approx(-23.0, abs=0.1)


def test_the_compiled_filter_loop_is_torchaudios_own():
    filtering = sys.modules["torchaudio.functional.filtering"]
    noise = torch.from_numpy(np.random.default_rng(1).standard_normal((1, 2, 400)).astype(np.float32))
    coefficients = torch.tensor([[0.2, -0.7, 1.0], [0.1, -0.3, 1.0]])
    ours, theirs = torch.zeros(1, 2, 402), torch.zeros(1, 2, 402)
    torchaudio_import._filter_loop(noise.clone(), coefficients, ours)
    filtering._lfilter_core_generic_loop(noise.clone(), coefficients, theirs)
    assert torch.allclose(ours, theirs, atol=1e-5)


BROKEN = """
import importlib.abc, sys
class Broken(importlib.abc.MetaPathFinder):
    tries = 0
    def find_spec(self, name, path=None, target=None):
        if name == "torchaudio._extension" and Broken.tries == 0:
            Broken.tries += 1
            raise OSError("libc10_cuda.so: cannot open shared object file")
sys.meta_path.insert(0, Broken())
from graphflow.models import torchaudio_import
ta = torchaudio_import.load()
import torch
x = torch.sin(torch.arange(48000) * 0.1).expand(2, -1) * 0.1
print(Broken.tries, ta.functional.resample(x, 48000, 24000).shape[1], bool(ta.functional.loudness(x, 48000) < 0),
      ta.transforms.MelSpectrogram(48000)(x).shape[1])
"""


def test_an_extension_that_does_not_load_is_done_without():
    run = subprocess.run([sys.executable, "-W", "ignore", "-c", BROKEN], capture_output=True, text=True, check=False)
    assert run.stdout.split() == ["1", "24000", "True", "128"], run.stderr
