"""What only a GPU can show: its own kernels and the captured step are the model, to the token."""

from __future__ import annotations

import warnings

import pytest
import torch

from graphflow.models.magenta.config import CodecSizes, Config, Stack
from graphflow.models.magenta.invented import Invented, model_shapes
from graphflow.models.magenta.model import Model, build
from graphflow.models.magenta.noise import gumbel
from graphflow.models.magenta.seam import CapturedSeam, Seam
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


@pytest.mark.parametrize("slots", [1, 2, 3, 4, 8])
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


def rehearsed(model: Model, slots: int = 1) -> StreamingGenerator:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # nothing falls back, nothing of the rehearsal fails
        return StreamingGenerator(model, slots, rehearsed=True)


def test_a_rehearsal_leaves_no_trace_and_nothing_cold(model: Model) -> None:
    plain, generator = StreamingGenerator(model, 2), rehearsed(model, 2)
    assert isinstance(generator._seam, CapturedSeam)
    assert all(torch.equal(a, b) for a, b in zip(plain.step_.batch.codec, generator.step_.batch.codec, strict=True))
    expected, session = plain.open(3), generator.open(3)
    for _ in range(9):
        assert torch.equal(plain.step([expected]).sound, generator.step([session]).sound)


def test_a_wrong_guess_is_a_seam_of_ten_milliseconds_that_takes_no_memory(model: Model) -> None:
    generator, other = rehearsed(model), StreamingGenerator(model, 1)
    ahead, plain = generator.open(3, ahead=True, rewinds=True), other.open(3)
    other.step([plain])
    taken, changes = [], (4, 7, 9)
    for chunk in range(12):
        if chunk in changes:
            ahead.set("seed", chunk)
        if chunk + 1 in changes:  # it is a chunk further
            plain.set("seed", chunk + 1)
        heard, expected = generator.step([ahead]).sound[0], other.step([plain]).sound[0]
        if chunk in changes:
            assert torch.equal(heard[480:], expected[480:])
            assert float((heard[:480] - expected[:480]).abs().max()) > 0.0
        taken.append(torch.cuda.memory_stats()["num_device_alloc"])
    assert taken[-1] == taken[3]


def test_the_captured_seam_is_the_written_one(model: Model) -> None:
    memory = [torch.randn_like(tensor.float()).to(tensor.dtype) for tensor in model.decoder.memory(1)]
    memory[-2].fill_(5)
    ids, sound = 6 + torch.arange(12) * 1094, torch.zeros(1920, 2)  # code 70 n of level n
    expected = Seam(model).joined(memory, ids, sound)
    made = CapturedSeam(model).joined(memory, ids, sound)
    torch.testing.assert_close(made, expected, rtol=0, atol=5e-3 * float(expected.abs().max()))


@pytest.mark.parametrize("precision", ["bfloat16", "int8", "int4"])
def test_every_precision_is_captured_and_plays(precision: str) -> None:
    model = build(SIZES, Invented(model_shapes(SIZES)), None, "cuda", precision)
    generator = rehearsed(model)
    session = generator.open(3, ahead=True)
    sound = torch.cat([generator.step([session]).sound[0] for _ in range(6)])
    assert bool(torch.isfinite(sound).all()) and float(sound.abs().max()) > 0.0
    generator.close()


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
