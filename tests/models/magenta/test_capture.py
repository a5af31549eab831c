"""What is replayed as a graph on a GPU, here with a graph that works on a CPU: the buffers around it are what counts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from graphflow.models.magenta import seam, step
from graphflow.models.magenta.model import Model
from graphflow.models.magenta.seam import CapturedSeam, Seam
from graphflow.models.magenta.step import CapturedStep, Step
from graphflow.models.magenta.streaming import StreamingGenerator
from tests.models.magenta.tiny_model import tiny_model


class Graph:
    """Does its work again at each replay, into the tensors that the first run returned."""

    def __init__(self, work: Callable[[], Any], made: Any) -> None:
        self.work, self.made, self.replays = work, made, 0

    def replay(self) -> None:
        self.replays += 1
        new = self.work()
        for old, fresh in zip(
            *((made if isinstance(made, tuple) else (made,)) for made in (self.made, new)), strict=True
        ):
            old.copy_(fresh)

    def reset(self) -> None:
        self.work = self.made = None


def capture(work: Callable[[], Any], device: torch.device) -> tuple[Graph, Any]:
    with torch.inference_mode():
        work()
        made = work()
        copies = tuple(tensor.clone() for tensor in made) if isinstance(made, tuple) else made.clone()
    assert all(tensor.is_contiguous() for tensor in (made if isinstance(made, tuple) else (made,)))
    return Graph(work, copies), copies


class Stream:
    def synchronize(self) -> None:
        pass


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step, "capture", capture)
    monkeypatch.setattr(seam, "capture", capture)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: Stream())


def captured(model: Model, slots: int) -> Step:
    return CapturedStep(model.lm, model.decoder, slots, model.device, fused=False)


def performance(generator: StreamingGenerator) -> Tensor:
    one, other = generator.open(5, ahead=True, rewinds=True), generator.open(6)
    heard = []
    for chunk in range(9):
        if chunk in (3, 6):
            one.set("seed", chunk)
        heard.append(generator.step([one, other] if chunk % 2 else [one]).sound[0])
        if chunk == 7:
            assert one.rewind()
    return torch.cat(heard)


@pytest.mark.usefixtures("here")
def test_what_is_captured_plays_what_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    model = tiny_model()

    def written(model: Model, slots: int) -> Step:
        return Step(model.lm, model.decoder, slots, model.device)

    expected = performance(StreamingGenerator(model, 2, step=written))
    monkeypatch.setattr(Model, "seam", lambda model: CapturedSeam(model))
    generator = StreamingGenerator(model, 2, step=captured, rehearsed=True)
    assert isinstance(generator._seam, CapturedSeam)
    rehearsed = generator._seam._graph.replays
    assert rehearsed >= 2
    assert torch.equal(performance(generator), expected)
    assert generator._seam._graph.replays == rehearsed + 2
    generator.close()


@pytest.mark.usefixtures("here")
def test_a_capture_and_its_warming_up_leave_no_trace() -> None:
    model = tiny_model()
    made, fresh = captured(model, 2), Step(model.lm, model.decoder, 2, model.device)
    for mine, theirs in zip(fresh.batch.light(1), made.batch.light(1), strict=True):
        assert torch.equal(mine, theirs)


def test_a_seam_that_cannot_be_captured_is_made_as_it_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(work: Callable[[], Any], device: torch.device) -> None:
        raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(seam, "capture", fails)
    model = tiny_model()
    with pytest.warns(UserWarning, match="Magenta makes its seams slowly, RuntimeError: operation not permitted"):
        made = CapturedSeam(model)
    memory, ids, sound = model.decoder.memory(1), model.lm.ids(torch.arange(12)), torch.ones(1920, 2)
    assert torch.equal(made.joined(memory, ids, sound), Seam(model).joined(memory, ids, sound))
    made.close()


def test_memory_that_is_used_up_by_a_seam_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(work: Callable[[], Any], device: torch.device) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(seam, "capture", full)
    with pytest.raises(torch.OutOfMemoryError):
        CapturedSeam(tiny_model())
