"""The engine: what is asked for at the same time is one batch, and nobody's failure is another's."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from graphflow.core.errors import UserError
from graphflow.models.magenta import engine as engine_module
from graphflow.models.magenta import sharing
from graphflow.models.magenta.engine import BUCKETS, Engine
from graphflow.models.magenta.model import Model
from graphflow.models.magenta.seat import Chunk, Mark, Seat
from graphflow.models.magenta.session import Session
from graphflow.models.magenta.step import Step
from graphflow.models.magenta.streaming import StreamingGenerator
from tests.conftest import wait_until
from tests.models.magenta.tiny_model import tiny_model


class Fragile(Step):
    """Fails whenever a slot that runs has the unlucky seed."""

    def run(self) -> tuple[torch.Tensor, torch.Tensor]:
        if bool((self.wanted.seed[self.wanted.running] == 13).any()):
            raise ArithmeticError("unlucky")
        return super().run()


def fragile(model: Model, slots: int) -> StreamingGenerator:
    return StreamingGenerator(
        model, slots, step=lambda model, slots: Fragile(model.lm, model.decoder, slots, model.device)
    )


@pytest.fixture
def engine() -> Iterator[Engine]:
    engine = Engine(tiny_model, fragile)
    yield engine
    engine.close()


def at_once(*works: Callable[[], Any]) -> list[Any]:
    """Runs these in threads of their own, begun together; what each gave, or raised."""
    results: list[Any] = [None] * len(works)
    start = threading.Barrier(len(works))

    def run(number: int) -> None:
        start.wait(10.0)
        try:
            results[number] = works[number]()
        except Exception as fault:  # noqa: BLE001 - it is what is looked at
            results[number] = fault

    threads = [threading.Thread(target=run, args=(number,), daemon=True) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30.0)
    return results


def held_up(engine: Engine, *works: Callable[[], Any]) -> list[Any]:
    """The same while the engine is busy, so that it finds all of them asked for when it looks."""
    held, go = threading.Event(), threading.Event()

    def until_all_ask() -> None:
        held.set()
        go.wait(10.0)

    def let_go() -> None:
        wait_until(lambda: len(engine._asked) == len(works), 10.0, "the asking")
        go.set()

    busy = threading.Thread(target=engine.do, args=(until_all_ask,), daemon=True)
    busy.start()
    assert held.wait(10.0)
    results = at_once(*works, let_go)
    busy.join(10.0)
    return results[:-1]


def test_streams_that_ask_at_the_same_time_are_one_batch(engine: Engine) -> None:
    seats = [engine.open(seed) for seed in range(3)]
    for _ in range(2):
        chunks: list[Chunk] = held_up(engine, *(seat.step for seat in seats))
    assert [chunk.number for chunk in chunks] == [1, 1, 1]
    assert [chunk.sound.shape for chunk in chunks] == [(2, 1920)] * 3
    assert len({chunk.tokens for chunk in chunks}) == 3
    statistics = engine.statistics()
    assert (statistics.streams, statistics.slots, statistics.batches, statistics.chunks) == (3, 4, 2, 6)
    assert str(engine).startswith("tiny: 3 streams in 4 slots, 6 chunks in 2 batches of up to 3, ")


def test_one_that_does_not_ask_is_not_waited_for_for_long(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "GATHER", 0.2)
    one, other = engine.open(1), engine.open(2)
    held_up(engine, one.step, other.step)
    monkeypatch.setattr(engine_module, "TOGETHER", 10.0)
    one.step()  # waits for the other, in vain
    monkeypatch.setattr(engine_module, "GATHER", 1000.0)
    monkeypatch.setattr(engine_module, "TOGETHER", 0.0)
    one.step()
    assert one.step().number == 3
    assert engine.statistics().largest == 2


def test_companions_are_waited_for(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "GATHER", 10.0)
    monkeypatch.setattr(engine_module, "TOGETHER", 10.0)
    one, other = engine.open(1), engine.open(2)
    held_up(engine, one.step, other.step)
    first = engine.ask(one)
    engine.statistics()  # by now the engine waits, or will
    assert not first.done()
    other.step()
    assert first.result(10.0).number == 1
    assert engine.statistics().batches == 2


def test_a_chunk_made_again_waits_for_nobody_and_is_forgotten(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "GATHER", 1000.0)
    monkeypatch.setattr(engine_module, "TOGETHER", 10.0)
    one, other = engine.open(1, rewinds=True), engine.open(2)
    held_up(engine, one.step, other.step)
    before = one.asked_at
    assert one.do(Session.rewind)
    assert one.step(again=True).number == 0
    assert one.asked_at == before


def test_a_stream_alone_sounds_the_same_whoever_else_plays() -> None:
    def play(others: int) -> list[Chunk]:
        engine = Engine(tiny_model)
        seat = engine.open(5, alone=True)
        company = [engine.open(seed) for seed in range(others)]
        chunks = []
        for _ in range(4):
            for other in company:
                other.step()
            chunks.append(seat.step())
        assert engine.statistics().slots == 1 + len(company)
        engine.close()
        return chunks

    for alone, among in zip(play(0), play(2), strict=True):
        np.testing.assert_array_equal(alone.sound, among.sound)


def test_one_that_fails_leaves_the_others_as_if_it_had_not_been_there(engine: Engine) -> None:
    good, bad = engine.open(1), engine.open(13)
    alone = Engine(tiny_model, lambda model, slots: fragile(model, 2))
    expected = alone.open(1)
    for number in range(3):
        chunk, fault = held_up(engine, good.step, bad.step)
        assert str(fault) == "unlucky"
        assert chunk.number == number
        np.testing.assert_array_equal(chunk.sound, expected.step().sound)
    assert engine.statistics().failed == 3
    bad.do(lambda session: session.set("seed", 14))
    assert bad.step().number == 0  # it did not move
    alone.close()


@pytest.mark.parametrize("ahead", [False, True])
def test_a_step_that_failed_can_be_asked_for_again(ahead: bool) -> None:
    def play(fails: bool) -> list[np.ndarray]:
        engine = Engine(tiny_model, fragile)
        seat = engine.open(5, ahead=ahead, rewinds=True)
        sounds = []
        for number in range(5):
            if fails and number != 1:
                seat.session.set("seed", 13)
                with pytest.raises(ArithmeticError):
                    seat.step()
                seat.session.set("seed", 5)
            sounds.append(seat.step().sound)
        engine.close()
        return sounds

    plain, shaken = play(False), play(True)
    for number, (one, other) in enumerate(zip(plain, shaken, strict=True)):
        begin = 480 if ahead and number else 0  # the seam to what it had looked ahead to
        np.testing.assert_array_equal(one[:, begin:], other[:, begin:])


def test_when_a_failure_cannot_be_undone_everybody_hears_of_it(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    seats = [engine.open(13), engine.open(1)]

    def stuck(mark: Mark) -> None:
        raise RuntimeError("no way back")

    monkeypatch.setattr(Mark, "go_back", stuck)
    results = held_up(engine, *(seat.step for seat in seats))
    assert [str(result) for result in results] == ["no way back"] * 2


def test_slots_grow_in_buckets_and_streams_go_on() -> None:
    def play(others: int) -> list[tuple[int, ...]]:
        engine = Engine(tiny_model)
        seat = engine.open(3)
        tokens = []
        for _ in range(others):
            tokens.append(seat.step().tokens)
            engine.open(4)
        assert engine.statistics().slots == next(bucket for bucket in BUCKETS if bucket > others)
        engine.close()
        return tokens

    assert play(4)[:3] == play(3)


def test_those_who_come_while_it_loads_get_their_slots_at_once() -> None:
    go, sizes = threading.Event(), []

    def load() -> Model:
        go.wait(10.0)
        return tiny_model()

    def make(model: Model, slots: int) -> StreamingGenerator:
        sizes.append(slots)
        return StreamingGenerator(model, slots)

    engine = Engine(load, make)

    def let_go() -> None:
        wait_until(lambda: len(engine._jobs) == 3, 10.0, "the opening")
        go.set()

    seats = at_once(*[lambda: engine.open()] * 3, let_go)[:-1]
    assert all(isinstance(seat, Seat) for seat in seats)
    assert sizes == [4]
    engine.close()


def test_there_are_64_streams_at_most(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "BUCKETS", (1, 2))
    seats = [engine.open(), engine.open()]
    with pytest.raises(UserError, match="2 streams of tiny play already; expected at most 2"):
        engine.open()
    seats[0].close()
    engine.open().step()


def test_a_gpu_that_is_lost_ends_the_process(
    engine: Engine, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    seat = engine.open()
    lost = torch.AcceleratorError.__new__(torch.AcceleratorError, "CUDA error: unspecified launch failure\nmore")
    monkeypatch.setattr(Fragile, "run", lambda self: (_ for _ in ()).throw(lost))
    with pytest.raises(torch.AcceleratorError):
        seat.step()
    assert ended == [engine_module.LOST]
    said = capsys.readouterr().err
    assert said == "the GPU has failed (CUDA error: unspecified launch failure); beginning again in a new process\n"


@pytest.mark.parametrize("precision, threads", [("int8", 1), ("float32", 2)])
def test_a_cpus_threads_do_not_wait_for_each_other(precision: str, threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    engine = Engine(lambda: replace(tiny_model(), precision=precision))
    try:
        assert engine.do(torch.get_num_threads) == threads
    finally:
        engine.close()
        torch.set_num_threads(before)


@pytest.fixture
def loads(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What was loaded."""
    loaded: list[tuple[str, ...]] = []

    def load(*key: str) -> Model:
        loaded.append(key)
        if key[0] == "missing":
            raise UserError("missing: no such model")
        return tiny_model()

    monkeypatch.setattr(sharing, "load_model", load)
    return loaded


