"""The instruments of the synth bank, and mixtures of them.

An instrument is two spectra (how it starts, what it becomes), envelopes, a filter and a few noises. All of it can
be mixed: halfway between a piano and an organ is an instrument too.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache

import numpy as np
import numpy.typing as npt

Spectrum = npt.NDArray[np.float64]  # amplitudes of harmonics 1 to HARMONICS

HARMONICS = 512
TABLE = 2048  # frames of a wave
MIPS = 9  # tables per wave: 512, 256 ... 2 harmonics
_N = np.arange(1, HARMONICS + 1, dtype=np.float64)


@dataclass(frozen=True)
class Patch:
    """Everything a note needs besides its waves. Times in s, cutoff in octaves above the note, levels as gains."""

    attack: float = 0.004
    decay: float = 0.5
    sustain: float = 0.7
    release: float = 0.15
    morph: float = 0.3  # s from the first spectrum to the second
    cutoff: float = 5.0
    sweep: float = 0.0  # octaves the filter starts above its resting place
    sweep_time: float = 0.2
    q: float = 0.7
    detune: float = 0.0  # cents between the three oscillators
    spread: float = 0.3  # 0 in the middle to 1 wide
    vibrato: float = 0.0  # semitones
    drop: float = 0.0  # semitones the pitch starts above
    drop_time: float = 0.05
    tine: float = 0.0  # a decaying sine above the note
    tine_ratio: float = 3.0
    tine_time: float = 0.3
    noise: float = 0.0  # hammer or breath
    noise_time: float = 0.02
    drive: float = 0.0
    level: float = 1.0
    feel: float = 0.6  # how much dynamics change the brightness


_TIMES = {
    "attack",
    "decay",
    "release",
    "morph",
    "sweep_time",
    "drop_time",
    "tine_time",
    "noise_time",
    "tine_ratio",
    "q",
}


def _power(p: float) -> Spectrum:
    return np.asarray(_N**-p)


def _only(*pairs: tuple[int, float]) -> Spectrum:
    s = np.zeros(HARMONICS)
    for n, a in pairs:
        s[n - 1] = a
    return s


def _odd(p: float) -> Spectrum:
    return np.where(_N % 2 == 1, _N**-p, 0.0)


def _formant(slope: float, *peaks: tuple[float, float, float]) -> Spectrum:
    """A slope with peaks of (harmonic, width, height)."""
    s = _N**-slope
    for at, width, height in peaks:
        s = s * (1.0 + height * np.exp(-(((_N - at) / width) ** 2)))
    return np.asarray(s)


def _struck(p: float, at: float) -> Spectrum:
    """A string struck or plucked at a share of its length."""
    return np.asarray(np.abs(np.sin(np.pi * _N * at)) * _N**-p + 1e-4 * _N**-1.0)


_ORGAN = _only((1, 1.0), (2, 0.8), (3, 0.55), (4, 0.35), (6, 0.16), (8, 0.14), (12, 0.04), (16, 0.05))

BANK: dict[str, tuple[Spectrum, Spectrum, Patch]] = {
    "grand_piano": (_struck(0.9, 0.122), _struck(1.9, 0.122), Patch(
        0.002, 2.2, 0.0, 0.22, 0.35, 5.2, 1.2, 0.25, 0.6, 1.4, 0.45, noise=0.12, noise_time=0.012, level=1.25,
            feel=1.1)),
    "electric_piano": (_only((1, 1.0), (2, 0.32), (3, 0.16), (4, 0.05), (7, 0.05)), _only((1, 1.0), (2, 0.10), (3,
        0.03)), Patch(
        0.003, 1.8, 0.08, 0.2, 0.3, 4.5, 0.6, 0.2, 0.6, 3.0, 0.7, tine=0.16, tine_ratio=14.0, tine_time=0.09,
            level=1.25, feel=1.2)),
    "organ": (_ORGAN, _ORGAN, Patch(
        0.008, 0.3, 1.0, 0.06, 0.1, 6.0, 0.0, 0.2, 0.6, 2.0, 0.5, vibrato=0.06, noise=0.05, noise_time=0.006,
            level=0.7, feel=0.2)),
    "strings": (_power(1.0), _formant(1.05, (3, 2, 0.5), (9, 5, 0.6)), Patch(
        0.16, 0.8, 0.85, 0.45, 0.4, 3.4, -0.8, 0.35, 0.6, 9.0, 0.9, vibrato=0.10, level=0.9, feel=0.8)),
    "pad": (_power(1.2), _power(1.1), Patch(
        0.55, 2.0, 0.8, 1.4, 1.5, 2.6, -1.0, 1.4, 0.8, 11.0, 1.0, vibrato=0.04, level=0.95, feel=0.5)),
    "pluck": (_power(0.9), _power(1.2), Patch(
        0.002, 0.45, 0.0, 0.25, 0.2, 1.8, 3.0, 0.11, 1.2, 7.0, 0.7, level=1.3, feel=0.9)),
    "bell": (_only((1, 1.0), (2, 0.1), (3, 0.35), (5, 0.2), (8, 0.1)), _only((1, 1.0), (3, 0.1)), Patch(
        0.001, 2.2, 0.0, 1.4, 0.6, 6.0, 0.0, 0.2, 0.6, 1.5, 0.6, tine=0.45, tine_ratio=2.76, tine_time=0.9,
            level=0.9, feel=0.8)),
    "brass": (_power(1.0), _formant(0.85, (4, 3, 0.8)), Patch(
        0.035, 0.5, 0.8, 0.12, 0.1, 3.6, -2.2, 0.06, 0.8, 6.0, 0.5, vibrato=0.10, drop=-0.4, drop_time=0.03,
            level=0.75, feel=1.2)),
    "choir": (_formant(1.5, (3, 1.2, 3.5), (5, 1.5, 2.0), (11, 3, 3.0)), _formant(1.5, (3, 1.2, 3.5), (5, 1.5, 2.0),
        (11, 3, 3.0)), Patch(
        0.3, 1.5, 0.9, 0.9, 0.5, 3.6, -0.5, 0.6, 0.6, 13.0, 1.0, vibrato=0.16, noise=0.05, noise_time=0.5,
            level=0.95, feel=0.4)),
    "saw": (_power(1.0), _power(1.0), Patch(
        0.006, 0.6, 0.75, 0.2, 0.2, 3.2, 1.2, 0.25, 0.9, 11.0, 0.9, vibrato=0.10, level=0.75, feel=0.7)),
    "square": (np.abs(np.sin(np.pi * _N * 0.25)) / _N, _odd(1.0), Patch(
        0.002, 0.3, 0.7, 0.05, 0.12, 7.0, 0.0, 0.2, 0.6, 0.0, 0.0, vibrato=0.14, level=0.8, feel=0.1)),
    "mallet": (_only((1, 1.0), (2, 0.08), (4, 0.4), (10, 0.12)), _only((1, 1.0)), Patch(
        0.001, 0.55, 0.0, 0.4, 0.06, 6.0, 0.0, 0.2, 0.6, 0.0, 0.3, tine=0.15, tine_ratio=9.9, tine_time=0.03,
            noise=0.08,
        noise_time=0.008, level=1.35, feel=0.9)),
    "flute": (_only((1, 1.0), (2, 0.35), (3, 0.12), (4, 0.05)), _only((1, 1.0), (2, 0.22), (3, 0.1), (4, 0.03)),
        Patch(
        0.06, 0.5, 0.85, 0.14, 0.2, 4.0, 0.0, 0.2, 0.6, 0.0, 0.2, vibrato=0.18, noise=0.12, noise_time=0.12,
            level=0.95, feel=0.5)),
    "reed": (_formant(0.9, (3, 2, 1.0), (7, 3, 0.8)), _formant(1.1, (3, 2, 1.0), (6, 3, 0.6)), Patch(
        0.03, 0.5, 0.8, 0.1, 0.2, 3.8, -1.0, 0.05, 0.8, 3.0, 0.2, vibrato=0.18, drop=-0.6, drop_time=0.035,
            noise=0.06,
        noise_time=0.15, level=0.8, feel=1.1)),
    "clav": (_struck(0.55, 0.09), _struck(1.0, 0.09), Patch(
        0.001, 0.5, 0.0, 0.05, 0.12, 4.2, 1.8, 0.09, 1.4, 0.0, 0.2, noise=0.15, noise_time=0.006, level=1.1,
            feel=1.2)),
    "stab": (_power(1.0), _power(1.0), Patch(
        0.002, 0.35, 0.15, 0.16, 0.2, 1.6, 2.2, 0.12, 1.1, 9.0, 0.9, level=1.0, feel=0.8)),
    "sub": (_only((1, 1.0), (2, 0.12), (3, 0.05)), _only((1, 1.0), (2, 0.06)), Patch(
        0.006, 0.8, 0.8, 0.08, 0.2, 4.0, 0.0, 0.2, 0.6, 0.0, 0.0, drive=0.15, level=1.2, feel=0.3)),
    "saw_bass": (_power(1.0), _power(1.0), Patch(
        0.003, 0.35, 0.45, 0.06, 0.2, 2.2, 1.8, 0.12, 1.0, 5.0, 0.15, drive=0.15, level=1.0, feel=0.8)),
    "acid": (_power(1.0), _power(1.0), Patch(
        0.002, 0.3, 0.3, 0.04, 0.2, 1.5, 3.0, 0.12, 5.5, 0.0, 0.0, drive=0.45, level=0.8, feel=1.6)),
    "reese": (_power(1.0), _power(1.0), Patch(
        0.01, 0.8, 0.9, 0.12, 0.3, 3.2, -0.6, 0.5, 1.0, 22.0, 0.5, drive=0.4, level=0.85, feel=0.6)),
    "upright": (_struck(1.0, 0.22), _struck(2.2, 0.22), Patch(
        0.004, 0.7, 0.0, 0.09, 0.12, 3.6, 1.0, 0.08, 0.7, 0.0, 0.05, noise=0.12, noise_time=0.02, level=1.7,
            feel=0.9)),
    "eight08": (_only((1, 1.0), (2, 0.05)), _only((1, 1.0)), Patch(
        0.002, 1.3, 0.0, 0.12, 0.2, 5.0, 0.0, 0.2, 0.6, 0.0, 0.0, drop=9.0, drop_time=0.02, drive=0.55, level=1.6,
            feel=0.3)),
    "slap": (_struck(0.7, 0.11), _struck(1.5, 0.11), Patch(
        0.001, 0.5, 0.12, 0.05, 0.08, 3.0, 2.2, 0.06, 1.2, 0.0, 0.05, noise=0.2, noise_time=0.008, drive=0.2,
            level=1.25, feel=1.2)),
    "triangle": (_odd(2.0), _odd(2.0), Patch(
        0.002, 0.3, 0.8, 0.03, 0.1, 7.0, 0.0, 0.2, 0.6, 0.0, 0.0, level=1.4, feel=0.1)),
    "cello": (_power(1.0), _formant(1.1, (4, 3, 0.7), (10, 4, 0.5)), Patch(
        0.12, 0.8, 0.85, 0.3, 0.3, 3.2, -0.8, 0.3, 0.6, 5.0, 0.4, vibrato=0.12, level=1.1, feel=0.8)),
    "soft_bass": (_power(1.6), _power(2.0), Patch(
        0.008, 0.9, 0.5, 0.12, 0.3, 2.6, 0.5, 0.15, 0.7, 0.0, 0.05, level=1.4, feel=0.6)),
}  # fmt: skip

NAMES = tuple(BANK)


def mixture(weights: Mapping[str, float]) -> Patch:
    """The patch between instruments; times mix by their logarithms."""
    total = sum(weights.values())
    mixed: dict[str, float] = {}
    for field in fields(Patch):
        values = [(getattr(BANK[name][2], field.name), weight / total) for name, weight in weights.items()]
        if field.name in _TIMES:
            mixed[field.name] = math.exp(sum(math.log(value) * weight for value, weight in values))
        else:
            mixed[field.name] = sum(value * weight for value, weight in values)
    return Patch(**mixed)


@cache
def _waves(name: str) -> npt.NDArray[np.float64]:
    """An instrument's two spectra at equal loudness, [2, HARMONICS]."""
    both = np.stack(BANK[name][:2])
    return np.asarray(both / np.sqrt((both**2).sum(1, keepdims=True)))


