"""Mixes First Light: measures how loud every part of every genre is and sets the faders.

Run after any change to instruments, kits or the desk: python -m graphflow.models.first_light.balance [GENRE ...]
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from graphflow.models import torchaudio_import
from graphflow.models.first_light import levels, sound, style
from graphflow.models.first_light import symbols as sy
from graphflow.models.first_light.composer import Piece, compose
from graphflow.models.first_light.performer import Performer, Touch
from graphflow.models.first_light.renderer import Renderer

RATE = 48000
TARGET = -16.0  # LUFS of the whole
PARTS = (-18.0, -20.5, -18.5, -21.5, -18.5)  # LUFS of drums, bass, chord, arp, lead while they play
OFFSETS: dict[str, tuple[float, float, float, float, float]] = {  # dB, what the genre wants otherwise
    "ambient": (-8, -3, 1, 0, 0),
    "techno": (2, 0, -4, -2, -3),
    "house": (1, 0, 0, -1, -1),
    "dnb": (2, 1, -4, -2, -2),
    "lofi": (-1, 0, 1, -2, -1),
    "jazz": (-3, 1, 0, 0, 1),
    "chiptune": (-1, 0, -3, 0, 1),
    "synthwave": (0, 0, 0, 0, 0),
    "trap": (0, 2, -3, -1, -1),
    "orchestral": (-3, -1, 1, 0, 1),
    "funk": (0, 1, -2, -3, 0),
    "piano": (-6, -1, 0, 0, 1),
}
_STREAMS = ((sy.LOW, sy.HIGH), (sy.BASS,), (sy.CHORD,), (sy.ARP,), (sy.LEAD,))


def play(piece: Piece, only: tuple[int, ...] = (), rate: int = RATE) -> npt.NDArray[np.float32]:
    """A composed piece as sound, [2, frames]; with only, the other streams rest."""
    heard = sound.sound(style.vector({**piece.genres, **piece.moods}), 0.5, rate)
    renderer, performer = Renderer(rate), Performer()
    length = 15.0 / piece.tempo * rate
    chunks = []
    at = 0
    for n, step in enumerate(piece.symbols):
        if only:
            rested = np.zeros_like(step)
            rested[list(only)] = step[list(only)]
            rested[[sy.DYNAMICS, sy.BRIGHTNESS]] = step[[sy.DYNAMICS, sy.BRIGHTNESS]]
            step = rested
        end = round((n + 1) * length)
        touch = Touch(length, n % 16, heard.swing, heard.swing_eighths, heard.loose, 0, n, rate)
        renderer.use(heard, 3.0 * length)
        chunks.append(renderer.render(end - at, performer.play(step, touch)))
        at = end
    return np.concatenate(chunks, axis=1)


def loudness(audio: npt.NDArray[np.float32], rate: int = RATE) -> float:
    """Integrated loudness in LUFS (ITU-R BS.1770-4), at 48 kHz; -inf for silence."""
    import torch

    value = float(torchaudio_import.load().functional.loudness(torch.from_numpy(audio), rate))
    return value if math.isfinite(value) else -math.inf


def _with_part(genre: str, streams: tuple[int, ...], count: int) -> list[Piece]:
    """Pieces of a genre in which some streams play; fewer than count where they seldom do."""
    found: list[Piece] = []
    for n in range(40):
        piece = compose(np.random.default_rng((77, n)), genre, bars=16)
        if (piece.symbols[:, list(streams)] > 1).mean() > 0.01:
            found.append(piece)
        if len(found) == count:
            break
    return found


def measure(genre: str, pieces: int = 2) -> tuple[float, ...]:
    """New faders for one genre: five parts and the whole, dB."""
    before = levels.LEVELS[genre]
    flat = list(before[:5])
    levels.LEVELS[genre] = (0.0, 0.0, 0.0, 0.0, 0.0, -24.0)  # far below the limiter
    for part, streams in enumerate(_STREAMS):
        heard = [loudness(play(piece, streams)) + 24.0 for piece in _with_part(genre, streams, pieces)]
        heard = [value for value in heard if value > -math.inf]
        if heard:
            flat[part] = PARTS[part] + OFFSETS[genre][part] - float(np.mean(heard))
    written = [compose(np.random.default_rng((78, n)), genre, bars=16) for n in range(pieces)]
    flat = [float(np.clip(f, -30.0, 30.0)) for f in flat]
    faders = (*flat, 0.0)
    for _ in range(2):  # the tape bends, so once more
        levels.LEVELS[genre] = faders  # type: ignore[assignment]
        whole = float(np.mean([loudness(play(piece)[:, RATE * 8 :]) for piece in written]))
        faders = (*flat, faders[5] + TARGET - whole)
    levels.LEVELS[genre] = faders  # type: ignore[assignment]
    return faders


def main() -> None:
    for genre in sys.argv[1:] or style.GENRES:
        faders = measure(genre)
        print(f"{genre:11s}", *(f"{f:6.1f}" for f in faders), file=sys.stderr)
    path = Path(str(levels.__file__))
    head = path.read_text(encoding="utf-8").split("LEVELS:")[0]
    lines = [f'    "{genre}": ({", ".join(f"{f:.1f}" for f in levels.LEVELS[genre])}),' for genre in style.GENRES]
    kind = "dict[str, tuple[float, float, float, float, float, float]]"
    path.write_text(f"{head}LEVELS: {kind} = {{\n" + "\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
