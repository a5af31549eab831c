"""Which precision a setting means, how weights are rounded, and what is too much for a CPU."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from graphflow.core.errors import UserError
from graphflow.models.magenta.config import BASE, SMALL
from graphflow.models.magenta.linear import Linear
from graphflow.models.magenta.lm import LanguageModel
from graphflow.models.magenta.model import Model, build
from graphflow.models.magenta.precision import BITS, choose, refuse_real_time, weight_bytes
from graphflow.models.magenta.quantised import Packed, QuantisedLinear, nibbles, quantise, words
from tests.models.magenta.tiny_build import TINY, tensors
from tests.models.magenta.tiny_model import Held

CPU, CUDA = torch.device("cpu"), torch.device("cuda")


@pytest.mark.parametrize(
    "name, device, meant",
    [("auto", CPU, "int8"), ("auto", CUDA, "bfloat16"), ("int4", CUDA, "int4"), ("float32", CPU, "float32")],
)
def test_a_setting_means_a_precision(name: str, device: torch.device, meant: str) -> None:
    assert choose(name, device, TINY) == meant


def test_an_unknown_precision_is_said() -> None:
    with pytest.raises(UserError) as raised:
        choose("float16", CPU, TINY)
    assert str(raised.value) == "precision is 'float16'; expected auto, float32, bfloat16, int8, int4"


def filled(bits: int, weights: torch.Tensor) -> Packed:
    packed = Packed(bits, *weights.shape)
    packed.fill(weights)
    return packed


@pytest.mark.parametrize("bits, largest", [(8, 127.0), (4, -8.0)])
def test_whole_numbers_are_kept_as_they_are(bits: int, largest: float) -> None:
    low, high = (-127, 128) if bits == 8 else (-8, 8)
    weights = torch.randint(low, high, (3, 100), generator=torch.Generator().manual_seed(1)).float()
    weights[:, ::32] = largest  # so that every group's scale is 1
    packed = filled(bits, weights)
    assert torch.equal(packed.dense(torch.float32), weights)
    assert bool((packed.scale[:, : 100 // packed.scale.shape[1]] == 1.0).all())


@pytest.mark.parametrize("bits, group, steps", [(8, 64, 127.0), (4, 32, 8.0)])
def test_no_weight_moves_further_than_its_group_allows(bits: int, group: int, steps: float) -> None:
    """Half a step; in four bits a whole one where the other sign would need an eighth step."""
    weights = torch.randn(5, 192, generator=torch.Generator().manual_seed(2))
    moved = (filled(bits, weights).dense(torch.float32) - weights).abs().view(5, -1, group).amax(-1)
    step = weights.abs().view(5, -1, group).amax(-1) / steps
    assert bool((moved <= step * (0.5001 if bits == 8 else 1.0001)).all())
    assert bool((moved > 0.3 * step).any())


def test_a_group_of_zeros_stays_zero() -> None:
    for bits in (8, 4):
        assert not bool(filled(bits, torch.zeros(2, 70)).dense(torch.float32).any())


def test_a_word_holds_weights_that_are_sixteen_apart() -> None:
    codes = torch.randint(-8, 8, (2, 128), generator=torch.Generator().manual_seed(3)).to(torch.int8)
    packed = words(codes)
    assert packed.shape == (2, 32)
    assert int(packed[1, 5] & 15) - 8 == codes[1, 5] and int((packed[1, 5] >> 8) & 15) - 8 == codes[1, 37]
    assert torch.equal(nibbles(packed), codes.int())


@pytest.mark.parametrize("bits", [8, 4])
def test_a_quantised_matrix_is_the_rounded_one(bits: int) -> None:
    plain = Linear(70, 12)
    weights, bias = torch.randn(12, 70), torch.randn(12)
    plain.bias = nn.Parameter(bias, requires_grad=False)
    made = QuantisedLinear(bits, plain)
    made.weight.fill(weights)
    x = torch.randn(2, 3, 70)
    expected = x @ made.weight.dense(torch.float32).T + bias
    torch.testing.assert_close(made(x), expected)


@pytest.mark.parametrize("precision", ["bfloat16", "int8", "int4"])
def test_a_model_on_a_cpu_has_narrow_matrices_and_nothing_else(precision: str) -> None:
    lm = build(TINY, Held(tensors()), None, "cpu", precision).lm
    linears = [m for part in (lm.temporal, lm.depth) for m in part.modules() if isinstance(m, Linear)]
    assert len(linears) == 2 * 7 + 2 * 4 + 1 + 12
    for linear in linears:
        kind = {8: torch.int8, 4: torch.int16}[BITS[precision]] if precision in BITS else torch.bfloat16
        held = linear.weight.codes if isinstance(linear.weight, Packed) else linear.weight
        assert held.dtype == kind
        assert linear.bias is None or linear.bias.dtype == torch.float32
    assert lm.table.weight.dtype == lm.conditioning.style_projection.weight.dtype == torch.float32
    assert lm.temporal.memory(1).tensors[0].dtype == torch.float32


def placed(name: str, precision: str, device: torch.device = CPU) -> Model:
    """A model without memory, as far as the question of its speed goes."""
    config = {"mrt2-small": SMALL, "mrt2-base": BASE}[name]
    with torch.device("meta"):
        lm = LanguageModel(config)
        if precision in BITS:
            for part in (lm.temporal, lm.depth):
                quantise(part, BITS[precision])
        if precision == "bfloat16":
            lm.bfloat16()
    return SimpleNamespace(lm=lm, config=config, device=device, precision=precision)  # type: ignore[return-value]


def test_base_is_refused_on_a_cpu_in_one_line() -> None:
    assert refuse_real_time(placed("mrt2-base", "int8")) == (
        "mrt2-base on cpu in int8 reads 63 GB of weights per second; expected at most 20 for playing live; "
        "take mrt2-small in int8, or a GPU, or generate offline"
    )
    assert refuse_real_time(placed("mrt2-base", "int4")) is not None
    assert refuse_real_time(placed("mrt2-small", "float32")) is not None


@pytest.mark.parametrize("precision", ["bfloat16", "int8", "int4"])
def test_small_may_be_tried_on_a_cpu_and_base_elsewhere(precision: str) -> None:
    assert refuse_real_time(placed("mrt2-small", precision)) is None
    assert refuse_real_time(placed("mrt2-base", precision, CUDA)) is None


def test_the_weights_of_a_chunk_are_counted_with_their_scales() -> None:
    small = placed("mrt2-small", "int8").lm
    matrices = sum(
        m.weight.shape.numel()
        for part in (small.temporal, small.depth)
        for m in part.modules()
        if isinstance(m, Linear)
    )
    assert weight_bytes(small) == matrices + 4 * matrices // 64
