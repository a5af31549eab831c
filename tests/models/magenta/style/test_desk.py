"""The desk beside a generator: asks never wait, the newest parts win."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from graphflow.core.errors import UserError
from graphflow.core.messages import Part
from graphflow.models.magenta.style.blend import NO_STYLE, blend

pytest.importorskip("ai_edge_litert")
pytest.importorskip("sentencepiece")

from graphflow.models.magenta.style.desk import StyleDesk
from tests.models.magenta.style.spaces import NoFiles, WordSpace

TWELVE = (5, 4, 3, 2, 1, 0, 1, 2, 3, 4, 5, 6)


@pytest.fixture
def desk() -> Iterator[Callable[..., StyleDesk]]:
    made: list[StyleDesk] = []

    def new(space: WordSpace, **options: int) -> StyleDesk:
        made.append(StyleDesk(space, **options))
        return made[-1]

    yield new
    for each in made:
        each.encoder.gate.set()  # type: ignore[attr-defined]
        each.close()


def texts(*words: str, weight: float = 1.0) -> list[dict[str, object]]:
    return [Part(weight, text=word).data() for word in words]


def expected(*words: str) -> tuple[int, ...]:
    found = blend(texts(*words), WordSpace())
    assert found
    return found.codes


def test_before_anything_is_asked_for_there_is_no_style(desk: Callable[..., StyleDesk]) -> None:
    new = desk(WordSpace())
    assert (new.codes, new.version, new.trouble) == (NO_STYLE, 0, "")
    assert new.settle(0.0)
    assert str(new) == "no style: -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 -1 (version 0)"


def test_after_settling_the_codes_are_those_of_what_was_asked_for(desk: Callable[..., StyleDesk]) -> None:
    new = desk(WordSpace())
    new.ask(texts("piano", "jazz"))
    assert new.settle(10.0)
    assert new.codes == expected("piano", "jazz")
    assert new.version == 1
    version, now = new.now
    assert (version, now.codes) == (1, new.codes)


def test_asking_does_not_wait_and_the_old_style_stays_until_the_new_one_is_ready(
    desk: Callable[..., StyleDesk],
) -> None:
    space = WordSpace()
    new = desk(space)
    new.ask(texts("piano"))
    assert new.settle(10.0)
    space.gate.clear()
    new.ask(texts("jazz"))  # would hang here if it waited
    assert space.said.acquire(timeout=10.0)
    assert space.said.acquire(timeout=10.0)  # jazz is being encoded
    assert not new.settle(0.0)
    assert new.codes == expected("piano")
    space.gate.set()
    assert new.settle(10.0)
    assert new.codes == expected("jazz")


def test_the_latest_wins_and_what_was_overtaken_is_not_encoded(desk: Callable[..., StyleDesk]) -> None:
    space = WordSpace()
    new = desk(space)
    space.gate.clear()
    new.ask(texts("one", "two"))
    assert space.said.acquire(timeout=10.0)  # one is being encoded
    new.ask(texts("three"))
    new.ask(texts("one", "four"))
    space.gate.set()
    assert new.settle(10.0)
    assert sorted(word for word, _ in space.known) == ["four", "one"]
    assert new.codes == expected("one", "four")
    facts = new.statistics()
    assert (facts.asked, facts.blended, facts.version, facts.encoded, facts.trouble) == (3, 1, 1, 2, "")
    assert facts.blend_ms > 0.0


def test_the_same_parts_again_cost_nothing(desk: Callable[..., StyleDesk]) -> None:
    new = desk(WordSpace())
    for _ in range(3):
        new.ask(texts("piano"))
        assert new.settle(10.0)
    assert new.statistics().blended == 1


def test_the_version_grows_only_when_the_codes_change(desk: Callable[..., StyleDesk]) -> None:
    new = desk(WordSpace())
    for weight in (1.0, 0.5):  # alone, a weight changes nothing
        new.ask(texts("piano", weight=weight))
        assert new.settle(10.0)
    assert (new.version, new.statistics().blended) == (1, 2)


def test_parts_are_taken_as_they_were_when_asked_for(desk: Callable[..., StyleDesk]) -> None:
    space = WordSpace()
    new = desk(space)
    space.gate.clear()
    parts = texts("piano")
    new.ask(parts)
    parts[0]["text"] = "jazz"
    space.gate.set()
    assert new.settle(10.0)
    assert new.codes == expected("piano")


def test_a_missing_file_is_told_and_raw_tokens_work(desk: Callable[..., StyleDesk]) -> None:
    new = desk(NoFiles())
    new.ask(texts("piano"))
    assert new.settle(10.0)
    assert new.codes == NO_STYLE
    assert new.trouble == "style: MusicCoCa's files are not there; run `graphflow models download mrt2-small`"
    new.ask([Part(tokens=TWELVE).data()])
    assert new.settle(10.0)
    assert (new.codes, new.trouble) == (TWELVE, "")
    assert str(new) == "1 tokens: 5 4 3 2 1 0 1 2 3 4 5 6 (version 1)"


@pytest.mark.parametrize("retry, mended", [(1e9, False), (0.0, True)])
def test_what_failed_is_tried_again_after_a_while(
    retry: float, mended: bool, desk: Callable[..., StyleDesk], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graphflow.models.magenta.style.desk.RETRY", retry)
    space = WordSpace()
    new = desk(space)
    space.fault = UserError("text_encoder.tflite is not in FOLDER; run `graphflow models download mrt2-small`")
    new.ask(texts("piano"))
    assert new.settle(10.0)
    assert new.trouble.startswith("style: text_encoder.tflite is not in FOLDER")
    space.fault = None  # the file has come
    new.ask(texts("piano"))
    assert new.settle(10.0)
    assert (new.trouble == "", new.codes == expected("piano")) == (mended, mended)


def test_a_fault_inside_keeps_the_last_codes_and_the_thread(desk: Callable[..., StyleDesk]) -> None:
    space = WordSpace()
    new = desk(space)
    new.ask(texts("piano"))
    assert new.settle(10.0)
    space.fault = RuntimeError("out of\nmemory")
    new.ask(texts("jazz"))
    assert new.settle(10.0)
    assert new.codes == expected("piano")
    assert new.trouble == "style: RuntimeError: out of memory"
    space.fault = None
    new.ask(texts("funk"))
    assert new.settle(10.0)
    assert (new.codes, new.trouble) == (expected("funk"), "")


def test_whatever_an_encoder_raises_the_desk_goes_on(desk: Callable[..., StyleDesk]) -> None:
    space = WordSpace()
    new = desk(space)
    space.fault = KeyError("no such piece")
    new.ask(texts("jazz"))
    assert new.settle(10.0)
    assert new.trouble == "style: KeyError: 'no such piece'"
    new.ask([{"image": {"light": 10**400}, "weight": 1.0}])  # no float can be so large
    assert new.settle(10.0)
    assert new.trouble.startswith("style: OverflowError: "), new.trouble
    space.fault = None
    new.ask(texts("funk"))
    assert new.settle(10.0)
    assert (new.codes, new.trouble) == (expected("funk"), "")


def test_levels_are_masked_and_checked(desk: Callable[..., StyleDesk]) -> None:
    new = desk(WordSpace(), levels=6)
    new.ask([Part(tokens=TWELVE).data()])
    assert new.settle(10.0)
    assert new.codes == (5, 4, 3, 2, 1, 0, *[-1] * 6)
    for levels in (0, 13):
        with pytest.raises(UserError, match=rf"^style levels is {levels}; expected 1 to 12$"):
            StyleDesk(WordSpace(), levels=levels)


def test_any_thread_may_ask(desk: Callable[..., StyleDesk]) -> None:
    new = desk(WordSpace())
    words = [f"word {i}" for i in range(8)]
    threads = [threading.Thread(target=lambda w=word: new.ask(texts(w))) for word in words]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert new.settle(10.0)
    assert new.codes in {expected(word) for word in words}
    assert new.statistics().asked == 8


def test_a_closed_desk_ends_its_thread_and_lets_nobody_wait() -> None:
    space = WordSpace()
    new = StyleDesk(space)
    before = {thread for thread in threading.enumerate() if thread.name == "style"}
    assert new._thread in before
    new.close()
    assert not new._thread.is_alive()
    new.ask(texts("piano"))
    assert new.settle(10.0)