def tables(weights: Mapping[str, float]) -> npt.NDArray[np.float32]:
    """Band-limited waves of a mixture, [2 (start, later), MIPS, TABLE + 1],
        RMS 0.25; the last frame repeats the first.

    Mip m holds harmonics 1 to 512 / 2**m.
    """
    total = sum(weights.values())
    spectra = np.sum([_waves(name) * (weight / total) for name, weight in weights.items()], axis=0)
    spectra = spectra / np.sqrt((spectra**2).sum(1, keepdims=True))
    lines = np.zeros((2, MIPS, TABLE // 2 + 1), dtype=np.complex128)
    for mip in range(MIPS):
        kept = HARMONICS >> mip
        lines[:, mip, 1 : kept + 1] = -1j * spectra[:, :kept]
    waves = np.fft.irfft(lines, n=TABLE, axis=2) * (TABLE / 2) * (0.25 * math.sqrt(2.0))
    return np.concatenate([waves, waves[:, :, :1]], axis=2).astype(np.float32)


def mip_for(freq: float, rate: float) -> int:
    """The richest table whose harmonics all stay below 0.45 of the rate."""
    wanted = math.ceil(math.log2(max(1.0, HARMONICS * freq / (0.45 * rate))))
    return min(MIPS - 1, max(0, wanted))
