"""The compiled way on a CPU against the modules as they are written."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import numba
import numpy as np
import pytest
import torch
from torch import Tensor

from graphflow.audio.native import load_acquire
from graphflow.models.magenta import cpu_kernels as kernels
from graphflow.models.magenta import cpu_maths, cpu_sampling, cpu_team
from graphflow.models.magenta.codec.decoder import played
from graphflow.models.magenta.codec.fast import FastDecoder, adopt
from graphflow.models.magenta.codec.products import PANEL, multiply, packed
from graphflow.models.magenta.compiled import compiled
from graphflow.models.magenta.config import CHUNK, CODES, CodecSizes, Config, Stack
from graphflow.models.magenta.cpu import BEHIND, CpuStep, PipelinedStep, compiled_mark
from graphflow.models.magenta.cpu_lm import CpuLanguageModel
from graphflow.models.magenta.crew import Crew
from graphflow.models.magenta.invented import invent, model_shapes
from graphflow.models.magenta.linear import Linear
from graphflow.models.magenta.model import Model, build
from graphflow.models.magenta.noise import gumbel
from graphflow.models.magenta.quantised import Packed
from graphflow.models.magenta.sampling import pick
from graphflow.models.magenta.session import Session
from graphflow.models.magenta.step import Step
from graphflow.models.magenta.streaming import StreamingGenerator
from tests.models.magenta.tiny_build import STYLES, TINY, tensors
from tests.models.magenta.tiny_model import Held

COUNT = 3 * TINY.temporal.window + 2  # chunks; the ring is full and begins anew


@pytest.fixture(autouse=True)
def _as_played() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.inference_mode():
        yield
    torch.set_num_threads(threads)


@cache
def model(precision: str) -> Model:
    return build(TINY, Held(tensors()), None, "cpu", precision)


def song(count: int = COUNT) -> tuple[Tensor, Tensor]:
    """Conditions [N, 144] and ids [N, levels]."""
    random = np.random.default_rng(5)
    conditions = random.integers(-1, 2, (count, 144))
    ids = model("float32").lm.ids(torch.from_numpy(random.integers(0, CODES, (count, TINY.levels))))
    return torch.from_numpy(conditions), ids


ODD = Config("odd", 13, Stack(2, 33, 3, 13, 101, 3), Stack(1, 47, 5, 7, 65), CodecSizes(5, 4, 3, 1, 3))
"""Nothing is a multiple of a block, a group or a vector; both transformers are wider inside than outside or the other
way round."""


@cache
def odd_model(precision: str) -> Model:
    shapes = model_shapes(ODD)
    held = {name: each for name, each in tensors().items() if name.endswith(STYLES)}
    made = {name: torch.from_numpy(invent(name, shape)) for name, shape in shapes.items() if name not in held}
    return build(ODD, Held({**made, **held}), None, "cpu", precision)


def apart(made: Tensor, expected: Tensor) -> float:
    """The largest difference, as a share of the largest value."""
    return float((made - expected).abs().max() / expected.abs().max())


def decibels(made: Tensor, expected: Tensor) -> float:
    return 10.0 * float(torch.log10(expected.square().sum() / (made - expected).square().sum()))


@pytest.mark.parametrize("precision, tolerance", [("float32", 2e-6), ("int8", 3e-4)])
def test_the_compiled_model_is_the_written_one(precision: str, tolerance: float) -> None:
    """With the same rounded weights; in int8 what is multiplied is rounded to 16 bits too."""
    lm = model(precision).lm
    expected = lm.trace(*song())
    temporal, logits = CpuLanguageModel(lm).trace(*song())
    assert apart(temporal, expected.temporal) < tolerance
    assert apart(logits, expected.logits) < tolerance


@pytest.mark.parametrize(
    "precision, tolerance", [("float32", 5e-6), ("bfloat16", 5e-6), ("int8", 1e-3), ("int4", 1e-3)]
)
def test_odd_sizes_are_no_other_matter(precision: str, tolerance: float) -> None:
    """Measured are 1e-6 and 2e-4, on processors with AVX-512, with AVX2 and with neither."""
    lm, random = odd_model(precision).lm, np.random.default_rng(8)
    chunks = 4 * ODD.temporal.window + 3
    conditions = torch.from_numpy(random.integers(-1, 2, (chunks, 144)))
    ids = lm.ids(torch.from_numpy(random.integers(0, CODES, (chunks, ODD.levels))))
    expected = lm.trace(conditions, ids)
    temporal, logits = CpuLanguageModel(lm).trace(conditions, ids)
    assert apart(temporal, expected.temporal) < tolerance
    assert apart(logits, expected.logits) < tolerance


@pytest.mark.parametrize("precision, tolerance", [("bfloat16", 1e-6), ("int4", 1e-4), ("int8", 1e-4)])
def test_a_product_is_that_of_the_rounded_weights(precision: str, tolerance: float) -> None:
    lm = CpuLanguageModel(model(precision).lm)
    linear = lm.lm.depth.layers[0].ffn.fall  # type: ignore[union-attr]
    assert isinstance(linear, Linear)
    matrix, x = kernels.Matrix(*lm._depth[0].feed.fall), torch.randn(32, generator=torch.Generator().manual_seed(1))
    out = np.zeros(16, np.float32)
    kernels.product(matrix, x.numpy(), out, lm._room)
    assert apart(torch.from_numpy(out), linear(x)) < tolerance


@numba.njit(error_model="numpy")  # type: ignore[untyped-decorator]
def curves(x: kernels.F32, out: kernels.F32) -> None:
    for i in range(x.shape[0]):
        out[0, i], out[1, i] = cpu_maths.exp(x[i]), cpu_maths.gelu(x[i])


def test_our_exponential_is_the_exponential() -> None:
    x = np.linspace(-80.0, 80.0, 10_001, dtype=np.float32)
    out = np.zeros((2, len(x)), np.float32)
    curves(x, out)
    assert np.abs(out[0] / np.exp(x.astype(np.float64)) - 1.0).max() < 2e-7
    expected = torch.nn.functional.gelu(torch.from_numpy(x), approximate="tanh").numpy()
    assert np.abs(out[1] - expected).max() < 1e-5


def test_chance_is_the_same_as_everywhere() -> None:
    seed, chunk = 2**40 + 12_345, 2**33 + 7
    expected = gumbel(torch.tensor([seed]), torch.tensor([chunk]), 3)[0]
    made = [[cpu_sampling.gumbel(seed, chunk, level, code) for code in range(CODES)] for level in range(3)]
    assert torch.equal(torch.tensor(made, dtype=torch.float32), expected)


@pytest.mark.parametrize("top_k", [1, 2, 40, 1023, 1024, 5000])
@pytest.mark.parametrize("temperature", [0.0, 1.3])
def test_codes_are_picked_as_in_torch(top_k: int, temperature: float) -> None:
    """Ties at the k-th place among them: the logits are rounded to few values."""
    random = torch.Generator().manual_seed(top_k)
    for chunk in range(8):
        logits = torch.round(torch.randn(CODES, generator=random) * 40.0) / 8.0
        logits += torch.arange(CODES) * (1e-4 if temperature == 0.0 else 0.0)  # the likeliest is one
        noise = gumbel(torch.tensor([3]), torch.tensor([chunk]), 2)[:, 1]
        expected = pick(logits[None], noise, torch.tensor([temperature]), torch.tensor([top_k]))
        assert cpu_sampling.pick(logits.numpy(), temperature, top_k, 3, chunk, 1) == int(expected)


@pytest.mark.parametrize("rows", [1, 4, 5, 10, 23, 30])
@pytest.mark.parametrize("kind", [np.float32, np.int16])
def test_products_are_products(rows: int, kind: type) -> None:
    random = np.random.default_rng(rows)
    a = random.standard_normal((rows, 7), np.float32)
    weights = np.round(100.0 * random.standard_normal((7, 20))).astype(kind)
    out = np.zeros((rows, 2 * PANEL), np.float32)
    multiply(a, packed(weights), out, 0, 2)
    np.testing.assert_allclose(out[:, :20], a @ weights.astype(np.float32), rtol=1e-4, atol=1e-3)
    assert not out[:, 20:].any()


@pytest.mark.parametrize("made", [model, odd_model])
def test_the_fast_codec_sounds_like_the_codec(made: Callable[[str], Model]) -> None:
    """-70 dB is half a step of 12 bits; measured is -87."""
    decoder, levels = made("float32").decoder, made("float32").config.levels
    codes = torch.from_numpy(np.random.default_rng(1).integers(0, CODES, (6, levels)))
    memory, quick = decoder.memory(1), adopt(decoder.memory(2))
    fast = FastDecoder(decoder)
    for number, each in enumerate(codes):
        wave, memory = decoder(each[None], memory)
        sound = fast(each, quick, 1)
        assert torch.equal(sound, torch.zeros(CHUNK, 2)) if number == 0 else decibels(sound, played(wave)[0]) > 70.0
    for mine, theirs in zip(quick, memory, strict=True):
        own = mine[mine.shape[0] // 2 :]
        assert own.shape == theirs.shape and apart(own.float(), theirs.float()) < 1e-3
        assert not bool(mine[: mine.shape[0] // 2].any())  # the other slot's


def test_either_codec_goes_on_from_what_the_other_remembers() -> None:
    decoder = model("float32").decoder
    codes = torch.from_numpy(np.random.default_rng(2).integers(0, CODES, (4, 12)))
    memory = adopt(decoder.memory(1))
    fast = FastDecoder(decoder)
    first = [fast(each, memory, 0) for each in codes[:2]]
    wave, _ = decoder(codes[2][None], memory)
    plain = decoder.memory(1)
    for each in codes[:3]:
        expected, plain = decoder(each[None], plain)
    assert len(first) == 2 and decibels(wave, expected) > 70.0


def wide(bits: int) -> tuple[kernels.Matrix, kernels.Room]:
    """A matrix of ten parts and room to multiply it."""
    held = Packed(bits, 600, 128)
    held.fill(torch.randn(600, 128, generator=torch.Generator().manual_seed(6)))
    matrix = kernels.Matrix(held.codes.numpy(), held.scale.numpy(), np.zeros(0, np.float32))
    room = CpuLanguageModel(model("int8").lm)._room
    return matrix, room._replace(
        shorts=np.zeros(192, np.int16),
        offset=np.zeros(64, np.int32),
        board=np.zeros(cpu_team.SIZE, np.int64),
    )


def products(team: cpu_team.Team, kind: type, each: int) -> kernels.F32:
    """Some products of matrices of whole numbers."""
    random = np.random.default_rng(each)
    a = random.integers(-9, 9, (each, 12, 40)).astype(np.float32)
    weights = random.integers(-9, 9, (each, 40, 320)).astype(kind)
    out = np.zeros((each, 12, 320), np.float32)
    team.products(a, packed(weights), out)
    assert np.array_equal(out, a @ weights.astype(np.float32))
    return out


@pytest.mark.parametrize("kind", [np.float32, np.int16])
@pytest.mark.parametrize("each", [1, 18])
def test_a_team_works_out_products(kind: type, each: int) -> None:
    crew = Crew(3)
    team = cpu_team.Team(crew, 2)
    with team.at_work():
        for _ in range(20):
            products(team, kind, each)
    crew.close()  # everybody has gone
    products(cpu_team.Team(), kind, each)


@pytest.mark.parametrize("bits", [8, 4])
def test_helpers_bring_the_same_numbers(bits: int) -> None:
    matrix, room = wide(bits)
    x = np.random.default_rng(7).standard_normal(128).astype(np.float32)
    alone, helped = np.zeros(600, np.float32), np.zeros(600, np.float32)
    kernels.product(matrix, x, alone, room)
    room.board[cpu_team.HELPERS] = 2
    helpers = [threading.Thread(target=cpu_team.help_out, args=(room.board, 1)) for _ in range(2)]
    for helper in helpers:
        helper.start()
    equal = []
    for _ in range(200):
        helped[:] = 0.0
        kernels.product(matrix, x, helped, room)
        equal.append(np.array_equal(helped, alone))
    room.board[cpu_team.PASSED] = 1
    assert all(equal)
    for helper in helpers:
        helper.join(10.0)
        assert not helper.is_alive()


@numba.njit(nogil=True, error_model="numpy")  # type: ignore[untyped-decorator]
def lose(board: cpu_team.Board) -> int:
    """A helper that takes a part and is never heard of again; how often it looked, or 0 if there was none to take."""
    here = board.ctypes.data
    for look in range(2_000_000_000):
        word = load_acquire(here + 8 * cpu_team.WORD)
        if word & cpu_team._LOW < (word >> 20) & cpu_team._LOW:
            word = cpu_team.add(here + 8 * cpu_team.WORD, 1)
            number, parts, job = word & cpu_team._LOW, (word >> 20) & cpu_team._LOW, word >> 40
            state = here + 8 * (cpu_team.PARTS + number)
            if number < parts and cpu_team.change(state, 4 * job, 4 * job + cpu_team.TAKEN):
                return look + 1
        if load_acquire(here + 8 * cpu_team.PASSED) > 0:
            return 0
    return 0


def test_what_a_helper_took_and_lost_is_done_again() -> None:
    matrix, room = wide(8)
    x, lost = np.ones(128, np.float32), []
    alone, helped = np.zeros(600, np.float32), np.zeros(600, np.float32)
    kernels.product(matrix, x, alone, room)
    room.board[cpu_team.HELPERS] = 1
    helper = threading.Thread(target=lambda: lost.append(lose(room.board)))
    helper.start()
    equal = []
    while helper.is_alive() and len(equal) < 100_000:
        helped[:] = 0.0
        kernels.product(matrix, x, helped, room)
        equal.append(np.array_equal(helped, alone))
    room.board[cpu_team.PASSED] = 1
    helper.join(10.0)
    assert all(equal)
    assert lost and lost[0] > 0


@pytest.mark.parametrize("cores", [1, 2, 3])
def test_a_crew_covers_all_of_a_work_once(cores: int) -> None:
    done: list[int] = []
    crew = Crew(cores)
    for count in (1, 2, 7):
        done.clear()
        crew.share(count, lambda first, last: done.extend(range(first, last)))
        assert sorted(done) == list(range(count))
    crew.close()


def test_a_crew_does_itself_what_nobody_has_begun() -> None:
    crew, hold, names = Crew(2), threading.Event(), []
    held = [crew.start(hold.wait, 10.0) for _ in range(2)]  # nobody is free
    crew.share(2, lambda first, last: names.append(threading.current_thread()))
    assert names == [threading.current_thread()] * 2
    hold.set()
    assert all(each.result() for each in held)
    crew.close()


class Band:
    """Two sessions that play for some chunks, one of which pauses and is turned down on the way."""

    def __init__(self, precision: str, kind: type[Step], **options: int) -> None:
        made = model(precision)
        self.generator = StreamingGenerator(
            made, 2, step=lambda made, slots: kind(made.lm, made.decoder, slots, made.device, **options)
        )
        self.sessions = [self.generator.open(seed, rewinds=True) for seed in (1, 2)]

    def play(self, chunks: int = 9) -> tuple[Tensor, Tensor]:
        """The second session's sound [frames, 2] and ids [chunks, levels]."""
        sound, ids = [], []
        for number in range(chunks):
            if number == 4:
                self.sessions[1].set("temperature", 0.4)
            made = self.generator.step(self.sessions if number % 3 else self.sessions[1:])
            sound.append(made.sound[-1])
            ids.append(made.tokens[-1])
        return torch.cat(sound), torch.stack(ids)


