"""Does First Light play what it is asked for? Writes bench/first_light.md.

Everything is measured on the audio, except where a row says otherwise. Style is judged by a classifier that has
only ever heard the composer's own pieces, rendered by the same synth bank; its accuracy on held-out pieces and the
score that random notes with the right sound reach are reported beside it.

    python bench/first_light.py            about ten minutes on one core
    python bench/first_light.py --quick    about three
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import time
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

import graphflow.models.first_light as first_light
from graphflow.models import torchaudio_import
from graphflow.models.first_light import style
from graphflow.models.first_light import symbols as sy
from graphflow.models.first_light.balance import loudness, play
from graphflow.models.first_light.composer import Piece, compose
from graphflow.models.first_light.generator import Generator

torchaudio = torchaudio_import.load()
RATE = 48000
Audio = npt.NDArray[np.float32]

PROMPTS: dict[str, tuple[str, ...]] = {
    "ambient": ("floating above the northern lights", "slow drones for meditation"),
    "techno": ("peak time warehouse techno", "hypnotic berlin techno"),
    "house": ("deep house for the dancefloor", "soulful chicago house"),
    "dnb": ("liquid drum and bass", "dark jungle with amen breaks"),
    "lofi": ("dusty lo-fi beats to study to", "chillhop with vinyl crackle"),
    "jazz": ("piano trio in a jazz club", "bebop with walking bass"),
    "chiptune": ("8-bit arcade game", "gameboy chiptune"),
    "synthwave": ("neon night drive synthwave", "80s outrun"),
    "trap": ("trap beat with 808s", "atlanta trap, rolling hats"),
    "orchestral": ("epic orchestral film score", "symphony orchestra"),
    "funk": ("slap bass funk band", "funky clavinet groove"),
    "piano": ("solo piano nocturne", "felt piano, intimate"),
}


def state(text: str = "", **params: Any) -> dict[str, Any]:
    return {"style": {"parts": [{"text": text}] if text else []}, "params": params}


def generate(player: Generator, seconds: float, skip: float = 0.0) -> tuple[Audio, Audio]:
    """Audio [2, n] and stems [4, 2, n], after leaving out the first seconds."""
    chunks, stems, frame = [], [], 0
    while frame < (seconds + skip) * RATE:
        chunks.append(player.step(frame))
        stems.append(player.stems)
        frame += chunks[-1].shape[1]
    at = int(skip * RATE)
    return np.concatenate(chunks, 1)[:, at:], np.concatenate(stems, 2)[:, :, at:]


def bars(player: Generator, count: int, skip: int = 4) -> tuple[Audio, Audio]:
    """Whole bars of 16 steps, after the first ones (the intro)."""
    chunks, stems, frame = [], [], 0
    for n in range((count + skip) * 16):
        chunk = player.step(frame)
        frame += chunk.shape[1]
        if n >= skip * 16:
            chunks.append(chunk)
            stems.append(player.stems)
    return np.concatenate(chunks, 1), np.concatenate(stems, 2)


MELS = torchaudio.transforms.MelSpectrogram(24000, n_fft=1024, hop_length=256, n_mels=48, f_min=30.0)


def features(audio: Audio) -> npt.NDArray[np.float32]:
    """What the classifier hears of a clip: mel levels and their movement, rhythm, loudness, width."""
    clip = torch.from_numpy(audio)
    mono = torchaudio.functional.resample(clip.mean(0), RATE, 24000)
    mel = torch.log(MELS(mono) + 1e-5)  # [48, frames], 93.75 frames per second
    level = loudness(audio)
    level = max(level, -60.0)
    shape = mel - mel.mean()
    flux = torch.relu(mel[:, 1:] - mel[:, :-1])
    bands = torch.stack([flux[a:b].mean(0) for a, b in ((0, 6), (6, 16), (16, 30), (30, 48))])
    rhythm = []
    for band in bands:
        centred = band - band.mean()
        power = float((centred * centred).sum()) + 1e-9
        rhythm += [float((centred[lag:] * centred[:-lag]).sum()) / power for lag in range(8, 104, 4)]
    side = float(np.sqrt(((audio[0] - audio[1]) ** 2).mean()) / (np.sqrt((audio**2).mean()) + 1e-6))
    crest = float(np.log(np.abs(audio).max() / (np.sqrt((audio**2).mean()) + 1e-6) + 1e-6))
    parts = [shape.mean(1), shape.std(1), flux.mean(1), flux.std(1), torch.tensor([*rhythm, level / 10, side, crest])]
    return torch.cat(parts).numpy().astype(np.float32)


class Classifier:
    """Multinomial logistic regression on standardised features."""

    def __init__(self, x: npt.NDArray[np.float32], y: npt.NDArray[np.int64]) -> None:
        torch.manual_seed(1)
        self.mean, self.std = x.mean(0), x.std(0) + 1e-3
        self.line = torch.nn.Linear(x.shape[1], len(style.GENRES))
        data, target = self._ready(x), torch.from_numpy(y)
        optimiser = torch.optim.LBFGS(self.line.parameters(), max_iter=200, line_search_fn="strong_wolfe")

        def closure() -> torch.Tensor:
            optimiser.zero_grad()
            loss = torch.nn.functional.cross_entropy(self.line(data), target)
            loss = loss + 0.02 * (self.line.weight**2).sum()
            loss.backward()
            return loss

        optimiser.step(closure)

    def _ready(self, x: npt.NDArray[np.float32]) -> torch.Tensor:
        return torch.from_numpy(((x - self.mean) / self.std).astype(np.float32)).clamp(-5, 5)

    def chances(self, x: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        with torch.no_grad():
            return torch.softmax(self.line(self._ready(x)), 1).numpy()


def cut(audio: Audio, seconds: float, rng: np.random.Generator) -> Audio:
    frames = int(seconds * RATE)
    start = int(rng.integers(0, max(1, audio.shape[1] - frames)))
    return audio[:, start : start + frames]


def composed(count: int, seconds: float, seed: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """Features and genres of composer pieces that nothing was trained on."""
    x, y = [], []
    for g, genre in enumerate(style.GENRES):
        for n in range(count):
            rng = np.random.default_rng((seed, g, n))
            x.append(features(cut(play(compose(rng, genre, bars=8)), seconds, rng)))
            y.append(g)
            say(f"composer audio, seed {seed}: {genre} {n + 1}/{count}")
    return np.stack(x), np.array(y)


def random_notes(genre: str, rng: np.random.Generator, pool: npt.NDArray[np.uint8]) -> Audio:
    """Steps drawn stream by stream from pieces of all genres: the right sound and tempo, no composition."""
    piece = compose(rng, genre, bars=8)
    drawn = np.stack([rng.choice(pool[:, s], len(piece.symbols)) for s in range(pool.shape[1])], axis=1)
    return play(Piece(**{**vars(piece), "symbols": drawn.astype(np.uint8)}))


def onsets(audio: Audio) -> npt.NDArray[np.float64]:
    """How much louder each 256-frame hop gets, over mel bands; 187.5 values per second."""
    mel = torchaudio.transforms.MelSpectrogram(RATE, n_fft=1024, hop_length=256, n_mels=40)(
        torch.from_numpy(audio.mean(0))
    )
    log = torch.log(mel + 1e-4)
    flux = torch.relu(log[:, 1:] - log[:, :-1]).mean(0).numpy().astype(np.float64)
    return flux - flux.mean()


def heard_tempo(audio: Audio, asked: float) -> float:
    """The tempo whose 16th-note grid fits the onsets best, searched from 25 % below to 25 % above what was asked."""
    envelope = onsets(audio)
    t = np.arange(len(envelope)) * 256.0 / RATE
    best = (-1.0, 0.0)
    for bpm in asked * np.exp(np.linspace(np.log(0.8), np.log(1.25), 1801)):
        fit = sum(abs(np.dot(envelope, np.exp(-2j * np.pi * t * bpm * m / 60.0))) for m in (1, 2, 4))
        best = max(best, (float(fit), float(bpm)))
    return best[1]


def chroma(audio: Audio) -> npt.NDArray[np.float64]:
    """Energy of the twelve pitch classes, 55 Hz to 2 kHz, sum 1."""
    mono = torchaudio.functional.resample(torch.from_numpy(audio.mean(0)), RATE, 12000)
    spectrum = torch.stft(mono, 8192, 2048, window=torch.hann_window(8192), return_complex=True).abs().numpy()
    f = np.fft.rfftfreq(8192, 1.0 / 12000)
    classes = np.zeros(12)
    inside = (f > 55) & (f < 2000)
    pitch = 69 + 12 * np.log2(f[inside] / 440.0)
    near = np.abs(pitch - np.round(pitch)) < 0.3
    energy = (spectrum[inside] ** 1.0).mean(1)
    np.add.at(classes, np.round(pitch[near]).astype(int) % 12, energy[near])
    return np.asarray(classes / classes.sum())


MAJOR = np.array([6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88])  # Krumhansl and Kessler
MINOR = np.array([6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17])


def heard_key(classes: npt.NDArray[np.float64]) -> tuple[int, str]:
    fits = [
        (float(np.corrcoef(np.roll(profile, tonic), classes)[0, 1]), tonic, mode)
        for mode, profile in (("major", MAJOR), ("minor", MINOR))
        for tonic in range(12)
    ]
    return max(fits)[1:]


def decibel(audio: Audio) -> float:
    return float(10 * np.log10((audio.astype(np.float64) ** 2).mean() + 1e-20))


def say(line: str) -> None:
    print(f"\r\x1b[K{line}" if sys.stderr.isatty() else line, end="" if sys.stderr.isatty() else "\n", file=sys.stderr)


Row = tuple[str, str, str]


def styles(args: argparse.Namespace) -> tuple[list[Row], list[str], Classifier]:
    x, y = composed(args.train, args.seconds, 11)
    x2, y2 = composed(args.held_out, args.seconds, 12)
    judge = Classifier(x, y)
    own = judge.chances(x2).argmax(1) == y2
    pool = np.concatenate([compose(np.random.default_rng((13, n)), bars=8).symbols for n in range(60)])
    rng = np.random.default_rng(14)
    random_hits = []
    for g, genre in enumerate(style.GENRES):
        for _ in range(max(1, args.held_out // 2)):
            guess = judge.chances(features(cut(random_notes(genre, rng, pool), args.seconds, rng))[None]).argmax()
            random_hits.append(guess == g)
    hits: dict[str, list[bool]] = {}
    confused: list[str] = []
    for g, genre in enumerate(style.GENRES):
        for prompt in PROMPTS[genre]:
            for seed in range(1, args.seeds + 1):
                player = first_light.open({})
                player.set(state(prompt, seed=seed))
                audio, _ = bars(player, 8)
                guess = int(judge.chances(features(cut(audio, args.seconds, rng))[None]).argmax())
                hits.setdefault(genre, []).append(guess == g)
                if guess != g:
                    confused.append(f"{genre} heard as {style.GENRES[guess]}")
                say(f"style: {prompt} -> {style.GENRES[guess]}")
    every = [hit for genre in hits.values() for hit in genre]
    rows = [
        (
            "style asked for, found by the classifier",
            f"{100 * np.mean(every):.1f} % of {len(every)} clips",
            "chance 8.3 %",
        ),
        ("the classifier itself, on held-out composer audio", f"{100 * own.mean():.1f} % of {len(own)} clips", ""),
        (
            "random notes with the right sound and tempo",
            f"{100 * np.mean(random_hits):.1f} % of {len(random_hits)} clips",
            "",
        ),
    ]
    details = [f"| {genre} | {sum(h)} of {len(h)} |" for genre, h in hits.items()]
    return rows, [*details, "", "Misses: " + ("; ".join(sorted(confused)) or "none") + "."], judge


def tempo_and_key(args: argparse.Namespace) -> list[Row]:
    errors, words = [], []
    for prompt, bpm in (("techno", 131.0), ("house", 122.5), ("funk", 101.0), ("dnb", 170.0), ("trap", 141.0)):
        player = first_light.open({})
        player.set(state(prompt, tempo=bpm, seed=3))
        errors.append(abs(heard_tempo(bars(player, 8)[0], bpm) / bpm - 1.0))
        player = first_light.open({})
        player.set(state(f"{prompt} at {bpm:g} bpm", seed=4))
        words.append(abs(heard_tempo(bars(player, 8)[0], bpm) / bpm - 1.0))
    right, related, inside, notes_inside = 0, 0, [], []
    asked = [("C", "minor"), ("F#", "major"), ("A", "minor"), ("D#", "major"), ("G", "minor"), ("B", "major")]
    prompts = ("lofi", "synthwave", "orchestral", "house")
    for n, (key, mode) in enumerate(asked):
        for m in range(2):
            player = first_light.open({})
            player.set(state(prompts[(n + m) % 4], key=key, mode=mode, drums=False, seed=5 + n))
            pitched: list[bool] = []
            scale = {(t + sy.NOTE_NAMES.index(key)) % 12 for t in sy.MODES[mode]}
            audio, frame = [], 0
            for step in range(16 * 12):
                chunk = player.step(frame)
                frame += chunk.shape[1]
                if step >= 64:
                    audio.append(chunk)
                    pitched += [
                        e.note % 12 in scale for e in player.notes if hasattr(e, "part") and hasattr(e, "velocity")
                    ]
            classes = chroma(np.concatenate(audio, 1))
            tonic, heard = heard_key(classes)
            wanted = sy.NOTE_NAMES.index(key)
            right += (tonic, heard) == (wanted, mode)
            relative = (wanted + 3) % 12 if mode == "minor" else (wanted - 3) % 12
            related += (tonic, heard) in ((wanted, mode), (relative, "major" if mode == "minor" else "minor"))
            inside.append(sum(classes[list(scale)]))
            notes_inside.append(np.mean(pitched) if pitched else 1.0)
            say(f"key: {key} {mode} heard as {sy.NOTE_NAMES[tonic]} {heard}")
    count = 2 * len(asked)
    return [
        (
            "tempo set by the param: largest error of 5",
            f"{100 * max(errors):.2f} %",
            "onset grid fit, 8 bars; the search's step is 0.02 %",
        ),
        ("tempo written in the prompt: largest error of 5", f"{100 * max(words):.2f} %", "same"),
        ("key and mode asked for: heard exactly", f"{right} of {count}", "chroma against Krumhansl profiles"),
        ("heard exactly or as the relative key", f"{related} of {count}", "the same seven notes"),
        (
            "energy of pitch classes inside the scale",
            f"{100 * np.mean(inside):.1f} %",
            "harmonics of notes count as outside",
        ),
        (
            "notes inside the scale, of those played",
            f"{100 * np.mean(notes_inside):.1f} %",
            "counted in the events, not in the audio",
        ),
    ]


def switches() -> list[Row]:
    rows = []
    for part, name in enumerate(sy.PARTS):
        player = first_light.open({})
        player.set(state("house 124 bpm", seed=2))
        _, on = bars(player, 8)
        player.set(state("house 124 bpm", seed=2, **{name: False}))
        frame = player.clock.expected
        after = []
        for n in range(64):
            chunk = player.step(frame)
            frame += chunk.shape[1]
            if n >= 4:
                after.append(player.stems[part])
        rows.append(
            (
                f"{name} switched off",
                f"{decibel(on[part]):.1f} dB to {decibel(np.concatenate(after, 1)):.1f} dB",
                "RMS of its stem, a beat after the switch; -200 is digital silence",
            )
        )
    return rows


def blends(judge: Classifier) -> list[Row]:
    tempos, drums, chances = [], [], []
    places = (0.0, 0.25, 0.5, 0.75, 1.0)
    for place in places:
        loud, chance = [], []
        for seed in (1, 2, 3):
            player = first_light.open({})
            parts = [{"text": "ambient", "weight": 1 - place}, {"text": "techno", "weight": place}]
            player.set({"style": {"parts": parts}, "params": {"seed": seed}})
            audio, stems = bars(player, 6)
            loud.append(max(-60.0, decibel(stems[0])))
            chance.append(float(judge.chances(features(audio)[None])[0, style.GENRES.index("techno")]))
        tempos.append(player.statistics().bpm)
        drums.append(float(np.mean(loud)))
        chances.append(float(np.mean(chance)))
        say(f"blend {place}")

    def row(name: str, values: list[float], unit: str) -> Row:
        shown = [f"{v:.{2 if unit == '' else 0}f}" for v in values]
        rises = all(float(later) >= float(earlier) for earlier, later in pairwise(shown))
        return name, f"{', '.join(shown)} {unit}".rstrip(), "never falls" if rises else "falls somewhere"

    return [
        row("ambient to techno in five places: tempo", tempos, "bpm"),
        row("the same: level of the drums", drums, "dB"),
        row("the same: the classifier's share for techno", chances, ""),
    ]


def levels_and_speed(args: argparse.Namespace) -> list[Row]:
    loud, peaks, speeds = {}, [], {}
    for genre in style.GENRES:
        player = first_light.open({})
        player.set(state(genre, seed=6))
        player.step(0)
        began, wall = time.process_time(), time.perf_counter()
        audio, _ = generate(player, args.speed_seconds)
        speeds[genre] = (
            audio.shape[1] / RATE / (time.process_time() - began),
            audio.shape[1] / RATE / (time.perf_counter() - wall),
        )
        loud[genre] = loudness(audio)
        four = torchaudio.functional.resample(torch.from_numpy(audio), RATE, 4 * RATE)
        peaks.append(20 * np.log10(float(four.abs().max())))
        say(f"level and speed: {genre}")
    slowest = min(speeds, key=lambda g: speeds[g][0])
    softest, loudest = min(loud, key=lambda g: loud[g]), max(loud, key=lambda g: loud[g])
    cpu = [cpu for cpu, _ in speeds.values()]
    player = first_light.open({})
    player.set(state("house", seed=6))
    generate(player, 4.0)
    began = time.perf_counter()
    data = player.snapshot()
    took = time.perf_counter() - began
    fresh = first_light.open({})
    code = "import graphflow.models.first_light as f; g = f.open({}); g.set({}); g.step(0)"
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", code], check=True)
    opened = time.perf_counter() - began
    began = time.perf_counter()
    fresh.restore(data)
    restored = time.perf_counter() - began
    return [
        (
            "RTF on one core, composing and rendering",
            f"{np.mean(cpu):.1f} (slowest {min(cpu):.1f}, {slowest})",
            "seconds of audio per second of CPU time",
        ),
        (
            "the same by the wall clock",
            f"{np.mean([w for _, w in speeds.values()]):.1f}",
            "on a machine that others were using",
        ),
        (
            "loudness over the styles",
            f"{loud[softest]:.1f} ({softest}) to {loud[loudest]:.1f} ({loudest}) LUFS",
            f"aim -16; {args.speed_seconds:.0f} s from the start, intro included",
        ),
        ("highest true peak", f"{max(peaks):.2f} dB", "4 times oversampled; aim below -1"),
        ("a new process, from its start to the first chunk", f"{opened:.2f} s", "loops and kits cached"),
        ("snapshot; restore", f"{1000 * took:.0f} ms; {1000 * restored:.0f} ms", f"{len(data) / 1e6:.1f} MB"),
    ]


def main() -> None:
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--train", type=int, default=10, help="composer clips per style to teach the classifier")
    p.add_argument("--held-out", type=int, default=5, help="composer clips per style to test it")
    p.add_argument("--seeds", type=int, default=3, help="generated clips per prompt, two prompts per style")
    p.add_argument("--seconds", type=float, default=10.0, help="length of a clip")
    p.add_argument("--speed-seconds", type=float, default=20.0)
    p.add_argument("--quick", action="store_true", help="half of everything")
    p.add_argument("-o", "--output", type=Path, default=Path(__file__).with_suffix(".md"))
    args = p.parse_args()
    if args.quick:
        args.train, args.held_out, args.seeds, args.speed_seconds = 6, 2, 1, 10.0
    torch.set_num_threads(1)
    began = time.perf_counter()
    rows, details, judge = styles(args)
    rows += tempo_and_key(args) + switches() + blends(judge) + levels_and_speed(args)
    model = platform.processor()
    if Path("/proc/cpuinfo").exists():
        about = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
        model = about[0].split(":")[1].strip() if about else model
    command = f"python bench/first_light.py{' --quick' if args.quick else ''}"
    lines = [
        "# First Light, measured",
        "",
        f"{date.today()}, {model}, {os.cpu_count()} cores shared with others, Python {platform.python_version()}, "
        f"one thread. Command: `{command}` ({time.perf_counter() - began:.0f} s).",
        "",
        "| question | result | how |",
        "|---|---|---|",
        *(f"| {question} | {result} | {how} |" for question, result, how in rows),
        "",
        "Style by style:",
        "",
        "| asked | found |",
        "|---|---|",
        *details,
        "",
        "Nobody has listened to these clips; the figures say what a classifier, a beat fit and a chroma say. The",
        "classifier learnt from the composer whose music First Light learnt from, so it judges likeness to that",
        "composer and not to recordings of the genre. Prompts use words of the lexicon.",
    ]
    args.output.write_text("\n".join(lines) + "\n", encoding="utf-8")
    print(f"\n{args.output}", file=sys.stderr)


if __name__ == "__main__":
    main()
