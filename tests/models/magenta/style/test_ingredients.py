"""Parts as they come over a wire."""

from __future__ import annotations

import math
from typing import Any

import pytest

from graphflow.core.errors import UserError
from graphflow.core.messages import Part
from graphflow.models.magenta.style.ingredients import read_codes, read_parts

TWELVE = tuple(range(1, 13))


@pytest.mark.parametrize(
    "part",
    [
        Part(text=""),
        Part(text=" \n\t"),
        Part(text="piano", weight=0.0),
        Part(text="piano", weight=-1.0),
        Part(tokens=(-1,) * 12),
        Part(tokens=()),
        Part(text="musiccoca:"),
        Part(audio=""),
        Part(image={"light": 0.5}, weight=0.0),
        Part(),
    ],
    ids=str,
)
def test_parts_that_say_nothing_are_left_out_silently(part: Part) -> None:
    assert read_parts([part.data()]) == ([], [])


def test_each_kind_of_part_is_read() -> None:
    parts = [
        Part(0.5, text="Solo  Piano"),
        Part(0.25, image={"light": 0.05, "contrast": 0.1, "texture": 0.1}),
        Part(2.0, audio="a.wav"),
        Part(1.0, tokens=TWELVE),
        Part(1.0, text=" MusicCoCa: 1, 2,3 "),
    ]
    found, troubles = read_parts([part.data() for part in parts])
    assert troubles == []
    assert [(i.name, i.weight) for i in found] == [
        ("Solo Piano", 0.5), ("picture", 0.25), ("a.wav", 2.0), ("tokens", 1.0), ("tokens", 1.0),
    ]  # fmt: skip
    assert found[0].texts == (("Solo  Piano", 1.0),)
    assert found[1].texts[0][0] == "dark ambient drone"
    assert found[2].audio == "a.wav"
    assert found[3].codes == TWELVE
    assert found[4].codes == (1, 2, 3, *[-1] * 9)


@pytest.mark.parametrize(
    "values, line",
    [
        ([0] * 13, "style tokens: 13 codes; expected at most 12"),
        ([5, 1024], "style tokens: code 2 is '1024'; expected 0 to 1023, or -1 for masked"),
        ([-2], "style tokens: code 1 is '-2'; expected 0 to 1023, or -1 for masked"),
        (["7", " x "], "style tokens: code 2 is 'x'; expected 0 to 1023, or -1 for masked"),
        ([""], "style tokens: code 1 is ''; expected 0 to 1023, or -1 for masked"),
        ([1.5], "style tokens: code 1 is '1.5'; expected 0 to 1023, or -1 for masked"),
        ([math.nan], "style tokens: code 1 is 'nan'; expected 0 to 1023, or -1 for masked"),
        ([None], "style tokens: code 1 is 'None'; expected 0 to 1023, or -1 for masked"),
    ],
)
def test_codes_out_of_range_are_told_in_one_line(values: list[Any], line: str) -> None:
    with pytest.raises(UserError) as told:
        read_codes(values)
    assert str(told.value) == line


def test_what_is_wrong_with_a_part_leaves_the_others() -> None:
    found, troubles = read_parts(
        [
            {"text": "musiccoca:1,2000", "weight": 1.0},
            {"text": "piano", "weight": math.nan},
            {"text": "jazz", "weight": "loud"},
            {"smell": "roses"},
            {},
            {"text": "house", "weight": 1},
        ]
    )
    assert [i.name for i in found] == ["house"]
    assert troubles == [
        "style tokens: code 2 is '2000'; expected 0 to 1023, or -1 for masked",
        "style: the weight of 'piano' is nan; expected a number",
        "style: the weight of 'jazz' is 'loud'; expected a number",
        "style: a part has smell; expected text, image, audio or tokens",
        "style: a part has nothing; expected text, image, audio or tokens",
    ]


def test_of_more_than_eight_parts_the_heaviest_are_kept_in_their_order() -> None:
    found, troubles = read_parts([{"text": f"t{i}", "weight": w} for i, w in enumerate([5, 1, 6, 2, 7, 8, 9, 3, 4, 5])])
    assert [i.name for i in found] == ["t0", "t2", "t4", "t5", "t6", "t7", "t8", "t9"]
    assert troubles == ["style has 10 parts; the 8 heaviest count"]


def test_long_texts_are_shortened_in_name_only() -> None:
    found, _ = read_parts([{"text": "piano " * 1000}])
    assert found[0].name == "piano piano piano piano piano piano p..."
    assert len(found[0].texts[0][0]) == 6000