def test_a_step_is_the_plain_step() -> None:
    sound, ids = Band("float32", CpuStep).play()
    expected, expected_ids = Band("float32", Step).play()
    assert torch.equal(ids, expected_ids)
    assert decibels(sound, expected) > 100.0


@pytest.mark.parametrize("cores", [2, 4])
def test_cores_change_nothing(cores: int) -> None:
    sound, ids = Band("int8", CpuStep, cores=1).play()
    more, more_ids = Band("int8", CpuStep, cores=cores).play()
    assert torch.equal(ids, more_ids) and torch.equal(sound, more)


def test_the_fast_step_is_close_to_the_plain_step() -> None:
    sound, ids = Band("int8", CpuStep).play()
    expected, expected_ids = Band("int8", Step).play()
    assert torch.equal(ids, expected_ids)
    assert decibels(sound, expected) > 70.0


def test_a_pipelined_step_is_the_same_a_chunk_later() -> None:
    sound, ids = Band("int8", PipelinedStep).play()
    expected, expected_ids = Band("int8", CpuStep).play()
    assert PipelinedStep.delay_chunks - CpuStep.delay_chunks == 1
    assert torch.equal(ids, expected_ids)
    assert torch.equal(sound[CHUNK:], expected[:-CHUNK]) and not bool(sound[:CHUNK].any())


