"""Every patch that ships, played: does it sound as its own words promise?

Levels, spectra and onsets are held against the patch's comments, never against an earlier render: a better sound may
differ in every sample.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from graphflow import Midi
from graphflow.core.library import Library
from graphflow.core.patch_text import read
from graphflow.session import Session
from graphflow.session.offline import render

FOLDER = Path(__file__).parents[2] / "patches"
PATCHES = sorted(FOLDER.glob("*.toml"))
RATE = 48_000
Sound = npt.NDArray[np.float64]
"""[channels, frames]"""


class Played:
    """A patch in lockstep, as `graphflow render` plays it."""

    def __init__(self, file: Path, scratch: Path) -> None:
        self.text, self.scratch = file.read_text(encoding="utf-8"), scratch
        self.said: list[str] = []
        self.session = Session(Library.builtin(), rate=RATE, folder=FOLDER, report=self.said.append, lockstep=True)
        self.edit("", "")

    def edit(self, old: str, new: str) -> None:
        """Play the patch with one word of it changed."""
        patch, problems = read(self.text.replace(old, new))
        assert problems == []
        self.session.play(patch, quant="now")

    def hear(self, seconds: float) -> Sound:
        """The next seconds."""
        sound = np.concatenate(list(render(self.session, round(seconds * RATE)))).T.astype(np.float64)
        assert np.isfinite(sound).all()
        assert np.abs(sound).max() <= 10 ** (-1 / 20) + 1e-4, "the limiter's ceiling is -1 dB"
        assert np.abs(sound.mean(1)).max() < 0.01, "an offset"
        statistics = self.session.engine.statistics()
        assert (statistics.bad_samples, statistics.faults) == (0, ())
        return sound


def level(sound: Sound) -> float:
    """RMS, dB."""
    return float(10.0 * np.log10(np.mean(sound**2) + 1e-20))


def each(sound: Sound, seconds: float) -> list[float]:
    """The level of every so many seconds, dB."""
    long = round(seconds * RATE)
    return [level(sound[:, at : at + long]) for at in range(0, sound.shape[1] - long + 1, long)]


def band(sound: Sound, low: float, high: float) -> float:
    """The level of the sound between two frequencies in Hz, dB."""
    mono = sound.mean(0)
    power = np.abs(np.fft.rfft(mono)) ** 2
    freq = np.fft.rfftfreq(mono.size, 1.0 / RATE)
    inside = power[(freq >= low) & (freq < high)].sum()
    return float(10.0 * np.log10(2.0 * inside / mono.size**2 + 1e-20))


def centroid(sound: Sound) -> float:
    """How bright it is: the spectrum's centre of gravity, Hz."""
    power = np.abs(np.fft.rfft(sound.mean(0))) ** 2
    return float((power * np.fft.rfftfreq(sound.shape[1], 1.0 / RATE)).sum() / power.sum())


def loudest(sound: Sound, low: float, high: float) -> float:
    """The frequency of the strongest partial between two, Hz."""
    power = np.abs(np.fft.rfft(sound.mean(0) * np.hanning(sound.shape[1])))
    freq = np.fft.rfftfreq(sound.shape[1], 1.0 / RATE)
    inside = (freq >= low) & (freq < high)
    return float(freq[inside][np.argmax(power[inside])])


def onsets(sound: Sound) -> tuple[Sound, Sound]:
    """When (s) and how much the spectrum rises, every 5 ms."""
    hop, window = 240, np.hanning(1024)
    mono = np.concatenate([np.zeros(1024), sound.mean(0)])  # what sounds at once has an onset too
    frames = np.lib.stride_tricks.sliding_window_view(mono, 1024)[::hop] * window
    height = np.log1p(np.abs(np.fft.rfft(frames, axis=1)))
    rise = np.maximum(np.diff(height, axis=0), 0.0).sum(1)
    return (np.arange(1, len(frames)) * hop - 512) / RATE, rise


def beat(sound: Sound, period: float, first: float = 0.0) -> float:
    """How much more than elsewhere the spectrum rises at `first` and every `period` after it (s). By chance: 1."""
    at, rise = onsets(sound)
    away = np.abs((at - first + period / 2) % period - period / 2)
    return float(rise[away < 0.025].mean() / rise.mean())


def width(sound: Sound) -> float:
    """The level of what differs between left and right beside what both share, dB; below -100 it is mono."""
    return level((sound[:1] - sound[1:]) / 2.0) - level((sound[:1] + sound[1:]) / 2.0)


# --- what each patch promises ------------------------------------------------------------------------------------------


