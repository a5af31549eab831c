"""MusicCoCa's files in small: real .tflite and SentencePiece files with random weights, at the official inputs' sizes."""

from __future__ import annotations

import io
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import sentencepiece

from graphflow.models.magenta.style.codebooks import CODES, LEVELS, WIDTH
from graphflow.models.magenta.style.mapper_weights import Sizes
from tests.models.magenta.style.mapper_build import build_mapper
from tests.models.magenta.style.tflite_build import TestFile

F32 = npt.NDArray[np.float32]
# narrower inside than the released mapper, so that LiteRT runs it
NARROW = Sizes(layers=2, tokens=4, width=8, heads=2, head=4, hidden=8)


@cache
def text_weight() -> F32:
    return np.random.default_rng(2).standard_normal((WIDTH, 128)).astype(np.float32) / 1000


@cache
def music_weight() -> F32:
    return np.random.default_rng(3).standard_normal((WIDTH, 128)).astype(np.float32) / 100


@cache
def bands() -> F32:
    """[1024, 128]: each bin in one band."""
    made = np.zeros((1024, 128), np.float32)
    made[np.arange(1024), np.arange(1024) // 8] = 0.5
    return made


@cache
def spm_model() -> bytes:
    words = "disco funk piano solo calm jazz bright warm slow fast drums bass pads house techno strings".split()
    file = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([f"{a} {b}" for a in words for b in words]),
        model_writer=file,
        vocab_size=60,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    return file.getvalue()


def codebooks(levels: int = LEVELS, codes: int = CODES, width: int = WIDTH) -> F32:
    """Finer from level to level."""
    made = np.random.default_rng(4).standard_normal((levels, codes, width), dtype=np.float32)
    return made * (0.6 ** np.arange(levels, dtype=np.float32))[:, None, None] / np.float32(width**0.5)


def build_quantizer(path: Path, books: F32, *, factor: float = -2.0, rows: int | None = None) -> Path:
    """The graph as it is reported: nearest row by a fully connected step, then the row is gathered and subtracted."""
    levels, _, width = books.shape
    file = TestFile()
    graph = file.graph()
    residual = graph.input((1, width))
    found = []
    for level, book in enumerate(books):
        norms = (book.astype(np.float64) ** 2).sum(-1)
        distance = graph.step("FULLY_CONNECTED", residual, graph.weight(factor * book), graph.weight(norms))
        found.append(graph.step("ARG_MIN", distance, graph.weight([1], "int32"), kind="int32", outputType=2))
        if level < (levels - 1 if rows is None else rows):
            row = graph.step("GATHER", graph.weight(book), found[-1], axis=0)
            residual = graph.step("SUB", residual, row)
    graph.output(graph.step("CONCATENATION", *found, axis=0, kind="int32", shape=(levels,)))
    return file.write(path)


def build_text_encoder(path: Path, *, ids_first: bool = True) -> Path:
    """(ids * (1 - paddings)) @ weight.T"""
    file = TestFile()
    graph = file.graph()
    kinds = ("int32", "float32") if ids_first else ("float32", "int32")
    inputs = {kind: graph.input((1, 128), kind) for kind in kinds}
    numbers = graph.step("CAST", inputs["int32"], inDataType=2, outDataType=0)
    real = graph.step("SUB", graph.weight(np.float32(1.0)), inputs["float32"])
    graph.output(
        graph.step(
            "FULLY_CONNECTED", graph.step("MUL", numbers, real), graph.weight(text_weight()), -1, shape=(1, WIDTH)
        )
    )
    return file.write(path)


def build_music_encoder(path: Path) -> Path:
    """The mean moment @ weight.T"""
    file = TestFile()
    graph = file.graph()
    mean = graph.step("MEAN", graph.input((1, 992, 128)), graph.weight([1], "int32"), keepDims=False)
    graph.output(graph.step("FULLY_CONNECTED", mean, graph.weight(music_weight()), -1, shape=(1, WIDTH)))
    return file.write(path)


def build_preprocessor(path: Path) -> Path:
    """Only its constants are used; what it computes is not."""
    file = TestFile()
    graph = file.graph()
    power = graph.input((992, 1024))
    graph.output(graph.step("BATCH_MATMUL", power, graph.weight(bands(), name="linear_to_mel_weight_matrix/Maximum")))
    return file.write(path)


def build_musiccoca(folder: Path) -> Path:
    """All six files."""
    folder.mkdir(parents=True, exist_ok=True)
    build_text_encoder(folder / "text_encoder.tflite")
    build_music_encoder(folder / "music_encoder.tflite")
    build_preprocessor(folder / "audio_preprocessor.tflite")
    build_mapper(folder / "mapper.tflite", NARROW)
    build_quantizer(folder / "pretrained_vector_quantizer.tflite", codebooks())
    (folder / "spm.model").write_bytes(spm_model())
    return folder
