"""The mapper in torch against LiteRT, on a file with a loop over stacked weights as the released one has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphflow.core.errors import UserError
from graphflow.models.magenta.style.mapper_weights import ARGUMENTS, Sizes, read_weights, shapes

pytest.importorskip("ai_edge_litert")

from graphflow.models.magenta.style.litert import Network
from graphflow.models.magenta.style.mapper import Mapper, TorchMapper, fixed_noise
from tests.models.magenta.style.mapper_build import SMALL, build_mapper


def test_torch_and_litert_move_an_embedding_to_the_same_place(tmp_path: Path) -> None:
    path = build_mapper(tmp_path / "mapper.tflite")
    native, network = TorchMapper(read_weights(path, SMALL), SMALL), Network(path)
    for seed in range(5):
        words = fixed_noise(SMALL.embedding, seed + 10)
        assert np.allclose(native(words), network.run(words, fixed_noise(SMALL.embedding)), atol=1e-5)


def test_the_mapper_runs_in_torch_and_gives_unit_length(tmp_path: Path) -> None:
    path = build_mapper(tmp_path / "mapper.tflite")
    mapper = Mapper(path, sizes=SMALL)
    assert str(mapper) == "mapper by torch, cosine 1.000000 with LiteRT"
    words = fixed_noise(SMALL.embedding, 3)
    theirs = Network(path).run(words, fixed_noise(SMALL.embedding))
    assert np.allclose(mapper(words), theirs / np.linalg.norm(theirs), atol=1e-6)


def test_a_mapper_that_computes_otherwise_is_run_by_litert(tmp_path: Path) -> None:
    path = build_mapper(tmp_path / "mapper.tflite", sink_scaled=True)
    mapper = Mapper(path, sizes=SMALL)
    assert str(mapper).startswith("mapper by LiteRT, because torch's answer is not alike (cosine 0.98")
    words = fixed_noise(SMALL.embedding, 3)
    theirs = Network(path).run(words, fixed_noise(SMALL.embedding))
    assert np.allclose(mapper(words), theirs / np.linalg.norm(theirs), atol=1e-6)


@pytest.mark.parametrize("name", sorted(ARGUMENTS))
def test_a_weight_of_another_name_is_missed(name: str, tmp_path: Path) -> None:
    path = build_mapper(tmp_path / "mapper.tflite", rename=name)
    with pytest.raises(UserError) as told:
        read_weights(path, SMALL)
    assert str(told.value) == f"{path} is not built as the mapper is known to be (no {name})"
    assert str(Mapper(path, sizes=SMALL)) == f"mapper by LiteRT, because {told.value}"


def test_weights_of_other_sizes_are_not_taken(tmp_path: Path) -> None:
    path = build_mapper(tmp_path / "mapper.tflite")
    with pytest.raises(UserError, match="its ends or its loop differ"):
        read_weights(path)
    with pytest.raises(UserError, match="does not take an embedding and noise of 768 each; download it again"):
        Mapper(path)


def test_the_released_sizes_sum_to_the_released_file() -> None:
    """86,166,664 bytes are published; 21.5 million weights of four bytes, and some kB of graph."""
    s = Sizes()
    ends = s.prefix + 2 * s.tokens * s.width * s.embedding + s.tokens * s.width + s.embedding
    count = ends + sum(int(np.prod(shape)) for shape in shapes(s).values())
    assert 0 < 86_166_664 - 4 * count < 50_000


def test_the_noise_is_numpys_legacy_one() -> None:
    assert fixed_noise(768)[:3].tolist() == pytest.approx([1.7640524, 0.4001572, 0.978738])


@pytest.mark.slow
def test_a_mapper_of_the_released_sizes_runs_in_torch(tmp_path: Path) -> None:
    assert (
        str(Mapper(build_mapper(tmp_path / "mapper.tflite", Sizes()))) == "mapper by torch, cosine 1.000000 with LiteRT"
    )
