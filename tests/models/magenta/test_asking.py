"""What is asked in Python is read, or refused in a line."""

from __future__ import annotations

import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from graphflow.core.errors import UserError
from graphflow.core.messages import Part, Style
from graphflow.models.magenta.asking import (
    Asking,
    beginning_of,
    checked,
    frames_of,
    parts_of,
    score_of,
    seeds_of,
)
from graphflow.models.magenta.controls import Controls

HALF = {"text": "piano", "weight": 0.5}
WHOLE = {"text": "piano", "weight": 1.0}


@pytest.mark.parametrize(
    "prompt, parts",
    [
        (None, []),
        ([], []),
        ("piano", [WHOLE]),
        (("piano", 0.5), [HALF]),
        (["piano", ("disco", 2)], [WHOLE, {"text": "disco", "weight": 2}]),
        ("musiccoca:1,2", [{"text": "musiccoca:1,2", "weight": 1.0}]),
        (Path("a.wav"), [{"audio": "a.wav", "weight": 1.0}]),
        ([(Path("a.wav"), 0.25), "piano"], [{"audio": "a.wav", "weight": 0.25}, WHOLE]),
        (Part(0.5, text="piano"), [HALF]),
        ([(Part(3.0, tokens=(1, 2)), 0.5)], [{"tokens": [1, 2], "weight": 0.5}]),
        (Style((Part(0.5, text="piano"),)), [HALF]),
    ],
)
def test_a_prompt_is_a_list_of_parts(prompt: Any, parts: list[dict[str, Any]]) -> None:
    assert parts_of(prompt) == parts


@pytest.mark.parametrize(
    "prompt, shown",
    [
        (3, "3"),
        (["piano", 3], "3"),
        ([("piano", "loud")], "('piano', 'loud')"),
        (b"piano", "b'piano'"),
        (np.zeros((2, 2)), "array([[0., 0.], [0., 0.]])"),
    ],
)
def test_what_is_no_prompt(prompt: Any, shown: str) -> None:
    with pytest.raises(UserError) as caught:
        parts_of(prompt)
    assert str(caught.value) == (
        f"prompt has {shown}; expected words, (words, weight), the pathlib.Path of a recording, or a list of such"
    )


@pytest.mark.parametrize("weight", [np.float32(0.5), np.float64(0.5), 0.5])
def test_a_weight_may_be_a_number_of_numpy(weight: Any) -> None:
    (part,) = parts_of(("piano", weight))
    assert part == HALF and type(part["weight"]) is float


def test_words_are_text() -> None:
    with pytest.raises(UserError) as caught:
        parts_of(["piano", "\udcff"])
    assert str(caught.value) == ("prompt has '\\udcff', which is no text; expected characters of Unicode (UTF-8)")


def test_no_prompt_weighs_less_than_nothing() -> None:
    with pytest.raises(UserError, match=r"^prompt has \('disco', -1\); expected a weight of 0 or more$"):
        parts_of(["piano", ("disco", -1)])


def test_every_control_of_a_call_is_one_of_the_streams() -> None:
    controls = {field.name: type(field.default) for field in fields(Controls)}
    kinds = {name: {"float": float, "int": int, "str": str}[str(kind)] for name, kind in _hints().items()}
    assert kinds and kinds.items() <= controls.items()


def _hints() -> dict[str, str]:
    return {name: kind.__forward_arg__ for name, kind in Asking.__annotations__.items()}


def test_controls_are_checked_one_by_one() -> None:
    asked = {"temperature": np.float32(0.5), "top_k": np.int64(7), "guidance_style": 3, "held": [60], "seed": 2**63 - 2}
    found = checked(asked)
    assert found == {"temperature": 0.5, "top_k": 7, "guidance_style": 3.0, "held": frozenset({60}), "seed": 2**63 - 2}
    assert [type(value) for value in found.values()] == [float, int, float, frozenset, int]


