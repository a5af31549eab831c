"""What is asked of Magenta, read from a state: nothing in it may end the music."""

from __future__ import annotations

import json
import math

import pytest

from graphflow.models.magenta.controls import Controls
from graphflow.models.magenta.wish import Strikes, Wish, read

DEFAULTS = {
    name: getattr(Controls, name)
    for name in ("temperature top_k guidance_style guidance_notes guidance_drums drums onsets unmask seed".split())
}


def test_an_empty_state_asks_for_the_defaults() -> None:
    assert read({}) == Wish(controls=DEFAULTS)


def test_a_whole_state() -> None:
    params = {
        "prompt1": "disco funk",
        "prompt2": "  ",
        "prompt3": "choir",
        "weight3": 0.5,
        "prompt8": "never",
        "weight8": 0.0,
        "temperature": 0.9,
        "top_k": 40.0,
        "drums": "off",
        "onsets": "exact",
        "unmask": 12.0,
        "seed": 7.0,
        "bypass": True,
        "reset": 2.0,
        "continue_from": 1.0,
    }
    wired = {"parts": [{"text": "sea", "weight": 0.25}, {"tokens": [1, 2], "weight": 1.0}]}
    wish = read({"params": params, "style": wired, "notes": [[60, 0.8, 3], [64, 0.0, 1], [67, 0.5]], "transport": {}})
    assert wish.parts == (
        {"text": "disco funk", "weight": 1.0},
        {"text": "choir", "weight": 0.5},
        {"text": "sea", "weight": 0.25},
        {"tokens": [1, 2], "weight": 1.0},
    )
    chosen = {"temperature": 0.9, "top_k": 40, "drums": "off", "onsets": "exact", "unmask": 12, "seed": 7}
    assert wish.controls == {**DEFAULTS, **chosen}
    assert all(type(wish.controls[name]) is int for name in ("top_k", "unmask", "seed"))
    assert wish.notes == {60: (0.8, 3), 64: (0.0, 1), 67: (0.5, 0)}
    assert (wish.bypass, wish.resets, wish.continues, wish.ignored) == (True, 2.0, 1.0, 0)


def test_numbers_out_of_range_are_brought_into_it() -> None:
    wish = read({"params": {"temperature": 9.0, "top_k": 0, "guidance_style": -3.0, "unmask": 500, "seed": 1e30}})
    assert wish.controls == {
        **DEFAULTS,
        "temperature": 3.0,
        "top_k": 1,
        "guidance_style": -1.0,
        "unmask": 127,
        "seed": 2**31 - 1,
    }
    assert wish.ignored == 0


@pytest.mark.parametrize(
    "state",
    [
        {"params": {"temperature": "hot"}},
        {"params": {"temperature": math.nan}},
        {"params": {"top_k": True}},
        {"params": {"drums": "loud"}},
        {"params": {"prompt1": 3}},
        {"params": {"weight1": None}},
        {"params": []},
        {"style": "choir"},
        {"style": {"parts": ["choir"]}},
        {"notes": {"60": 1}},
        {"notes": [60]},
        {"notes": [[]]},
        {"notes": [[128, 1.0, 1]]},
        {"notes": [[60.5, 1.0, 1]]},
        {"notes": [[60, "loud", 1]]},
        {"unheard": 1},
        {"params": {"temperature": 10**400}},
        {"notes": [[60, 1.0, 10**400]]},
    ],
)
def test_what_is_not_understood_is_left_aside_and_counted(state: dict[str, object]) -> None:
    assert read(state) == Wish(controls=DEFAULTS, ignored=1)


@pytest.mark.parametrize("text", ["x" * 10_000, "🎹🥁" * 5_000, "", "\0", "ß\u202e\ud800"])
def test_any_words_are_taken_as_they_are(text: str) -> None:
    parts = read(json.loads(json.dumps({"params": {"prompt1": text}}))).parts
    assert parts == (({"text": text, "weight": 1.0},) if text else ())


def test_strikes_only_grow_whoever_sends_them() -> None:
    strikes = Strikes()
    assert strikes.follow({60: (0.0, 17), 64: (0.8, 3)}) == {}  # before our time
    assert strikes.follow({60: (0.0, 18), 64: (0.8, 3)}) == {60: 1}
    assert strikes.follow({64: (0.8, 1)}) == {60: 1}  # another sender
    assert strikes.follow({64: (0.8, 3), 67: (0.5, 2)}) == {60: 1, 64: 2, 67: 2}
