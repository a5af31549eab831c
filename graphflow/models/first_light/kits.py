"""The drum sounds: eight kits, each hit in a few takes, made by formula when the generator opens."""

from __future__ import annotations

import hashlib
import os
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

Wave = npt.NDArray[np.float64]

SOUNDS = ("kick", "snare", "ghost", "clap", "hat", "open", "shaker", "tom", "bell", "crash", "rim")
KITS = ("electro", "eight", "acoustic", "dusty", "chip", "cinema", "breaks", "gated")
TAKES = 3  # of every sound, played in turn


@dataclass(frozen=True)
class Samples:
    """All hits in one array; at[kit, sound, take] = start and end."""

    wave: npt.NDArray[np.float32]
    at: npt.NDArray[np.int64]  # [kits, sounds, TAKES, 2]


def _time(seconds: float, rate: int) -> Wave:
    frames = -(-int(seconds * rate) // 960) * 960  # lengths that the FFT likes
    return np.arange(frames, dtype=np.float64) / rate


def _coloured(n: int, low: float, high: float, rng: np.random.Generator, rate: int, slope: float = 0.0) -> Wave:
    """Noise between two frequencies with soft edges; slope in dB per octave above low."""
    lines = np.fft.rfft(rng.standard_normal(n))
    f = np.fft.rfftfreq(n, 1.0 / rate) + 1e-9
    shape = 1.0 / (1.0 + (low / f) ** 4) / (1.0 + (f / high) ** 4)
    shape = shape * np.maximum(f / low, 1.0) ** (slope / 6.02)
    wave = np.fft.irfft(lines * shape, n=n)
    return np.asarray(wave / (np.abs(wave).max() + 1e-9))


def _body(t: Wave, end: float, sweep: float, sweep_time: float, decay: float) -> Wave:
    """A sine that falls to end Hz from sweep times as high."""
    phase = end * t + end * (sweep - 1.0) * sweep_time * (1.0 - np.exp(-t / sweep_time))
    return np.asarray(np.sin(2 * np.pi * phase) * np.exp(-t / decay))


def _kick(
    rate: int, rng: np.random.Generator, end: float, sweep: float, fall: float, decay: float, click: float, drive: float
) -> Wave:
    t = _time(decay * 5 + 0.05, rate)
    wave = _body(t, end, sweep * rng.uniform(0.97, 1.03), fall, decay) * np.minimum(1.0, t / 0.0008)
    wave = np.tanh(wave * (1 + drive)) / np.tanh(1 + drive)
    noise = _coloured(len(t), 1500, 9000, rng, rate) * np.exp(-t / 0.004)
    return np.asarray(wave + click * noise)


def _snare(
    rate: int, rng: np.random.Generator, tone: float, ring: float, decay: float, body: float, low: float, high: float
) -> Wave:
    t = _time(decay * 5 + 0.08, rate)
    tone *= rng.uniform(0.985, 1.015)
    shell = _body(t, tone, 1.4, 0.012, ring) + 0.6 * _body(t, tone * 1.72, 1.2, 0.01, ring * 0.7)
    wires = _coloured(len(t), low, high, rng, rate) * (np.exp(-t / decay) * 0.8 + 0.5 * np.exp(-t / (decay * 0.25)))
    return np.asarray(body * shell + wires * (1.0 - 0.35 * body))


def _clap(rate: int, rng: np.random.Generator, low: float, high: float, decay: float) -> Wave:
    t = _time(decay * 5 + 0.08, rate)
    env = np.zeros_like(t)
    for hand in range(4):
        at = hand * rng.uniform(0.009, 0.012)
        long = decay if hand == 3 else 0.005
        env += np.where(t >= at, np.exp(-np.maximum(t - at, 0) / long), 0.0) * (1.0 if hand == 3 else 0.8)
    return np.asarray(_coloured(len(t), low, high, rng, rate) * env)


def _metal(rate: int, rng: np.random.Generator, decay: float, low: float, ringing: float, tail: float = 0.0) -> Wave:
    t = _time(min(2.2, decay * 5 + 0.03), rate)
    wave = _coloured(len(t), low, 16000, rng, rate, 2.0) * (1.0 - ringing)
    if ringing > 0:
        square = np.zeros_like(t)
        for f in (205.3, 304.4, 369.6, 522.7, 540.0, 800.0):  # six beating squares, as analogue cymbals have
            square += np.sign(np.sin(2 * np.pi * (f * 10.1 * rng.uniform(0.995, 1.005) * t + rng.random())))
        lines = np.fft.rfft(square)
        f_ = np.fft.rfftfreq(len(t), 1.0 / rate) + 1e-9
        ring = np.fft.irfft(lines / (1.0 + (low / f_) ** 6) / (1.0 + (f_ / 15000) ** 6), n=len(t))
        wave = wave + ringing * ring / (np.abs(ring).max() + 1e-9)
    env = np.exp(-t / decay) + tail * np.exp(-t / (decay * 4))
    return np.asarray(wave * env * np.minimum(1.0, t / 0.0004))


def _tom(rate: int, rng: np.random.Generator, end: float, decay: float, skin: float) -> Wave:
    t = _time(decay * 5 + 0.05, rate)
    wave = _body(t, end * rng.uniform(0.96, 1.04), 1.5, 0.03, decay) + 0.4 * _body(
        t, end * 1.59, 1.3, 0.02, decay * 0.6
    )
    return np.asarray(wave + skin * _coloured(len(t), 300, 5000, rng, rate) * np.exp(-t / 0.02))


def _rung(rate: int, rng: np.random.Generator, tones: tuple[float, ...], decay: float, noise: float) -> Wave:
    t = _time(decay * 5 + 0.03, rate)
    wave = sum(
        np.sin(2 * np.pi * f * rng.uniform(0.998, 1.002) * t) * np.exp(-t / (decay * (1.0 - 0.1 * i)))
        for i, f in enumerate(tones)
    )
    return np.asarray(wave / len(tones) + noise * _coloured(len(t), 2000, 9000, rng, rate) * np.exp(-t / 0.006))


def _steps(wave: Wave, hold: int, levels: int) -> Wave:
    """A wave as an old chip or sampler would hold it."""
    held = np.repeat(wave[::hold], hold)[: len(wave)]
    return np.asarray(np.round(held * levels) / levels)


def _chip_noise(rate: int, rng: np.random.Generator, decay: float, hold: int) -> Wave:
    t = _time(decay * 5 + 0.02, rate)
    noise = np.repeat(rng.choice([-1.0, 1.0], len(t) // hold + 1), hold)[: len(t)]
    return np.asarray(noise * np.round(np.exp(-t / decay) * 15) / 15)


def _chip_tone(rate: int, start: float, end: float, decay: float) -> Wave:
    t = _time(decay * 5, rate)
    phase = end * t + (start - end) * 0.03 * (1 - np.exp(-t / 0.03))
    wave = 2 * np.abs(2 * (phase % 1.0) - 1) - 1
    return np.asarray(wave * np.round(np.exp(-t / decay) * 15) / 15)


def _kit(name: str, rate: int, rng: np.random.Generator) -> dict[str, Callable[[], Wave]]:
    k, s, c, m, tom, ring = _kick, _snare, _clap, _metal, _tom, _rung
    shaker: Callable[[], Wave] = lambda: _coloured(3840, 5000, 13000, rng, rate) * np.hanning(3840) ** 2  # noqa: E731
    kits: dict[str, dict[str, Callable[[], Wave]]] = {
        "electro": {
            "kick": lambda: k(rate, rng, 49, 5.5, 0.022, 0.16, 0.25, 1.2), "snare": lambda: s(rate, rng, 190, 0.07,
                0.11, 0.7, 900, 11000),
            "ghost": lambda: s(rate, rng, 190, 0.04, 0.05, 0.5, 1200, 8000), "clap": lambda: c(rate, rng, 800, 5500,
                0.11),
            "hat": lambda: m(rate, rng, 0.028, 7000, 0.5), "open": lambda: m(rate, rng, 0.16, 6500, 0.5),
                "shaker": shaker,
            "tom": lambda: tom(rate, rng, 92, 0.16, 0.1), "bell": lambda: ring(rate, rng, (562, 845), 0.09, 0.2),
            "crash": lambda: m(rate, rng, 0.5, 4000, 0.4, 0.2), "rim": lambda: ring(rate, rng, (1650, 480), 0.014,
                0.4)},
        "eight": {
            "kick": lambda: k(rate, rng, 46, 4.0, 0.03, 0.24, 0.2, 0.8), "snare": lambda: s(rate, rng, 185, 0.05,
                0.09, 0.6, 1500, 12000),
            "ghost": lambda: s(rate, rng, 185, 0.03, 0.04, 0.4, 1500, 9000), "clap": lambda: c(rate, rng, 1000, 6500,
                0.13),
            "hat": lambda: m(rate, rng, 0.018, 8000, 0.75), "open": lambda: m(rate, rng, 0.2, 7500, 0.75),
                "shaker": shaker,
            "tom": lambda: tom(rate, rng, 80, 0.22, 0.03), "bell": lambda: ring(rate, rng, (540, 800), 0.12, 0.1),
            "crash": lambda: m(rate, rng, 0.5, 5000, 0.6, 0.2), "rim": lambda: ring(rate, rng, (1700, 455), 0.012,
                0.5)},
        "acoustic": {
            "kick": lambda: k(rate, rng, 58, 2.2, 0.012, 0.11, 0.18, 0.3), "snare": lambda: s(rate, rng, 205, 0.09,
                0.12, 0.55, 1100, 9000),
            "ghost": lambda: s(rate, rng, 215, 0.04, 0.05, 0.4, 1300, 7000), "clap": lambda: c(rate, rng, 700, 5000,
                0.06),
            "hat": lambda: m(rate, rng, 0.04, 6500, 0.15), "open": lambda: m(rate, rng, 0.22, 5800, 0.15),
                "shaker": shaker,
            "tom": lambda: tom(rate, rng, 115, 0.2, 0.25), "bell": lambda: m(rate, rng, 0.28, 4200, 0.35, 0.15),
            "crash": lambda: m(rate, rng, 0.55, 3000, 0.12, 0.3), "rim": lambda: ring(rate, rng, (1150, 530, 2300),
                0.02, 0.5)},
        "cinema": {
            "kick": lambda: tom(rate, rng, 52, 0.45, 0.15), "snare": lambda: s(rate, rng, 170, 0.12, 0.22, 0.5, 900,
                8000),
            "ghost": lambda: s(rate, rng, 180, 0.05, 0.09, 0.3, 1000, 7000), "clap": lambda: c(rate, rng, 500, 4000,
                0.2),
            "hat": lambda: m(rate, rng, 0.06, 6500, 0.1), "open": lambda: m(rate, rng, 0.4, 5000, 0.1),
                "shaker": shaker,
            "tom": lambda: tom(rate, rng, 74, 0.45, 0.2), "bell": lambda: ring(rate, rng, (2100, 3150, 5400), 0.4,
                0.05),
            "crash": lambda: m(rate, rng, 0.8, 2500, 0.1, 0.5), "rim": lambda: ring(rate, rng, (900, 430, 1900),
                0.03, 0.4)},
        "chip": {
            "kick": lambda: _chip_tone(rate, 420, 52, 0.07), "snare": lambda: _chip_noise(rate, rng, 0.055, 4),
            "ghost": lambda: _chip_noise(rate, rng, 0.025, 4), "clap": lambda: _chip_noise(rate, rng, 0.07, 5),
            "hat": lambda: _chip_noise(rate, rng, 0.012, 2), "open": lambda: _chip_noise(rate, rng, 0.06, 2),
            "shaker": lambda: _chip_noise(rate, rng, 0.01, 2), "tom": lambda: _chip_tone(rate, 300, 110, 0.08),
            "bell": lambda: _chip_tone(rate, 880, 880, 0.05), "crash": lambda: _chip_noise(rate, rng, 0.25, 3),
            "rim": lambda: _chip_noise(rate, rng, 0.008, 6)},
    }  # fmt: skip
    if name == "breaks":
        return {
            "kick": lambda: k(rate, rng, 66, 2.6, 0.012, 0.09, 0.3, 1.5),
            "snare": lambda: np.asarray(np.tanh(1.8 * s(rate, rng, 228, 0.07, 0.1, 0.7, 1000, 11000))),
        }
    if name == "gated":

        def gated() -> Wave:
            wave = s(rate, rng, 170, 0.12, 0.5, 0.6, 700, 9000)[: int(0.3 * rate)]
            gate = np.clip((0.24 - np.arange(len(wave)) / rate) / 0.03, 0.0, 1.0)
            return np.asarray(np.tanh(1.6 * wave) * gate)

        return {"snare": gated, "kick": lambda: k(rate, rng, 54, 3.5, 0.02, 0.17, 0.3, 1.0)}
    return kits[name]


_LEVEL = {
    "kick": 0.66, "snare": 0.62, "ghost": 0.2, "clap": 0.55, "hat": 0.28, "open": 0.28, "shaker": 0.22, "tom": 0.6,
    "bell": 0.22, "crash": 0.36, "rim": 0.32,
}  # fmt: skip


_FROM = {"dusty": "acoustic", "breaks": "acoustic", "gated": "electro"}  # what a kit does not make, it borrows


def render(rate: int) -> Samples:
    """Every kit and take. Takes about a second; the same on every machine for one seed."""
    waves: list[npt.NDArray[np.float32]] = []
    made: dict[int, npt.NDArray[np.float32]] = {}  # by where they start
    at = np.zeros((len(KITS), len(SOUNDS), TAKES, 2), dtype=np.int64)
    place = 0

    def keep(wave: npt.NDArray[np.float32], k: int, s: int, take: int) -> None:
        nonlocal place
        waves.append(wave)
        made[place] = wave
        at[k, s, take] = place, place + len(wave)
        place += len(wave)

    for k, kit in sorted(enumerate(KITS), key=lambda pair: pair[1] in _FROM):
        for s, sound in enumerate(SOUNDS):
            takes = 1 if sound == "crash" else TAKES
            for take in range(takes):
                makers = _kit(kit, rate, np.random.default_rng((k, s, take))) if kit != "dusty" else {}
                if sound in makers:
                    wave = makers[sound]()
                    wave[-480:] *= np.linspace(1.0, 0.0, 480)
                    wave = wave / (np.abs(wave).max() + 1e-9) * _LEVEL[sound]
                    keep(np.append(wave, 0.0).astype(np.float32), k, s, take)
                elif kit == "dusty":
                    start = at[KITS.index("acoustic"), s, take, 0]
                    source = made[int(start)]
                    keep(_steps(source.astype(np.float64), 3, 48).astype(np.float32) * np.float32(0.95), k, s, take)
                else:
                    at[k, s, take] = at[KITS.index(_FROM[kit]), s, take]
            at[k, s, takes:] = at[k, s, 0]
    return Samples(np.concatenate(waves), at)


def _cache_folder() -> Path:
    """The same places as the engine's kernels have."""
    if chosen := os.environ.get("GRAPHFLOW_CACHE"):
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "graphflow" / "cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "graphflow"
    return Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "graphflow"


@cache
def kept(rate: int) -> Samples:
    """The drum kits, from the user's cache folder where they were kept the last time.

    Making them takes about a second, and a worker that comes back after a crash has little time.
    """
    name = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:16]
    path = _cache_folder() / f"first-light-kits-{name}-{rate}.npz"
    try:
        with np.load(path, allow_pickle=False) as stored:
            return Samples(stored["wave"], stored["at"])
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        pass  # not kept yet, or kept half
    samples = render(rate)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_name(f"{path.stem}-{os.getpid()}.npz")
        np.savez(fresh, wave=samples.wave, at=samples.at)
        fresh.replace(path)
    except OSError:
        pass  # a read-only home only costs the next start a second
    return samples
