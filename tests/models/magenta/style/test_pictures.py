"""A picture's features become phrases."""

from __future__ import annotations

import json
import math

import pytest

from graphflow.models.magenta.style.pictures import PHRASES, phrases


def picture(light: float, contrast: float, texture: float, *palette: list[float]) -> dict[str, object]:
    return {"light": light, "contrast": contrast, "texture": texture, "palette": list(palette)}


@pytest.mark.parametrize(
    "image, phrase",
    [
        (picture(0.05, 0.1, 0.1, [0.05, 0.05, 0.05]), "dark ambient drone"),
        (picture(0.9, 0.5, 0.3, [1.0, 0.8, 0.1], [1.0, 0.5, 0.2]), "cheerful sunny pop"),
        (picture(0.3, 0.6, 0.3, [0.4, 0.1, 0.9], [0.1, 0.2, 1.0]), "synthwave with analog arpeggios"),
        (picture(0.4, 0.9, 1.0, [0.2, 0.4, 0.7], [0.5, 0.5, 0.5]), "drum and bass with fast breakbeats"),
        (picture(0.7, 0.1, 0.05, [0.6, 0.7, 0.9]), "dreamy ambient pads with long reverb"),
    ],
)
def test_pictures_sound_as_they_look(image: dict[str, object], phrase: str) -> None:
    found = phrases(image)
    assert found[0][0] == phrase
    assert 1 <= len(found) <= 4
    assert sum(weight for _, weight in found) == pytest.approx(1.0)
    assert [weight for _, weight in found] == sorted((weight for _, weight in found), reverse=True)


@pytest.mark.parametrize(
    "image",
    [{}, {"light": "bright", "palette": [[1], "red", [math.nan, 0, 0]]}, {"light": math.inf, "contrast": True}],
)
def test_features_that_are_missing_or_none_count_as_middling(image: dict[str, object]) -> None:
    assert phrases(image)[0][0] == "orchestral strings, wide and slow"


def test_colours_may_be_counted_to_one_or_to_255() -> None:
    small, large = ([0.8, 0.4, 0.2], [204, 102, 51])
    one, many = (dict(phrases(picture(0.5, 0.5, 0.5, colour))) for colour in (small, large))
    assert one == pytest.approx(many)


def test_a_picture_that_moves_moves_the_weights_smoothly() -> None:
    """From night to noon in 200 steps: no phrase jumps, though phrases come and go."""
    seen: set[str] = set()
    before: dict[str, float] = {}
    for step in range(201):
        now = dict(phrases(picture(step / 200, 0.4, 0.4, [0.9, 0.6, 0.2], [0.2, 0.3, 0.6])))
        if before:
            assert max(abs(now.get(name, 0.0) - before.get(name, 0.0)) for name in now | before) < 0.03
        seen |= now.keys()
        before = now
    assert len(seen) > 4


def test_every_phrase_is_the_answer_to_some_picture() -> None:
    """Over a grid of pictures each phrase of the table is sometimes the heaviest: none hides behind its neighbours."""
    steps = (0.1, 0.3, 0.5, 0.7, 0.9)
    palettes = (
        [0.1, 0.1, 0.1],
        [0.9, 0.5, 0.1],
        [0.5, 0.35, 0.2],
        [0.15, 0.4, 0.9],
        [0.4, 0.45, 0.6],
        [0.2, 0.9, 0.3],
        [0.9, 0.2, 0.8],
    )
    heaviest = {
        phrases(picture(light, contrast, texture, palette))[0][0]
        for light in steps
        for contrast in steps
        for texture in steps
        for palette in palettes
    }
    assert heaviest == set(PHRASES)


def test_the_answer_is_plain_data() -> None:
    assert json.loads(json.dumps(phrases(picture(0.5, 0.5, 0.5)))) == [
        list(entry) for entry in phrases(picture(0.5, 0.5, 0.5))
    ]