@pytest.mark.parametrize(
    "name, value, said",
    [
        ("tempo", 1, "tempo is no control; expected one of "),
        ("temprature", 1, "temprature is no control; did you mean 'temperature'?; expected one of "),
        ("strikes", {}, "strikes is no control; "),
        ("temperature", 3.5, "temperature is 3.5; expected 0 to 3"),
        ("temperature", "hot", "temperature is 'hot'; expected a number"),
        ("temperature", math.nan, "temperature is nan; expected a number"),
        ("temperature", None, "temperature is None; expected a number"),
        ("top_k", 0, "top_k is 0; expected 1 to 1024"),
        ("top_k", 2.5, "top_k is 2.5; expected a whole number"),
        ("guidance_notes", 8, "guidance_notes is 8; expected -1 to 7"),
        ("drums", "loud", "drums is 'loud'; expected off, auto or on"),
        ("drums", True, "drums is True; expected a word"),
        ("held", [60, 128], "held is [60, 128]; expected pitches 0 to 127"),
        ("held", 60, "held is 60; expected a list of pitches"),
        ("style", [1, 2], "style is [1, 2]; expected 12 codes from -1 (masked) to 1023"),
        ("held", [True], "held is [True]; expected a list of pitches"),
        ("top_k", True, "top_k is True; expected a whole number"),
        ("temperature", 10**400, "temperature is 10000"),
        (5, 1, "5 is no control; expected one of style, "),
        ("seed", -1, "seed is -1; expected 0 to 9223372036854775806"),
    ],
)
def test_a_control_that_is_refused(name: str, value: Any, said: str) -> None:
    with pytest.raises(UserError) as caught:
        checked({name: value})
    assert str(caught.value).startswith(said)


def test_every_sample_has_a_seed() -> None:
    assert list(seeds_of(5, 3)) == [5, 6, 7]
    assert len(seeds_of(0, 2**62)) == 2**62  # none of them is made


@pytest.mark.parametrize(
    "seed, count, said",
    [
        (1, 0, "num_samples is 0; expected 1 or more, of as many seeds as there are"),
        (1, -3, "num_samples is -3; expected 1 or more, of as many seeds as there are"),
        (1, 10**30, f"num_samples is {10**30}; expected 1 or more, of as many seeds as there are"),
        (1, 4.0, "num_samples is 4.0; expected a whole number"),
        (1, True, "num_samples is True; expected a whole number"),
        (1.5, 1, "seed is 1.5; expected a whole number"),
        (None, 1, "seed is None; expected a whole number"),
        (2**63 - 1, 1, "seed is 9223372036854775807; expected 0 to 9223372036854775806"),
    ],
)
def test_seeds_that_cannot_be(seed: Any, count: int, said: str) -> None:
    with pytest.raises(UserError) as caught:
        seeds_of(seed, count)
    assert str(caught.value) == said


def test_a_duration_is_a_whole_number_of_frames() -> None:
    assert [frames_of("duration", seconds) for seconds in (1, 0.1234, 1 / 48000)] == [48000, 5923, 1]


@pytest.mark.parametrize("seconds", [0, -1, 1e-6, math.nan, math.inf, 1e9, "soon", "5", True, None])
def test_a_duration_that_is_none(seconds: Any) -> None:
    with pytest.raises(UserError) as caught:
        frames_of("duration", seconds)
    assert str(caught.value) == f"duration is {seconds!r}; expected seconds, above 0 and below 1e+09"


def test_notes_change_what_is_held_at_the_nearest_chunk() -> None:
    assert score_of(None) == {}
    assert score_of(np.array([60, 64])) == score_of([60, 64]) == {0: (frozenset({60, 64}), {60: 1, 64: 1})}
    # 0.4 s is chunk 10, 0.81 s chunk 20; the second 60 begins where the first ends and is struck again
    assert score_of([(60, 0.4, 0.81), (60, 0.8, 1.2), (67, 0.0, 0.4)]) == {
        0: (frozenset({67}), {67: 1}),
        10: (frozenset({60}), {60: 1, 67: 1}),
        20: (frozenset({60}), {60: 2, 67: 1}),
        30: (frozenset(), {60: 2, 67: 1}),
    }


