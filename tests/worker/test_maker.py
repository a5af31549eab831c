"""Chunks into the ring, without a process: what depends on the moment is told here, not waited for."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from graphflow.audio.ring import Word
from graphflow.worker import maker as making
from graphflow.worker.channel import Order
from graphflow.worker.layout import Control, Shape, SlotMemory
from graphflow.worker.maker import Maker

CHUNK, SEAM = 1920, 192


class Steps:
    """Mono; every sample is the state's value. Writes down what it is asked for."""

    channels = 1
    latency = 0
    rollback = True

    def __init__(self, rate: int = 48_000) -> None:
        self.rate = rate
        self.value = 0.0
        self.asked: list[str] = []

    def set(self, state: dict[str, Any]) -> None:
        self.asked.append(f"set {state['value']}")
        self.value = float(state["value"])

    def hear(self, block: np.ndarray, frame: int) -> None:
        self.asked.append(f"hear {block.shape[1]} at {frame}")

    def step(self, frame: int) -> np.ndarray:
        self.asked.append(f"step {frame}")
        return np.full((1, CHUNK), self.value, np.float32)

    def rewind(self) -> bool:
        self.asked.append("rewind")
        return True

    def snapshot(self) -> bytes:
        return b""

    def restore(self, data: bytes) -> None: ...


class Moment:
    """A pace that is told."""

    just_in_time = True
    untouched = 0
    room = True
    time_for_news = True

    def made(self, margin: int, spent: float, length: float, *, anew: bool = False) -> None: ...

    def remade(self, spent: float) -> None: ...

    def room_to_remake(self, fade: int) -> bool:
        return self.room


class Desk:
    """A maker, its memory and what it tells."""

    def __init__(
        self, generator: Steps, *, rate: int = 48_000, hears: int = 0, lockstep: bool = False, repeats: bool = False
    ) -> None:
        shape = Shape.of(2, rate, hears)
        self.memory = SlotMemory(np.zeros(shape.size, np.uint8), shape, create=True)
        self.told: list[dict[str, Any]] = []
        self.pace: Any = Moment()
        order = Order(1, "steps", {}, rate, 0, lockstep or repeats, False, repeats)
        self.maker = Maker(generator, order, self.memory, self.pace, self.tell)
        self.maker.begin(0)
        self.begun = self.told.pop()

    def tell(self, do: str, **rest: Any) -> None:
        self.told.append({"do": do, **rest})

    def publish(self, value: float) -> int:
        return self.memory.state.put(json.dumps({"value": value}).encode(), 0)


def test_state_then_what_was_heard_then_the_step_and_again_without_hearing() -> None:
    generator = Steps()
    desk = Desk(generator, hears=1)
    heard = desk.memory.heard
    assert heard is not None
    heard.words[Word.EPOCH] = 1
    heard.words[Word.WRITTEN] = 300
    desk.publish(1.0)
    desk.maker.chunk()
    heard.words[Word.WRITTEN] = 400
    desk.publish(2.0)
    assert desk.maker.remake()
    assert not desk.maker.remake()
    desk.maker.chunk()
    assert generator.asked == [
        "set 1.0",
        "hear 300 at 0",
        "step 0",
        "rewind",
        "set 2.0",
        "step 0",
        "hear 100 at 300",
        "step 1920",
    ]


def test_a_mono_chunk_is_replaced_on_both_sides() -> None:
    desk = Desk(Steps())
    desk.maker.chunk()
    desk.publish(2.0)
    desk.pace.untouched = 500
    assert desk.maker.remake()
    for channel in desk.memory.ring.frames(0, CHUNK):
        assert not channel[:500].any()
        assert (channel[500 + SEAM :] == 2.0).all()
    rest = {"heard": 500, "epoch": 1, "again": 1, "late": False}
    assert desk.told == [{"do": "echo", "seq": 1, "chunk": 0, "frame": 500, **rest}]


def test_where_it_begins_is_told() -> None:
    place = {"start": 0, "position": 0, "restored": -1}
    assert Desk(Steps()).begun == {"do": "begun", "chunk": 0, "epoch": 1, **place}


def test_the_reader_that_overtakes_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk(Steps())
    desk.maker.chunk()
    ring = desk.memory.ring

    def slow(*arguments: Any) -> None:
        ring.words[Word.READ] = 600

    monkeypatch.setattr(making, "splice", slow)
    desk.pace.untouched = 500
    desk.publish(2.0)
    assert desk.maker.remake()
    assert [desk.memory.control[word] for word in (Control.ROLLBACKS, Control.LATE_ROLLBACKS)] == [1, 1]
    assert desk.told[-1]["late"] is True


def test_without_room_the_state_waits_for_the_next_chunk() -> None:
    generator = Steps()
    desk = Desk(generator)
    desk.maker.chunk()
    desk.pace.room = False
    desk.publish(2.0)
    assert not desk.maker.remake()
    desk.maker.chunk()
    assert "rewind" not in generator.asked
    assert [told["frame"] for told in desk.told] == [CHUNK]


