"""Reads tensors and steps out of a .tflite file, so that its weights can be used without an interpreter.

The file is a FlatBuffer: tables that point at their fields through a list of offsets, everything little-endian. Field
numbers are those of the public schema (tensorflow/compiler/mlir/lite/schema/schema.fbs). It is mapped, not read: only
the weights that are used are fetched from disk.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from graphflow.core.errors import UserError

CONCATENATION, FULLY_CONNECTED, GATHER, WHILE = 2, 9, 36, 119  # BuiltinOperator
_TYPES = {0: "<f4", 1: "<f2", 2: "<i4", 3: "u1", 4: "<i8", 6: "?", 7: "<i2", 9: "i1", 10: "<f8"}  # TensorType
_MARK = b"TFL3"
T = TypeVar("T")


@dataclass(frozen=True)
class Tensor:
    """A tensor of one graph; a weight has a buffer with data in it."""

    name: str
    shape: tuple[int, ...]
    type: int
    buffer: int


@dataclass(frozen=True)
class Step:
    """One operation: which tensors go in and come out (-1: none), and for a loop its condition's and body's graph."""

    code: int
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    graphs: tuple[int, int] = (-1, -1)


@dataclass(frozen=True)
class Graph:
    """Tensors, and the steps between them in the order in which they run."""

    tensors: tuple[Tensor, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    steps: tuple[Step, ...]


class _Table:
    """A FlatBuffer table at `at`. Every read is checked against the end of the file."""

    def __init__(self, data: memoryview, at: int) -> None:
        self.data, self.at = data, at
        self.fields = at - self.number("<i", at)
        self.size = self.number("<H", self.fields)

    def number(self, form: str, at: int) -> int:
        if at < 0:
            raise struct.error("an offset points before the file")
        return int(struct.unpack_from(form, self.data, at)[0])

    def place(self, field: int) -> int:
        """Where a field lies; 0 when it is left at its default."""
        slot = 4 + 2 * field
        offset = self.number("<H", self.fields + slot) if slot < self.size else 0
        return self.at + offset if offset else 0

    def whole(self, field: int, form: str = "<i", default: int = 0) -> int:
        place = self.place(field)
        return self.number(form, place) if place else default

    def vector(self, field: int) -> tuple[int, int]:
        """Where a vector's first item lies, and how many items it has."""
        place = self.place(field)
        if not place:
            return 0, 0
        start = place + self.number("<I", place)
        return start + 4, self.number("<I", start)

    def wholes(self, field: int) -> tuple[int, ...]:
        start, count = self.vector(field)
        return struct.unpack_from(f"<{count}i", self.data, start) if count else ()

    def text(self, field: int) -> str:
        start, count = self.vector(field)
        return bytes(self.data[start : start + count]).decode(errors="replace")

    def child(self, field: int) -> _Table | None:
        place = self.place(field)
        return _Table(self.data, place + self.number("<I", place)) if place else None

    def children(self, field: int, read: Callable[[_Table], T]) -> tuple[T, ...]:
        start, count = self.vector(field)
        places = range(start, start + 4 * count, 4)
        return tuple(read(_Table(self.data, place + self.number("<I", place))) for place in places)


class TfliteFile:
    """A mapped .tflite file; `graphs[0]` is the one that runs, the others are bodies of its loops."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._bytes = np.memmap(path, dtype=np.uint8, mode="r")
        except (OSError, ValueError) as error:  # ValueError: the file is empty
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is empty"
            raise UserError(f"{path} cannot be read ({reason}); expected a .tflite file; download it again") from error
        data = self._bytes.data
        if bytes(data[4:8]) != _MARK:
            raise UserError(f"{path} begins with {bytes(data[:8])!r}; expected a .tflite file; download it again")
        try:
            model = _Table(data, struct.unpack_from("<I", data)[0])
            self._codes = model.children(1, lambda code: max(code.whole(0, "<b"), code.whole(3)))
            self.graphs = model.children(2, self._graph)
            self._buffers = model.children(4, self._buffer)
            if not self.graphs:
                raise IndexError("it has no graph")
        except (struct.error, IndexError) as error:
            raise UserError(f"{path} is damaged ({error}); expected a .tflite file; download it again") from error

    def _graph(self, table: _Table) -> Graph:
        tensors = table.children(0, lambda t: Tensor(t.text(3), t.wholes(0), t.whole(1, "<b"), t.whole(2, "<I")))
        return Graph(tensors, table.wholes(1), table.wholes(2), table.children(3, self._step))

    def _step(self, table: _Table) -> Step:
        code = self._codes[table.whole(0, "<I")]
        options = table.child(4) if code == WHILE else None
        graphs = (options.whole(0), options.whole(1)) if options else (-1, -1)
        return Step(code, table.wholes(1), table.wholes(2), graphs)

    @staticmethod
    def _buffer(table: _Table) -> tuple[int, int]:
        """Where a buffer's bytes lie and how many they are; in files above 2 GB they lie behind the tables."""
        start, count = table.vector(0)
        return (start, count) if count else (table.whole(1, "<Q"), table.whole(2, "<Q"))

    def weight(self, graph: Graph, index: int) -> npt.NDArray[Any] | None:
        """A tensor's constant data as a view of the file, or None for a tensor that is computed."""
        if not 0 <= index < len(graph.tensors) or not 0 <= graph.tensors[index].buffer < len(self._buffers):
            return None
        tensor = graph.tensors[index]
        start, count = self._buffers[tensor.buffer]
        if not count or tensor.type not in _TYPES:
            return None
        kind = np.dtype(_TYPES[tensor.type])
        data = self._bytes[start : start + count]
        wanted = kind.itemsize * math.prod(tensor.shape)
        if len(data) != wanted or min(tensor.shape, default=0) < 0:
            raise UserError(
                f"{self.path}: tensor {tensor.name!r} {list(tensor.shape)} has {len(data)} bytes; expected {wanted}; "
                "download it again"
            )
        return data.view(kind).reshape(tensor.shape)

    def __str__(self) -> str:
        sizes = ", ".join(f"{len(g.tensors)} tensors and {len(g.steps)} steps" for g in self.graphs)
        return f"{self.path.name}: {len(self._bytes) / 1e6:.1f} MB; {sizes}"