def test_a_note_lasts_a_chunk_at_least() -> None:
    assert score_of([(60, 0.0, 0.001)]) == {0: (frozenset({60}), {60: 1}), 1: (frozenset(), {60: 1})}


@pytest.mark.parametrize(
    "note", [128, -1, 60.5, True, "C4", (60, 1.0), (60, 1.0, 1.0), (60, -1.0, 1.0), (60, "a", "b")]
)
def test_a_note_that_is_none(note: Any) -> None:
    with pytest.raises(UserError) as caught:
        score_of([note])
    assert str(caught.value) == (f"notes has {note!r}; expected a pitch, 0 to 127, or (pitch, begin, end) in seconds")


def test_notes_that_are_no_list() -> None:
    with pytest.raises(UserError) as caught:
        score_of(60)  # type: ignore[arg-type]
    assert str(caught.value) == "notes is 60; expected a list of pitches or of (pitch, begin, end) in seconds"


def test_a_beginning_is_codes_or_sound() -> None:
    assert beginning_of(None, 12) == (None, None)
    codes, sound = beginning_of(np.arange(24, dtype=np.int16).reshape(2, 12), 12)
    assert codes is not None and sound is None
    assert codes.dtype == torch.int64 and codes[1, 0] == 12
    for given in (np.full(5, 0.5), np.full((5, 1), 0.5), np.full((5, 2), 0.5), [[0.5, 0.5]] * 5):
        codes, sound = beginning_of(given, 12)
        assert codes is None and sound is not None
        assert torch.equal(sound, torch.full((5, 2), 0.5))


def test_a_recording_is_brought_to_48_khz_and_two_channels(tmp_path: Path) -> None:
    tone = 0.5 * np.sin(2 * np.pi * 440 * np.arange(22050) / 22050)
    soundfile.write(tmp_path / "a.wav", tone, 22050, "FLOAT")
    _, sound = beginning_of(str(tmp_path / "a.wav"), 12)
    assert sound is not None and sound.dtype == torch.float32
    assert sound.shape == (48000, 2)
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(48000) / 48000)
    middle = slice(4800, 43200)
    np.testing.assert_allclose(sound.numpy()[middle], np.stack([expected[middle]] * 2, 1), atol=1e-3)


@pytest.mark.parametrize(
    "prefill, said",
    [
        (
            np.zeros((2, 5), int),
            "prefill is int64 [2, 5]; expected sound as floats [frames, 2], or codes as whole numbers [chunks, 12]",
        ),
        (np.zeros((2, 48000)), "prefill is [2, 48000]; expected [frames, 2], or one channel"),
        (np.full(5, np.nan), "prefill has sound that is no number or endless; expected -1 to 1"),
        (np.full((5, 2), 1e300), "prefill has sound that is no number or endless; expected -1 to 1"),
        ([[0.1, 0.2], [0.3]], "prefill is [[0.1, 0.2], [0.3]]; expected sound as floats [frames, 2], or codes"),
        ("none.wav", "prefill none.wav: no such file; expected one of sound (wav, flac, ogg, mp3)"),
    ],
)
def test_a_beginning_that_is_none(prefill: Any, said: str) -> None:
    with pytest.raises(UserError) as caught:
        beginning_of(prefill, 12)
    assert str(caught.value) == said


def test_a_beginning_that_is_no_sound(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_text("no sound")
    with pytest.raises(UserError) as caught:
        beginning_of(tmp_path / "a.wav", 12)
    assert str(caught.value).startswith(f"prefill: recording {tmp_path}/a.wav cannot be read (")