def first_light(played: Played) -> None:
    """Dusty drums at 84 bpm; a tide, here moved by hand, carries them to a calm sea of pads."""
    beat_length = 60.0 / 84.0
    played.hear(8 * beat_length)  # it may begin with a few bars of introduction
    dusk = played.hear(8 * beat_length)
    assert -30.0 < level(dusk) < -9.0
    assert beat(dusk, beat_length) > 0.1 + max(1.0, beat(dusk, 60.0 / 77.0))
    played.session.set("tide", "low", 1.0)  # the tide is in: all sea
    played.hear(4 * beat_length)  # what dusk has left in echo and hall
    sea = played.hear(8 * beat_length)
    assert -30.0 < level(sea) < -9.0
    assert onsets(sea)[1].sum() < 0.85 * onsets(dusk)[1].sum(), "calm"
    assert band(sea, 4000.0, 16_000.0) < band(dusk, 4000.0, 16_000.0) - 6.0, "the drums stay ashore"
    assert width(sea) > width(dusk) + 2.0, "wide like the sea"


def night_bass(played: Played) -> None:
    """A for four beats, then C for four, in eighth notes at 96 bpm; a filter opens and closes in 10 s."""
    four_beats, eighth = 2.5, 60.0 / 96.0 / 2.0
    bass = played.hear(8 * eighth + four_beats)
    a, c = bass[:, : round(four_beats * RATE)], bass[:, round((four_beats + 0.1) * RATE) :]
    assert loudest(a, 40.0, 80.0) == pytest.approx(55.0, abs=0.5)
    assert loudest(c, 40.0, 80.0) == pytest.approx(65.41, abs=0.5)
    assert -26.0 < level(bass) < -14.0
    assert width(bass) < -100.0
    assert beat(bass, eighth, first=eighth / 2.0) > 1.5  # an lfo's square is up in its second half
    assert centroid(c) > 1.5 * centroid(a[:, :RATE])


def dub_echo(played: Played) -> None:
    """A chord every two seconds, and echoes of it that grow darker and wander from side to side."""
    dub = played.hear(4.0)
    chord = [band(dub, freq - 8.0, freq + 8.0) for freq in (220.0, 261.63, 329.63)]
    gaps = [band(dub, freq - 8.0, freq + 8.0) for freq in (190.0, 241.0, 296.0, 365.0)]
    assert min(chord) > max(gaps) + 6.0, "A, C and E, and nothing between"
    at, rise = onsets(dub)
    chords = [rise[np.abs(at - chord) < 0.03].max() for chord in (0.02, 2.0)]
    between = rise[(at > 0.1) & (at < 1.9)].max()
    assert min(chords) > 2.0 * between
    echoes = [dub[:, round(t * RATE) : round((t + 0.2) * RATE)] for t in (0.375, 0.75, 1.125, 1.5)]
    assert all(b < a for a, b in pairwise(map(level, echoes)))
    treble = [band(echo, 800.0, 4000.0) - level(echo) for echo in echoes]
    assert treble[3] < treble[0] - 6.0
    assert level(echoes[3]) > -45.0, "the loop still sounds after four rounds"
    balance = [level(part[1:]) - level(part[:1]) for part in (echoes[0], dub[:, round(2.6 * RATE) : round(2.9 * RATE)])]
    assert balance[0] < -2.0 and balance[1] > 2.0


def wind(played: Played) -> None:
    """Two gusts, low on the left and high on the right, each swelling at its own speed."""
    gale = played.hear(12.0)
    swell = each(gale, 1.0)
    assert max(swell) - min(swell) > 8.0
    assert swell[6] > swell[3] > swell[0]
    assert 150.0 < centroid(gale) < 1000.0
    assert -12.0 < width(gale) < 3.0
    low, high = gale[:, 5 * RATE : 7 * RATE], gale[:, 10 * RATE :]  # where either gust is at its height
    assert band(low[:1], 150.0, 700.0) > band(low[1:], 150.0, 700.0) + 2.0
    assert band(high[1:], 900.0, 2000.0) > band(high[:1], 900.0, 2000.0) + 2.0
    assert beat(gale, 0.5) < 1.1, "wind has no beat"


def painting(played: Played) -> None:
    """Slow strings and soft piano in the colours of a picture; a darker picture sounds darker."""
    evening = played.hear(5.0)
    assert -28.0 < level(evening) < -10.0
    assert width(evening) > -10.0
    night = played.scratch / "night.png"
    Image.new("RGB", (64, 48), (4, 4, 10)).save(night)
    played.edit("evening.png", night.as_posix())
    played.hear(2.0)
    assert centroid(played.hear(5.0)) < 0.9 * centroid(evening)


def drum_loop(played: Played) -> None:
    """One bar of drums at 120 bpm over and over; a bar dry, a bar drowned in thin echoes."""
    drums = played.hear(8.0)
    once, again = each(drums, 1.0)[:4], each(drums, 1.0)[4:]
    assert np.allclose(once, again, atol=1.0), "what the lfos do comes round every two bars"
    assert beat(drums, 0.125, first=0.015) > 1.5
    assert beat(drums, 0.11) < 1.15
    dry, wet = drums[:, 4 * RATE : 5 * RATE], drums[:, 6 * RATE : 7 * RATE]
    assert centroid(wet) > 3.0 * centroid(dry)
    assert level(dry) > level(wet) + 4.0
    assert -28.0 < level(drums) < -16.0


