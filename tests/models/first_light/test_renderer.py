"""The synth bank: the same sound however time is cut, band-limited, in tune, quiet when told."""

import numpy as np
import pytest

from graphflow.models.first_light import instruments, kits, style
from graphflow.models.first_light.renderer import Hit, NoteOff, NoteOn, Renderer
from graphflow.models.first_light.sound import sound

RATE = 48000
EVENTS = [
    Hit(0, "kick", 1.0),
    NoteOn(0, "bass", 36, 0.9),
    NoteOn(10, "chord", 60, 0.7),
    NoteOn(10, "chord", 64, 0.7),
    Hit(3000, "hat", 0.6),
    NoteOn(6000, "lead", 76, 0.8),
    Hit(6000, "open", 0.8),
    NoteOff(9000, "chord"),
    Hit(12000, "snare", 0.9),
    NoteOn(12001, "arp", 72, 0.5, 0.3),
    NoteOff(15000, "lead"),
]


def renderer(genre="synthwave"):
    it = Renderer(RATE)
    it.use(sound(style.vector({genre: 1.0}), 0.5, RATE), 9000.0)
    return it


def test_cutting_time_differently_changes_no_sample():
    whole = renderer().render(20000, EVENTS)
    pieces, it, at = [], renderer(), 0
    for size in (1, 7, 2992, 3000, 13, 5987, 3000, 5000):
        inside = [type(e)(**{**vars(e), "offset": e.offset - at}) for e in EVENTS if at <= e.offset < at + size]
        pieces.append(it.render(size, inside))
        at += size
    assert at == 20000
    assert np.array_equal(whole, np.concatenate(pieces, axis=1))


@pytest.mark.parametrize("genre", style.GENRES)
def test_every_genre_sounds_and_stays_below_the_ceiling(genre):
    it = renderer(genre)
    audio = np.concatenate([it.render(24000, EVENTS if n < 3 else []) for n in range(4)], axis=1)
    assert np.isfinite(audio).all()
    assert 0.02 < np.abs(audio).max() < 0.81
    assert np.abs(it.stems).max() < 1.0


@pytest.mark.parametrize("note", [33, 57, 81, 93])
def test_notes_are_in_tune_and_do_not_alias(note):
    it = renderer()
    it.patches["lead"] = instruments.Patch(attack=0.001, sustain=1.0, cutoff=9.0, detune=0.0)
    it.tables[0] = instruments.tables({"saw": 1.0})
    it.slot_of["lead"] = 0
    it.render(24000, [NoteOn(0, "lead", note, 0.8)])
    it.render(48000)
    spectrum = np.abs(np.fft.rfft(it.stems[3, 0] * np.hanning(48000)))
    freq = 440.0 * 2 ** ((note - 69) / 12)
    strongest = int(np.argmax(spectrum))
    assert abs(strongest - freq) <= 1.5
    harmonics = np.round(np.arange(1, int(23000 / freq) + 1) * freq).astype(int)
    near = np.zeros(len(spectrum), dtype=bool)
    for at in harmonics:
        near[max(0, at - 12) : at + 13] = True
    assert spectrum[~near][20:].max() < spectrum.max() * 10 ** (-50 / 20)


def test_round_robin_hits_differ():
    it = renderer("jazz")
    takes = [it.render(9600, [Hit(0, "snare", 0.8)]).copy() for _ in range(3)]
    assert not np.allclose(takes[0], takes[1], atol=1e-3) and not np.allclose(takes[1], takes[2], atol=1e-3)


def test_a_silenced_part_is_gone_within_tens_of_milliseconds():
    it = renderer()
    it.render(9600, [NoteOn(0, "chord", 60, 0.8), Hit(0, "crash", 1.0)])
    it.silence("chord")
    it.silence("drums")
    it.render(9600)
    assert np.abs(it.stems[0][:, 4800:]).max() < 1e-4
    it.render(9600)
    assert np.abs(it.stems[2][:, 4800:]).max() < 1e-4


def test_mixtures_lie_between_their_instruments():
    half = instruments.mixture({"grand_piano": 0.5, "pad": 0.5})
    piano, pad = instruments.BANK["grand_piano"][2], instruments.BANK["pad"][2]
    assert piano.attack < half.attack < pad.attack
    assert half.attack == pytest.approx((piano.attack * pad.attack) ** 0.5)
    waves = instruments.tables({"grand_piano": 0.5, "pad": 0.5})
    assert waves.shape == (2, instruments.MIPS, instruments.TABLE + 1)
    assert float(np.sqrt((waves[:, 0, :-1] ** 2).mean())) == pytest.approx(0.25, rel=0.05)


def test_a_slow_blend_of_styles_makes_no_click():
    it = renderer("ambient")
    it.render(24000, [NoteOn(0, "chord", 57, 0.5)])
    worst = 0.0
    for n in range(20):
        mix = style.blend([(style.vector({"ambient": 1.0}), 1 - n / 20), (style.vector({"techno": 1.0}), n / 20)])
        it.use(sound(mix, 0.5, RATE), 9000.0)
        audio = it.render(4800)
        worst = max(worst, float(np.abs(np.diff(audio)).max()))
    assert worst < 0.05


def test_drum_kits_are_kept_and_a_broken_file_is_made_anew(tmp_path, monkeypatch):
    samples = kits.Samples(np.ones(5, dtype=np.float32), np.zeros((8, 11, 3, 2), dtype=np.int64))
    made = []
    monkeypatch.setenv("GRAPHFLOW_CACHE", str(tmp_path))
    monkeypatch.setattr(kits, "render", lambda rate: made.append(rate) or samples)
    for _ in range(2):
        assert np.array_equal(kits.kept.__wrapped__(48000).wave, samples.wave)
    assert made == [48000]
    next(tmp_path.glob("first-light-kits-*.npz")).write_bytes(b"PK half a file")
    assert np.array_equal(kits.kept.__wrapped__(48000).wave, samples.wave)
    assert made == [48000, 48000]