def heard(session: Session, chunks: int) -> Tensor:
    return torch.cat([session.generator.step([session]).sound[0] for _ in range(chunks)])


@pytest.mark.parametrize("kind", [CpuStep, PipelinedStep])
def test_what_was_taken_back_or_restored_comes_again(kind: type[Step]) -> None:
    session = Band("int8", kind).sessions[0]
    heard(session, 3)
    kept = session.snapshot()
    third = heard(session, 1)
    assert session.rewind()
    assert torch.equal(heard(session, 1), third)
    further = heard(session, 3)
    session.restore(kept)
    assert torch.equal(heard(session, 4), torch.cat([third, further]))


def test_a_new_beginning_is_a_new_beginning() -> None:
    session = Band("int8", PipelinedStep).sessions[0]
    first = heard(session, 4)
    session.reset()
    assert torch.equal(heard(session, 4), first)


def test_a_pipelined_stream_goes_on_in_a_plain_one_without_its_late_chunk() -> None:
    late = Band("int8", PipelinedStep).sessions[0]
    heard(late, 5)
    kept = late.snapshot()
    assert int(kept.codec[-2]) == BEHIND + 4
    plain = Band("int8", CpuStep).sessions[0]
    plain.restore(kept)
    going_on = heard(plain, 2)
    other = Band("int8", CpuStep).sessions[0]
    assert torch.equal(heard(other, 7)[5 * CHUNK :], going_on)


