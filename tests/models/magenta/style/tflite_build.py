"""Builds small .tflite files that LiteRT runs, with the schema module that comes with LiteRT."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
import numpy.typing as npt
from ai_edge_litert import schema_py_generated as schema

_TYPES = {"float32": 0, "int32": 2, "int64": 4, "bool": 6, "float64": 10}
_OPTIONS: dict[str, Callable[[], Any]] = {
    "ADD": schema.AddOptionsT,
    "ARG_MIN": schema.ArgMinOptionsT,
    "BATCH_MATMUL": schema.BatchMatMulOptionsT,
    "CAST": schema.CastOptionsT,
    "CONCATENATION": schema.ConcatenationOptionsT,
    "FULLY_CONNECTED": schema.FullyConnectedOptionsT,
    "GATHER": schema.GatherOptionsT,
    "GELU": schema.GeluOptionsT,
    "LESS": schema.LessOptionsT,
    "MEAN": schema.ReducerOptionsT,
    "MUL": schema.MulOptionsT,
    "NEG": schema.NegOptionsT,
    "RESHAPE": schema.ReshapeOptionsT,
    "SOFTMAX": schema.SoftmaxOptionsT,
    "SUB": schema.SubOptionsT,
    "TRANSPOSE": schema.TransposeOptionsT,
    "WHILE": schema.WhileOptionsT,
}


@dataclass
class TestFile:
    """A model under construction; graphs are added in order, the first one is run."""

    __test__ = False

    model: Any = field(default_factory=schema.ModelT)

    def __post_init__(self) -> None:
        self.model.version = 3
        self.model.operatorCodes, self.model.subgraphs = [], []
        self.model.buffers = [schema.BufferT()]

    def graph(self) -> TestGraph:
        made = schema.SubGraphT()
        made.tensors, made.operators, made.inputs, made.outputs = [], [], [], []
        self.model.subgraphs.append(made)
        return TestGraph(self, made)

    def code(self, name: str) -> int:
        number = getattr(schema.BuiltinOperator, name)
        for at, known in enumerate(self.model.operatorCodes):
            if known.builtinCode == number:
                return at
        made = schema.OperatorCodeT()
        made.builtinCode, made.deprecatedBuiltinCode, made.version = number, min(number, 127), 1
        self.model.operatorCodes.append(made)
        return len(self.model.operatorCodes) - 1

    def write(self, path: Path) -> Path:
        builder = flatbuffers.Builder(1 << 20)
        builder.Finish(self.model.Pack(builder), b"TFL3")
        path.write_bytes(builder.Output())
        return path


@dataclass
class TestGraph:
    """Tensors are numbers; shapes of results are worked out by LiteRT, so they are left empty here."""

    __test__ = False

    file: TestFile
    made: Any

    def _tensor(self, name: str, shape: Sequence[int], kind: str, buffer: int) -> int:
        tensor = schema.TensorT()
        tensor.name, tensor.shape, tensor.type, tensor.buffer = name, list(shape), _TYPES[kind], buffer
        self.made.tensors.append(tensor)
        return len(self.made.tensors) - 1

    def input(self, shape: Sequence[int], kind: str = "float32", name: str = "input") -> int:
        at = self._tensor(name, shape, kind, 0)
        self.made.inputs.append(at)
        return at

    def weight(self, value: npt.ArrayLike, kind: str = "float32", name: str = "weight") -> int:
        array = np.ascontiguousarray(value, dtype=kind)
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(array.tobytes(), dtype=np.uint8)
        self.file.model.buffers.append(buffer)
        return self._tensor(name, array.shape, kind, len(self.file.model.buffers) - 1)

    def step(self, name: str, *inputs: int, shape: Sequence[int] = (), kind: str = "float32", **options: Any) -> int:
        """One operation with one result, whose tensor number comes back."""
        out = self._tensor(name.lower(), shape, kind, 0)
        self.steps(name, inputs, (out,), **options)
        return out

    def steps(self, name: str, inputs: Sequence[int], outputs: Sequence[int], **options: Any) -> None:
        made = schema.OperatorT()
        made.opcodeIndex, made.inputs, made.outputs = self.file.code(name), list(inputs), list(outputs)
        if name in _OPTIONS:
            made.builtinOptions = _OPTIONS[name]()
            kind = type(made.builtinOptions).__name__.removesuffix("T")
            made.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
            for option, value in options.items():
                assert hasattr(made.builtinOptions, option), option
                setattr(made.builtinOptions, option, value)
        self.made.operators.append(made)

    def reshape(self, x: int, *shape: int) -> int:
        return self.step("RESHAPE", x, self.weight(shape, "int32"), newShape=list(shape), shape=shape)

    def output(self, at: int) -> None:
        self.made.outputs.append(at)