def test_generators_of_the_same_model_share_an_engine_until_the_last_one_ends(loads: list[tuple[str, ...]]) -> None:
    tiny = ("tiny", "cpu", "auto")
    engine, one = sharing.take(*tiny)
    again, other = sharing.take(*tiny)
    elsewhere, third = sharing.take("tiny", "cpu", "float32")
    assert engine is again is not elsewhere
    sharing.give_back(engine, one)
    other.step()
    assert loads == [tiny, ("tiny", "cpu", "float32")]
    sharing.give_back(engine, other)
    sharing.give_back(elsewhere, third)
    assert engine.model is None and not engine._thread.is_alive()
    last, seat = sharing.take(*tiny)
    assert len(loads) == 3
    sharing.give_back(last, seat)
    assert sharing._engines == {}


def test_a_model_that_cannot_be_loaded_is_told_to_all_and_tried_again(loads: list[tuple[str, ...]]) -> None:
    results = at_once(*[lambda: sharing.take("missing", "cpu", "auto")] * 3)
    assert [str(result) for result in results] == ["missing: no such model"] * 3
    assert sharing._engines == {}
    with pytest.raises(UserError):
        sharing.take("missing", "cpu", "auto")
    assert 2 <= len(loads) <= 4


def test_a_stream_that_the_memory_has_no_room_for_is_one_line_and_the_others_play_on() -> None:
    def narrow(model: Model, slots: int) -> Step:
        if slots > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return Step(model.lm, model.decoder, slots, model.device)

    engine = Engine(tiny_model, lambda model, slots: StreamingGenerator(model, slots, step=narrow))
    first, same = engine.open(3), StreamingGenerator(tiny_model(), 1, step=narrow)
    session = same.open(3)
    heard = [first.step()]
    with pytest.raises(UserError) as raised:
        engine.open(4)
    assert str(raised.value) == (
        "tiny has no room for another stream in the memory of cpu; close another, or choose a smaller model"
    )
    heard += [first.step() for _ in range(3)]
    for chunk in heard:
        assert np.array_equal(chunk.sound.T, same.step([session]).sound[0].numpy())
    first.close()
    engine.close()
