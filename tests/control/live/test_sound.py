"""What is heard while a performer types: what was not touched plays on to the sample."""

from __future__ import annotations

import numpy as np
import pytest

from tests.control.live.stages import BEAT, ONE, TEMPO

TIDE = ONE.replace("steady", "tide")


def test_a_held_tone_is_the_same_through_every_edit_beside_it(trial):
    t, still = trial(TIDE), trial(TIDE)
    heard = []
    for cell in [
        "b = steady(value=0.0)\nb >> out",
        "b.value << level(value=0.0)",
        "b = count()\ncut(b, out)",
        "rename(b, 'c')",
        "undo()",
        "b.nothing = 1",  # an edit that fails
        "del b",
        "tempo = 97",
        "scenes.night = {}",
        "fade = 100",
    ]:
        t.stage.run(cell)
        heard.append(t.hear(700))
    assert np.array_equal(np.concatenate(heard), still.hear(7000))


def test_an_entry_lands_at_once_without_a_step(trial):
    t = trial()
    t.hear(512)
    t.does("b = steady(value=-0.5)\nb >> out")
    sound = t.hear(2048)[:, 0]
    assert np.abs(np.diff(sound)).max() < 1e-3
    assert (sound[1100:] == -0.25).all()


def test_an_entry_waits_for_its_quant(trial):
    t = trial(TEMPO)
    t.hear(512)
    t.does("at('beat')\na.value = 0.5")
    sound = t.hear(BEAT)[:, 0]
    assert int(np.flatnonzero(sound != 0.25)[0]) + 512 == BEAT
    t.does("at(bar, fade=0)\nb = steady(value=0.25)\nb >> out")
    sound = t.hear(4 * BEAT)[:, 0]
    assert int(np.flatnonzero(sound == 0.75)[0]) + 512 + BEAT == 4 * BEAT
    t.does("quant = 3\nb.value = 0.5")
    sound = t.hear(3 * BEAT)[:, 0]
    assert int(np.flatnonzero(sound != 0.75)[0]) + 512 + 5 * BEAT == 6 * BEAT
    t.does("b.value = 0.0\nat('now')")
    assert t.hear(512)[0, 0] < 1.0


def test_a_fade_for_one_entry(trial):
    t = trial()
    t.hear(512)
    t.does("at(fade=500)\ncut(a, out)\nb = steady(value=-0.25)\nb >> out")
    sound = t.hear(30_000)[:, 0]
    assert np.abs(np.diff(sound)).max() < 1e-4
    assert sound[12_000] == pytest.approx(0.0, abs=0.02)
    assert sound[-1] == -0.25


def test_values_that_controllers_left_survive_an_entry(trial):
    t = trial()
    t.session.set("a", "value", 0.75)
    t.hear(2048)
    t.does("b = steady(value=0.0)\nb >> out")
    assert (t.hear(2048)[:, 0] == 0.75).all()
    t.does("a = steady()")
    assert (t.hear(2048)[:, 0] == 0.75).all()
