"""Codebooks from a real .tflite file, and the search for the nearest row against LiteRT and plain numpy."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphflow.core.errors import UserError
from graphflow.models.magenta.style.codebooks import read_codebooks
from graphflow.models.magenta.style.quantizer import Quantizer

pytest.importorskip("ai_edge_litert")

from graphflow.models.magenta.style.litert import Network
from tests.models.magenta.style.mapper_build import build_mapper
from tests.models.magenta.style.musiccoca_build import build_quantizer, codebooks

LEVELS, CODES, WIDTH = 4, 32, 16


def test_codes_are_those_of_the_file_run_by_litert(musiccoca_folder: Path) -> None:
    """At the official size."""
    path = musiccoca_folder / "pretrained_vector_quantizer.tflite"
    quantizer = Quantizer(read_codebooks(path))
    network = Network(path)
    rng = np.random.default_rng(5)
    places = rng.standard_normal((20, 768)).astype(np.float32) / np.float32(768**0.5) * 1.2
    theirs = np.stack([network.run(place) for place in places]).astype(int)
    assert quantizer.quantize(places).tolist() == theirs.tolist()
    assert quantizer.quantize(places[3]).tolist() == theirs[3].tolist()
    assert str(quantizer) == "12 levels of 1024 codes in 768 dimensions"


def test_codebooks_come_back_as_they_were_written_the_last_one_too(tmp_path: Path) -> None:
    books = codebooks(LEVELS, CODES, WIDTH)
    found = read_codebooks(build_quantizer(tmp_path / "q.tflite", books), LEVELS, CODES, WIDTH)
    assert np.array_equal(found, books)


def test_each_level_takes_the_row_nearest_to_what_is_left() -> None:
    books = codebooks(LEVELS, CODES, WIDTH)
    place = np.random.default_rng(6).standard_normal(WIDTH).astype(np.float32)
    left, expected = place.astype(np.float64), []
    for book in books.astype(np.float64):
        expected.append(int(((left - book) ** 2).sum(-1).argmin()))
        left = left - book[expected[-1]]
    assert Quantizer(books).quantize(place).tolist() == expected


def test_codes_name_the_sum_of_their_rows() -> None:
    books = codebooks(LEVELS, CODES, WIDTH)
    quantizer = Quantizer(books)
    assert np.allclose(quantizer.dequantize([1, 2, 3, 4]), books[0, 1] + books[1, 2] + books[2, 3] + books[3, 4])
    assert np.allclose(quantizer.dequantize([1, -1, 3]), books[0, 1] + books[2, 3])
    with pytest.raises(UserError, match=r"^style code 2 is 32; expected 0 to 31, or -1 for masked$"):
        quantizer.dequantize([0, 32])
    with pytest.raises(UserError, match=r"^style has 5 codes; expected at most 4$"):
        quantizer.dequantize([0] * 5)


def test_files_that_are_built_otherwise_are_refused_in_one_line(tmp_path: Path) -> None:
    books = codebooks(LEVELS, CODES, WIDTH)

    def refusal(path: Path) -> str:
        with pytest.raises(UserError) as told:
            read_codebooks(path, LEVELS, CODES, WIDTH)
        return str(told.value).replace(str(path), "FILE")

    assert refusal(build_quantizer(tmp_path / "a", books[:3])) == (
        "FILE holds 3 distances and 2 codebooks; expected 4 and 3 of a style quantizer; download it again"
    )
    assert refusal(build_quantizer(tmp_path / "b", books, factor=-1.0)) == (
        "FILE: level 0 measures another codebook than it subtracts; download it again"
    )
    assert refusal(build_quantizer(tmp_path / "c", books[:, :, :8])).startswith(
        "FILE holds 4 distances and 0 codebooks"
    )
    assert refusal(build_mapper(tmp_path / "d")).startswith("FILE holds 2 distances and 0 codebooks")
