"""What a generator does once before it plays: all of it, and without a trace."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor

from graphflow.models.magenta import rehearsal
from graphflow.models.magenta.batch import Batch
from graphflow.models.magenta.config import CODES
from graphflow.models.magenta.model import Model, build
from graphflow.models.magenta.seam import SEAM, Seam
from graphflow.models.magenta.session import Session
from graphflow.models.magenta.step import Step
from graphflow.models.magenta.streaming import StreamingGenerator
from tests.models.magenta.tiny_build import TINY, tensors
from tests.models.magenta.tiny_model import Held, tiny_model

Make = Callable[[Model, int], Step]


def written(model: Model, slots: int) -> Step:
    """As it runs on devices that have nothing of their own."""
    return Step(model.lm, model.decoder, slots, model.device)


@pytest.fixture(scope="module", params=["as written", "compiled float32", "compiled int8"])
def how(request: pytest.FixtureRequest) -> Iterator[tuple[Model, Make]]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    if request.param == "as written":
        yield tiny_model(), written
    elif request.param == "compiled float32":
        yield tiny_model(), Model.step
    else:
        yield build(TINY, Held(tensors()), None, "cpu", "int8"), Model.step
    torch.set_num_threads(threads)


def state(batch: Batch) -> list[Tensor]:
    return [*batch.memory.tensors, batch.previous, batch.chunk, *batch.codec]


def performance(generator: StreamingGenerator) -> Tensor:
    session = generator.open(5, ahead=True, rewinds=True)
    heard = []
    for chunk in range(8):
        if chunk in (3, 6):
            session.set("seed", chunk)
        heard.append(generator.step([session]).sound[0])
    return torch.cat(heard)


def test_a_rehearsal_leaves_no_trace(how: tuple[Model, Make]) -> None:
    model, make = how
    fresh, rehearsed = (StreamingGenerator(model, 2, step=make, rehearsed=flag) for flag in (False, True))
    for mine, theirs in zip(state(fresh.step_.batch), state(rehearsed.step_.batch), strict=True):
        kept = (mine[:, :, 1:], theirs[:, :, 1:]) if mine.dim() == 4 and mine.shape[2] > TINY.temporal.window else ()
        assert torch.equal(mine, theirs) or (kept and not kept[1].any())  # what a fresh ring holds is not seen
    assert rehearsed.statistics() == fresh.statistics()
    assert rehearsed.sessions == ()
    assert torch.equal(performance(fresh), performance(rehearsed))
    fresh.close()
    rehearsed.close()


def test_a_rehearsal_does_everything_once(how: tuple[Model, Make], monkeypatch: pytest.MonkeyPatch) -> None:
    model, make = how
    done: list[str] = []

    def watched(owner: type, name: str) -> None:
        as_it_is = getattr(owner, name)

        def called(*given: object, **named: object) -> object:
            result = as_it_is(*given, **named)
            done.append(name if result is not False else f"no {name}")
            return result

        monkeypatch.setattr(owner, name, called)

    for owner, names in (
        (Session, ("forget_ahead", "keep_edge", "rewind", "snapshot", "restore", "reset")),
        (Batch, ("keep", "bring_back", "begin", "remembered", "remember")),
        (Seam, ("joined",)),
    ):
        for name in names:
            watched(owner, name)
    StreamingGenerator(model, 1, step=make, rehearsed=True).close()
    expected = "forget_ahead keep_edge rewind snapshot restore reset keep bring_back begin remembered remember joined"
    assert set(done) == set(expected.split())
    assert done.count("joined") >= 2


def test_sessions_live_through_a_rehearsal_at_a_resize() -> None:
    generators = [StreamingGenerator(tiny_model(), 1, step=written, rehearsed=flag) for flag in (False, True)]
    heard = []
    for generator in generators:
        session = generator.open(3, ahead=True)
        before = torch.cat([generator.step([session]).sound[0] for _ in range(3)])
        generator.resize(2)
        session.set("temperature", 2.0)  # what it looked ahead to was guessed in the old slots
        after = torch.cat([generator.step([session]).sound[0] for _ in range(3)])
        heard.append(torch.cat([before, after]))
        generator.close()
    assert torch.equal(*heard)


def test_a_device_that_lacks_a_seldom_operation_plays_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Session, "snapshot", lambda session: torch.zeros(1).no_such_operation())
    with pytest.warns(UserWarning, match="Magenta's rehearsal failed, AttributeError: .*no_such_operation"):
        generator = StreamingGenerator(tiny_model(), 1, step=written, rehearsed=True)
    monkeypatch.undo()
    fresh = StreamingGenerator(tiny_model(), 1, step=written)
    assert torch.equal(performance(generator), performance(fresh))


def test_memory_that_is_used_up_is_no_small_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(generator: StreamingGenerator) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(rehearsal, "_play", full)
    with pytest.raises(torch.OutOfMemoryError):
        StreamingGenerator(tiny_model(), 1, step=written, rehearsed=True)


def test_a_seam_goes_from_what_went_on_to_what_is_right() -> None:
    model = tiny_model()
    memory = model.decoder.memory(1)
    memory[-2].fill_(1)  # chunks decoded: else it is silent
    ids = model.lm.ids(torch.arange(TINY.levels) * 70 % CODES)
    right = torch.full((1920, 2), 0.25)
    went_on = model.sound_after(model.lm.codes(ids[None]), memory)
    joined = Seam(model).joined(memory, ids, right)
    assert torch.equal(joined[SEAM:], right[SEAM:])
    torch.testing.assert_close(joined[0], went_on[0], rtol=0, atol=1e-2 * float(went_on.abs().max() + 0.25))
    torch.testing.assert_close(joined[SEAM // 2 - 1], (went_on + right)[SEAM // 2 - 1] / 2)
    assert torch.equal(right, torch.full((1920, 2), 0.25))
    assert str(Seam(model)) == "Seam of 480 frames on cpu"
