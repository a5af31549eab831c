"""What the composer knows about each of the twelve genres."""

from __future__ import annotations

from dataclasses import dataclass

from graphflow.models.first_light.style import GENRES

# Rhythms are bars of sixteen letters: X loud, x normal, o soft, . nothing.
# Progressions are degrees of the mode (1 to 7), one per half bar, bar or two bars.


@dataclass(frozen=True)
class Genre:
    tempo: tuple[int, int]  # bpm, the range most of it lives in
    swing: float  # 0 straight to 1 triplets
    modes: dict[str, float]
    progressions: tuple[tuple[int, ...], ...]
    bars_per_chord: tuple[float, ...]
    colour: float  # 0 plain triads to 1 sevenths and ninths
    comping: tuple[str, ...]  # chord attacks; an empty bar holds on
    sustain: bool  # chords ring until the next one
    kicks: tuple[str, ...]
    snares: tuple[str, ...]
    clap: float  # share of pieces whose backbeat is a clap
    hats: tuple[str, ...]
    percs: tuple[str, ...]
    perc: int  # 1 shaker, 2 tom, 3 bell, 5 rim
    drums: float  # share of pieces that have drums at all
    bass: tuple[str, ...]  # names of bass manners
    bass_share: float
    arp: float  # share of sections with an arpeggio
    arp_shapes: tuple[str, ...]
    arp_rates: tuple[int, ...]  # steps per note
    arp_octave: int
    lead: float
    lead_density: float
    lead_octave: int


