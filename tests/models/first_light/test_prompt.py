"""Words and pictures become the style they mean."""

import numpy as np
import pytest

from graphflow.models.first_light import style
from graphflow.models.first_light.encoder import Encoder, likeness, mistyped
from graphflow.models.first_light.image import look
from graphflow.models.first_light.lexicon import lexicon
from graphflow.models.first_light.prompt import understand

ENCODER = Encoder.load()


def genre(prompt):
    return style.GENRES[int(np.argmax(understand(prompt, ENCODER).style[:12]))]


@pytest.mark.parametrize(
    "prompt,expected",
    [
        ("peak time berlin techno", "techno"),
        ("8bit boss fight", "chiptune"),
        ("dusty lo-fi drums, warm electric piano", "lofi"),
        ("liquid drum & bass", "dnb"),
        ("a symphony orchestra at war", "orchestral"),
        ("choir in a cave", "ambient"),
        ("solo piano nocturne", "piano"),
        ("slap bass funk", "funk"),
        ("bebop trio with brushes", "jazz"),
        ("neon night drive", "synthwave"),
        ("techo", "techno"),
        ("orchestrl sympony", "orchestral"),
        ("ambeint drones", "ambient"),
        ("technocore", "techno"),
    ],
)
def test_prompts_lead_to_their_genre(prompt, expected):
    assert genre(prompt) == expected


def test_mistyped_words_mostly_keep_their_genre():
    rng = np.random.default_rng(5)
    names = ["techno", "ambient", "orchestra", "chiptune", "synthwave", "jungle", "funky", "bebop", "nocturne", "lo-fi"]
    kept = [genre(mistyped(name, rng)) == genre(name) for name in names * 6]
    assert np.mean(kept) >= 0.75


def test_strange_words_are_named_and_lower_the_familiarity():
    found = understand("qzxv blorptang techno", ENCODER)
    assert found.unknown == ("qzxv", "blorptang")
    assert found.familiarity < 0.6 < understand("dark warehouse techno", ENCODER).familiarity == 1.0


def test_traits_and_moods_are_heard_and_refused():
    wet = understand("dark techno with reverb", ENCODER).style
    dry = understand("techno, not dark, no reverb", ENCODER).style
    for name in ("dark", "reverb"):
        assert wet[style.INDEX[name]] > 0.5 and dry[style.INDEX[name]] == 0.0


def test_every_prompt_has_a_whole_genre():
    for prompt in ("", "happy", "slow", "!!!", "no drums", "120 bpm", "ж"):
        assert understand(prompt, ENCODER).style[:12].sum() == pytest.approx(1.0, abs=1e-5)


def test_the_lexicon_is_rich_and_clean():
    known = lexicon()
    assert len(known) > 1500
    assert all(phrase == phrase.strip().lower() and tags for phrase, tags in known.items())
    assert likeness("techno") == (pytest.approx(1.0), "techno")


def test_pictures_lean_the_way_they_look():
    night, light, _ = look({"palette": [[10, 15, 60], [5, 5, 20]], "light": 0.1, "contrast": 0.2, "texture": 0.1})
    market, lighter, denser = look(
        {"palette": [[250, 180, 40], [220, 60, 30]], "light": 0.8, "contrast": 0.8, "texture": 0.9}
    )
    assert night[style.INDEX["dark"]] > 0.5 > night[style.INDEX["happy"]]
    assert market[style.INDEX["energetic"]] > night[style.INDEX["energetic"]]
    assert light < 0.0 < lighter and denser > 0.0
    assert np.isfinite(look({"palette": "no", "light": float("nan"), "contrast": None})[0]).all()
