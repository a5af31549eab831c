"""Weighted parts become twelve codes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from graphflow.core.messages import Part
from graphflow.models.magenta.style.blend import NO_STYLE, Blend, blend
from graphflow.models.magenta.style.pictures import phrases

pytest.importorskip("ai_edge_litert")
pytest.importorskip("sentencepiece")

from tests.models.magenta.style.spaces import BOOKS, NoFiles, WordSpace, place

TWELVE = (5, 4, 3, 2, 1, 0, 1, 2, 3, 4, 5, 6)
MISSING = "style: MusicCoCa's files are not there; run `graphflow models download mrt2-small`"


def made(*parts: Part, space: WordSpace | None = None, **options: Any) -> Blend:
    found = blend([part.data() for part in parts], space or WordSpace(), **options)
    assert found
    return found


def codes(at: np.ndarray) -> tuple[int, ...]:
    return tuple(WordSpace().quantizer.quantize(at.astype(np.float32)).tolist())


def test_one_prompt_is_its_own_place_whatever_its_weight() -> None:
    assert made(Part(text="piano")).codes == codes(place("piano"))
    assert made(Part(1e-6, text="piano")).codes == codes(place("piano"))
    assert made(Part(1e300, text="piano"), Part(1e300, text="piano")).codes == codes(place("piano"))


def test_prompts_meet_at_their_weighted_mean_which_is_not_brought_to_unit_length() -> None:
    found = made(Part(3.0, text="piano"), Part(1.0, text="jazz"))
    mean = 0.75 * place("piano") + 0.25 * place("jazz")
    assert found.codes == codes(mean)
    assert found.codes != codes(mean / np.linalg.norm(mean))
    assert found.shares == (("piano", 0.75), ("jazz", 0.25))
    assert str(found) == f"0.75 piano + 0.25 jazz: {' '.join(map(str, found.codes))}"


def test_weights_of_nothing_and_less_are_left_out() -> None:
    assert made(Part(1.0, text="piano"), Part(0.0, text="jazz"), Part(-2.0, text="funk")) == made(Part(text="piano"))


@pytest.mark.parametrize("parts", [(), (Part(text=""),), (Part(0.0, text="piano"), Part(-1.0, tokens=TWELVE))])
def test_no_weight_is_no_style(parts: tuple[Part, ...]) -> None:
    assert made(*parts) == Blend(NO_STYLE, (), "")
    assert str(made(*parts)) == "no style: -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1"


def test_raw_tokens_alone_pass_as_they_are() -> None:
    assert made(Part(0.3, tokens=TWELVE)).codes == TWELVE
    assert made(Part(text="musiccoca:5,4,3"), Part(text="")).codes == (5, 4, 3, *[-1] * 9)


def test_raw_tokens_beside_others_are_the_place_they_name() -> None:
    there = sum(BOOKS[level, code] for level, code in enumerate(TWELVE))
    found = made(Part(1.0, tokens=TWELVE), Part(1.0, text="piano"))
    assert found.codes == codes(0.5 * there + 0.5 * place("piano"))
    half = made(Part(1.0, tokens=TWELVE[:2]), Part(1.0, text="piano"))
    assert half.codes == codes(0.5 * (BOOKS[0, 5] + BOOKS[1, 4]) + 0.5 * place("piano"))


def test_a_picture_is_the_place_between_its_phrases() -> None:
    image = {"light": 0.9, "contrast": 0.4, "texture": 0.3, "palette": [[1.0, 0.8, 0.2]]}
    seen = sum(share * place(phrase) for phrase, share in phrases(image))
    assert made(Part(image=image)).codes == codes(seen)
    mixed = made(Part(1.0, image=image), Part(1.0, text="piano"))
    assert mixed.codes == codes(0.5 * seen + 0.5 * place("piano"))
    assert mixed.shares == (("picture", 0.5), ("piano", 0.5))


def test_a_recording_is_blended_like_words() -> None:
    found = made(Part(1.0, audio="a.wav"), Part(1.0, text="piano"))
    assert found.codes == codes(0.5 * place("sound of a.wav") + 0.5 * place("piano"))


def test_a_part_that_fails_is_left_out_and_told() -> None:
    found = made(Part(1.0, audio="none.wav"), Part(1.0, text="piano"), Part(text="musiccoca:1024"))
    assert found.codes == codes(place("piano"))
    assert found.trouble == ("style tokens: code 1 is '1024'; expected 0 to 1023, or -1 for masked (and 1 more)")
    alone = made(Part(1.0, audio="none.wav"))
    assert alone.codes == NO_STYLE
    assert alone.trouble == "style: recording none.wav cannot be read (No such file or directory); name a sound file"


def test_without_files_raw_tokens_still_work() -> None:
    space = NoFiles()
    assert made(Part(tokens=TWELVE), space=space) == Blend(TWELVE, (("tokens", 1.0),), "")
    assert made(Part(text="piano"), space=space) == Blend(NO_STYLE, (), MISSING)
    assert made(Part(text="piano"), Part(tokens=TWELVE), space=space) == Blend(TWELVE, (("tokens", 1.0),), MISSING)
    two = made(Part(tokens=TWELVE), Part(tokens=TWELVE[::-1]), space=space)
    assert two == Blend(NO_STYLE, (), MISSING)


def test_levels_mask_the_finest_codes_of_any_style() -> None:
    whole = made(Part(text="piano")).codes
    assert made(Part(text="piano"), levels=6).codes == (*whole[:6], *[-1] * 6)
    assert made(Part(tokens=TWELVE), levels=1).codes == (5, *[-1] * 11)


def test_words_are_mapped_unless_told_not_to() -> None:
    assert made(Part(text="piano"), mapped=False).codes == codes(place("plain piano"))


def test_a_hasty_blend_stops_after_each_encoding_and_gets_done() -> None:
    space = WordSpace()
    parts = [Part(text="piano").data(), Part(text="jazz").data()]
    assert blend(parts, space, hasty=True) is None
    assert space.encoded == 1
    assert blend(parts, space, hasty=True) is None
    assert space.encoded == 2
    assert blend(parts, space, hasty=True) == blend(parts, WordSpace())