SPECS: dict[str, Genre] = {
    "ambient": Genre(
        (56, 84), 0.0,
        {"major": 2, "lydian": 3, "dorian": 2, "minor": 2},
        ((1, 4), (1, 6, 4, 1), (1, 5, 4, 4), (6, 4, 1, 5), (1, 3, 4, 4), (1, 2, 1, 4)),
        (1, 2, 2), 0.7,
        ("X...............",), True,
        ("................", "o...............", "o.........o....."),
        ("................", "........o......."), 0.0,
        ("................", "..o...o...o...o.", "....o.......o..."),
        ("................", "......o.......o.", "...o......o....."), 1, 0.3,
        ("drone", "long", "long"), 0.75,
        0.6, ("updown", "random", "up", "gentle"), (2, 2, 4), 1,
        0.55, 0.16, 1,
    ),
    "techno": Genre(
        (126, 140), 0.0,
        {"minor": 4, "phrygian": 3, "dorian": 2},
        ((1,), (1, 1, 1, 6), (1, 2), (1, 1, 7, 1), (1, 1, 4, 1)),
        (1, 2), 0.3,
        ("..x.............", "...x......x.....", "......x.........", "..x..x....x.....", "x...............",
            "...x..x...x..x.."), False,
        ("X...X...X...X...", "X...X...X...X..o", "X...X...X.o.X..."),
        ("................", "....x.......x...", "....X.......X...", "............x..o"), 0.8,
        ("..H...H...H...H.", "o.Ho.oHo.oHo.oHo", "ooHoooHoooHoooHo", "..H...H...H..oH."),
        ("................", "...x..x...x..x..", "x..x..x..x..x...", ".....x....x....x"), 5, 1.0,
        ("rumble", "offbeat", "sixteenth", "acid", "pulse"), 0.95,
        0.45, ("pedal", "fixed", "up", "random"), (1, 1, 2), 0,
        0.25, 0.3, 0,
    ),
    "house": Genre(
        (118, 128), 0.18,
        {"minor": 4, "dorian": 3, "major": 1, "mixolydian": 1},
        ((6, 4), (1, 4), (2, 5, 1, 6), (6, 5, 4, 5), (1, 6, 2, 5), (1, 7, 6, 7), (6, 2, 4, 5)),
        (1, 1, 2), 0.8,
        ("x..x..x.........", "..x...x...x...x.", "x..x....x..x....", "..X..x....X..x..", "x..x..x..x..x.x."), False,
        ("X...X...X...X...", "X...X...X...X.o.", "X...X...X...X..o"),
        ("....X.......X...", "....X..o....X...", "....X.......X.o."), 0.85,
        ("..O...O...O...O.", "o.O.o.O.o.O.o.O.", "x.Oox.Oox.Oox.Oo", "..O..oO...O..oO."),
        ("................", "..x..x....x..x..", "o.o.o.o.o.o.o.o.", "...x....x.....x."), 1, 1.0,
        ("offbeat", "syncopated", "octaves", "garage"), 1.0,
        0.3, ("up", "fixed", "updown"), (2, 1), 0,
        0.4, 0.28, 1,
    ),
    "dnb": Genre(
        (168, 178), 0.0,
        {"minor": 5, "dorian": 2, "phrygian": 2},
        ((1,), (1, 6), (1, 1, 6, 7), (6, 7, 1, 1), (1, 4), (1, 3, 6, 7)),
        (2, 1, 2), 0.6,
        ("X...............", "X.........x.....", "x..x............"), True,
        ("X.........X.....", "X.X.......X.....", "X.........X..x..", "X..x......X....."),
        ("....X.......X...", "....X..o.o..X...", "....X..o....X..o", "....X.o..o..X.o."), 0.0,
        ("x.x.x.x.x.x.x.x.", "x.xox.xox.xox.xo", "xoxoxoxoxoxoxoxo", "x.x.x.O.x.x.x.x."),
        ("................", "..o..o....o..o..", "......x........."), 3, 1.0,
        ("reese", "reese", "jump", "sub"), 1.0,
        0.35, ("up", "updown", "random"), (1, 2), 1,
        0.3, 0.22, 1,
    ),
    "lofi": Genre(
        (70, 90), 0.5,
        {"dorian": 3, "major": 3, "minor": 3, "mixolydian": 1},
        ((2, 5, 1, 6), (1, 6, 2, 5), (4, 3, 2, 1), (1, 4), (6, 2, 5, 1), (4, 5, 3, 6), (1, 3, 4, 4)),
        (1, 1, 0.5, 2), 1.0,
        ("X.........x.....", "X...............", "x.....x.........", "X......x..x.....", "X..x............"), True,
        ("X......x..x.....", "X.........X..x..", "X......X.......o", "X.x.......x....."),
        ("....X.......X...", "....X.......X..o", "....X..o....X..."), 0.2,
        ("x.x.x.x.x.x.x.x.", "x.o.x.o.x.o.x.o.", "..x...x...x...x.", "x.xox.o.x.x.x.oo"),
        ("................", "...o......o.....", "......o........o"), 5, 1.0,
        ("root", "syncopated", "lazy"), 0.95,
        0.25, ("gentle", "up", "updown"), (2, 2), 1,
        0.55, 0.24, 1,
    ),
    "jazz": Genre(
        (96, 168), 0.8,
        {"major": 4, "dorian": 3, "mixolydian": 2, "minor": 1},
        ((2, 5, 1, 6), (2, 5, 1, 1), (1, 6, 2, 5), (3, 6, 2, 5), (1, 4, 1, 5), (4, 7, 3, 6)),
        (1, 1, 0.5), 1.0,
        ("X.....x.........", "......x.......x.", "x.....x...x.....", "..x.......x.....", "x.........x....."), False,
        ("o.......o.......", "................", "o..........o....", "x..............."),
        ("................", "....o.......o...", ".......o......o.", "...o......o....."), 0.0,
        ("x...x.x.x...x.x.", "x...x..xx...x..x", "....x.......x..."),
        ("x...x.x.x...x.x.", "................", "x...x...x...x..."), 3, 0.9,
        ("walking", "walking", "two"), 1.0,
        0.0, ("up",), (2,), 1,
        0.85, 0.5, 1,
    ),
    "chiptune": Genre(
        (130, 172), 0.0,
        {"major": 5, "minor": 3, "mixolydian": 1},
        ((1, 5, 6, 4), (6, 4, 1, 5), (1, 4, 5, 5), (1, 6, 4, 5), (4, 5, 6, 6), (1, 7, 6, 5)),
        (1, 1, 0.5), 0.1,
        ("................", "x...............", "x...x...x...x..."), False,
        ("X...X...X...X...", "X.....X.X.......", "X..X..X.X..X..X."),
        ("....X.......X...", "....X.......X.X.", "....X..x....X..x"), 0.0,
        ("x.x.x.x.x.x.x.x.", "xoxoxoxoxoxoxoxo", "..x...x...x...x."),
        ("................",), 1, 0.95,
        ("octaves", "pulse", "eighth"), 1.0,
        0.9, ("up", "up", "updown"), (1, 1, 2), 1,
        0.9, 0.55, 1,
    ),
    "synthwave": Genre(
        (84, 118), 0.0,
        {"minor": 6, "dorian": 1, "major": 2},
        ((6, 4, 1, 5), (1, 6, 3, 7), (1, 7, 6, 7), (6, 7, 1, 1), (1, 3, 7, 4), (4, 6, 1, 7)),
        (1, 2, 1), 0.3,
        ("X...............", "X.........x.....", "X.....x........."), True,
        ("X...X...X...X...", "X.......X.......", "X......XX......."),
        ("....X.......X...", "....X.......X...", "....X.......X.xx"), 0.2,
        ("x.x.x.x.x.x.x.x.", "xxxxxxxxxxxxxxxx", "..x...x...x...x."),
        ("................", "................", ".......x..x....."), 2, 1.0,
        ("sixteenth", "eighth", "octaves", "gallop"), 1.0,
        0.7, ("up", "updown", "fixed"), (1, 2, 1), 1,
        0.6, 0.3, 1,
    ),
    "trap": Genre(
        (132, 150), 0.0,
        {"minor": 4, "harmonic_minor": 3, "phrygian": 3},
        ((1,), (1, 6), (1, 2), (1, 1, 6, 5), (1, 6, 4, 5), (1, 1, 2, 1)),
        (1, 2, 2), 0.2,
        ("X...............", "X.......x.......", "x.....x........."), True,
        ("X.....X.........", "X.........X.....", "X......X..X.....", "X..X......X....."),
        ("........X.......", "........X.......", "........X......x"), 0.7,
        ("x.x.x.x.x.x.x.x.", "x.x.xxx.x.x.xxxx", "x.xxx.x.x.x.x.xx", "x.x.x.x.xxxxx.x."),
        ("................", "..........x.....", "......x........."), 5, 1.0,
        ("eight08", "eight08"), 1.0,
        0.6, ("random", "fixed", "updown"), (2, 4, 2), 1,
        0.5, 0.25, 1,
    ),
    "orchestral": Genre(
        (66, 116), 0.0,
        {"minor": 4, "major": 3, "harmonic_minor": 2, "dorian": 1, "lydian": 1},
        ((1, 6, 3, 7), (1, 5, 6, 4), (6, 4, 1, 5), (1, 4, 6, 5), (1, 3, 4, 5), (1, 7, 6, 5)),
        (1, 2, 1), 0.15,
        ("X...............", "X.......x.......", "X..x..x.x..x..x."), True,
        ("X...............", "X.......x.......", "X.....x.X......."),
        ("................", "................", "............o.o."), 0.0,
        ("................",),
        ("................", "x.......x.......", "x..x..x.x..x..x."), 2, 0.5,
        ("long", "strings", "pedal"), 0.95,
        0.65, ("alberti", "up", "ostinato"), (2, 1, 2), 1,
        0.75, 0.24, 1,
    ),
    "funk": Genre(
        (94, 116), 0.22,
        {"dorian": 4, "mixolydian": 4, "minor": 2},
        ((1,), (1, 4), (1, 1, 4, 1), (2, 5), (1, 7, 4, 1)),
        (1, 2, 1), 0.9,
        ("..x..x....x..x..", "...x..x....x..x.", "x..x..x...x...x.", ".x..x...x..x....", "....x..x....x..x"), False,
        ("X..x..X...x..x..", "X.X...x...X.....", "X.....X..xX....."),
        ("....X..o.o..X..o", "....X..o....X.o.", "....Xo.o.o.oX..."), 0.1,
        ("xoxoxoxoxoxoxoxo", "x.xox.xox.xox.xO", "xxxxxxxxxxxxxxxx"),
        ("................", "..x...x...x...x.", "x..x..x...x..x.."), 3, 1.0,
        ("funk", "funk", "syncopated"), 1.0,
        0.2, ("fixed", "up"), (1, 2), 0,
        0.5, 0.38, 1,
    ),
    "piano": Genre(
        (60, 104), 0.08,
        {"major": 4, "minor": 4, "lydian": 1, "dorian": 1},
        ((1, 5, 6, 4), (6, 4, 1, 5), (1, 3, 4, 5), (4, 5, 3, 6), (1, 6, 4, 5), (2, 5, 1, 1)),
        (1, 1, 0.5, 2), 0.45,
        ("X...............", "X.......x.......", "x...x...x...x..."), True,
        ("................",),
        ("................",), 0.0,
        ("................",),
        ("................",), 1, 0.06,
        ("left_hand", "long", "left_hand"), 0.95,
        0.6, ("alberti", "gentle", "updown", "up"), (2, 2, 1), 0,
        0.85, 0.32, 1,
    ),
}  # fmt: skip

assert tuple(SPECS) == GENRES

# How much each mood pulls towards each mode.
MOOD_MODES: dict[str, dict[str, float]] = {
    "dark": {"minor": 4, "phrygian": 4, "harmonic_minor": 3},
    "happy": {"major": 6, "mixolydian": 2, "lydian": 1},
    "calm": {"major": 3, "dorian": 1, "lydian": 1},
    "energetic": {"minor": 1, "mixolydian": 1, "major": 1},
    "dreamy": {"lydian": 3, "dorian": 2, "major": 1},
    "aggressive": {"phrygian": 4, "minor": 3, "harmonic_minor": 2},
}