def test_where_nothing_can_be_kept_it_compiles_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("numba.core.caching.CacheImpl._locator_classes", [])

    @compiled()
    def twice(number: float) -> float:
        return 2.0 * number

    assert twice(2.0) == 4.0
    assert twice.signatures


def test_a_compilation_is_announced_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("GRAPHFLOW_CACHE", str(tmp_path))
    lm, decoder = model("float32").lm, model("float32").decoder
    with caplog.at_level(logging.INFO, "graphflow.models.magenta.cpu"):
        CpuStep(lm, decoder, 1, torch.device("cpu")).close()
        assert [record.message.split(",")[0] for record in caplog.records][:1] == [
            "compiling the model's loops for this processor"
        ]
        caplog.clear()
        CpuStep(lm, decoder, 1, torch.device("cpu")).close()
    assert caplog.records == []
    assert compiled_mark(lm).parent == tmp_path / "kernels"
    assert compiled_mark(lm) != compiled_mark(model("int8").lm)


def divergence(precision: str) -> tuple[float, float]:
    """Mean Kullback-Leibler divergence (nats) of the codes' distribution from float32's at temperature 1, and the share
    of the 40 likeliest codes that stay among them."""
    exact = model("float32").lm.trace(*song()).logits
    made = model(precision).lm.trace(*song()).logits
    right, wrong = torch.log_softmax(exact, -1), torch.log_softmax(made, -1)
    kept = [
        set(a.tolist()) & set(b.tolist())
        for a, b in zip(*(x.flatten(0, 1).topk(40).indices for x in (exact, made)), strict=True)
    ]
    return float((right.exp() * (right - wrong)).sum(-1).mean()), float(np.mean([len(some) / 40 for some in kept]))


@pytest.mark.parametrize("precision, most, least", [("bfloat16", 1e-4, 0.98), ("int8", 3e-4, 0.95), ("int4", 0.1, 0.6)])
def test_what_fewer_bits_do_to_the_choice_of_codes(precision: str, most: float, least: float) -> None:
    """On invented weights of a tiny model; bench/mrt2_cpu.md has the real sizes."""
    nats, kept = divergence(precision)
    assert 0.0 < nats < most
    assert least < kept < 1.0


def test_a_small_models_codec_asks_one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    step = CpuStep(model("float32").lm, model("float32").decoder, 1, torch.device("cpu"), cores=2)
    asked: list[int] = []
    decode = step._decode

    def spied(slot: int) -> Tensor:
        asked.append(torch.get_num_threads())
        return decode(slot)

    monkeypatch.setattr(step, "_decode", spied)
    step.wanted.running.fill_(True)
    step.run()
    step.close()
    assert asked == [1]  # a second would find nothing to do, and look for it on a core that others need