def test_a_state_waits_for_no_more_than_one_chunk() -> None:
    desk = Desk(Steps())
    desk.maker.chunk()
    desk.pace.room = desk.pace.time_for_news = False
    desk.publish(2.0)
    desk.maker.chunk()
    assert [told for told in desk.told if told["do"] == "echo"] == []
    desk.maker.chunk()
    assert [told["frame"] for told in desk.told if told["do"] == "echo"] == [2 * CHUNK]


@pytest.mark.parametrize("latency, untouched, heard", [(CHUNK, 500, CHUNK), (100, 500, 500), (0, 1800, CHUNK)])
def test_when_a_state_is_heard(latency: int, untouched: int, heard: int) -> None:
    """The last of them comes too late for the seam: it is heard from the next chunk on."""
    generator = Steps()
    generator.latency = latency
    desk = Desk(generator)
    desk.maker.chunk()
    desk.pace.untouched = untouched
    desk.publish(2.0)
    assert desk.maker.remake()
    assert desk.told[0]["heard"] == heard


def test_latency_is_counted_at_the_patchs_rate_and_resampled_chunks_are_final() -> None:
    generator = Steps(24_000)
    generator.latency = 1000
    desk = Desk(generator)
    desk.publish(1.0)
    for _ in range(3):
        desk.maker.chunk()
    desk.publish(2.0)
    assert not desk.maker.remake()
    assert desk.memory.ring.committed == desk.memory.ring.written
    assert desk.told[0]["heard"] == 2000


def test_in_lockstep_nothing_is_taken_back() -> None:
    generator = Steps()
    desk = Desk(generator, lockstep=True)
    desk.maker.chunk()
    desk.publish(2.0)
    assert not desk.maker.remake()
    assert desk.memory.ring.committed == desk.memory.ring.written == CHUNK


def test_a_chunk_made_too_late_is_joined_by_the_next_one() -> None:
    desk = Desk(Steps())
    desk.publish(1.0)
    desk.maker.chunk()
    desk.pace.untouched = 1800  # 120 frames are left, and the seam takes 192
    desk.publish(3.0)
    assert desk.maker.remake()
    desk.maker.chunk()
    sound = desk.memory.ring.frames(0, 2 * CHUNK)[0]
    assert (sound[:CHUNK] == 1.0).all()
    np.testing.assert_allclose(
        sound[CHUNK : CHUNK + SEAM], 3.0 - 2.0 * (1.0 - np.arange(1, SEAM + 1) / SEAM), rtol=1e-5
    )
    assert (sound[CHUNK + SEAM :] == 3.0).all()
    assert desk.memory.control[Control.LATE_ROLLBACKS] == 1


def test_a_generator_taken_elsewhere_hears_its_state_again_and_keeps_no_chunk() -> None:
    generator = Steps()
    desk = Desk(generator)
    desk.publish(1.0)
    desk.maker.chunk()
    desk.maker.forget()
    desk.publish(2.0)
    assert not desk.maker.remake()
    desk.maker.chunk()
    assert generator.asked == ["set 1.0", "step 0", "set 2.0", "step 1920"]


class Tells(Steps):
    """Its steps depend on what was ready by then."""

    ready = 0

    def told(self) -> dict[str, Any] | None:
        return {"ready": self.ready} if self.ready else None

    def repeat(self, told: dict[str, Any]) -> None:
        self.asked.append(f"repeat {told['ready']}")


def test_what_a_step_went_by_is_told_and_given_back_before_the_same_step() -> None:
    generator = Tells()
    desk = Desk(generator)
    desk.maker.chunk()
    generator.ready = 3
    desk.maker.chunk()
    desk.publish(1.0)
    assert desk.maker.remake()
    told = [said for said in desk.told if said["do"] == "told"]
    assert told == [
        {"do": "told", "chunk": 1, "again": 0, "told": {"ready": 3}},
        {"do": "told", "chunk": 1, "again": 1, "told": {"ready": 3}},
    ]
    desk.maker.chunk(told={"ready": 4})
    assert generator.asked[-2:] == ["repeat 4", f"step {2 * CHUNK}"]


def test_in_a_replay_chunks_hear_what_they_heard_and_are_made_again_where_they_were() -> None:
    """`room_to_remake` and what has come meanwhile count no more."""
    live, again = (Desk(Steps(), hears=1, repeats=repeats) for repeats in (False, True))
    for desk in (live, again):
        assert desk.memory.heard is not None
        desk.memory.heard.words[[Word.EPOCH, Word.WRITTEN]] = 1, 300
    live.maker.chunk()
    again.memory.heard.words[Word.WRITTEN] = 5000  # type: ignore[union-attr]
    heard = [said["heard"] for said in live.told if said["do"] == "heard"]
    assert heard == [(0, 0, 300)]
    again.maker.chunk(heard[0])
    for desk in (live, again):
        desk.publish(2.0)
    live.pace.untouched, again.pace.room = 700, False
    assert live.maker.remake()
    assert again.maker.remake(700)
    np.testing.assert_array_equal(live.memory.ring.frames(0, CHUNK), again.memory.ring.frames(0, CHUNK))
    assert live.maker._generator.asked == again.maker._generator.asked  # type: ignore[attr-defined]
