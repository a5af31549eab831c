"""What one step of music is written in: eight small symbols per 16th note.

Pitches are written relative to the tonic: the music is always composed in C and transposed when it is played,
so any key costs nothing and is exact.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Symbols = npt.NDArray[np.uint8]  # [steps, STREAMS]

STREAMS = ("low_drums", "high_drums", "bass", "chord", "arp", "lead", "dynamics", "brightness")
LOW, HIGH, BASS, CHORD, ARP, LEAD, DYNAMICS, BRIGHTNESS = range(8)

REST, HOLD = 0, 1  # of the four pitched streams
BASS_LOWEST, BASS_NOTES = 28, 36  # MIDI notes, before transposition
ARP_LOWEST, ARP_NOTES = 48, 48
LEAD_LOWEST, LEAD_NOTES = 55, 42
LEVELS = 8  # of dynamics and of brightness

KICK_NONE, KICK_SOFT, KICK_HARD = range(3)
SNARE_NONE, SNARE_GHOST, SNARE_HIT, SNARE_CLAP = range(4)
HAT_NONE, HAT_SOFT, HAT_HARD, HAT_OPEN = range(4)
PERC_NONE, PERC_SHAKER, PERC_TOM, PERC_BELL, PERC_CRASH, PERC_RIM = range(6)

QUALITIES = ("", "m", "dim", "sus2", "sus4", "maj7", "m7", "7", "m7b5", "add9")
QUALITY_TONES: tuple[tuple[int, ...], ...] = (
    (0, 4, 7),
    (0, 3, 7),
    (0, 3, 6),
    (0, 2, 7),
    (0, 5, 7),
    (0, 4, 7, 11),
    (0, 3, 7, 10),
    (0, 4, 7, 10),
    (0, 3, 6, 10),
    (0, 2, 4, 7),
)

SIZES = (
    12,
    24,
    2 + BASS_NOTES,
    2 + 12 * len(QUALITIES),
    2 + ARP_NOTES,
    2 + LEAD_NOTES,
    LEVELS,
    LEVELS,
)

LOWEST_NOTE = {BASS: BASS_LOWEST, ARP: ARP_LOWEST, LEAD: LEAD_LOWEST}

PARTS = ("drums", "bass", "harmony", "lead")
PART_STREAMS: dict[str, tuple[int, ...]] = {
    "drums": (LOW, HIGH),
    "bass": (BASS,),
    "harmony": (CHORD, ARP),
    "lead": (LEAD,),
}

NOTE_NAMES = ("C", "C#", "D", "D#", "E", "F", "F#", "G", "G#", "A", "A#", "B")

MODES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
    "phrygian": (0, 1, 3, 5, 7, 8, 10),
    "lydian": (0, 2, 4, 6, 7, 9, 11),
    "harmonic_minor": (0, 2, 3, 5, 7, 8, 11),
}
MODE_NAMES = tuple(MODES)


def low_drums(kick: int, snare: int) -> int:
    return kick * 4 + snare


def high_drums(hat: int, perc: int) -> int:
    return hat * 6 + perc


def chord(root: int, quality: int) -> int:
    """The symbol of a chord; root in semitones above the tonic."""
    return 2 + (root % 12) * len(QUALITIES) + quality


def split_low(symbol: int) -> tuple[int, int]:
    return symbol // 4, symbol % 4


def split_high(symbol: int) -> tuple[int, int]:
    return symbol // 6, symbol % 6


def split_chord(symbol: int) -> tuple[int, int]:
    """Root in semitones above the tonic and index of the quality; only for symbols of 2 and above."""
    return (symbol - 2) // len(QUALITIES), (symbol - 2) % len(QUALITIES)


def allowed_in(mode: str) -> list[npt.NDArray[np.bool_]]:
    """For each stream, which symbols stay inside a mode; drums and levels always do."""
    scale = set(MODES[mode])
    allowed = [np.ones(size, dtype=np.bool_) for size in SIZES]
    for stream, lowest in LOWEST_NOTE.items():
        for note in range(SIZES[stream] - 2):
            allowed[stream][2 + note] = (lowest + note) % 12 in scale
    for symbol in range(2, SIZES[CHORD]):
        root, quality = split_chord(symbol)
        allowed[CHORD][symbol] = all((root + tone) % 12 in scale for tone in QUALITY_TONES[quality])
    return allowed


def transposition(key: str) -> int:
    """Semitones from C to the key, folded to -5..6 so that registers stay where they belong."""
    shift = NOTE_NAMES.index(key)
    return shift - 12 if shift > 6 else shift


def text(step: npt.NDArray[np.uint8]) -> str:
    """One step as a line to read and to compare: `K.. h.. C2 Am7 --- E4 5 3`."""
    kick, snare = split_low(int(step[LOW]))
    hat, perc = split_high(int(step[HIGH]))
    words = [".kK"[kick] + ".gSC"[snare], ".hHO"[hat] + ".stbcr"[perc]]
    for stream in (BASS, CHORD, ARP, LEAD):
        symbol = int(step[stream])
        if symbol < 2:
            words.append(("-", "~")[symbol])
        elif stream == CHORD:
            root, quality = split_chord(symbol)
            words.append(NOTE_NAMES[root] + QUALITIES[quality])
        else:
            note = LOWEST_NOTE[stream] + symbol - 2
            words.append(f"{NOTE_NAMES[note % 12]}{note // 12 - 1}")
    return " ".join([*words, str(int(step[DYNAMICS])), str(int(step[BRIGHTNESS]))])