def drone(played: Played) -> None:
    """A D, its fifth and a bell; it stands still, and never sounds the same twice."""
    ground = played.hear(10.0)
    assert loudest(ground, 50.0, 90.0) == pytest.approx(73.42, abs=0.2)
    assert loudest(ground, 90.0, 130.0) == pytest.approx(110.3, abs=0.2)
    assert loudest(ground, 400.0, 480.0) == pytest.approx(440.6, abs=0.3)
    levels = each(ground[:, RATE:], 1.0)
    assert all(-24.0 < at < -9.0 for at in levels)
    assert max(abs(b - a) for a, b in pairwise(levels)) < 3.0
    assert -25.0 < width(ground) < -3.0
    colours = [band(ground[:, s * RATE : (s + 1) * RATE], 140.0, 700.0) for s in range(1, 10)]
    assert max(colours) - min(colours) > 4.0


def magenta(played: Played) -> None:
    """Without weights: the band is silent and a line says so; a quiet drone on C and G, which comes and goes."""
    drone = played.hear(12.0)
    assert loudest(drone, 50.0, 80.0) == pytest.approx(65.41, abs=0.2)
    assert loudest(drone, 85.0, 115.0) == pytest.approx(98.1, abs=0.2)
    assert all(-40.0 < at < -20.0 for at in each(drone[:, RATE:], 1.0))
    fifths = [band(drone[:, s * RATE : (s + 1) * RATE], 85.0, 115.0) for s in range(1, 12)]
    assert max(fifths) - min(fifths) > 6.0
    assert band(drone, 200.0, 20_000.0) < level(drone) - 30.0
    (line,) = [line for line in played.said if line.startswith("band: ")]
    assert line.endswith("; graphflow models download mrt2-small")
    played.said.remove(line)


def lantern_walk(played: Played) -> None:
    """A tune in D over a walking bass at 92 bpm; a macro that glides makes it brighter; it comes round after 8 bars."""
    beat_length = 60.0 / 92.0
    bars = [played.hear(4 * beat_length) for _ in range(3)]
    assert all(-28.0 < level(bar) < -12.0 for bar in bars)
    assert loudest(bars[0], 50.0, 90.0) == pytest.approx(73.42, abs=0.6)  # D
    assert loudest(bars[2], 80.0, 120.0) == pytest.approx(98.0, abs=0.6)  # G
    first = bars[0][:, : round(beat_length * RATE)]
    assert loudest(first, 250.0, 400.0) == pytest.approx(293.66, abs=2.0)  # the tune begins on D too
    assert beat(np.concatenate(bars, axis=1), beat_length / 2.0, first=0.02) > 1.2
    played.session.macro("colour", 300.0)
    played.hear(20 * beat_length)
    dark = played.hear(4 * beat_length)  # the tune's first bar again
    assert loudest(dark, 50.0, 90.0) == pytest.approx(73.42, abs=0.6)
    assert centroid(dark) < 0.7 * centroid(bars[0])


def open_strings(played: Played) -> None:
    """D, A and C held softly through a filter that breathes; a key that is played on top is heard, and its end too."""
    swell = played.hear(4.0)
    assert level(swell[:, :RATE]) < level(swell[:, 3 * RATE :])
    pad = played.hear(4.0)
    assert -32.0 < level(pad) < -14.0

    def stands_out(freq: float, sound: Sound) -> float:
        return band(sound, freq - 3.0, freq + 3.0) - band(sound, freq - 12.0, freq - 6.0)

    assert min(stands_out(freq, pad) for freq in (146.83, 220.0, 261.63)) > 20.0
    assert stands_out(174.61, pad) < 6.0
    played.session.enter("midi", Midi("on", 1, 53, 100, "keys"))
    played.hear(2.0)
    assert stands_out(174.61, played.hear(2.0)) > 20.0, "the F of the keyboard"
    played.session.enter("midi", Midi("off", 1, 53, 0, "keys"))
    played.hear(5.0)
    assert stands_out(174.61, played.hear(2.0)) < 6.0


PROMISES: dict[str, Callable[[Played], None]] = {
    "01-first-light": first_light,
    "02-night-bass": night_bass,
    "03-dub-echo": dub_echo,
    "04-wind": wind,
    "05-painting": painting,
    "06-drum-loop": drum_loop,
    "07-drone": drone,
    "08-magenta": magenta,
    "09-lantern-walk": lantern_walk,
    "10-open-strings": open_strings,
}


@pytest.mark.parametrize("file", PATCHES, ids=lambda file: file.stem)
def test_a_patch_sounds_as_it_promises(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GRAPHFLOW_HOME", "XDG_DATA_HOME", "MAGENTA_HOME"):
        monkeypatch.setenv(name, str(tmp_path))  # as it sounds to who has downloaded nothing
    assert file.stem in PROMISES, "write what the patch promises to the ear, and hold it against its render here"
    played = Played(file, tmp_path)
    try:
        PROMISES[file.stem](played)
    finally:
        played.session.close()
    assert [line for line in played.said if not line.startswith("compil") and "ready after" not in line] == []
