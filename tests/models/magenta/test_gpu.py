"""What only a GPU can show: its own kernels and the captured step are the model, to the token."""

from __future__ import annotations

import pytest
import torch

from graphflow.models.magenta.config import CodecSizes, Config, Stack
from graphflow.models.magenta.invented import Invented, model_shapes
from graphflow.models.magenta.model import Model, build
from graphflow.models.magenta.noise import gumbel
from graphflow.models.magenta.step import CapturedStep, Step, plainly
from graphflow.models.magenta.streaming import StreamingGenerator

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no NVIDIA GPU here"),
]

SIZES = Config("sized", 64, Stack(3, 192, 3, 48, 320, 6), Stack(2, 136, 2, 64, 200), CodecSizes(32, 12, 12, 4, 8))


@pytest.fixture(scope="module")
def model() -> Model:
    return build(SIZES, Invented(model_shapes(SIZES)), None, "cuda", "float32")


def fill(step: Step) -> None:
    slots = step.batch.slots
    step.wanted.running.fill_(True)
    step.wanted.temperature.fill_(1.2)
    step.wanted.top_k.copy_(torch.arange(slots) * 30 + 20)
    step.wanted.seed.copy_(torch.arange(slots) + 2**33)
    step.wanted.conditions.copy_(torch.arange(144).expand(slots, -1) % 4 - 1)


@pytest.mark.parametrize("slots", [1, 2, 4, 8])
def test_the_captured_step_plays_what_the_plain_one_does(model: Model, slots: int) -> None:
    captured, plain = (
        CapturedStep(model.lm, model.decoder, slots, model.device),
        Step(model.lm, model.decoder, slots, model.device),
    )
    assert captured.compose.__class__ is not plainly(model.lm).__class__  # its own kernels, no fallback
    fill(captured)
    fill(plain)
    for _ in range(25):
        sound, ids = captured.run()
        with torch.inference_mode():
            expected, expected_ids = plain.run()
        assert torch.equal(ids, expected_ids)
        torch.testing.assert_close(sound, expected, rtol=0, atol=2e-3 * float(expected.abs().max()) + 1e-6)
    captured.close()


def test_slots_that_do_not_run_stay_as_they_are(model: Model) -> None:
    step = CapturedStep(model.lm, model.decoder, 2, model.device)
    fill(step)
    step.run()
    kept = [tensor.clone() for tensor in step.batch.light(1)]
    step.wanted.running[1] = False
    for _ in range(3):
        step.run()
    assert all(torch.equal(a, b) for a, b in zip(kept, step.batch.light(1), strict=True))
    step.close()


def test_noise_is_the_cpus() -> None:
    seeds, chunks = torch.arange(6) * 2**35 + 1, torch.arange(6) * 1000
    assert torch.equal(gumbel(seeds, chunks, 12), gumbel(seeds.cuda(), chunks.cuda(), 12).cpu())


def test_a_step_allocates_nothing(model: Model) -> None:
    step = CapturedStep(model.lm, model.decoder, 1, model.device)
    fill(step)
    step.run()
    before = torch.cuda.memory_stats()["allocation.all.allocated"]
    for _ in range(20):
        step.run()
    assert torch.cuda.memory_stats()["allocation.all.allocated"] == before
    step.close()


def test_looking_ahead_and_taking_back_are_the_plain_stream(model: Model) -> None:
    streams = [StreamingGenerator(model, 1) for _ in range(2)]
    plain, ahead = streams[0].open(3), streams[1].open(3, ahead=True, rewinds=True)
    expected = torch.cat([streams[0].step([plain]).sound[0] for _ in range(31)])[1920:]
    heard = []
    for chunk in range(30):
        made = streams[1].step([ahead]).sound[0]
        if chunk % 5 == 4:
            assert ahead.rewind()
            assert torch.equal(streams[1].step([ahead]).sound[0], made)
        heard.append(made)
    assert torch.equal(torch.cat(heard), expected)


def test_a_model_too_large_for_the_card_is_one_line() -> None:
    from graphflow.core.errors import UserError

    free, _ = torch.cuda.mem_get_info()
    block = torch.empty(free - (1 << 28), dtype=torch.uint8, device="cuda")
    huge = Config(
        "huge", 64, Stack(2, 2048, 16, 128, 16384, 6), Stack(1, 136, 2, 64, 200), CodecSizes(32, 12, 12, 4, 8)
    )
    with pytest.raises(UserError, match="huge in float32 does not fit into the memory of cuda"):
        build(huge, Invented(model_shapes(huge)), None, "cuda", "float32")
    del block
