"""What is known of the models, against their own files and sizes."""

from __future__ import annotations

import math

import pytest

from graphflow.core.errors import UserError
from graphflow.models.catalogue import MODELS, amount, model
from graphflow.models.magenta.config import NAMED
from graphflow.models.magenta.files import CHECKPOINTS
from graphflow.models.verify import shapes


def test_first_light_has_as_many_parameters_as_its_file() -> None:
    first_light = MODELS["first-light"]
    assert first_light.folder
    held = shapes(first_light.folder / "weights.safetensors")
    assert sum(math.prod(shape) for shape in held.values()) == first_light.parameters


@pytest.mark.parametrize("name", CHECKPOINTS)
def test_magenta_has_as_many_parameters_as_its_sizes_make(name: str) -> None:
    from graphflow.models.magenta.invented import model_shapes

    expected = model_shapes(NAMED[name])
    assert sum(math.prod(shape) for shape in expected.values()) == MODELS[name].parameters
    checkpoint = MODELS[name].items[0]
    assert checkpoint.path == CHECKPOINTS[name]
    assert checkpoint.tensors
    assert all(expected[tensor] == shape for tensor, shape in checkpoint.tensors.items())


def test_a_name_may_be_written_as_the_official_tools_do() -> None:
    assert model("mrt2_base") is model("mrt2-base")
    with pytest.raises(UserError, match=r"^mrt2-bas: no such model; did you mean 'mrt2-base'\?; expected"):
        model("mrt2-bas")


@pytest.mark.parametrize(
    "size, text", [(1_128_777_504, "1.13 GB"), (999_500_000, "1.00 GB"), (999_499_999, "999.5 MB"), (0, "0.0 MB")]
)
def test_bytes_are_said_as_people_do(size: int, text: str) -> None:
    assert amount(size) == text
