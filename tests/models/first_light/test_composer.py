"""The music First Light learns from has the properties its labels claim."""

import numpy as np
import pytest

from graphflow.models.first_light import form, style
from graphflow.models.first_light import symbols as sy
from graphflow.models.first_light.composer import compose
from graphflow.models.first_light.genres import MOOD_MODES, SPECS


def pieces(genre, count=12, bars=16):
    return [compose(np.random.default_rng((n, len(genre))), genre, bars) for n in range(count)]


def test_the_same_seed_writes_the_same_piece():
    one, two = (compose(np.random.default_rng(7)) for _ in range(2))
    assert str(one) == str(two) and one.mode == two.mode
    assert str(one) != str(compose(np.random.default_rng(8)))


@pytest.mark.parametrize("genre", style.GENRES)
def test_every_symbol_is_in_range_and_nearly_all_in_the_mode(genre):
    inside, notes = 0, 0
    for piece in pieces(genre, 4):
        assert piece.symbols.shape == (256, 8)
        assert (piece.symbols < np.array(sy.SIZES)).all()
        allowed = sy.allowed_in(piece.mode)
        for stream in (sy.BASS, sy.CHORD, sy.ARP, sy.LEAD):
            played = piece.symbols[piece.symbols[:, stream] > 1, stream]
            inside, notes = inside + allowed[stream][played].sum(), notes + len(played)
        low, high = SPECS[genre].tempo
        assert 0.85 * low < piece.tempo < 1.15 * high
    assert inside / notes > 0.95


def test_genres_are_what_they_are_called():
    def kicks_on_beats(genre):
        kicks = np.concatenate([p.symbols[p.clock[:, 2] == form.MAIN, sy.LOW] // 4 for p in pieces(genre)])
        return kicks.reshape(-1, 16)[:, ::4].astype(bool).mean()

    assert kicks_on_beats("techno") > 0.8 > 0.2 > kicks_on_beats("ambient")
    walking = np.concatenate([p.symbols[:, sy.BASS] for p in pieces("jazz")])
    drones = np.concatenate([p.symbols[:, sy.BASS] for p in pieces("ambient")])
    assert (walking > 1).mean() > 3 * (drones > 1).mean()


def test_builds_rise_and_breaks_rest():
    rising, resting, going = [], [], []
    for piece in pieces("house", 16):
        shine, kicks = piece.symbols[:, sy.BRIGHTNESS].astype(float), piece.symbols[:, sy.LOW] // 4 > 0
        build, still = piece.clock[:, 2] == form.BUILD, piece.clock[:, 2] == form.BREAK
        if build.any():
            rising.append(np.polyfit(np.arange(build.sum()), shine[build], 1)[0])
        resting += list(kicks[still])
        going += list(kicks[piece.clock[:, 2] == form.MAIN])
    assert np.mean(rising) > 0.01
    assert np.mean(resting) < 0.25 * np.mean(going)


def test_a_phrase_is_not_one_bar_repeated():
    different = [len({bar.tobytes() for bar in p.symbols[:, :6].reshape(16, -1)}) for p in pieces("lofi")]
    assert np.mean(different) > 8


def test_plans_cover_intros_builds_and_drops():
    for genre in style.GENRES:
        assert form.plan(0, genre, 0.0)[0] == form.INTRO
        later = {form.plan(3, genre, draw / 10) for draw in range(10)}
        assert len(later) >= 4 and all(form.INTRO not in plan for plan in later)
    fills = [form.moment(bar, 15, (form.MAIN,) * 4).fill for bar in range(16)]
    assert fills == [0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]


def test_moods_choose_modes():
    dark = [compose(np.random.default_rng(n)) for n in range(160)]
    happy_major = [p.mode in MOOD_MODES["happy"] for p in dark if p.moods.get("happy") == 1.0]
    dark_minor = [p.mode in MOOD_MODES["dark"] for p in dark if p.moods.get("dark") == 1.0]
    assert np.mean(happy_major) > 0.6 and np.mean(dark_minor) > 0.6
