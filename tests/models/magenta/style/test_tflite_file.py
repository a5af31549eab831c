"""Files are written with LiteRT's own schema module and read with ours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from graphflow.core.errors import UserError
from graphflow.models.magenta.style.tflite_file import FULLY_CONNECTED, WHILE, TfliteFile

pytest.importorskip("ai_edge_litert")

from tests.models.magenta.style.mapper_build import build_mapper
from tests.models.magenta.style.tflite_build import TestFile


def small(path: Path) -> Path:
    file = TestFile()
    graph = file.graph()
    x = graph.input((1, 3), name="x")
    weight = graph.weight(np.arange(6).reshape(2, 3), name="rows")
    graph.output(graph.step("FULLY_CONNECTED", x, weight, graph.weight([5.0, 6.0]), shape=(1, 2)))
    return file.write(path)


def test_weights_shapes_names_and_steps_are_read_as_written(tmp_path: Path) -> None:
    file = TfliteFile(small(tmp_path / "small.tflite"))
    graph = file.graphs[0]
    assert (graph.inputs, graph.outputs) == ((0,), (3,))
    assert [tensor.name for tensor in graph.tensors] == ["x", "rows", "weight", "fully_connected"]
    assert [step.code for step in graph.steps] == [FULLY_CONNECTED]
    assert graph.steps[0].inputs == (0, 1, 2)
    rows = file.weight(graph, 1)
    assert rows is not None
    assert rows.dtype == np.float32
    assert rows.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert file.weight(graph, 0) is None  # an input
    assert str(file) == "small.tflite: 0.0 MB; 4 tensors and 1 steps"


def test_a_loop_names_its_condition_and_its_body(tmp_path: Path) -> None:
    file = TfliteFile(build_mapper(tmp_path / "loop.tflite"))
    assert [step.graphs for step in file.graphs[0].steps if step.code == WHILE] == [(1, 2)]
    assert len(file.graphs) == 3


def test_what_is_no_tflite_file_is_told_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "page.tflite"
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(UserError) as told:
        TfliteFile(path)
    assert str(told.value) == f"{path} begins with b'<html>no'; expected a .tflite file; download it again"
    path.write_bytes(b"")
    with pytest.raises(UserError) as told:
        TfliteFile(path)
    assert str(told.value) == f"{path} cannot be read (it is empty); expected a .tflite file; download it again"
    with pytest.raises(UserError, match="No such file or directory"):
        TfliteFile(tmp_path / "none.tflite")


def test_a_file_cut_short_or_with_damaged_bytes_never_raises_anything_but_a_user_error(tmp_path: Path) -> None:
    """Many lengths and 100 damaged copies; a damaged weight cannot be noticed, so that reading may also succeed."""
    whole = small(tmp_path / "small.tflite").read_bytes()
    rng = np.random.default_rng(1)
    cuts = [whole[:size] for size in range(8, len(whole), 16)]
    damaged = []
    for _ in range(100):
        copy = np.frombuffer(whole, np.uint8).copy()
        at = rng.integers(8, len(copy), size=4)
        copy[at] = rng.integers(0, 256, size=4)
        damaged.append(copy.tobytes())
    told = []
    path = tmp_path / "damaged.tflite"
    for data in cuts + damaged:
        path.write_bytes(data)
        try:
            file = TfliteFile(path)
            for graph in file.graphs:
                for at in range(len(graph.tensors)):
                    file.weight(graph, at)
        except UserError as error:
            told.append(str(error))
    assert len(told) > len(cuts) / 2
    assert [line for line in told if "\n" in line or not line.endswith("download it again")] == []
